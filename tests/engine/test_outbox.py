"""Events on their way out: in order, at least once, and none lost, on every database."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import pytest

from engine.job_world import TENANT, Counters, Process, World, job
from muelle.core import RunId
from muelle.engine import EventRaised, Outbox, StoredEvent
from muelle.engine.stores.outbox import raised_since
from muelle.stores import Database, DatabaseUnreachable, migrate

WRITERS = 8
EACH = 40
_EVENT = "INSERT INTO events (id, tenant, type, source, subject, at, data) VALUES (?, 't', 'k', 's', 'j', 0, ?)"


@pytest.fixture
def world(every_database: Database) -> World:
    return World(every_database)


class Ear:
    """A consumer that remembers what it heard, and fails as often as it is told to."""

    def __init__(self, *faults: Exception) -> None:
        self.heard: list[str] = []
        self._faults = list(faults)

    async def __call__(self, events: Sequence[StoredEvent]) -> None:
        if self._faults:
            raise self._faults.pop(0)
        self.heard += [event.id for event in events]


async def outbox_of(process: Process, **consumers: Ear) -> Outbox:
    outbox = Outbox(process.queue, process.metrics)
    for name, consumer in consumers.items():
        outbox.register(name, consumer)
    await outbox.begin()
    return outbox


async def say(process: Process, *ids: str, run: str = "run_1") -> None:
    """Raise events in one commit."""
    clock = process.engine.clock
    events = [
        EventRaised(
            run=RunId(run),
            tenant=TENANT,
            id=identity,
            type="said",
            source=f"/runs/{run}",
            subject="it",
            at=clock.now(),
            data=b'{"a":1}',
        )
        for identity in ids
    ]
    await process.journal.append(events)


async def test_a_consumer_hears_everything_in_order_and_once_where_nothing_fails(world: World) -> None:
    process, ear = world.process(), Ear()
    outbox = await outbox_of(process, ear=ear)
    await say(process, "1", "2")
    await say(process, "3")

    assert await outbox.deliver("worker_1") == 3
    assert await outbox.deliver("worker_1") == 0
    assert ear.heard == ["1", "2", "3"]
    assert process.metrics.counts["muelle_engine_events_total", "ear"] == 3


async def test_an_event_is_handed_on_as_it_was_raised(world: World) -> None:
    process, heard = world.process(), list[StoredEvent]()
    outbox = Outbox(process.queue, Counters())

    async def listen(events: Sequence[StoredEvent]) -> None:
        heard.extend(events)

    outbox.register("ear", listen)
    await outbox.begin()
    await say(process, "1", "2")
    await outbox.deliver("worker_1")

    first, second = heard
    assert (first.id, first.tenant, first.type, first.source) == ("1", TENANT, "said", "/runs/run_1")
    assert (first.subject, first.at, first.data) == ("it", world.clock.now(), b'{"a":1}')
    assert first.position != second.position
    assert [event.id for event in await raised_since(world.database, TENANT, world.clock.now())] == ["1", "2"]


async def test_more_than_fit_at_once_come_in_several_parts(world: World) -> None:
    process, ear = world.process(), Ear()
    outbox = await outbox_of(process, ear=ear)
    ids = [str(number) for number in range(501)]
    await say(process, *ids)

    assert [await outbox.deliver("worker_1") for _ in range(3)] == [500, 1, 0]
    assert ear.heard == ids


async def test_a_consumer_that_is_new_begins_now(world: World) -> None:
    process, old, new = world.process(), Ear(), Ear()
    await outbox_of(process, old=old)
    await say(process, "before")
    outbox = await outbox_of(process, old=old, new=new)
    await say(process, "after")

    await outbox.deliver("worker_1")

    assert (old.heard, new.heard) == (["before", "after"], ["after"])


@pytest.mark.parametrize("fault", [DatabaseUnreachable(), ZeroDivisionError()])
async def test_a_consumer_that_fails_hears_it_again_and_holds_nobody_up(world: World, fault: Exception) -> None:
    process, bad, good = world.process(), Ear(fault), Ear()
    outbox = await outbox_of(process, bad=bad, good=good)
    await say(process, "1", "2")

    assert await outbox.deliver("worker_1") == 2
    assert (bad.heard, good.heard) == ([], ["1", "2"])
    assert await outbox.deliver("worker_1") == 2
    assert (bad.heard, good.heard) == (["1", "2"], ["1", "2"])


async def test_what_a_worker_that_died_was_handing_on_comes_again_from_another_one(world: World) -> None:
    process, ear = world.process(), Ear()
    outbox = await outbox_of(process, ear=ear)
    await say(process, "1")
    await outbox._hold("worker_1", "ear")  # and then it dies

    assert await outbox.deliver("worker_2") == 0
    world.clock.forward(seconds=31)
    assert await outbox.deliver("worker_2") == 1
    assert ear.heard == ["1"]


async def test_a_worker_that_was_too_slow_does_not_move_the_cursor_of_another_one(world: World) -> None:
    process, ear = world.process(), Ear()
    outbox = await outbox_of(process, ear=ear)
    await say(process, "1")
    late = await outbox._hold("worker_1", "ear")
    assert late is not None
    world.clock.forward(seconds=31)
    await outbox.deliver("worker_2")

    await outbox._release("worker_1", "ear", late)
    await say(process, "2")
    await outbox.deliver("worker_2")

    assert ear.heard == ["1", "2"]


async def test_the_end_of_a_job_is_told(world: World) -> None:
    process, ear = world.process(job(world)), Ear()
    outbox = await outbox_of(process, ear=ear)
    run = await process.submit()
    await process.work()

    await outbox.deliver("worker_1")

    assert ear.heard == [f"{run}:finished"]


async def test_an_event_whose_commit_is_late_is_not_passed_over(postgres_url: str) -> None:
    async with databases(postgres_url, 1) as (database,):
        process, ear = World(database).process(), Ear()
        outbox = await outbox_of(process, ear=ear)
        async with database.transaction(alone=False) as late:
            await late.execute(_EVENT, "late", b"{}")
            await say(process, "early")
            assert await outbox.deliver("worker_1") == 0  # what is before it may still come

        while len(ear.heard) < 2:
            await outbox.deliver("worker_1")
        assert ear.heard == ["late", "early"]


async def test_transactions_are_counted_as_numbers(postgres_url: str) -> None:
    async with databases(postgres_url, 1) as (database,):
        process, ear = World(database).process(), Ear()
        outbox = await outbox_of(process, ear=ear)
        async with database.transaction() as transaction:
            await transaction.execute("UPDATE cursors SET xid = '0'")
            for number in (100, 9, 10, 99):
                await transaction.execute(_EVENT, str(number), b"{}")
                await transaction.execute(
                    "UPDATE events SET xid = CAST(CAST(? AS TEXT) AS xid8) WHERE id = ?", str(number), str(number)
                )

        await outbox.deliver("worker_1")

    assert ear.heard == ["9", "10", "99", "100"]


async def test_eight_writers_at_once_lose_nothing_and_each_keeps_its_order(postgres_url: str) -> None:
    async with databases(postgres_url, 3) as opened:
        ear = Ear()
        outbox = await outbox_of(World(opened[0]).process(), ear=ear)
        writing = [
            asyncio.create_task(write(database, f"w{number}"))
            for number, database in zip(range(WRITERS), itertools.cycle(opened), strict=False)
        ]
        async with asyncio.timeout(60):
            while len(ear.heard) < WRITERS * EACH:
                await outbox.deliver("worker_1")
                await asyncio.sleep(0)
        await asyncio.gather(*writing)

    assert len(ear.heard) == len(set(ear.heard)) == WRITERS * EACH
    for number in range(WRITERS):
        own = [identity for identity in ear.heard if identity.startswith(f"w{number}/")]
        assert own == [f"w{number}/{count}" for count in range(EACH)]


async def write(database: Database, name: str) -> None:
    """Raise events one by one, each in a transaction that stays open while others commit."""
    for count in range(EACH):
        async with database.transaction(alone=False) as transaction:
            await transaction.execute(_EVENT, f"{name}/{count}", b"{}")
            await asyncio.sleep(0.001 * ((count * 7 + len(name)) % 4))  # others commit meanwhile, in another order


@asynccontextmanager
async def databases(url: str, times: int) -> AsyncIterator[list[Database]]:
    """Open a server's database so many times, as so many processes do."""
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

    async with AsyncExitStack() as stack:
        opened: list[Database] = [await stack.enter_async_context(open_postgres(url)) for _ in range(times)]
        await migrate(opened[0])
        yield opened
