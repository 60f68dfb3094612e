"""Where schedules are kept: a row for each, with what people say of it as one document and its progress in columns."""

from collections.abc import Awaitable, Sequence
from datetime import datetime

import msgspec

from muelle.core import RunId, TenantId
from muelle.engine.schedules.errors import ScheduleChanged, ScheduleExists, ScheduleNotFound
from muelle.engine.schedules.model import Progress, Schedule, ScheduleId
from muelle.engine.times import micros, moment
from muelle.stores import ConstraintViolated, Database, Row, SqlValue, Statement

_READ = "SELECT document, next_at, wake_at, waiting_at, last_at, last_run, problem FROM schedules"
_ADD = (
    "INSERT INTO schedules (tenant, id, document, revision, next_at, wake_at, waiting_at, last_at, last_run, problem,"
    " claim, claimed_until) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 0)"
)
_REPLACE = (
    "UPDATE schedules SET document = ?, revision = ?, next_at = ?, wake_at = ?, waiting_at = ?, problem = ?,"
    " claim = '', claimed_until = 0 WHERE tenant = ? AND id = ? AND revision = ?"
)
_DUE = f"{_READ} WHERE wake_at <= ? AND claimed_until <= ? ORDER BY wake_at LIMIT ?"
_CLAIM = "UPDATE schedules SET claim = ?, claimed_until = ? WHERE tenant = ? AND id = ?"
_SETTLE = (
    "UPDATE schedules SET next_at = ?, wake_at = ?, waiting_at = ?, problem = ?, claim = '', claimed_until = 0"
    " WHERE tenant = ? AND id = ? AND claim = ?"
)
_NOTE_RUN = (
    "UPDATE schedules SET last_at = ?, last_run = ? WHERE tenant = ? AND id = ? AND (last_at IS NULL OR last_at <= ?)"
)


class ScheduleStore:
    """Schedules in a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decode = msgspec.json.Decoder(Schedule).decode

    async def add(self, schedule: Schedule) -> None:
        """Keep a new schedule; raise ScheduleExists."""
        row = (schedule.tenant, schedule.id, _document(schedule), schedule.revision, *_progress(schedule.progress))
        try:
            await self._database.commit([Statement(_ADD, [row])])
        except ConstraintViolated:
            raise ScheduleExists(schedule=schedule.id) from None

    async def replace(self, schedule: Schedule) -> Schedule:
        """Keep what a person changed, and return it with its new revision.

        Whoever is about to submit its firings loses the right to move it on. Raises ScheduleNotFound, or
        ScheduleChanged if it is not as it was read.
        """
        following = schedule.with_(revision=schedule.revision + 1)
        next_at, wake_at, waiting_at, *_ = _progress(schedule.progress)
        async with self._database.transaction(alone=False) as transaction:
            touched = await transaction.execute(
                _REPLACE,
                _document(following),
                following.revision,
                *(next_at, wake_at, waiting_at, schedule.progress.problem),
                *(schedule.tenant, schedule.id, schedule.revision),
            )
        if not touched:
            is_there = await self.find(schedule.tenant, schedule.id)
            raise (ScheduleChanged if is_there else ScheduleNotFound)(schedule=schedule.id)
        return following

    async def remove(self, tenant: TenantId, schedule: ScheduleId) -> None:
        """Remove a schedule; nothing happens if there is none."""
        await self._database.commit(
            [Statement("DELETE FROM schedules WHERE tenant = ? AND id = ?", [(tenant, schedule)])]
        )

    async def find(self, tenant: TenantId, schedule: ScheduleId) -> Schedule | None:
        """Return a schedule, or None."""
        rows = await self._database.fetch(f"{_READ} WHERE tenant = ? AND id = ?", tenant, schedule)
        return self._schedule(rows[0]) if rows else None

    async def after(self, tenant: TenantId, schedule: str, number: int) -> list[Schedule]:
        """Return up to `number` of a tenant's schedules whose ids come after one, in the order of ids."""
        sql = f"{_READ} WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?"
        return list(map(self._schedule, await self._database.fetch(sql, tenant, schedule, number)))

    async def count(self, tenant: TenantId) -> int:
        """Return how many schedules a tenant has."""
        rows = await self._database.fetch("SELECT count(*) FROM schedules WHERE tenant = ?", tenant)
        return int(rows[0][0])

    async def next_wake(self) -> datetime | None:
        """Return when somebody has to look at a schedule of any tenant."""
        rows = await self._database.fetch("SELECT min(wake_at) FROM schedules WHERE wake_at IS NOT NULL")
        return _moment(rows[0][0])

    async def claim(self, claim: str, now: datetime, until: datetime, most: int) -> list[Schedule]:
        """Take up to `most` due schedules of all tenants, so that nobody else takes them before `until`."""
        locked = " FOR UPDATE SKIP LOCKED" if self._database.dialect == "postgresql" else ""
        async with self._database.transaction(alone=False) as transaction:
            rows = await transaction.fetch(_DUE + locked, micros(now), micros(now), most)
            schedules = list(map(self._schedule, rows))
            for schedule in schedules:
                await transaction.execute(_CLAIM, claim, micros(until), schedule.tenant, schedule.id)
        return schedules

    def settle(
        self, claim: str, schedule: Schedule, progress: Progress, runs: Sequence[tuple[datetime, RunId]]
    ) -> Awaitable[None]:
        """Move a claimed schedule on and give it back; what became of firings is noted even if the claim is lost."""
        key = (schedule.tenant, schedule.id)
        next_at, wake_at, waiting_at, *_ = _progress(progress)
        noted = [Statement(_NOTE_RUN, [(micros(at), run, *key, micros(at)) for at, run in runs[-1:]])]
        moved = Statement(_SETTLE, [(next_at, wake_at, waiting_at, progress.problem, *key, claim)])
        return self._database.commit([*(noted if runs else ()), moved])

    def _schedule(self, row: Row) -> Schedule:
        document, next_at, wake_at, waiting_at, last_at, last_run, problem = row
        return self._decode(document).with_(
            progress=Progress(
                next_at=_moment(next_at),
                wake_at=_moment(wake_at),
                waiting_at=_moment(waiting_at),
                last_at=_moment(last_at),
                last_run=last_run,
                problem=problem,
            )
        )


def _document(schedule: Schedule) -> bytes:
    return msgspec.json.encode(schedule.with_(progress=Progress()))


def _progress(progress: Progress) -> tuple[SqlValue, ...]:
    times = (progress.next_at, progress.wake_at, progress.waiting_at, progress.last_at)
    return (*(None if at is None else micros(at) for at in times), progress.last_run, progress.problem)


def _moment(column: int | None) -> datetime | None:
    return None if column is None else moment(column)
