"""Seals, cuts and the ledger in a Database: the SQL of the audit record's chain.

What is here spans tenants on purpose: sealing is the installation's own work. Acts are read by `place`, which is the
order of commits; below the ledger's `until` nothing can still appear (see the migration that made it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from muelle.core import TenantId
from muelle.identity.record.chain import ActRow, Cut, Seal
from muelle.stores import Database, Dialect, Row

_ACT = "id, tenant, principal, action, resource, decision, at, request, detail"
_SEAL = "tenant, number, until, acts, at, digest, key, mac"
_XMIN = "CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT)"
_HORIZON = {
    "sqlite": "SELECT COALESCE(max(place), 0) + 1 FROM identity_acts",
    "postgresql": f"SELECT {_XMIN} + shift FROM identity_ledger",  # noqa: S608 - constants
}
_LEDGER = "SELECT until, seals, at, key, mac FROM identity_ledger"
_NTH = "SELECT place FROM identity_acts WHERE place >= ? ORDER BY place LIMIT 1 OFFSET ?"
_BETWEEN = f"SELECT place, {_ACT} FROM identity_acts WHERE place >= ? AND place < ? ORDER BY place"  # noqa: S608 - constants
_OF_TENANT = f"SELECT place, {_ACT} FROM identity_acts WHERE tenant = ? AND place >= ? AND place < ?"  # noqa: S608 - constants
_TAIL = "SELECT count(*), min(at) FROM identity_acts WHERE tenant = ? AND place >= ?"
_STRAY = "SELECT count(*) FROM identity_acts WHERE tenant = ? AND place >= ? AND place < ?"
_HEAD = f"SELECT {_SEAL} FROM identity_seals WHERE tenant = ? AND until <= ? ORDER BY number DESC LIMIT 1"  # noqa: S608 - constants
_AFTER = f"SELECT {_SEAL} FROM identity_seals WHERE tenant = ? AND number > ? AND until <= ? ORDER BY number LIMIT ?"  # noqa: S608 - constants
_NUMBERED = f"SELECT {_SEAL} FROM identity_seals WHERE tenant = ? AND number = ?"  # noqa: S608 - constants
_OLD = f"SELECT {_SEAL} FROM identity_seals WHERE tenant = ? AND at < ? AND number < ? ORDER BY number LIMIT ?"  # noqa: S608 - constants
_CUT = f"SELECT {_SEAL} FROM identity_cuts WHERE tenant = ? ORDER BY number DESC LIMIT 1"  # noqa: S608 - constants
_TENANTS = "SELECT tenant, max(number) FROM identity_seals GROUP BY tenant"
_ADD_SEAL = f"INSERT INTO identity_seals ({_SEAL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_ADD_CUT = f"INSERT INTO identity_cuts ({_SEAL}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608 - constants
_MOVE = "UPDATE identity_ledger SET until = ?, seals = ?, at = ?, key = ?, mac = ? WHERE until = ? AND key = ?"
_DROP_ACTS = "DELETE FROM identity_acts WHERE tenant = ? AND place < ?"
_DROP_CUTS = "DELETE FROM identity_cuts WHERE tenant = ?"
_DROP_SEALS = "DELETE FROM identity_seals WHERE tenant = ? AND number <= ?"
_BEHIND = (
    "SELECT GREATEST(l.until, (SELECT COALESCE(max(place), 0) + 1 FROM identity_acts))"  # noqa: S608 - constants
    f" FROM identity_ledger l WHERE l.until > {_XMIN} + l.shift"
)
T = TypeVar("T", Seal, Cut)


@dataclass(frozen=True, slots=True)
class Ledger:
    """How far everything is sealed, and how many seals there have ever been."""

    until: int
    seals: int
    at: int
    key: str
    mac: str


class SqlSeals:
    """The chain's tables."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def align(self) -> None:
        """Go on above all places where a restored server counts its transactions from lower ones; SQLite has no need.

        To be done before anything is recorded. It sets the default of a column, which outlasts this process.
        """
        if self._database.dialect == "sqlite" or not await self._database.fetch(_BEHIND):
            return
        async with self._database.transaction() as transaction:
            behind = await transaction.fetch(_BEHIND)
            if behind:
                shift = int(behind[0][0])
                default = f"CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) + {shift}"
                await transaction.execute(f"ALTER TABLE identity_acts ALTER place SET DEFAULT {default}")
                await transaction.execute("UPDATE identity_ledger SET shift = ?", shift)

    async def ledger(self) -> Ledger:
        """Return how far everything is sealed."""
        return Ledger(*(await self._database.fetch(_LEDGER))[0])

    async def horizon(self, begin: int, most: int) -> int:
        """Return up to which place can be sealed now: some `most` acts, and nothing can still appear below it."""
        dialect: Dialect = self._database.dialect
        end = int((await self._database.fetch(_HORIZON[dialect]))[0][0])
        nth = await self._database.fetch(_NTH, begin, most)
        if nth and nth[0][0] < end:
            return max(int(nth[0][0]), begin + 1)  # one transaction's acts are not parted
        return max(end, begin)

    async def between(self, begin: int, end: int) -> list[Row]:
        """Return the acts of all tenants in a range of places, with their places."""
        return await self._database.fetch(_BETWEEN, begin, end)

    async def acts(self, tenant: TenantId, begin: int, end: int) -> list[tuple[int, ActRow]]:
        """Return a tenant's acts in a range of places, with their places."""
        return [(row[0], row[1:]) for row in await self._database.fetch(_OF_TENANT, tenant, begin, end)]

    async def tail(self, tenant: TenantId, begin: int) -> tuple[int, int | None]:
        """Return how many acts lie at or after a place, and when the oldest was."""
        row = (await self._database.fetch(_TAIL, tenant, begin))[0]
        return int(row[0]), row[1]

    async def strays(self, tenant: TenantId, begin: int, end: int) -> int:
        """Return how many acts lie in a range of places."""
        return int((await self._database.fetch(_STRAY, tenant, begin, end))[0][0]) if end > begin else 0

    async def head(self, tenant: TenantId, until: int) -> Seal | None:
        """Return a tenant's last seal below a place."""
        return _one(Seal, await self._database.fetch(_HEAD, tenant, until))

    async def after(self, tenant: TenantId, number: int, until: int, limit: int) -> list[Seal]:
        """Return the seals after one."""
        return [_read(Seal, row) for row in await self._database.fetch(_AFTER, tenant, number, until, limit)]

    async def numbered(self, tenant: TenantId, number: int) -> Seal | None:
        """Return a seal by its number."""
        return _one(Seal, await self._database.fetch(_NUMBERED, tenant, number))

    async def cut(self, tenant: TenantId) -> Cut | None:
        """Return a tenant's last cut."""
        return _one(Cut, await self._database.fetch(_CUT, tenant))

    async def tenants(self) -> dict[TenantId, int]:
        """Return who has seals, and the number of the last."""
        return {TenantId(row[0]): int(row[1]) for row in await self._database.fetch(_TENANTS)}

    async def add(self, before: Ledger, after: Ledger, seals: Sequence[Seal]) -> bool:
        """Add seals and move the ledger, if nobody else did; return whether that was done."""
        moved = (after.until, after.seals, after.at, after.key, after.mac)
        async with self._database.transaction() as transaction:
            if not await transaction.execute(_MOVE, *moved, before.until, before.key):
                return False
            for seal in seals:
                await transaction.execute(_ADD_SEAL, *_row(seal))
        return True

    async def old(self, tenant: TenantId, at: int, head: int, limit: int) -> list[Seal]:
        """Return the oldest seals that were made before a time, never the last one."""
        return [_read(Seal, row) for row in await self._database.fetch(_OLD, tenant, at, head, limit)]

    async def remove(self, cut: Cut) -> None:
        """Remove acts and seals up to a cut, which takes their place, and that of the cut before."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_DROP_CUTS, cut.tenant)
            await transaction.execute(_ADD_CUT, *_row(cut))
            await transaction.execute(_DROP_ACTS, cut.tenant, cut.until)
            await transaction.execute(_DROP_SEALS, cut.tenant, cut.number)


def _row(item: Seal | Cut) -> tuple[Any, ...]:
    return item.tenant, item.number, item.until, item.acts, item.at, item.digest, item.key, item.mac


def _read(kind: type[T], row: Row) -> T:
    names = _SEAL.split(", ")
    return kind(**dict(zip(names, row, strict=True)))


def _one(kind: type[T], rows: Sequence[Row]) -> T | None:
    return _read(kind, rows[0]) if rows else None
