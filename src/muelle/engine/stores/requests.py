"""What may be asked of a run that has not ended: cancel, pause, resume, nudge, replay, another priority.

Whoever holds the run is told by its row and by the bell; a run that nobody holds is changed at once.
"""

from typing import NamedTuple

from muelle.core import RunId, TenantId
from muelle.engine.errors import RunEnded, RunNotDead, RunNotPaused, UnknownRun
from muelle.engine.held import Key
from muelle.engine.stores.queue import SECOND, Queue
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
_ENTER_KEY = "INSERT INTO limit_keys (tenant, key) VALUES (?, ?) ON CONFLICT DO NOTHING"
_PAUSE_KEY = "UPDATE limit_keys SET paused_until = ? WHERE tenant = ? AND key = ?"
# Those that found a key paused sleep until that very time.
_PAUSED_ANEW = (
    "UPDATE jobs SET run_at = ? WHERE tenant = ? AND rate_key = ? AND run_at = ? AND state = 'sleeping' "
    "AND worker IS NULL"
)
_FAILED = "UPDATE runs SET error = ? WHERE tenant = ? AND run = ? AND finished IS NULL"
_RATE_KEY = "SELECT rate_key FROM jobs WHERE tenant = ? AND run = ? AND rate_key <> ''"
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
        """Let no job of a rate key begin for some seconds from now, whatever was said before; 0 ends a pause."""
        async with self._queue.database.transaction(alone=False) as transaction:
            before, until = await self._key(transaction, tenant, key, seconds)
            await transaction.execute(_PAUSE_KEY, until, tenant, f"r:{key}")
            await transaction.execute(_PAUSED_ANEW, until, tenant, key, before)
            await self._ring(transaction)

    async def note_failure(self, run_of: Key, problem: bytes, seconds: float) -> None:
        """Show what a run's last attempt failed with, and pause its rate key for some seconds at least."""
        tenant, run = run_of
        async with self._queue.database.transaction(alone=False) as transaction:
            await transaction.execute(_FAILED, problem, tenant, run)
            keys = await transaction.fetch(_RATE_KEY, tenant, run) if seconds else []
            for (key,) in keys:
                before, until = await self._key(transaction, tenant, key, seconds)
                await transaction.execute(_PAUSE_KEY, max(before, until), tenant, f"r:{key}")

    async def _key(self, transaction: Transaction, tenant: TenantId, key: str, seconds: float) -> tuple[int, int]:
        """Return until when a key is paused and would be after `seconds`; its row is locked from here on."""
        at, until = self._queue.now(), int(seconds * SECOND)
        await transaction.execute(_ENTER_KEY, tenant, f"r:{key}")
        sql = f"SELECT paused_until, {self._queue.now_sql} + ? FROM limit_keys WHERE tenant = ? AND key = ?"  # noqa: S608 - constants
        locked = " FOR UPDATE" if self._queue.database.dialect == "postgresql" else ""
        ((before, then),) = await transaction.fetch(sql + locked, at, until, tenant, f"r:{key}")
        return before, then

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
