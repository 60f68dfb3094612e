"""What may be asked of a run that has not ended: cancel, pause, resume, nudge, replay, another priority.

Whoever holds the run is told by its row and by the bell; a run that nobody holds is changed at once.
"""

from typing import NamedTuple

from muelle.core import RunId, TenantId
from muelle.engine.errors import RunEnded, RunNotDead, RunNotPaused, UnknownRun
from muelle.engine.stores.queue import Queue
from muelle.engine.stores.rows import NUDGE_JOB
from muelle.stores import SqlValue, Transaction

_ONE = "WHERE tenant = ? AND run = ?"
_UNHELD = "CASE WHEN worker IS NULL THEN"
_CANCEL = f"UPDATE jobs SET request = 'cancel', nudged = 1, state = {_UNHELD} 'ready' ELSE state END {_ONE}"  # noqa: S608 - constants
_PAUSE = (
    f"UPDATE jobs SET request = {_UNHELD} '' ELSE 'pause' END, "  # noqa: S608 - constants
    f"state = {_UNHELD} 'paused' ELSE state END {_ONE} "
    "AND state IN ('ready', 'sleeping') AND request <> 'cancel'"
)
_RESUME = (
    f"UPDATE jobs SET state = {_UNHELD} 'ready' ELSE state END, "  # noqa: S608 - constants
    f"nudged = 1, request = '' {_ONE} "
    "AND (state = 'paused' OR request = 'pause')"
)
_REPLAY = (
    "UPDATE jobs SET state = 'ready', takeovers = 0, failures = 0, run_at = 0, request = '' "  # noqa: S608 - constants
    f"{_ONE} AND state = 'dead'"
)
_IF_UNHELD = (
    "WHERE tenant = ? AND run = ? AND finished IS NULL AND EXISTS (SELECT 1 FROM jobs WHERE jobs.tenant = runs.tenant "
    "AND jobs.run = runs.run AND jobs.worker IS NULL)"
)
_ANEW = "UPDATE runs SET began = NULL, status = ?"  # while it stood still, no time of its own went by


class Change(NamedTuple):
    """One kind of change: its SQL, the status that a run gets which nobody holds, and the error if it cannot be."""

    sql: str
    status: str | None
    error: type[Exception] | None


CANCEL = Change(_CANCEL, None, None)
PAUSE = Change(_PAUSE, "paused", None)
RESUME = Change(_RESUME, "queued", RunNotPaused)
NUDGE = Change(NUDGE_JOB, None, None)
REPLAY = Change(_REPLAY, "queued", RunNotDead)


class Requests:
    """Changes runs on behalf of whoever may; who that is, is for others to decide."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue

    async def change(self, tenant: TenantId, run: RunId, change: Change) -> None:
        """Carry out a change; raise UnknownRun, RunEnded, or what the change says if it cannot be."""
        async with self._queue.database.transaction(alone=False) as transaction:
            await self.within(transaction, tenant, run, change)

    async def within(self, transaction: Transaction, tenant: TenantId, run: RunId, change: Change) -> None:
        """Carry out a change within a transaction."""
        if not await transaction.execute(change.sql, tenant, run):
            await _explain(transaction, tenant, run, change)
            return
        if change.status is not None:
            sql = f"UPDATE runs SET status = ? {_IF_UNHELD}" if change is PAUSE else f"{_ANEW} {_IF_UNHELD}"  # noqa: S608 - constants
            await transaction.execute(sql, change.status, tenant, run)
        await self._ring(transaction)

    async def prioritise(self, tenant: TenantId, run: RunId, priority: int) -> None:
        """Give a run that waits its turn another priority, 1 (first) to 5; raise UnknownRun or RunEnded."""
        sql: tuple[str, *tuple[SqlValue, ...]] = (f"UPDATE jobs SET priority = ? {_ONE}", priority, tenant, run)  # noqa: S608 - constants
        async with self._queue.database.transaction(alone=False) as transaction:
            if not await transaction.execute(*sql):
                await _explain(transaction, tenant, run, CANCEL)

    async def pause_key(self, tenant: TenantId, key: str, seconds: float) -> None:
        """Let no job of a rate key begin for some time, as Retry-After asks."""
        until = int(seconds * 1_000_000)
        now = self._queue.now_sql
        sql = (
            f"INSERT INTO limit_keys (tenant, key, paused_until) VALUES (?, ?, {now} + ?) "  # noqa: S608 - constants
            "ON CONFLICT (tenant, key) DO UPDATE SET paused_until = excluded.paused_until"
        )
        async with self._queue.database.transaction(alone=False) as transaction:
            await transaction.execute(sql, tenant, f"r:{key}", self._queue.now(), until)

    async def _ring(self, transaction: Transaction) -> None:
        for statement in self._queue.bell():
            await transaction.fetch(statement.sql, *statement.rows[0])


async def _explain(transaction: Transaction, tenant: TenantId, run: RunId, change: Change) -> None:
    """Raise why nothing was changed; to pause what is paused, or to nudge what has ended, is no error."""
    rows = await transaction.fetch("SELECT finished FROM runs WHERE tenant = ? AND run = ?", tenant, run)
    if not rows:
        raise UnknownRun(execution=run)
    if change is NUDGE:
        return
    if rows[0][0] is not None:
        raise RunEnded(execution=run)
    if change.error is not None:
        raise change.error
