"""Schedules on the engine itself: a firing is a run that ends, and the next one knows of it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Literal

import pytest

from engine.schedule_world import OWNER, Trail, draft
from muelle.core import Forbidden, Ids, ManualClock, NoMetrics, RunId
from muelle.engine import Engine, EngineSettings, Held, Job, Queue, SqlJournal, Work
from muelle.engine.model import RunFinished
from muelle.engine.schedules import EngineRuns, ScheduleId, open_schedules
from muelle.engine.schedules.runs import Authorise, by_anybody
from muelle.stores import MemoryBlobs, MemoryDatabase, open_memory

NIGHTLY = ScheduleId("nightly")


class Installation:
    """An engine whose runs go on until `done` is set, and schedules on it."""

    def __init__(self, database: MemoryDatabase) -> None:
        self.clock = ManualClock()
        ids, journal = Ids(self.clock), SqlJournal(database, MemoryBlobs())
        settings = EngineSettings(drain_seconds=0)
        self.engine = Engine(Queue(database, self.clock), journal, self.clock, ids, NoMetrics(), settings)
        self.engine.register("workflow", self._handle)
        self.runs = EngineRuns(self.engine)
        self.open(by_anybody)
        self.engine.queues = ("default",)  # it takes what is submitted at once
        self.done = asyncio.Event()
        self.is_cancelled = False

    def open(self, authorise: Authorise) -> None:
        self.schedules, self.recurring = open_schedules(self.engine, Trail(), authorise=authorise)

    async def _handle(self, work: Work, held: Held) -> str:
        held.attach(self)
        await self.done.wait()
        end = RunFinished(
            run=work.run,
            tenant=work.tenant,
            status="cancelled" if self.is_cancelled else "success",
            at=self.clock.now(),
            took=0,
            succeeded=0,
            failed=0,
            skipped=0,
            error=None,
        )
        await self.engine.journal.append([end], lease=held.lease)
        return "result"

    def cancel(self) -> None:
        self.is_cancelled = True
        self.done.set()

    def pause(self, status: Literal["paused", "queued"]) -> None:
        assert status == "queued"  # the installation closes
        self.done.set()

    def nudge(self) -> None:
        raise AssertionError

    async def end(self, run: RunId) -> None:
        """Let a run end, and wait until it has."""
        self.done.set()
        await self.engine.wait(OWNER.tenant, run, 5)
        self.done.clear()

    async def tick(self) -> None:
        """Let a minute pass, and do what a worker does again and again."""
        self.clock.forward(minutes=1)
        await self.recurring.verb()

    async def last_run(self) -> RunId:
        last = (await self.schedules.show(OWNER, NIGHTLY)).progress.last_run
        assert last is not None
        return last


@pytest.fixture
async def installation() -> AsyncIterator[Installation]:
    async with open_memory() as database:
        installation = Installation(database)
        yield installation
        await installation.engine.drain()


async def test_a_firing_is_a_run_whose_cause_is_the_schedule(installation: Installation) -> None:
    await installation.schedules.create(OWNER, draft())
    await installation.tick()
    run = await installation.last_run()

    await installation.end(run)

    page = await installation.schedules.history(OWNER, NIGHTLY)
    assert [(found.run, found.workflow, found.status) for found in page.runs] == [(run, "report", "success")]


async def test_a_firing_is_skipped_while_the_run_before_goes_on_and_made_when_it_has_ended(
    installation: Installation,
) -> None:
    await installation.schedules.create(OWNER, draft(overlap="skip"))
    await installation.tick()
    first = await installation.last_run()

    await installation.tick()
    assert await installation.last_run() == first
    await installation.end(first)
    await installation.tick()
    assert await installation.last_run() != first


async def test_a_firing_cancels_the_run_before_in_the_engine(installation: Installation) -> None:
    await installation.schedules.create(OWNER, draft(overlap="cancel"))
    await installation.tick()
    first = await installation.last_run()

    await installation.tick()

    await installation.engine.wait(OWNER.tenant, first, 5)
    record = await installation.engine.journal.run(OWNER.tenant, first)
    assert record is not None
    assert record.status == "cancelled"


async def test_to_cancel_what_has_ended_or_never_was_is_no_error(installation: Installation) -> None:
    await installation.schedules.create(OWNER, draft())
    await installation.tick()
    run = await installation.last_run()
    await installation.end(run)

    for gone in (run, RunId("run_0")):
        await installation.runs.cancel(OWNER.tenant, gone)
        assert not await installation.runs.is_running(OWNER.tenant, gone)


async def test_what_its_principal_may_not_have_any_more_is_not_handed_in(installation: Installation) -> None:
    async def refuse(job: Job) -> None:
        raise Forbidden(principal=job.principal)

    installation.open(refuse)
    await installation.schedules.create(OWNER, draft())

    await installation.tick()

    shown = await installation.schedules.show(OWNER, NIGHTLY)
    assert shown.progress.problem.startswith("forbidden")
    assert shown.progress.last_run is None
