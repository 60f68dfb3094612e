"""Concurrency keys, rate keys, priorities and fair shares: who may begin now, on every database."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from engine.job_world import LEASE, NOW, OTHER, TENANT, WHO, Busy, Copy, Process, World, job, until
from muelle.core import TenantId
from muelle.engine import InvalidJob, JobStep, Order
from muelle.stores import Database, StoresSettings
from muelle.stores.adapters.memory import MemoryDatabase

TWO = Order(concurrency_key="printer", concurrency=2)
THREE_A_MINUTE = Order(rate_key="api", rate=3, rate_seconds=60)


@pytest.fixture
def world(every_database: Database) -> World:
    return World(every_database)


class Gates:
    """Jobs that go on until they are let go."""

    def __init__(self, world: World) -> None:
        self.gate = asyncio.Event()
        self.kind = job(world, self._wait)

    async def _wait(self, _: Copy, __: JobStep) -> None:
        await self.gate.wait()


async def free(world: World) -> int:
    """Return how many jobs are ready and nobody's."""
    ((count,),) = await world.fetch("SELECT count(*) FROM jobs WHERE worker IS NULL AND state = 'ready'")
    return int(count)


async def test_a_concurrency_key_lets_begin_as_many_as_it_says_and_not_one_more(world: World) -> None:
    gates = Gates(world)
    process = world.process(gates.kind)
    for _ in range(5):
        await process.submit(order=TWO)

    assert len(await process.look()) == 2
    assert len(await process.look()) == 2
    assert await free(world) == 3
    gates.gate.set()
    await process.work()
    assert await world.fetch("SELECT count(*) FROM jobs") == [(0,)]


async def test_a_concurrency_key_holds_across_workers(world: World) -> None:
    gates = Gates(world)
    first, second = world.process(gates.kind), world.process(gates.kind)
    for _ in range(5):
        await first.submit(order=TWO)

    held = await asyncio.gather(first.look(), second.look())

    assert sum(map(len, held)) == 2
    gates.gate.set()
    await first.work()
    await second.work()


async def test_keys_of_one_name_are_of_their_tenant(world: World) -> None:
    gates = Gates(world)
    process = world.process(gates.kind)
    for tenant in (TENANT, OTHER) * 3:
        await process.submit(order=TWO, tenant=tenant)

    assert len(await process.look()) == 4
    await process.die()


async def test_a_place_of_a_key_is_free_again_when_its_worker_dies(world: World) -> None:
    gates = Gates(world)
    first, second = world.process(gates.kind), world.process(gates.kind)
    for _ in range(3):
        await first.submit(order=TWO)
    assert len(await first.look()) == 2
    assert await second.look() == []
    await first.die()
    world.clock.forward(seconds=LEASE + 1)
    await second.engine.reap()

    second.engine.lease.drop(second.engine.lease.worker or "")  # its own lease is over, too
    assert len(await second.look()) == 2
    await second.die()


async def test_a_job_that_rests_holds_no_place_of_its_key(world: World) -> None:
    async def rest(_: Copy, step: JobStep) -> None:
        await step.rest(600)

    process = world.process(job(world, rest))
    runs = [await process.submit(order=Order(concurrency_key="one", concurrency=1)) for _ in range(2)]

    await process.work()

    assert [await process.status(run) for run in runs] == ["waiting", "waiting"]


async def test_a_keyed_job_that_is_run_now_waits_for_its_place_too(world: World) -> None:
    gates = Gates(world)
    worker, door = world.process(gates.kind), world.process(gates.kind)
    one = Order(concurrency_key="one", concurrency=1)
    first = await worker.submit(order=one)
    await worker.look()
    waiting = asyncio.create_task(door.jobs.run(TENANT, WHO, "copy", {}, one))
    await until(lambda: bool(door.engine._waiters._waiting))
    assert door.engine.held == {}

    gates.gate.set()
    await worker.work()
    assert await asyncio.wait_for(waiting, 10) is None
    assert await worker.status(first) == "success"


async def test_a_rate_key_lets_begin_as_many_as_it_says_and_not_one_more(world: World) -> None:
    process = world.process(job(world))
    for _ in range(7):
        await process.submit(order=THREE_A_MINUTE)

    done = []
    for _ in range(3):
        await process.work()
        done.append(len(world.did))
        world.clock.forward(seconds=60)

    assert done == [3, 6, 7]


async def test_those_whose_rate_is_used_up_sleep_until_it_is_renewed(world: World) -> None:
    process = world.process(job(world))
    for _ in range(5):
        await process.submit(order=THREE_A_MINUTE)

    await process.work()

    assert await free(world) == 0
    assert (await process.queue.look(("default",))).wake == 60
    world.clock.forward(seconds=59)
    await process.work()
    assert len(world.did) == 3


async def test_a_job_that_is_tried_again_counts_against_its_rate(world: World) -> None:
    async def fail(_: Copy, __: JobStep) -> None:
        world.did.append("tried")
        raise Busy

    process = world.process(job(world, fail, attempts=9, pause_seconds=1))
    await process.submit(order=THREE_A_MINUTE)
    for _ in range(30):
        await process.work()
        world.clock.forward(seconds=1)
    assert len(world.did) == 3

    world.clock.forward(seconds=30)
    await process.work()
    assert len(world.did) == 4


async def test_a_job_that_is_taken_over_counts_against_its_rate(world: World) -> None:
    gates = Gates(world)
    first, second = world.process(gates.kind), world.process(gates.kind)
    for _ in range(3):
        await first.submit(order=THREE_A_MINUTE)
    assert len(await first.look()) == 3
    await first.die()
    world.clock.forward(seconds=LEASE + 1)

    assert await second.engine.reap() == 3
    assert await second.look() == []
    world.clock.forward(seconds=60)
    second.engine.lease.drop(second.engine.lease.worker or "")
    assert len(await second.look()) == 3
    await second.die()


async def test_a_rate_key_is_paused_for_as_long_as_is_said(world: World) -> None:
    process = world.process(job(world))
    await process.jobs.pause_rate(TENANT, "api", 90)
    await process.submit(order=THREE_A_MINUTE)
    await process.submit(order=THREE_A_MINUTE, tenant=OTHER)
    await process.submit()

    await process.work()
    assert len(world.did) == 2
    world.clock.forward(seconds=89)
    await process.work()
    assert len(world.did) == 2
    world.clock.forward(seconds=1)
    await process.work()
    assert len(world.did) == 3


async def test_a_pause_can_be_ended_and_wakes_those_who_found_it(world: World) -> None:
    process = world.process(job(world))
    await process.jobs.pause_rate(TENANT, "api", 3600)
    await process.submit(order=THREE_A_MINUTE)
    later = await process.submit(
        order=Order(rate_key="api", rate=3, rate_seconds=60, run_at=world.clock.now() + timedelta(seconds=60))
    )
    await process.work()

    await process.jobs.pause_rate(TENANT, "api", 0)
    await process.work()

    assert len(world.did) == 1
    assert await process.status(later) == "queued"


@pytest.mark.parametrize(
    ("key", "seconds", "field"),
    [("", 1, "key"), ("k" * 256, 1, "key"), ("k", -1, "seconds"), ("k", 2592001, "seconds")],
)
async def test_a_pause_that_cannot_be_names_the_field(key: str, seconds: float, field: str) -> None:
    process = World(MemoryDatabase(StoresSettings())).process()

    with pytest.raises(InvalidJob) as error:
        await process.jobs.pause_rate(TENANT, key, seconds)

    assert error.value.facts["field"] == field


@pytest.mark.parametrize("asked", [30, 30.0, "30"])
async def test_an_error_with_retry_after_pauses_the_rate_key_of_its_job(world: World, asked: Any) -> None:
    async def fail_first(payload: Copy, __: JobStep) -> None:
        world.did.append(payload.note)
        if len(world.did) == 1:
            raise Busy(retry_after=asked)

    process = world.process(job(world, fail_first, pause_seconds=1))
    await process.submit(order=Order(rate_key="api", rate=1, rate_seconds=0.5), note="first")
    await process.work()
    await process.submit(order=Order(rate_key="api", rate=100, rate_seconds=60), note="second")
    world.clock.forward(seconds=29)
    await process.work()
    assert world.did == ["first"]

    world.clock.forward(seconds=1)
    await process.work()
    world.clock.forward(seconds=1)
    await process.work()
    assert sorted(world.did) == ["first", "first", "second"]


async def test_an_error_with_retry_after_is_heeded_without_a_rate_key(world: World) -> None:
    async def fail_first(_: Copy, __: JobStep) -> None:
        world.did.append("tried")
        if len(world.did) == 1:
            raise Busy(retry_after=30)

    process = world.process(job(world, fail_first, pause_seconds=1))
    await process.submit()
    await process.work()
    world.clock.forward(seconds=29)
    await process.work()
    assert world.did == ["tried"]

    world.clock.forward(seconds=1)
    await process.work()
    assert world.did == ["tried", "tried"]


@pytest.mark.parametrize("asked", [None, -1, 0, "Wed, 21 Oct 2026 07:28:00 GMT", [], float("nan")])
async def test_what_is_no_number_of_seconds_asks_for_nothing(asked: Any) -> None:
    from muelle.engine.attempt import patience  # noqa: PLC0415 - inner

    assert patience(Busy(retry_after=asked)) == 0


async def test_a_longer_pause_is_not_cut_short_by_a_shorter_wish(world: World) -> None:
    process = world.process(job(world))
    run = await process.submit(order=THREE_A_MINUTE)
    for seconds in (60, 10):
        await process.engine.requests.note_failure((TENANT, run), b"{}", seconds)

    world.clock.forward(seconds=10)
    await process.work()

    assert world.did == []


async def test_what_is_more_urgent_goes_first_and_otherwise_what_came_first(world: World) -> None:
    async def note(payload: Copy, __: JobStep) -> None:
        world.did.append(payload.note)

    process = world.process(job(world, note, priority=4), concurrency=1, tenant_share=1.0)
    for number, priority in enumerate([5, 3, 1, 3, None, 1]):
        await process.submit(order=Order(priority=priority), note=f"{number} at {priority}")
        world.clock.forward(seconds=1)

    await process.work()

    assert world.did == ["2 at 1", "5 at 1", "1 at 3", "3 at 3", "4 at None", "0 at 5"]


async def test_one_job_of_a_quiet_tenant_is_in_the_next_claim_beside_a_flood(world: World) -> None:
    gates = Gates(world)
    process = world.process(gates.kind, concurrency=8)
    for _ in range(200):
        await process.submit()
    assert await process.look()
    quiet = await process.submit(tenant=OTHER)

    assert quiet in await process.look()
    await process.die()


async def test_no_tenant_holds_more_than_its_share_of_the_places(world: World) -> None:
    gates = Gates(world)
    process = world.process(gates.kind, concurrency=8, tenant_share=0.5)
    for _ in range(20):
        await process.submit()

    assert len(await process.look()) == 4
    assert len(await process.look()) == 4
    for _ in range(20):
        await process.submit(tenant=OTHER)
    assert len(await process.look()) == 8
    await process.die()


async def test_tenants_take_turns_over_claims(world: World) -> None:
    gates = Gates(world)
    tenants = [TenantId(f"tenant_{number}") for number in range(6)]
    process = world.process(gates.kind, concurrency=2, tenant_share=0.5)
    for tenant in tenants:
        for _ in range(5):
            await process.submit(tenant=tenant)

    served: set[str] = set()
    for _ in range(3):
        await process.look()
        served |= {tenant for tenant, _ in process.engine.held}
        gates.gate.set()
        await until(lambda: not process.engine.held)
        gates.gate = asyncio.Event()

    assert len(served) == 6
    await process.die()


@pytest.fixture
async def two_on_postgres(postgres_url: str) -> AsyncIterator[tuple[Process, Process]]:
    from muelle.stores import migrate  # noqa: PLC0415 - beside its driver
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

    async with open_postgres(postgres_url) as one, open_postgres(postgres_url) as other:
        await migrate(one)
        world = World(one)
        kind = job(world)
        yield world.process(kind, concurrency=16), world.process(kind, database=other, concurrency=16)


async def test_workers_that_claim_keyed_jobs_at_once_do_not_block_each_other(
    two_on_postgres: tuple[Process, Process],
) -> None:
    first, second = two_on_postgres
    orders = [
        Order(concurrency_key=f"c{number}", concurrency=1, rate_key=f"r{-number}", rate=2, rate_seconds=1)
        for number in range(8)
    ]
    await asyncio.gather(*(first.submit(order=order) for _ in range(8) for order in orders))

    async with asyncio.timeout(30):
        for _ in range(8):
            await asyncio.gather(first.work(), second.work())
            first.world.clock.forward(seconds=1)

    assert len(first.world.did) == 64


async def test_a_flood_of_two_thousand_holds_nobody_up() -> None:
    from muelle.stores import open_memory  # noqa: PLC0415 - only here

    async with open_memory() as database:
        world = World(database)
        gates = Gates(world)
        process = world.process(gates.kind)
        await asyncio.gather(*(process.submit() for _ in range(2_000)))
        await process.look()
        quiet = await process.submit(order=NOW, tenant=OTHER)

        assert quiet in await process.look()
        assert len(process.engine.held) == 97  # three quarters of 128, and the quiet one
        await process.die()
