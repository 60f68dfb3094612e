"""Seals the audit record, and removes what is old from it without breaking its chain."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from msgspec import structs

from muelle.core import Clock, Ids, TenantId
from muelle.identity.audit import Acts, AuditTrail
from muelle.identity.owner import LOCAL
from muelle.identity.record.chain import NOTHING, ActRow, Cut, Seal, cut_mac, digest_of, grouped, seal_mac
from muelle.identity.record.keys import SealKey, SealKeys, ledger_mac
from muelle.identity.record.store import Ledger, SqlSeals
from muelle.identity.settings import IdentitySettings
from muelle.identity.times import micros
from muelle.stores import Database, Row, Vault

_LOG = logging.getLogger(__name__)
_AT_ONCE = 500  # acts that are hashed before others have a turn: some 2 ms
_FRESH = 0.8  # of the interval: whoever sealed so lately did it for all processes
_SECOND = 1_000_000  # microseconds


class Sealer:
    """Chains the audit record in a Database. Any number of processes may try; the ledger lets one through at a time."""

    def __init__(
        self, database: Database, vault: Vault, trail: AuditTrail, clock: Clock, settings: IdentitySettings
    ) -> None:
        self._database = database
        self._seals = SqlSeals(database)
        self._keys = SealKeys(vault)
        self._trail = trail
        self._clock = clock
        self._settings = settings
        self._acts = Acts(clock, Ids(clock))
        self._seen = 0  # seals at the last look: they never become fewer

    async def recur(self) -> None:
        """Seal what is there, unless another process did so a moment ago."""
        since = micros(self._clock.now()) - (await self._seals.ledger()).at
        if not 0 <= since < self._settings.seal_seconds * _FRESH * _SECOND:
            await self.seal()

    async def seal(self) -> int:
        """Seal all acts that were committed before; return how many that were."""
        sealed = 0
        while (done := await self._pass()) is not None:
            sealed += done
        return sealed

    async def retain(self) -> int:
        """Remove acts that are older than the settings say, by whole seals; return how many. 0 days keep all."""
        if not self._settings.audit_days:
            return 0
        before = self._clock.now() - timedelta(days=self._settings.audit_days)
        return sum([await self.cut(tenant, before) for tenant in sorted(await self._seals.tenants())])

    async def cut(self, tenant: TenantId, at: datetime) -> int:
        """Remove a tenant's acts that were sealed before a time, save for the last seal's; return how many."""
        before = micros(at)
        ledger = await self._seals.ledger()
        last, key = await self._seals.head(tenant, ledger.until), await self._keys.current(ledger)
        if last is None or not await self._seals.old(tenant, before, last.number, 1):
            return 0
        act = self._acts.allowed(LOCAL, "audit.cut", tenant, detail=f"acts that were sealed before {at.isoformat()}")
        await self._trail.record([structs.replace(act, tenant=tenant)])
        removed = 0
        while old := await self._seals.old(tenant, before, last.number, _AT_ONCE):
            for group in grouped(old, _AT_ONCE):
                await self._seals.remove(_cut_at(group, key, micros(self._clock.now())))
                removed += sum(seal.acts for seal in group)
        return removed

    async def _pass(self) -> int | None:
        """Seal some acts; return how many, or None if there are none or another process is at it."""
        ledger = await self._seals.ledger()
        end = await self._seals.horizon(ledger.until, _AT_ONCE)
        rows = await self._seals.between(ledger.until, end) if end > ledger.until else []
        if not rows:
            return None
        await self._look(ledger)
        key, at = await self._keys.current(ledger), micros(self._clock.now())
        made = [await self._made(tenant, acts, end, at, key) for tenant, acts in _by_tenant(rows)]
        after = Ledger(end, ledger.seals + len(made), at, key.id, "")
        after = replace(after, mac=ledger_mac(key.secret, after))
        if not await self._seals.add(ledger, after, made):
            return None
        self._seen = after.seals
        return len(rows)

    async def _made(self, tenant: TenantId, acts: Sequence[ActRow], until: int, at: int, key: SealKey) -> Seal:
        last = await self._seals.head(tenant, until)
        number, before = (last.number + 1, last.digest) if last else (1, NOTHING)
        digest, count = digest_of(before, tenant, number, until, at, acts)
        mac = seal_mac(key.secret, digest)
        return Seal(tenant=tenant, number=number, until=until, acts=count, at=at, digest=digest, key=key.id, mac=mac)

    async def _look(self, ledger: Ledger) -> None:
        """Say it aloud if somebody else wrote the ledger; what comes is sealed all the same."""
        if ledger.seals < self._seen:
            _LOG.error("The audit record went back from %d seals to %d", self._seen, ledger.seals)
        if not await self._keys.wrote(ledger):
            _LOG.error("Somebody else changed the ledger of the audit record; see: muelle audit verify")


def _by_tenant(rows: Sequence[Row]) -> Iterator[tuple[TenantId, list[ActRow]]]:
    """Yield each tenant's acts of rows that begin with their place."""
    parts: dict[str, list[ActRow]] = {}
    for row in rows:
        parts.setdefault(row[2], []).append(row[1:])
    for tenant in sorted(parts):
        yield TenantId(tenant), parts[tenant]


def _cut_at(old: Sequence[Seal], key: SealKey, at: int) -> Cut:
    last = old[-1]
    return Cut(
        tenant=last.tenant,
        number=last.number,
        until=last.until,
        acts=sum(seal.acts for seal in old),
        at=at,
        digest=last.digest,
        key=key.id,
        mac=cut_mac(key.secret, last.tenant, last.number, last.until, last.digest),
    )
