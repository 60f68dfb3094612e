"""The ring of keys that sign tokens: made at first use, published before they sign, kept until no token needs them.

Private keys are in the vault. Other processes find a new key before it signs, for it is published for a while before.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from muelle.core import Clock, Ids, Unavailable
from muelle.identity.model import DEFAULT_TENANT
from muelle.identity.tokens.algorithms import Check, Sign, b64, checker, new_private, public_jwk, signer
from muelle.identity.tokens.model import TokenKey
from muelle.identity.tokens.settings import TokenSettings
from muelle.identity.tokens.store import TokenKeys
from muelle.stores import Vault

TYPE = "at+jwt"  # RFC 9068: no other kind of token is taken for an access token
_SKEW = timedelta(seconds=60)  # between the clocks of processes
_AGAIN_SECONDS = 1.0


class SigningKeyMissing(Unavailable):
    """The vault does not have the private key that signs tokens."""

    code = "signing_key_missing"
    recoverable = False
    suggestions = ("Make a new one that signs at once: muelle tokens rotate-keys --now.",)


@dataclass(frozen=True, slots=True)
class Signer:
    """What signs now: the head that its tokens begin with, and the key."""

    head: bytes
    sign: Sign


class KeyRing:
    """Finds what signs and what verifies; remembers it for a second."""

    def __init__(self, keys: TokenKeys, vault: Vault, clock: Clock, ids: Ids, settings: TokenSettings) -> None:
        self._store = keys
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._keys: Sequence[TokenKey] = ()
        self._checks: Mapping[bytes, tuple[Check, datetime | None]] = {}
        self._signer: tuple[str, Signer] | None = None
        self._read_at = -_AGAIN_SECONDS
        self._reading = asyncio.Lock()

    def check_of(self, head: bytes, now: datetime) -> Check | None:
        """Return what verifies tokens that begin with `head`, byte for byte as we write it; None for any other.

        So no token can say by which algorithm it wants to be verified.
        """
        found = self._checks.get(head)
        if found is None or (found[1] is not None and now >= found[1]):
            return None
        return found[0]

    async def refresh(self) -> None:
        """Read the keys again unless that was done within a second: what other processes rotated holds here by then."""
        if self._clock.monotonic() - self._read_at >= _AGAIN_SECONDS:
            await self._read()

    async def signing(self) -> Signer:
        """Return what signs now; make the first key where there is none; raise SigningKeyMissing."""
        await self.refresh()
        if not self._keys:
            await self._make_first()
        present = self._present()
        if self._signer is None or self._signer[0] != present.id:
            self._signer = (present.id, await self._signer_of(present))
        return self._signer[1]

    async def rotate(self, *, is_urgent: bool = False) -> TokenKey:
        """Make a key that signs after the lead that others need to find it; the old ones verify until they may go.

        An urgent one signs at once, and what the old ones signed opens nothing any more.
        """
        now = self._clock.now()
        signs_from = now if is_urgent else now + timedelta(seconds=self._settings.lead_seconds)
        end = now if is_urgent else signs_from + timedelta(seconds=self._settings.access_seconds) + _SKEW
        key = await self._made(now, signs_from)
        await self._store.replace(key, end)
        await self._store.drop(now - _SKEW)
        await self._read()
        return key

    async def published(self) -> bytes:
        """Return the public keys as a JWK Set (RFC 7517), those included that sign later."""
        await self.signing()
        keys = [{**key.public, "kid": key.id, "alg": key.algorithm, "use": "sig"} for key in self._keys]
        return msgspec.json.encode({"keys": keys})

    async def listed(self) -> Sequence[TokenKey]:
        """Return all keys that sign or verify, now or later."""
        await self._read()
        return self._keys

    def _present(self) -> TokenKey:
        now = self._clock.now()
        return [key for key in self._keys if key.signs_from <= now][-1]

    async def _read(self) -> None:
        async with self._reading:
            keys = await self._store.find(self._clock.now())
            if keys == self._keys:
                self._read_at = self._clock.monotonic()
                return
            self._checks = {head_of(key): (checker(key.public), key.verifies_until) for key in keys}
            self._keys, self._read_at = keys, self._clock.monotonic()

    async def _make_first(self) -> None:
        now = self._clock.now()
        key = await self._made(now, now)
        if not await self._store.add_first(key):
            await self._vault.delete(DEFAULT_TENANT, _name(key.id))  # another process was first
        await self._read()

    async def _made(self, now: datetime, signs_from: datetime) -> TokenKey:
        algorithm = self._settings.algorithm
        pem = await asyncio.to_thread(new_private, algorithm)
        key_id = self._ids.mint("signer")
        await self._vault.put(DEFAULT_TENANT, _name(key_id), pem)
        return TokenKey(id=key_id, algorithm=algorithm, public=public_jwk(pem), created=now, signs_from=signs_from)

    async def _signer_of(self, key: TokenKey) -> Signer:
        pem = await self._vault.get(DEFAULT_TENANT, _name(key.id))
        if pem is None:
            raise SigningKeyMissing(key=key.id)
        return Signer(head_of(key), signer(pem))


def head_of(key: TokenKey) -> bytes:
    """Return the first part of the tokens that a key signs."""
    return b64(msgspec.json.encode({"alg": key.algorithm, "kid": key.id, "typ": TYPE}))


def _name(key: str) -> str:
    return f"token-keys/{key}"
