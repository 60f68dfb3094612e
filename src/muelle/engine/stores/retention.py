"""What is not needed any more: runs that ended long ago, events that all have seen, keys that nobody sends again."""

from muelle.core import RunId, TenantId
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.journal import PLAN_SECONDS, SqlJournal
from muelle.engine.stores.queue import SECOND, Queue

_AT_ONCE = 500
_DAY = 86_400 * SECOND
_HOUR = 3_600 * SECOND
_TENANTS = (
    "WITH RECURSIVE found(tenant) AS (SELECT min(tenant) FROM runs UNION ALL SELECT (SELECT min(tenant) FROM runs "
    "WHERE tenant > found.tenant) FROM found WHERE found.tenant IS NOT NULL) "
    "SELECT tenant FROM found WHERE tenant IS NOT NULL"
)
_OLD = (
    "SELECT run FROM runs WHERE tenant = ? AND started < {now} - ? AND finished IS NOT NULL AND finished < {now} - ? "
    "ORDER BY started LIMIT ?"
)
# In the order in which events are handed on; on PostgreSQL that is not the order of their numbers.
_SEEN = {
    "sqlite": (
        "DELETE FROM events WHERE at < {now} - ? AND position <= "
        "(SELECT COALESCE(min(position), 9223372036854775807) FROM cursors)"
    ),
    "postgresql": (
        "DELETE FROM events WHERE at < {now} - ? AND xid < pg_snapshot_xmin(pg_current_snapshot()) AND NOT EXISTS "
        "(SELECT 1 FROM cursors WHERE (events.xid, events.position) > (CAST(cursors.xid AS xid8), cursors.position))"
    ),
}


class Retention:
    """Sweeps, a little at a time, so that others hardly notice."""

    def __init__(self, queue: Queue, journal: SqlJournal, settings: EngineSettings) -> None:
        self._queue = queue
        self._database = queue.database
        self._journal = journal
        self._settings = settings

    async def sweep(self) -> int:
        """Remove what is too old; return how many runs that were."""
        await self._forget_events()
        removed = 0
        if self._settings.retention_days > 0:
            age = int(self._settings.retention_days * _DAY)
            for (tenant,) in await self._database.fetch(_TENANTS):
                while runs := await self._old(TenantId(tenant), age):
                    await self._journal.forget(TenantId(tenant), runs)
                    removed += len(runs)
        if removed:
            await self._forget_plans()
        return removed

    async def purge(self, tenant: TenantId, seconds: float, most: int = _AT_ONCE, workflow: str | None = None) -> int:
        """Remove at most so many runs of a tenant that ended longer ago than `seconds`; return how many that were.

        Given a workflow or a job's name, only its runs.
        """
        runs = await self._old(tenant, int(seconds * SECOND), most, workflow)
        if runs:
            await self._journal.forget(tenant, runs)
        return len(runs)

    async def _old(self, tenant: TenantId, age: int, most: int = _AT_ONCE, workflow: str | None = None) -> list[RunId]:
        at = self._queue.now()
        which, named = ("", ()) if workflow is None else ("AND workflow = ? ", (workflow,))
        sql = self._sql(_OLD).replace("ORDER BY", f"{which}ORDER BY")
        rows = await self._database.fetch(sql, tenant, at, age, at, age, *named, most)
        return [RunId(row[0]) for row in rows]

    async def _forget_events(self) -> None:
        events, keys = int(self._settings.event_hours * _HOUR), int(self._settings.idempotency_hours * _HOUR)
        at = self._queue.now()
        async with self._database.transaction(alone=False) as transaction:
            await transaction.execute(self._sql(_SEEN[self._database.dialect]), at, events)
            await transaction.execute(self._sql("DELETE FROM submissions WHERE at < {now} - ?"), at, keys)

    async def _forget_plans(self) -> None:
        """Remove documents of which no run is left, and that no process may believe to be stored."""
        async with self._database.transaction() as transaction:
            await transaction.execute(
                self._sql(
                    "DELETE FROM plans WHERE used < {now} - ? AND NOT EXISTS (SELECT 1 FROM runs "
                    "WHERE runs.tenant = plans.tenant AND runs.plan = plans.plan)"
                ),
                self._queue.now(),
                2 * int(PLAN_SECONDS) * SECOND,
            )

    def _sql(self, text: str) -> str:
        return text.replace("{now}", self._queue.now_sql)
