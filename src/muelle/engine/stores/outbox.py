"""The outbox: events that were committed with what caused them, handed on in order, at least once.

Each consumer has a cursor. Whoever holds it hands on some events and moves it; if that worker dies, the next one begins
where the cursor stands. Events of one run keep their order, for a run is in one worker's hands at a time.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from muelle.core import Metrics, MuelleError, TenantId
from muelle.engine.metrics import EVENTS
from muelle.engine.model import StoredEvent
from muelle.engine.stores.queue import SECOND, Queue
from muelle.engine.times import micros, moment
from muelle.stores import Database, Row

_LOG = logging.getLogger("muelle.engine")
_AT_ONCE = 500
_HOLD_SECONDS = 30  # how long a consumer may take for some events before another worker has a try
Consumer = Callable[[Sequence[StoredEvent]], Awaitable[None]]
_COLUMNS = "position, id, tenant, type, source, subject, at, data"
# Ids are given before commits, so what is behind a higher id may not be there yet. Nothing below the oldest open
# transaction can still appear.
_READ = {
    "sqlite": f"SELECT '0', {_COLUMNS} FROM events WHERE ? IS NOT NULL AND position > ? ORDER BY position LIMIT ?",  # noqa: S608 - constants
    "postgresql": (
        f"SELECT CAST(xid AS TEXT), {_COLUMNS} FROM events "  # noqa: S608 - constants
        "WHERE (xid, position) > (CAST(CAST(? AS TEXT) AS xid8), ?) "
        # By the column: the text of the same name would put 1000 before 999.
        "AND xid < pg_snapshot_xmin(pg_current_snapshot()) ORDER BY events.xid, events.position LIMIT ?"
    ),
}
_LATEST = 5_000  # events that are looked through for what was raised a moment ago
_SINCE = (
    f"SELECT '0', {_COLUMNS} FROM events WHERE tenant = ? AND at >= ? "  # noqa: S608 - constants
    f"AND position > (SELECT COALESCE(max(position), 0) FROM events) - {_LATEST} ORDER BY position"
)
_BEGIN = {
    "sqlite": (
        "INSERT INTO cursors (consumer, position) SELECT ?, COALESCE(max(position), 0) FROM events WHERE true "
        "ON CONFLICT DO NOTHING"
    ),
    "postgresql": (
        "INSERT INTO cursors (consumer, xid) "
        "VALUES (?, CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT)) ON CONFLICT DO NOTHING"
    ),
}


class Outbox:
    """Hands events on to consumers."""

    def __init__(self, queue: Queue, metrics: Metrics) -> None:
        self._queue = queue
        self._database = queue.database
        self._metrics = metrics
        self._consumers: dict[str, Consumer] = {}

    def register(self, name: str, consumer: Consumer) -> None:
        """Have a consumer see all events from the first start on that it is registered for."""
        self._consumers[name] = consumer

    async def begin(self) -> None:
        """Give each consumer a cursor, if it has none yet: it sees what comes from now on."""
        async with self._database.transaction(alone=False) as transaction:
            for name in self._consumers:
                await transaction.execute(_BEGIN[self._database.dialect], name)

    async def deliver(self, worker: str) -> int:
        """Hand on what there is, to every consumer whose cursor is free; return how many events that were."""
        delivered = 0
        for name, consumer in self._consumers.items():
            try:
                delivered += await self._deliver(worker, name, consumer)
            except MuelleError as error:
                _LOG.warning("Events are handed on later: %s", error, extra={"consumer": name})
            except Exception:  # noqa: BLE001 - a fault of one consumer is not to be the others'
                _LOG.exception("A consumer of events failed", extra={"consumer": name})
        return delivered

    async def _deliver(self, worker: str, name: str, consumer: Consumer) -> int:
        rows = await self._database.fetch("SELECT xid, position FROM cursors WHERE consumer = ?", name)
        if not rows or not await self._read(rows[0], 1):
            return 0
        cursor = await self._hold(worker, name)
        if cursor is None:
            return 0
        events = await self._read(cursor, _AT_ONCE)
        try:
            if events:
                await consumer([_stored(row) for row in events])
        except Exception:
            await self._release(worker, name, cursor)
            raise
        await self._release(worker, name, events[-1] if events else cursor)
        self._metrics.count(EVENTS, name, by=len(events))
        return len(events)

    async def _read(self, cursor: Row, limit: int) -> list[Row]:
        return await self._database.fetch(_READ[self._database.dialect], cursor[0], cursor[1], limit)

    async def _hold(self, worker: str, name: str) -> Row | None:
        now = self._queue.now_sql
        sql = (
            f"UPDATE cursors SET holder = ?, held_until = {now} + ? "  # noqa: S608 - constants
            f"WHERE consumer = ? AND (holder = ? OR held_until < {now}) RETURNING xid, position"
        )
        at = self._queue.now()
        async with self._database.transaction(alone=False) as transaction:
            rows = await transaction.fetch(sql, worker, at, _HOLD_SECONDS * SECOND, name, worker, at)
        return rows[0] if rows else None

    async def _release(self, worker: str, name: str, cursor: Row) -> None:
        async with self._database.transaction(alone=False) as transaction:
            await transaction.execute(
                "UPDATE cursors SET xid = ?, position = ?, holder = '', held_until = 0 "
                "WHERE consumer = ? AND holder = ?",
                cursor[0],
                cursor[1],
                name,
                worker,
            )


async def raised_since(database: Database, tenant: TenantId, at: datetime) -> list[StoredEvent]:
    """Return what a tenant's runs have raised since a moment ago, as far as it is among the latest events of all."""
    return [_stored(row) for row in await database.fetch(_SINCE, tenant, micros(at))]


def _stored(row: Row) -> StoredEvent:
    xid, position, identity, tenant, kind, source, subject, at, data = row
    return StoredEvent(
        position=f"{xid}-{position}",
        id=identity,
        tenant=tenant,
        type=kind,
        source=source,
        subject=subject,
        at=moment(at),
        data=data,
    )
