"""What a process holds, beside what the queue says that it holds."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest

from muelle.core import Ids, ManualClock, NoMetrics, PrincipalId, RunId, TenantId
from muelle.engine import Engine, EngineSettings, Held, Job, Queue, SqlJournal, Work
from muelle.stores import Database, MemoryBlobs, Row, SqlValue, Statement, Transaction, open_memory

TENANT = TenantId("tenant_1")
JOB = Job(tenant=TENANT, principal=PrincipalId("principal_1"), kind="k", name="n", payload=b"{}")


class SlowToAnswer:
    """A database whose next transaction is committed, and heard of only once the gate is open."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.dialect = database.dialect
        self.gate: asyncio.Event | None = None

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        return await self._database.fetch(sql, *parameters)

    def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> Awaitable[None]:
        return self._database.commit(statements, flush=flush)

    def observe(self, committed: Callable[[int, float], None]) -> None:
        self._database.observe(committed)

    def listen(self, channel: str, heard: Callable[[str], None]) -> AbstractAsyncContextManager[None]:
        return self._database.listen(channel, heard)

    @asynccontextmanager
    async def transaction(self, seconds: float | None = None, *, alone: bool = True) -> AsyncIterator[Transaction]:
        gate, self.gate = self.gate, None
        async with self._database.transaction(seconds, alone=alone) as transaction:
            yield transaction
        if gate is not None:
            await gate.wait()


@pytest.fixture
async def database() -> AsyncIterator[SlowToAnswer]:
    async with open_memory() as opened:
        yield SlowToAnswer(opened)


@pytest.fixture
def engine(database: SlowToAnswer) -> Engine:
    clock = ManualClock()
    journal = SqlJournal(database, MemoryBlobs())
    engine = Engine(Queue(database, clock), journal, clock, Ids(clock), NoMetrics(), EngineSettings(drain_seconds=0))

    async def never(_: Work, __: Held) -> None:
        await asyncio.Event().wait()

    engine.register("k", never)
    return engine


async def test_a_claim_that_is_slow_to_be_heard_of_is_not_given_back_meanwhile(
    engine: Engine, database: SlowToAnswer
) -> None:
    submitted = await engine.submit(JOB)
    worker = await engine.lease.take()
    engine.queues = ("default",)
    database.gate = gate = asyncio.Event()
    claim = asyncio.create_task(engine.claim())
    while not await engine.queue.held(worker):  # noqa: ASYNC110 - the database is the one that knows
        await asyncio.sleep(0)

    await engine.beat()
    await engine.beat()
    assert [row[1] for row in await engine.queue.held(worker)] == [submitted.run]
    gate.set()
    assert await claim == 1
    await engine.drain()


async def test_what_the_queue_says_we_hold_and_nobody_has_is_given_back_at_the_second_look(engine: Engine) -> None:
    submitted = await engine.submit(JOB)
    worker = await engine.lease.take()
    engine.queues = ("default",)
    await engine.claim()
    engine._give_back(engine.held[TENANT, submitted.run])

    await engine.beat()
    assert len(await engine.queue.held(worker)) == 1
    await engine.beat()
    assert await engine.queue.held(worker) == []


async def test_a_run_that_comes_back_while_it_leaves_memory_takes_one_place(engine: Engine) -> None:
    leaving, back = (Held(TENANT, RunId("run_1"), "worker_1", is_queued=True) for _ in range(2))
    places = engine._left()

    engine._keep(leaving)
    engine._keep(back)
    engine._give_back(leaving)
    assert engine._left() == places - 1
    engine._give_back(back)
    assert engine._left() == places


async def test_what_a_dead_worker_held_is_counted_as_taken_over_and_ready_again(engine: Engine) -> None:
    submitted = [await engine.submit(JOB) for _ in range(5)]
    engine.queues = ("default",)
    assert await engine.claim() == 5
    assert isinstance(engine.clock, ManualClock)
    engine.clock.forward(seconds=engine.settings.lease_seconds + 1)

    assert await engine.reap() == 5
    records = [await engine.journal.run(TENANT, one.run) for one in submitted]
    assert [record.takeovers for record in records if record] == [1] * 5
    assert await engine.claim() == 0  # our own worker is the dead one
    assert await engine.claim() == 5
    await engine.drain()


async def test_a_run_of_which_too_many_workers_died_is_dead(engine: Engine) -> None:
    submitted = await engine.submit(JOB)
    engine.queues = ("default",)
    assert isinstance(engine.clock, ManualClock)
    for _ in range(engine.settings.takeovers):
        while not await engine.claim():
            pass
        engine.clock.forward(seconds=engine.settings.lease_seconds + 1)
        assert await engine.reap() == 1

    record = await engine.journal.run(TENANT, submitted.run)
    assert record is not None
    assert (record.status, record.takeovers) == ("dead", engine.settings.takeovers)
    assert not await engine.claim()
    await engine.drain()
