"""Questions to people and events that runs wait for: asked by the journal, answered here."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from muelle.core import Clock, PrincipalId, RunId, TenantId
from muelle.engine.errors import UnknownWait, WaitClosed
from muelle.engine.stores.queue import Queue
from muelle.engine.stores.requests import NUDGE, Requests
from muelle.engine.times import micros, moment
from muelle.stores import Row

_COLUMNS = "tenant, run, place, kind, subject, body, created, expires, state, answer, answered_by, answered_at"
_SELECT = f"SELECT {_COLUMNS} FROM waits WHERE tenant = ?"  # noqa: S608 - a constant
_ASKED = (
    f"SELECT {', '.join(f'waits.{column}' for column in _COLUMNS.split(', '))}, runs.workflow, runs.principal "  # noqa: S608 - constants
    "FROM waits JOIN runs ON runs.tenant = waits.tenant AND runs.run = waits.run WHERE waits.tenant = ?"
)
_MOST = 1000


class Wait(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a run waits for; `state` is open, answered, or closed (its run ended or went on)."""

    tenant: TenantId
    run: RunId
    place: str
    kind: str
    subject: str
    body: bytes
    created: datetime
    expires: datetime
    state: str
    answer: bytes | None
    answered_by: str
    answered_at: datetime | None


class AskedOf(msgspec.Struct, frozen=True, kw_only=True):
    """A question with what is known of its run: its workflow and who runs it."""

    wait: Wait
    workflow: str
    principal: PrincipalId

    @property
    def order(self) -> tuple[int, str, str]:
        """Where it stands in the list of those that are asked."""
        return micros(self.wait.created), self.wait.run, self.wait.place


class Waits:
    """What is waited for, and the answers."""

    def __init__(self, queue: Queue, requests: Requests, clock: Clock) -> None:
        self._queue = queue
        self._requests = requests
        self._clock = clock

    async def find(self, tenant: TenantId, run: RunId, place: str) -> Wait | None:
        """Return one, or None."""
        rows = await self._queue.database.fetch(f"{_SELECT} AND run = ? AND place = ?", tenant, run, place)
        return _wait(rows[0]) if rows else None

    async def of(self, tenant: TenantId, run: RunId) -> list[Wait]:
        """Return all of one run, the oldest first."""
        rows = await self._queue.database.fetch(f"{_SELECT} AND run = ? ORDER BY created, place", tenant, run)
        return [_wait(row) for row in rows]

    async def open(
        self,
        tenant: TenantId,
        kind: str,
        limit: int = _MOST,
        after: tuple[str, str] = ("", ""),
        subjects: Sequence[str] = (),
    ) -> list[Wait]:
        """Return what of a kind waits for an answer, the oldest run first, behind the run and place of `after`.

        With `subjects`, only what is about one of them.
        """
        about = f" AND subject IN ({', '.join('?' * len(subjects))})" if subjects else ""
        sql = f"{_SELECT} AND kind = ? AND state = 'open' AND (run, place) > (?, ?){about} ORDER BY run, place LIMIT ?"
        rows = await self._queue.database.fetch(sql, tenant, kind, *after, *subjects, limit)
        return [_wait(row) for row in rows]

    async def asked(self, tenant: TenantId, kind: str, limit: int, after: tuple[int, str, str]) -> list[AskedOf]:
        """Return what of a kind can still be answered, the oldest first, behind the order of `after`."""
        sql = (
            f"{_ASKED} AND waits.kind = ? AND waits.state = 'open' AND waits.expires > ? "
            "AND (waits.created, waits.run, waits.place) > (?, ?, ?) "
            "ORDER BY waits.created, waits.run, waits.place LIMIT ?"
        )
        now = micros(self._clock.now())
        return [_asked(row) for row in await self._queue.database.fetch(sql, tenant, kind, now, *after, limit)]

    async def asked_at(self, tenant: TenantId, run: RunId, place: str) -> AskedOf | None:
        """Return one, whatever became of it, or None."""
        sql = f"{_ASKED} AND waits.run = ? AND waits.place = ?"
        rows = await self._queue.database.fetch(sql, tenant, run, place)
        return _asked(rows[0]) if rows else None

    async def answer(self, tenant: TenantId, wait: tuple[RunId, str], answer: bytes, by: PrincipalId | str) -> None:
        """Give an answer, once, and wake the run; raise UnknownWait, or WaitClosed if it came too late."""
        run, place = wait
        at = micros(self._clock.now())
        async with self._queue.database.transaction(alone=False) as transaction:
            touched = await transaction.execute(
                "UPDATE waits SET state = 'answered', answer = ?, answered_by = ?, answered_at = ? "
                "WHERE tenant = ? AND run = ? AND place = ? AND state = 'open' AND expires > ?",
                answer,
                by,
                at,
                tenant,
                run,
                place,
                at,
            )
            if not touched:
                sql = "SELECT state FROM waits WHERE tenant = ? AND run = ? AND place = ?"
                if not await transaction.fetch(sql, tenant, run, place):
                    raise UnknownWait(execution=run, operation=place)
                raise WaitClosed(execution=run, operation=place)
            await self._requests.within(transaction, tenant, run, NUDGE)

    async def close(self, tenant: TenantId, run: RunId, place: str) -> bool:
        """Take back a question whose time is over; return False if it was answered after all."""
        async with self._queue.database.transaction(alone=False) as transaction:
            touched = await transaction.execute(
                "UPDATE waits SET state = 'closed' WHERE tenant = ? AND run = ? AND place = ? AND state = 'open'",
                tenant,
                run,
                place,
            )
            return touched > 0


def _wait(row: Row) -> Wait:
    return Wait(
        tenant=row[0],
        run=row[1],
        place=row[2],
        kind=row[3],
        subject=row[4],
        body=row[5],
        created=moment(row[6]),
        expires=moment(row[7]),
        state=row[8],
        answer=row[9],
        answered_by=row[10],
        answered_at=None if row[11] is None else moment(row[11]),
    )


def _asked(row: Row) -> AskedOf:
    return AskedOf(wait=_wait(row), workflow=row[12], principal=row[13])
