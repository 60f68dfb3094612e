"""Verifies the audit record: compares its chain with the acts that are there."""

import secrets
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from muelle.core import TenantId
from muelle.identity.errors import InvalidHead
from muelle.identity.record.chain import NOTHING, Cut, Fault, Seal, Verified, Walk, cut_mac, grouped
from muelle.identity.record.keys import SealKeys
from muelle.identity.record.store import SqlSeals
from muelle.identity.times import moment
from muelle.stores import Database, Vault

_AT_ONCE = 500  # acts, and seals, that are read and hashed before others have a turn
_FAULTS = 100  # that are told of one tenant
_DIGITS = 18  # that fit 64 bits


class Chain(Protocol):
    """What verifies the audit record of a tenant."""

    async def verify(self, tenant: TenantId, after: int = 0, most: int | None = None) -> Verified:
        """Compare the seals after one with the acts that are there, at most so many; raise InvalidHead."""
        ...

    async def head(self, tenant: TenantId) -> str:
        """Return NUMBER:DIGEST of the last seal, and zeros where there is none."""
        ...

    async def holds(self, tenant: TenantId, head: str) -> Fault | None:
        """Tell what is wrong with the chain as seen from a head that was noted before; raise InvalidHead."""
        ...

    async def whole(self) -> list[Fault]:
        """Tell what is wrong with the ledger of all tenants: seals that were taken off the end of a chain."""
        ...

    async def tenants(self) -> list[TenantId]:
        """Return whose acts have been sealed."""
        ...


class Unchained:
    """The chain of a record in memory, which nobody else can reach: there is none."""

    async def verify(self, tenant: TenantId, after: int = 0, most: int | None = None) -> Verified:
        """Find nothing."""
        del after, most
        return Verified(tenant=tenant, faults=(), seals=0, acts=0, head=f"0:{NOTHING}")

    async def head(self, tenant: TenantId) -> str:
        """Return the head of nothing."""
        del tenant
        return f"0:{NOTHING}"

    async def holds(self, tenant: TenantId, head: str) -> Fault | None:
        """Hold the beginning alone."""
        del tenant
        number, _ = parsed_head(head)
        return Fault("head_lost", number, "a record in memory ends with its process") if number else None

    async def whole(self) -> list[Fault]:
        """Find nothing."""
        return []

    async def tenants(self) -> list[TenantId]:
        """Return nobody."""
        return []


class SqlChain:
    """The chain in a Database."""

    def __init__(self, database: Database, vault: Vault) -> None:
        self._seals = SqlSeals(database)
        self._keys = SealKeys(vault)

    @classmethod
    async def open(cls, database: Database, vault: Vault) -> "SqlChain":
        """Return the chain, ready for acts: a server that was restored from a dump goes on above its old places."""
        await SqlSeals(database).align()
        return cls(database, vault)

    async def verify(self, tenant: TenantId, after: int = 0, most: int | None = None) -> Verified:
        """Compare the seals after one with the acts that are there; a chain that was cut begins at the cut."""
        while True:
            cut = await self._seals.cut(tenant)
            told = await self._verified(tenant, cut, after, most)
            if await self._seals.cut(tenant) == cut:  # else retention went on meanwhile
                return told

    async def head(self, tenant: TenantId) -> str:
        """Return NUMBER:DIGEST of the last seal."""
        last = await self._seals.head(tenant, (await self._seals.ledger()).until)
        return f"{last.number}:{last.digest}" if last else f"0:{NOTHING}"

    async def holds(self, tenant: TenantId, head: str) -> Fault | None:
        """Tell what is wrong with the chain as seen from a head that was noted before."""
        number, digest = parsed_head(head)
        cut = await self._seals.cut(tenant)
        if number == 0 or (cut is not None and number < cut.number):
            return None  # what was before a cut is gone by right
        found: Seal | Cut | None = cut if cut is not None and cut.number == number else None
        found = found or await self._seals.numbered(tenant, number)
        if found is not None and found.digest == digest:
            return None
        return Fault("head_lost", number, "the chain no longer has the head that was noted")

    async def whole(self) -> list[Fault]:
        """Tell what is wrong with the ledger of all tenants."""
        ledger = await self._seals.ledger()  # first: what is sealed meanwhile makes more, not fewer
        number = sum((await self._seals.tenants()).values())
        faults = []
        if number < ledger.seals:
            faults.append(Fault("seal_missing", ledger.seals, f"{number} seals are left of {ledger.seals}"))
        if number > ledger.seals and number > (await self._seals.ledger()).seals:
            faults.append(Fault("seal_forged", ledger.seals, f"there are {number} seals, the ledger has fewer"))
        if not await self._keys.wrote(ledger):
            faults.append(Fault("seal_forged", ledger.seals, "the ledger was not written with the key that it names"))
        return faults

    async def tenants(self) -> list[TenantId]:
        """Return whose acts have been sealed."""
        return sorted(await self._seals.tenants())

    async def _verified(self, tenant: TenantId, cut: Cut | None, after: int, most: int | None) -> Verified:
        until = (await self._seals.ledger()).until
        walk, faults = await self._begun(tenant, cut, after)
        seals = acts = 0
        while most is None or seals < most:
            found = await self._seals.after(tenant, walk.number, until, _AT_ONCE if most is None else most - seals)
            if not found:
                break
            for group in grouped(found, _AT_ONCE):
                faults += await self._compared(walk, group)
            seals, acts = seals + len(found), acts + sum(seal.acts for seal in found)
        told = Verified(
            tenant=tenant, faults=tuple(faults[:_FAULTS]), seals=seals, acts=acts, head=f"{walk.number}:{walk.digest}"
        )
        if await self._seals.after(tenant, walk.number, until, 1):
            return replace(told, next=walk.number)
        return await self._with_tail(told, walk, until)

    async def _begun(self, tenant: TenantId, cut: Cut | None, after: int) -> tuple[Walk, list[Fault]]:
        """Return where the walk begins, and what is wrong there."""
        begin = 0 if cut is None else cut.number
        if after > begin:
            seal = await self._seals.numbered(tenant, after)
            if seal is None:
                raise InvalidHead(field="after", value=after)
            return Walk(after, seal.digest, seal.until), []
        if cut is None:
            return Walk(0, NOTHING, 0), []
        faults = []
        key = await self._keys.find(cut.key)
        if key is None or not secrets.compare_digest(cut_mac(key, tenant, cut.number, cut.until, cut.digest), cut.mac):
            faults.append(Fault("cut_forged", cut.number, "it was not made with the key that it names"))
        if strays := await self._seals.strays(tenant, 0, cut.until):
            faults.append(Fault("inserted", cut.number, f"{strays} acts lie where retention removed all"))
        return Walk(cut.number, cut.digest, cut.until), faults

    async def _compared(self, walk: Walk, seals: Sequence[Seal]) -> list[Fault]:
        acts = sorted(await self._seals.acts(seals[0].tenant, walk.until, seals[-1].until))
        places = [place for place, _ in acts]
        keys = {name: await self._keys.find(name) for name in {seal.key for seal in seals}}
        faults = []
        for seal in seals:
            own = acts[bisect_left(places, walk.until) : bisect_left(places, seal.until)]
            if fault := walk.step(seal, [act for _, act in own], keys.get):
                faults.append(fault)
        return faults

    async def _with_tail(self, told: Verified, walk: Walk, until: int) -> Verified:
        faults = list(told.faults)
        if strays := await self._seals.strays(told.tenant, walk.until, until):
            faults.append(Fault("inserted", walk.number, f"{strays} acts lie below what is sealed, and in no seal"))
        unsealed, oldest = await self._seals.tail(told.tenant, until)
        since = None if oldest is None else moment(oldest)
        return replace(told, faults=tuple(faults), unsealed=unsealed, unsealed_since=since)


def parsed_head(head: str) -> tuple[int, str]:
    """Return number and digest of `NUMBER:DIGEST`; raise InvalidHead."""
    number, _, digest = head.partition(":")
    if not (number.isascii() and number.isdigit() and len(number) <= _DIGITS and len(digest) == len(NOTHING)):
        raise InvalidHead(field="head", value=head[:100])
    return int(number), digest
