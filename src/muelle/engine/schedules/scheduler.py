"""The loop's part: takes schedules that are due, submits their firings, moves them on.

A process may die at any point: a firing is known by its idempotency key, so it is submitted twice and runs once.
"""

import asyncio
import logging
from datetime import datetime, timedelta

import msgspec

from muelle.core import (
    Clock,
    Conflict,
    Forbidden,
    Ids,
    Invalid,
    MuelleError,
    NotFound,
    RunId,
    TooLarge,
    Unauthenticated,
)
from muelle.engine.model import Job
from muelle.engine.schedules.decide import Decision, decide
from muelle.engine.schedules.model import Progress, Schedule
from muelle.engine.schedules.runs import Runs
from muelle.engine.schedules.settings import ScheduleSettings
from muelle.engine.schedules.store import ScheduleStore
from muelle.engine.times import micros

_LOG = logging.getLogger("muelle.schedules")
_RETRY = timedelta(seconds=5)
_FOR_GOOD = (
    Invalid,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    TooLarge,
)  # to try again would not help
_WHY = {
    "missed": "Firings before this one were missed and are not made up for: nobody was there to make them.",
    "overlap": "A firing was passed over: the run before it had not ended.",
}


class Scheduler:
    """Any number may work on one database; `turn` is to be called again and again, by each of them."""

    def __init__(
        self,
        store: ScheduleStore,
        runs: Runs,
        clock: Clock,
        ids: Ids,
        settings: ScheduleSettings = ScheduleSettings(),  # noqa: B008 - frozen
    ) -> None:
        self._store = store
        self._runs = runs
        self._clock = clock
        self._ids = ids
        self._settings = settings
        self._grace = timedelta(seconds=settings.grace_seconds)

    async def tick(self) -> int:
        """Submit what is due, and return how many firings that was; raise what the database raises."""
        now = self._clock.now()
        wake = await self._store.next_wake()
        if wake is None or wake > now:
            return 0  # as nearly always: one look at an index, and nothing is locked
        claim = self._ids.mint("claim")
        until = now + timedelta(seconds=self._settings.claim_seconds)
        schedules = await self._store.claim(claim, now, until, self._settings.batch)
        return sum(await asyncio.gather(*(self._advance(claim, schedule) for schedule in schedules)))

    async def turn(self) -> None:
        """Sleep until something is due, or until it is time to look, and submit what is due."""
        try:
            pause = await self.seconds_to_next()
        except MuelleError:
            await self._clock.sleep(self._settings.poll_seconds)  # whoever calls again at once must not spin
            raise
        await self._clock.sleep(pause)
        await self.tick()

    async def seconds_to_next(self) -> float:
        """Return how long to sleep: until something is due, at most as long as others' changes may go unseen."""
        wake = await self._store.next_wake()
        most = self._settings.poll_seconds
        return most if wake is None else min(max((wake - self._clock.now()).total_seconds(), 0.0), most)

    async def _advance(self, claim: str, schedule: Schedule) -> int:
        """Do what one schedule asks for; what goes wrong with it concerns no other."""
        decision: Decision | None = None
        runs: list[tuple[datetime, RunId]] = []
        try:
            decision = decide(schedule, self._clock.now(), is_busy=await self._is_busy(schedule), grace=self._grace)
            await self._carry_out(schedule, decision, runs)
            progress = _noted(decision, is_fired=bool(runs))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is logged, noted down and tried again
            progress = self._after(error, schedule, decision)
        await self._store.settle(claim, schedule, progress, runs)
        return len(runs)

    async def _is_busy(self, schedule: Schedule) -> bool:
        last = schedule.progress.last_run
        if schedule.rules.overlap == "allow" or last is None:
            return False
        return await self._runs.is_running(schedule.tenant, last)

    async def _carry_out(self, schedule: Schedule, decision: Decision, runs: list[tuple[datetime, RunId]]) -> None:
        last = schedule.progress.last_run
        if decision.cancels and last is not None:
            await self._runs.cancel(schedule.tenant, last)
        for firing in decision.fire:
            run = await submitted(self._runs, job_of(schedule, firing, f"{micros(firing)}"))
            runs.append((firing, run))

    def _after(self, error: Exception, schedule: Schedule, decision: Decision | None) -> Progress:
        """Return where a schedule stands after an error: past its firings if what was handed in is wrong."""
        facts = {"tenant": schedule.tenant, "schedule": schedule.id}
        _LOG.warning("A schedule could not fire: %r", error, extra=facts, exc_info=not isinstance(error, MuelleError))
        known = error if isinstance(error, MuelleError) else MuelleError()
        problem = f"{known.code}: {known}"[:1000]
        if decision is None or not isinstance(error, _FOR_GOOD):
            return schedule.at(wake_at=self._clock.now() + _RETRY, problem=problem).progress
        return schedule.with_(progress=decision.progress).at(problem=problem).progress


def _noted(decision: Decision, *, is_fired: bool) -> Progress:
    """Return progress with why something was passed over; what was a problem before stays until something fires."""
    problem = _WHY.get(decision.passed_over, "")
    if not is_fired and decision.passed_over != "overlap":
        problem = decision.progress.problem or problem
    return msgspec.structs.replace(decision.progress, problem=problem)


def job_of(schedule: Schedule, at: datetime, key: str) -> Job:
    """Return the job of one firing; `key` tells it from the schedule's others."""
    template = schedule.template
    return Job(
        tenant=schedule.tenant,
        principal=schedule.principal,
        kind=template.kind,
        name=template.name,
        payload=template.payload,
        plan=template.plan,
        document=template.document,
        queue=template.queue,
        priority=template.priority,
        deadline=at + timedelta(seconds=template.deadline) if template.deadline else None,
        cause=schedule.cause,
        idempotency_key=f"{schedule.cause}:{key}",
    )


async def submitted(runs: Runs, job: Job) -> RunId:
    """Return the run of a job; one that was submitted before what is run was changed is a run all the same."""
    try:
        return (await runs.submit(job)).run
    except Conflict as error:
        run = error.facts.get("execution")
        if not isinstance(run, str):
            raise
        return RunId(run)
