"""How workers stop, die, are late, and stand beside each other, on every database."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from engine.job_world import LEASE, TENANT, WHO, Copy, World, job, until
from fixtures.databases import Open
from muelle.engine import Gauges, JobFailed, JobStep
from muelle.stores import (
    Database,
    DatabaseUnreachable,
    Row,
    SqlValue,
    Statement,
    StoresSettings,
    Transaction,
    migrate,
    open_memory,
)

AT_ONCE = 40


@pytest.fixture
def world(every_database: Database) -> World:
    return World(every_database)


@pytest.fixture
async def memory() -> AsyncIterator[World]:
    async with open_memory() as database:
        yield World(database)


class Flaky:
    """A database of which somebody has pulled the cable; reading goes on, for who reads is told soon enough."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.is_cut = False

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        return await self._database.fetch(sql, *parameters)

    def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> Awaitable[None]:
        if not self.is_cut:
            return self._database.commit(statements, flush=flush)
        refused: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        refused.set_exception(DatabaseUnreachable())
        return refused

    def observe(self, observer: Callable[[int, float], None]) -> None:
        self._database.observe(observer)

    def listen(self, channel: str, heard: Callable[[str], None]) -> AbstractAsyncContextManager[None]:
        return self._database.listen(channel, heard)

    @asynccontextmanager
    async def transaction(self, seconds: float | None = None, *, alone: bool = True) -> AsyncIterator[Transaction]:
        if self.is_cut:
            raise DatabaseUnreachable
        async with self._database.transaction(seconds, alone=alone) as transaction:
            yield transaction


class Steps:
    """A job of two effects, which can be held up between them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.gate = asyncio.Event()
        self.stored = asyncio.Event()
        self.kind = job(world, self._perform)

    async def _perform(self, _: Copy, step: JobStep) -> str:
        await step.once("first", lambda: self.world.do("first"))
        self.stored.set()
        await self.gate.wait()
        return str(await step.once("second", lambda: self.world.do("second")))


async def test_a_worker_that_stops_lets_its_jobs_come_to_a_steps_end_and_gives_them_back(world: World) -> None:
    steps = Steps(world)
    first, second = world.process(steps.kind), world.process(steps.kind)
    run = await first.submit()
    await first.look()
    await steps.stored.wait()

    draining = asyncio.create_task(first.engine.drain())
    await until(lambda: first.engine.queues == ())
    steps.gate.set()
    await draining

    assert (await second.status(run), first.engine.held, world.did) == ("queued", {}, ["first"])
    await second.work()
    record = await second.record(run)
    assert (record.status, record.takeovers, world.did) == ("success", 0, ["first", "second"])


async def test_a_job_that_comes_to_no_end_is_cut_off_and_given_back_when_its_worker_stops(world: World) -> None:
    steps = Steps(world)
    first, second = world.process(steps.kind, drain_seconds=0), world.process(steps.kind)
    run = await first.submit()
    await first.look()
    await steps.stored.wait()

    await first.engine.drain()

    assert (await second.status(run), first.engine.held) == ("queued", {})
    steps.gate.set()
    await second.work()
    assert (await second.status(run), world.did) == ("success", ["first", "second"])


async def test_a_job_that_ends_while_its_worker_stops_has_ended(world: World) -> None:
    async def last(_: Copy, __: JobStep) -> None:
        world.did.append("began")
        await asyncio.sleep(0)

    process = world.process(job(world, last))
    run = await process.submit()
    await process.look()

    await process.engine.drain()

    assert await process.status(run) == "success"
    assert await world.fetch("SELECT alive FROM workers") == [(0,)]


async def test_a_worker_that_stops_takes_nothing_new(world: World) -> None:
    process = await world.process(job(world)).enter()
    await process.engine.drain()

    run = await process.submit()

    assert (process.engine.held, await process.status(run)) == ({}, "queued")


async def test_workers_loops_claim_and_end_with_their_block(memory: World) -> None:
    process = memory.process(job(memory))
    run = await process.submit()
    async with process.worker.working():
        await process.engine.wait(TENANT, run, 10)
        at_once = await process.jobs.run(TENANT, WHO, "copy", {"pages": 2})
    assert (await process.status(run), at_once) == ("success", ["page 0", "page 1"])
    assert process.engine.queues == ()


async def test_what_many_workers_died_of_is_dead_and_can_be_replayed(world: World) -> None:
    steps = Steps(world)
    last = world.process(steps.kind, takeovers=3)
    run = await last.submit()
    for _ in range(3):
        victim = world.process(steps.kind, takeovers=3)
        assert await victim.look() == [run]
        await victim.die()
        world.clock.forward(seconds=LEASE + 1)
        await last.engine.reap()
    assert await last.status(run) == "dead"
    assert last.metrics.counts["muelle_engine_recovered_total",] == 2
    assert last.metrics.counts["muelle_engine_dead_total",] == 1

    await last.jobs.replay(TENANT, run)
    steps.gate.set()
    await last.work()
    assert (await last.status(run), world.did) == ("success", ["first", "second"])


async def test_who_waits_for_a_job_that_is_given_up_is_told(world: World) -> None:
    async def crash(_: Copy, __: JobStep) -> None:
        raise ZeroDivisionError

    door, worker = world.process(job(world, crash, attempts=1)), world.process(job(world, crash, attempts=1))
    door.engine.queues = ("others",)  # its own worker takes other jobs
    waiting = asyncio.create_task(door.jobs.run(TENANT, WHO, "copy", {}))
    while not await worker.look():  # noqa: ASYNC110 - the other one sets no event
        await asyncio.sleep(0)

    with pytest.raises(JobFailed) as failed:
        await asyncio.wait_for(waiting, 10)
    assert (failed.value.facts["status_of_run"], failed.value.facts["cause"]) == ("dead", "job_crashed")


@pytest.mark.parametrize("beats_before", [0, 1, 7])
async def test_a_lease_that_cannot_be_renewed_is_dropped_before_another_worker_may_take_over(
    world: World, beats_before: int
) -> None:
    steps, flaky = Steps(world), Flaky(world.database)
    cut, other = world.process(steps.kind, database=flaky), world.process(steps.kind)
    await cut.submit()
    await cut.look()
    await steps.stored.wait()
    for _ in range(beats_before):
        world.clock.forward(seconds=cut.engine.lease.pause * 0.97)
        await cut.engine.beat()
    flaky.is_cut = True
    cut_at = world.clock.monotonic()
    world.clock.forward(seconds=0.6)  # that is how long the first attempt takes to fail

    while cut.engine.lease.worker is not None:
        assert await other.engine.reap() == 0
        world.clock.forward(seconds=cut.engine.lease.pause)
        await cut.engine.beat()

    await until(lambda: not cut.engine.held)
    assert world.clock.monotonic() - cut_at == pytest.approx(LEASE)
    assert await other.engine.reap() == 0
    world.clock.forward(seconds=0.001)
    assert await other.engine.reap() == 1
    assert cut.metrics.counts["muelle_engine_leases_lost_total",] == 1


async def test_a_lease_is_renewed_late_but_in_time(world: World) -> None:
    steps, flaky = Steps(world), Flaky(world.database)
    process, other = world.process(steps.kind, database=flaky), world.process(steps.kind)
    await process.submit()
    await process.look()
    await steps.stored.wait()
    flaky.is_cut = True
    world.clock.forward(seconds=LEASE - 0.001)
    await process.engine.beat()
    flaky.is_cut = False
    await process.engine.beat()

    world.clock.forward(seconds=LEASE)
    assert await other.engine.reap() == 0
    assert len(process.engine.held) == 1
    await process.die()


async def test_a_worker_that_was_found_dead_drops_everything_and_begins_anew(world: World) -> None:
    steps = Steps(world)
    late, other = world.process(steps.kind), world.process(steps.kind)
    run = await late.submit()
    await late.look()
    await steps.stored.wait()
    before = late.engine.lease.worker
    world.clock.forward(seconds=LEASE + 1)
    await other.engine.reap()

    await late.engine.beat()
    await until(lambda: not late.engine.held)
    steps.gate.set()
    await late.work()

    assert late.engine.lease.worker not in {before, None}
    assert (await late.status(run), (await late.record(run)).takeovers) == ("success", 1)


async def test_a_database_that_is_gone_for_a_moment_does_not_count_as_the_jobs_failure(world: World) -> None:
    flaky, steps = Flaky(world.database), Steps(world)
    steps.kind = job(world, steps._perform, attempts=1)
    process = world.process(steps.kind, database=flaky)
    run = await process.submit()
    await process.look()
    await steps.stored.wait()
    flaky.is_cut = True
    steps.gate.set()
    await until(lambda: not process.engine.held)
    flaky.is_cut = False

    for _ in range(2):
        await process.engine.beat()  # finds that nobody has it in hand
    await process.work()

    assert (await process.status(run), world.did) == ("success", ["first", "second", "second"])


async def test_a_job_that_hides_that_it_could_not_be_remembered_has_not_succeeded(world: World) -> None:
    flaky = Flaky(world.database)

    async def careless(_: Copy, step: JobStep) -> str:
        flaky.is_cut = len(world.did) == 0
        try:
            await step.once("effect", lambda: world.do("effect"))
        except DatabaseUnreachable:
            return "never mind"
        return "well"

    process = world.process(job(world, careless), database=flaky)
    run = await process.submit()
    await process.look()
    await until(lambda: not process.engine.held)
    flaky.is_cut = False
    for _ in range(2):
        await process.engine.beat()
    await process.work()

    assert await process.jobs.result(TENANT, run) == "well"


async def test_the_gauges_show_what_waits_and_for_how_long_and_who_is_there(world: World) -> None:
    steps = Steps(world)
    process = world.process(steps.kind)
    gauges, shown = Gauges(process.queue, process.metrics), process.metrics.gauges
    for _ in range(3):
        await process.submit()
    world.clock.forward(seconds=7)
    await gauges.measure()
    assert shown["muelle_engine_jobs", "default", "ready"] == 3
    assert (shown["muelle_engine_queue_age_seconds", "default"], shown["muelle_engine_workers",]) == (7, 0)

    await process.look()
    await gauges.measure()
    assert (shown["muelle_engine_jobs", "default", "ready"], shown["muelle_engine_jobs", "default", "held"]) == (0, 3)
    assert (shown["muelle_engine_held_runs",], shown["muelle_engine_workers",]) == (3, 1)
    steps.gate.set()
    await process.work()
    await gauges.measure()
    assert (shown["muelle_engine_jobs", "default", "held"], shown["muelle_engine_held_runs",]) == (0, 0)
    assert shown["muelle_engine_queue_age_seconds", "default"] == 0


async def test_what_the_engine_does_is_counted(world: World) -> None:
    async def rest(_: Copy, step: JobStep) -> None:
        await step.rest(60)

    process = world.process(job(world, rest))
    await process.submit()
    world.clock.forward(seconds=3)
    await process.work()

    counts = process.metrics.counts
    assert counts["muelle_engine_submitted_total", "copy"] == 1
    assert counts["muelle_engine_claimed_total",] == 1
    assert counts["muelle_engine_parked_total",] == 1
    assert process.metrics.gauges["muelle_engine_start_seconds",] == 3


async def test_several_processes_on_one_database_do_each_job_once(opening: Open) -> None:
    async with opening(StoresSettings()) as one, opening(StoresSettings()) as two, opening(StoresSettings()) as three:
        await migrate(one)
        world = World(one)
        processes = [world.process(job(world), database=database, concurrency=8) for database in (one, two, three)]
        runs = await asyncio.gather(*(processes[n % 3].submit(note=str(n)) for n in range(AT_ONCE)))

        await asyncio.gather(*(process.work() for process in processes))

        assert [await processes[0].status(run) for run in runs] == ["success"] * AT_ONCE
        assert len(world.did) == AT_ONCE
        claimed = [process.metrics.counts.get(("muelle_engine_claimed_total",), 0) for process in processes]
        assert sum(claimed) == AT_ONCE


async def test_a_job_that_dies_with_one_process_goes_on_in_another_one(opening: Open) -> None:
    async with opening(StoresSettings()) as one, opening(StoresSettings()) as two:
        await migrate(one)
        world = World(one)
        steps = Steps(world)
        first, second = world.process(steps.kind, database=one), world.process(steps.kind, database=two)
        run = await first.submit()
        await first.look()
        await steps.stored.wait()
        await first.die()
        world.clock.forward(seconds=LEASE + 1)
        steps.gate.set()

        await second.engine.reap()
        await second.work()

        assert (await second.status(run), world.did) == ("success", ["first", "second"])


async def test_a_group_commit_that_is_in_a_deadlock_is_made_again(postgres_url: str) -> None:
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

    put = "UPDATE things SET said = ? WHERE name = ?"
    waits = "SELECT count(*) FROM pg_locks WHERE NOT granted"
    async with open_postgres(postgres_url) as database:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, said TEXT)")
            await transaction.execute("INSERT INTO things VALUES ('a', ''), ('b', '')")
        async with database.transaction(alone=False) as crossing:
            await crossing.execute(put, "crossing", "b")
            committed = asyncio.ensure_future(database.commit([Statement(put, [("commit", "a"), ("commit", "b")])]))
            while not (await database.fetch(waits))[0][0]:
                pass
            await crossing.execute(put, "crossing", "a")  # each waits for the other one now
        await committed

        rows: list[Any] = await database.fetch("SELECT name, said FROM things ORDER BY name")
        assert [tuple(row) for row in rows] == [("a", "commit"), ("b", "commit")]
