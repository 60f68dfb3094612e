"""Where triggers, their deliveries and the receipts of webhooks are kept. Secrets are in the Vault, and not here."""

from collections.abc import Awaitable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import cast

import msgspec

from muelle.core import RunId, TenantId
from muelle.stores import Database, Row, Statement
from muelle.workflows.triggers.model import Delivery, Outcome, Trigger, TriggerId

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CHANGED = Statement("UPDATE trigger_epoch SET epoch = epoch + 1 WHERE id = ?", [(1,)])
_COLUMNS = "tenant, trigger_id, event, id, type, at, outcome, reason, run, attempts, body"
_RECORD = (
    f"INSERT INTO trigger_deliveries ({_COLUMNS}) "  # noqa: S608 - a constant
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, trigger_id, event) DO UPDATE "
    "SET at = excluded.at, outcome = excluded.outcome, reason = excluded.reason, run = excluded.run, "
    "attempts = excluded.attempts, body = excluded.body"
)
_TRIM = (
    "DELETE FROM trigger_deliveries WHERE tenant = ? AND trigger_id = ? AND outcome {outcome} AND id < "
    "(SELECT id FROM trigger_deliveries WHERE tenant = ? AND trigger_id = ? AND outcome {outcome} "
    "ORDER BY id DESC LIMIT 1 OFFSET ?)"
)
_OF = "tenant = ? AND trigger_id = ?"


def micros(at: datetime) -> int:
    """Return microseconds since 1970, exactly."""
    return (at - _EPOCH) // timedelta(microseconds=1)


class TriggerStore:
    """The triggers of all tenants. Writes are queued at once and durable when awaited; each moves the epoch."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Trigger).decode

    def add(self, trigger: Trigger) -> Awaitable[None]:
        """Keep a new trigger; raise ConstraintViolated if the tenant has one of that name."""
        sql = "INSERT INTO triggers (tenant, id, name, kind, enabled, document) VALUES (?, ?, ?, ?, ?, ?)"
        row = (trigger.tenant, trigger.id, trigger.name, trigger.kind, int(trigger.enabled), _document(trigger))
        return self._database.commit([Statement(sql, [row]), _CHANGED])

    def replace(self, trigger: Trigger) -> Awaitable[None]:
        """Keep a trigger in place of the one of that id; raise ConstraintViolated as `add`."""
        sql = "UPDATE triggers SET name = ?, enabled = ?, document = ? WHERE tenant = ? AND id = ?"
        row = (trigger.name, int(trigger.enabled), _document(trigger), trigger.tenant, trigger.id)
        return self._database.commit([Statement(sql, [row]), _CHANGED])

    def remove(self, tenant: TenantId, trigger: TriggerId) -> Awaitable[None]:
        """Remove a trigger with its deliveries and receipts; nothing happens if there is none."""
        sql = "DELETE FROM triggers WHERE tenant = ? AND id = ?"
        of = [f"DELETE FROM {table} WHERE {_OF}" for table in ("trigger_deliveries", "trigger_receipts")]  # noqa: S608 - two tables
        return self._database.commit([*(Statement(text, [(tenant, trigger)]) for text in (sql, *of)), _CHANGED])

    async def find(self, tenant: TenantId, named: str) -> Trigger | None:
        """Return a trigger by id or name, or None."""
        sql = "SELECT document FROM triggers WHERE tenant = ? AND (id = ? OR name = ?)"
        rows = await self._database.fetch(sql, tenant, named, named)
        return self._decode(rows[0][0]) if rows else None

    async def all(self, tenant: TenantId) -> list[Trigger]:
        """Return the tenant's triggers by name, whatever the database's collation; the service bounds their number."""
        rows = await self._database.fetch("SELECT document FROM triggers WHERE tenant = ?", tenant)
        return sorted((self._decode(row[0]) for row in rows), key=lambda trigger: trigger.name)

    async def listening(self, tenant: TenantId) -> list[Trigger]:
        """Return the tenant's enabled triggers of events, oldest first."""
        sql = "SELECT document FROM triggers WHERE tenant = ? AND kind = 'event' AND enabled = 1 ORDER BY id"
        return [self._decode(row[0]) for row in await self._database.fetch(sql, tenant)]

    async def epoch(self) -> int:
        """Return a number that is another one after every change of any trigger."""
        rows = await self._database.fetch("SELECT epoch FROM trigger_epoch WHERE id = 1")
        return int(rows[0][0])


class DeliveryStore:
    """What became of events at triggers, and which calls of webhooks were taken before."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def record(self, deliveries: Sequence[Delivery]) -> Awaitable[None]:
        """Keep deliveries; one of the same event at the same trigger takes the place of the earlier one."""
        return self._database.commit([Statement(_RECORD, [_row(each) for each in deliveries])])

    async def find(self, tenant: TenantId, trigger: TriggerId, named: str) -> Delivery | None:
        """Return a delivery by its id or its event's, or None."""
        sql = f"SELECT {_COLUMNS} FROM trigger_deliveries WHERE {_OF} AND (event = ? OR id = ?)"  # noqa: S608 - constants
        rows = await self._database.fetch(sql, tenant, trigger, named, named)
        return _delivery(rows[0]) if rows else None

    async def page(self, tenant: TenantId, trigger: TriggerId, limit: int, before: str | None) -> list[Delivery]:
        """Return up to `limit` deliveries of a trigger, the newest first, those before an id if one is given."""
        where, bound = ("AND id < ? ", (before,)) if before is not None else ("", ())
        sql = f"SELECT {_COLUMNS} FROM trigger_deliveries WHERE {_OF} {where}ORDER BY id DESC LIMIT ?"  # noqa: S608 - constants
        return [_delivery(row) for row in await self._database.fetch(sql, tenant, trigger, *bound, limit)]

    async def trim(self, tenant: TenantId, trigger: TriggerId, kept: int, kept_dead: int) -> None:
        """Forget all but the newest so many deliveries, and dead letters, of a trigger."""
        of = (tenant, trigger)
        rest = Statement(_TRIM.format(outcome="<> 'dead'"), [(*of, *of, kept - 1)])
        dead = Statement(_TRIM.format(outcome="= 'dead'"), [(*of, *of, kept_dead - 1)])
        await self._database.commit([rest, dead])

    def acknowledge(self, delivery: Delivery, marks: Sequence[str]) -> Awaitable[None]:
        """Remember by which marks a call that was taken is known again."""
        sql = (
            "INSERT INTO trigger_receipts (tenant, trigger_id, mark, event, run, at) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (tenant, trigger_id, mark) DO NOTHING"
        )
        rest = (delivery.event, delivery.run or "", micros(delivery.at))
        rows = [(delivery.tenant, delivery.trigger, mark, *rest) for mark in marks]
        return self._database.commit([Statement(sql, rows)])

    async def receipt(self, tenant: TenantId, trigger: TriggerId, mark: str) -> RunId | None:
        """Return the run that a call with this mark began, "" if it began none, or None if there was no such call."""
        sql = f"SELECT run FROM trigger_receipts WHERE {_OF} AND mark = ?"  # noqa: S608 - a constant
        rows = await self._database.fetch(sql, tenant, trigger, mark)
        return RunId(rows[0][0]) if rows else None

    def deepen(self, tenant: TenantId, runs: Mapping[RunId, int], at: datetime) -> Awaitable[None]:
        """Remember how many runs led to each of these by events, itself included."""
        sql = (
            "INSERT INTO trigger_depths (tenant, run, depth, at) VALUES (?, ?, ?, ?) "
            "ON CONFLICT (tenant, run) DO NOTHING"
        )
        return self._database.commit([Statement(sql, [(tenant, run, each, micros(at)) for run, each in runs.items()])])

    async def depth(self, tenant: TenantId, run: RunId) -> int | None:
        """Return how many runs led to this one by events, itself included; None if no event began it."""
        sql = "SELECT depth FROM trigger_depths WHERE tenant = ? AND run = ?"
        rows = await self._database.fetch(sql, tenant, run)
        return int(rows[0][0]) if rows else None

    def forget_depths(self, before: datetime) -> Awaitable[None]:
        """Forget the depths of runs that were begun earlier."""
        return self._database.commit([Statement("DELETE FROM trigger_depths WHERE at < ?", [(micros(before),)])])

    def forget(self, before: datetime) -> Awaitable[None]:
        """Forget receipts that are older."""
        return self._database.commit([Statement("DELETE FROM trigger_receipts WHERE at < ?", [(micros(before),)])])


def _document(trigger: Trigger) -> bytes:
    return msgspec.json.encode(trigger)


def _row(delivery: Delivery) -> tuple[str | int | bytes | None, ...]:
    return (
        delivery.tenant,
        delivery.trigger,
        delivery.event,
        delivery.id,
        delivery.type,
        micros(delivery.at),
        delivery.outcome,
        delivery.reason,
        delivery.run,
        delivery.attempts,
        delivery.body,
    )


def _delivery(row: Row) -> Delivery:
    tenant, trigger, event, identity, kind, at, outcome, reason, run, attempts, body = row
    return Delivery(
        id=identity,
        tenant=TenantId(tenant),
        trigger=TriggerId(trigger),
        event=event,
        type=kind,
        at=_EPOCH + timedelta(microseconds=at),
        outcome=cast("Outcome", outcome),
        reason=reason,
        run=RunId(run) if run else None,
        attempts=attempts,
        body=body,
    )
