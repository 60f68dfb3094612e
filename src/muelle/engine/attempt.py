"""One attempt at a job: from when a worker takes it up until it has ended, failed, or left memory."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import msgspec

from muelle.core import Body, Forbidden, Invalid, InvalidBody, MuelleError
from muelle.engine.durability import durable
from muelle.engine.errors import InvalidJob, JobCrashed, JobTimedOut
from muelle.engine.held import Held, Work
from muelle.engine.job_step import JobStep, Leaves
from muelle.engine.model import Entry, EventRaised, Past, RunBegan, RunFinished, RunParked, RunStatus, StepFinished
from muelle.engine.service import Engine

_LOG = logging.getLogger("muelle.engine")
_ENCODE = msgspec.json.Encoder().encode
_SECOND = 1_000_000
LONGEST_PAUSE = 86_400.0  # seconds between two attempts
Json = Any


@dataclass(frozen=True, slots=True, kw_only=True)
class JobKind:
    """A job that can be handed in by name. `payload` is its msgspec type; `perform(payload, step)` returns JSON.

    It is tried `attempts` times, with pauses that double from `pause_seconds` up to a day; then it is dead until it is
    replayed. An error that is Invalid ends it; one that somebody has to do something about makes it dead at once.
    """

    name: str
    payload: type[Any]
    perform: Callable[[Any, Any], Awaitable[Json]]
    summary: str = ""
    attempts: int = 3
    pause_seconds: float = 1.0
    queue: str = "default"
    priority: int = 3


class Hands:
    """What a running job can be told: to be cancelled at its next await, or to leave memory before its next effect."""

    def __init__(self, held: Held, step: JobStep) -> None:
        self._held = held
        self._step = step
        self._is_calling = False
        self.verdict: Literal["", "cancelled", "late"] = ""

    def cancel(self) -> None:
        """End soon, as cancelled."""
        self._interrupt("cancelled")

    def expire(self) -> None:
        """End soon, for its time is over."""
        self._interrupt("late")

    def pause(self, status: Literal["paused", "queued"]) -> None:
        """Leave memory before the next effect."""
        self._step.leaving = status

    def nudge(self) -> None:
        """Go on after all if it was about to be paused; nothing else is waited for."""
        if self._step.leaving == "paused":
            self._step.leaving = None

    async def call(self, performed: Awaitable[Json]) -> Json:
        """Return what the job returns; only meanwhile it may be interrupted."""
        self._is_calling = True
        try:
            return await performed
        finally:
            self._is_calling = False

    def _interrupt(self, verdict: Literal["cancelled", "late"]) -> None:
        if self.verdict:
            return  # once is enough: it may be cleaning up
        self.verdict = verdict
        if self._is_calling and self._held.task is not None:
            self._held.task.cancel()


class Attempt:
    """Calls a job's function, and writes down what became of it."""

    def __init__(self, engine: Engine, kind: JobKind, work: Work, held: Held, past: tuple[Past, ...]) -> None:
        self._engine = engine
        self._kind = kind
        self._work = work
        self._held = held
        self._step = JobStep(engine, work, held, past)
        self._hands = Hands(held, self._step)

    async def perform(self) -> str | None:
        """Return how the job ended, or None if it is to be taken up again; raise what the journal raises."""
        self._held.attach(self._hands)
        expiring = self._expiring()
        try:
            return await self._perform()
        finally:
            if expiring is not None:
                expiring.cancel()

    async def _perform(self) -> str | None:
        kind, step, hands = self._kind, self._step, self._hands
        if hands.verdict:
            return await self._interrupted()
        try:
            output = _ENCODE(await hands.call(kind.perform(typed(kind, self._work.payload), step)))
        except Leaves as leaves:
            if step.unwritten is None and not hands.verdict:
                await self._park(leaves.status, leaves.until)
                return None
        except BaseException as error:
            if step.unwritten is None and not hands.verdict:
                if not isinstance(error, Exception):
                    raise  # the worker stops
                return await self._fail(error)
        else:
            if step.unwritten is None:
                return await self._end("success", output, None)
        if step.unwritten is not None:  # whatever the job made of it: it does not know what it did
            raise step.unwritten
        return await self._interrupted()

    def _expiring(self) -> "asyncio.Task[None] | None":
        if self._work.deadline is None:
            return None
        left = (self._work.deadline - self._engine.clock.now()).total_seconds()
        if left <= 0:
            self._hands.expire()
            return None
        return asyncio.create_task(self._expire(left))

    async def _expire(self, seconds: float) -> None:
        await self._engine.clock.sleep(seconds)
        self._hands.expire()

    async def _interrupted(self) -> str:
        if self._hands.verdict == "late":
            deadline = self._work.deadline
            return await self._end("error", None, JobTimedOut(deadline=deadline.isoformat() if deadline else None))
        return await self._end("cancelled", None, None)

    async def _fail(self, error: Exception) -> str | None:
        """Try again after a while, or give it up: then the record has the reason, and it can be replayed."""
        known = error if isinstance(error, MuelleError) else JobCrashed(fault=type(error).__name__)
        if isinstance(error, MuelleError):
            _LOG.info("A job failed: %s", error, extra={"run": self._work.run, "kind": self._work.kind})
        else:
            _LOG.exception("A job crashed", extra={"run": self._work.run, "kind": self._work.kind})
        if isinstance(error, Invalid):
            return await self._end("error", None, known)
        asked = patience(known)
        await self._engine.requests.note_failure(self._held.key, _ENCODE(known.problem()), asked)
        failures = self._step.failures + 1
        if failures >= self._kind.attempts or is_hopeless(known):
            await self._step.keep_failures(0)  # whoever replays it means all attempts anew
            await self._engine.give_up(self._held, known)
            return None
        await self._step.keep_failures(failures)
        pause = max(pause_after(failures, self._kind.pause_seconds), asked)
        await self._park("waiting", self._engine.clock.now() + timedelta(seconds=pause))
        return None

    async def _park(self, status: Literal["waiting", "paused", "queued"], until: datetime | None) -> None:
        work, now = self._work, self._engine.clock.now()
        if until is not None and work.deadline is not None:
            until = min(until, work.deadline)
        entries: list[Entry] = [RunBegan(run=work.run, tenant=work.tenant, at=now)] if work.began is None else []
        entries.append(RunParked(run=work.run, tenant=work.tenant, status=status, wake=until))
        await durable(self._engine.journal.append(entries, lease=self._held.lease))
        self._held.wake = until

    async def _end(self, status: RunStatus, output: bytes | None, error: MuelleError | None) -> str:
        work, step = self._work, self._step
        now = self._engine.clock.now()
        entries = ending(work, step, status, output, error, now)
        await durable(self._engine.journal.append(entries, lease=self._held.lease))
        self._engine.compaction.consider(work.tenant, work.run, step.sequence + 1)
        return status


def ending(
    work: Work, step: JobStep, status: RunStatus, output: bytes | None, error: MuelleError | None, now: datetime
) -> list[Entry]:
    """Return the last entries of a job, which are committed together."""
    took = int((now - work.accepted).total_seconds() * _SECOND)
    problem = None if error is None else _ENCODE(error.problem())
    return [
        RunBegan(run=work.run, tenant=work.tenant, at=now),
        StepFinished(
            run=work.run,
            tenant=work.tenant,
            sequence=step.sequence,
            operation="job",
            type=work.kind,
            iteration="",
            status="success" if status == "success" else "failed" if error else "skipped",
            at=now,
            took=took,
            attempts=step.failures + 1,
            cached=False,
            output=output,
            error=problem,
        ),
        RunFinished(
            run=work.run,
            tenant=work.tenant,
            status=status,
            at=now,
            took=took,
            succeeded=int(status == "success"),
            failed=int(error is not None),
            skipped=0,
            error=problem,
        ),
        EventRaised(
            run=work.run,
            tenant=work.tenant,
            id=f"{work.run}:finished",
            type="muelle.run.finished",
            source=f"/runs/{work.run}",
            subject=work.name,
            at=now,
            data=_ENCODE({"status": status, "workflow": work.name, "agent": work.principal}),
        ),
    ]


def typed(kind: JobKind, payload: bytes) -> Any:  # noqa: ANN401 - the kind's type
    """Return a payload as the kind's type; raise InvalidJob, which names the field."""
    try:
        return _body(kind).read(payload, "")
    except InvalidBody as error:
        place, reason = error.facts.get("field", ""), error.facts.get("reason", "")
        field = f"payload{place}" if place.startswith("[") else f"payload.{place}".rstrip(".")
        raise InvalidJob(f"The payload does not fit: {reason}", field=field, job=kind.name) from None


@cache
def _body(kind: JobKind) -> Body[Any]:
    return Body(kind.payload)


def pause_after(failures: int, first: float) -> float:
    """Return how many seconds to wait after so many failures: twice as long each time."""
    doublings = min(failures - 1, 60)  # beyond that any pause is the longest
    return min(first * 2.0**doublings, LONGEST_PAUSE)


def is_hopeless(error: MuelleError) -> bool:
    """Tell whether trying again cannot help before somebody has done something: given a grant, changed a setting.

    That an error is not recoverable says so only where others of its family are.
    """
    if isinstance(error, Forbidden):
        return True
    return not error.recoverable and any(getattr(family, "recoverable", False) for family in type(error).__mro__)


def patience(error: MuelleError) -> float:
    """Return for how many seconds an error asks to be left alone, 0 if for none."""
    asked = error.facts.get("retry_after")
    try:
        seconds = float(asked) if isinstance(asked, int | float | str) else 0.0
    except ValueError:
        return 0.0  # a date, which only whoever made the call can read
    return min(seconds, LONGEST_PAUSE) if seconds > 0 else 0.0
