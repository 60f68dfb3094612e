"""The chain of a tenant's audit record: what a Seal is computed from, and what a verification says. Pure.

Acts are appended without any order among processes, and sealed a moment later: a Seal closes what came since the one
before. Its digest is SHA-256 of the digest before it, its own head line and each act's line, in the order of ids; so
one digest stands for all acts up to it. Its `mac` (HMAC-SHA256) needs a key that is not in the database: whoever can
write rows can compute digests, but not that.
"""

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from muelle.core import TenantId

NOTHING = "0" * 64  # the digest before the first seal
_LINE = msgspec.json.Encoder().encode
FaultKind = Literal["changed", "removed", "inserted", "seal_missing", "seal_forged", "cut_forged", "head_lost"]

# id, tenant, principal, action, resource, decision, microseconds since 1970, request, detail
ActRow = Sequence[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Seal:
    """What closes a part of the chain: all acts of the tenant with a place below `until` that no seal before has."""

    tenant: TenantId
    number: int
    until: int
    acts: int
    at: int  # microseconds since 1970
    digest: str
    key: str
    mac: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """A place where the chain begins anew: retention removed the seals up to `number`, whose digest this is."""

    tenant: TenantId
    number: int
    until: int
    acts: int
    at: int
    digest: str
    key: str
    mac: str


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the seal of this number, or with what lies after it."""

    kind: FaultKind
    seal: int
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What a verification found; `next` is the seal to go on after, None at the end.

    The last acts are not sealed yet: how many they are, and since when the oldest has been waiting.
    """

    tenant: TenantId
    faults: tuple[Fault, ...]
    seals: int
    acts: int
    head: str  # NUMBER:DIGEST of the last seal that was seen, to be noted elsewhere
    unsealed: int = 0
    unsealed_since: datetime | None = None
    next: int | None = None


def digest_of(before: str, tenant: str, number: int, until: int, at: int, acts: Iterable[ActRow]) -> tuple[str, int]:
    """Return the digest of a seal, and how many acts it has."""
    lines = [_LINE(list(act)) for act in sorted(acts, key=_id_of)]
    rolling = hashlib.sha256(bytes.fromhex(before))
    rolling.update(_LINE([tenant, number, until, len(lines), at]))
    for line in lines:
        rolling.update(b"\n")
        rolling.update(line)
    return rolling.hexdigest(), len(lines)


def _id_of(act: ActRow) -> str:
    return str(act[0])


def mac_of(key: bytes, *parts: str | int) -> str:
    """Return what shows that the holder of the key wrote this."""
    return hmac.new(key, _LINE(parts), hashlib.sha256).hexdigest()


def seal_mac(key: bytes, digest: str) -> str:
    """Return the mac of a seal."""
    return mac_of(key, "seal", digest)


def cut_mac(key: bytes, tenant: str, number: int, until: int, digest: str) -> str:
    """Return the mac of a cut."""
    return mac_of(key, "cut", tenant, number, until, digest)


def seal_fault(before: str, seal: Seal, acts: Sequence[ActRow], key: bytes | None) -> Fault | None:
    """Return what is wrong with a seal and its acts, or None; without its key only the digest is compared."""
    digest, count = digest_of(before, seal.tenant, seal.number, seal.until, seal.at, acts)
    if digest != seal.digest:
        kinds: dict[bool, FaultKind] = {True: "removed", False: "inserted"}
        kind = "changed" if count == seal.acts else kinds[count < seal.acts]
        return Fault(
            kind, seal.number, f"{seal.acts} acts were sealed, {count} are there, and they do not fit the seal"
        )
    if key is None:
        return Fault("seal_forged", seal.number, f"its key {seal.key} is not in the vault")
    if not hmac.compare_digest(seal_mac(key, digest), seal.mac):
        return Fault("seal_forged", seal.number, "it was not made with the key that it names")
    return None


Keys = Callable[[str], bytes | None]


@dataclass(slots=True)
class Walk:
    """Goes along a chain, seal by seal, from where it begins."""

    number: int
    digest: str
    until: int

    def step(self, seal: Seal, acts: Sequence[ActRow], keys: Keys) -> Fault | None:
        """Take the next seal that is there; return what is wrong with it or before it."""
        expected = self.number + 1
        fault = (
            seal_fault(self.digest, seal, acts, keys(seal.key))
            if seal.number == expected
            else Fault("seal_missing", expected, f"the next one that is there is {seal.number}")
        )
        self.number, self.digest, self.until = seal.number, seal.digest, seal.until
        return fault


def grouped(seals: Sequence[Seal], most: int) -> Iterator[list[Seal]]:
    """Yield seals in groups of at most so many acts; a seal that has more is alone."""
    group: list[Seal] = []
    acts = 0
    for seal in seals:
        if group and acts + seal.acts > most:
            yield group
            group, acts = [], 0
        group.append(seal)
        acts += seal.acts
    if group:
        yield group
