"""Jobs of packs and applications: handed in, done, asked for, on every database."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from engine.job_world import OTHER, TENANT, WHO, Copy, World, job, until
from muelle.core import ManualClock
from muelle.engine import (
    IdempotencyConflict,
    InvalidJob,
    JobStep,
    Order,
    RunEnded,
    UnknownRun,
)
from muelle.engine.order import check_order
from muelle.stores import Database


@pytest.fixture
def world(every_database: Database) -> World:
    return World(every_database)


async def test_a_job_is_run_now_and_its_result_returned(world: World) -> None:
    process = await world.process(job(world)).enter()

    assert await process.jobs.run(TENANT, WHO, "copy", {"pages": 2}) == ["page 0", "page 1"]
    assert world.did == ["page 0", "page 1"]


async def test_a_job_is_run_now_where_no_worker_is(world: World) -> None:
    process = world.process(job(world))

    assert await process.jobs.run(TENANT, WHO, "copy", {"pages": 1}) == ["page 0"]


async def test_a_job_is_handed_in_and_done_by_another_process(world: World) -> None:
    door, worker = world.process(job(world)), world.process(job(world))
    run = await door.submit(pages=1)
    assert await door.status(run) == "queued"

    await worker.work()

    assert await door.jobs.result(TENANT, run) == ["page 0"]
    record = await door.record(run)
    assert (record.status, record.kind, record.workflow, record.principal) == ("success", "copy", "copy", WHO)


async def test_a_job_sleeps_until_its_time(world: World) -> None:
    process = world.process(job(world))
    run = await process.submit(order=Order(run_at=world.clock.now() + timedelta(seconds=60)))
    world.clock.forward(seconds=59)
    await process.work()
    assert (await process.status(run), world.did) == ("queued", [])

    world.clock.forward(seconds=1)
    await process.work()

    assert await process.status(run) == "success"


async def test_the_history_of_a_job_has_its_runs_alone_newest_first(world: World) -> None:
    process = world.process(job(world), job(world, name="other"))
    runs = []
    for name in ("copy", "other", "copy"):
        runs.append(await process.submit(name))
        world.clock.forward(seconds=1)

    first = await process.jobs.history(TENANT, "copy", limit=1)
    second = await process.jobs.history(TENANT, "copy", limit=1, cursor=first.cursor)

    assert [record.run for record in (*first.runs, *second.runs)] == [runs[2], runs[0]]
    assert second.cursor is None
    assert (await process.jobs.history(OTHER, "copy")).runs == ()


async def test_a_job_that_waits_its_turn_is_cancelled_without_being_begun(world: World) -> None:
    process = world.process(job(world))
    run = await process.submit()

    await process.jobs.cancel(TENANT, run)
    await process.work()

    assert (await process.status(run), world.did) == ("cancelled", [])
    with pytest.raises(RunEnded):
        await process.jobs.cancel(TENANT, run)


async def test_a_running_job_is_cancelled_and_may_clean_up(world: World) -> None:
    async def wait(_: Copy, __: JobStep) -> None:
        try:
            world.did.append("began")
            await asyncio.Event().wait()
        finally:
            world.did.append("cleaned up")

    process = world.process(job(world, wait))
    run = await process.submit()
    await process.look()
    await until(lambda: world.did == ["began"])

    await process.jobs.cancel(TENANT, run)
    await process.engine.beat()  # tells it again
    await process.work()

    assert (await process.status(run), world.did) == ("cancelled", ["began", "cleaned up"])


async def test_a_job_that_runs_elsewhere_is_cancelled_at_the_next_beat(world: World) -> None:
    async def wait(_: Copy, __: JobStep) -> None:
        await asyncio.Event().wait()

    door, worker = world.process(job(world, wait)), world.process(job(world, wait))
    run = await door.submit()
    await worker.look()

    await door.jobs.cancel(TENANT, run)
    await worker.engine.beat()
    await worker.work()

    assert await door.status(run) == "cancelled"


async def test_a_payload_that_does_not_fit_names_the_field(world: World) -> None:
    process = world.process(job(world))
    wrong: dict[str, list[Any]] = {
        "payload.pages": [{"pages": "many"}],
        "payload.colour": [{"pages": 1, "colour": "red"}],
        "payload.note": [{"note": {1, 2}}],
        "payload": [[], {"note": object()}, {"note": "\ud800"}],
    }
    for field, payload in [(field, payload) for field, payloads in wrong.items() for payload in payloads]:
        with pytest.raises(InvalidJob) as error:
            await process.jobs.submit(TENANT, WHO, "copy", payload)
        assert error.value.facts["field"] == field
    assert await world.fetch("SELECT run FROM runs") == []


async def test_a_job_that_nobody_knows_is_refused_with_those_that_there_are(world: World) -> None:
    process = world.process(job(world), job(world, name="other"))

    with pytest.raises(InvalidJob) as error:
        await process.submit("copie")

    assert error.value.facts == {"field": "name", "known": ["copy", "other"]}


def test_two_jobs_of_one_name_are_refused(every_database: Database) -> None:
    world = World(every_database)

    with pytest.raises(InvalidJob):
        world.process(job(world), job(world))


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"priority": 0}, "priority"),
        ({"priority": 6}, "priority"),
        ({"key": "k" * 256}, "key"),
        ({"concurrency_key": "k\0", "concurrency": 1}, "concurrency_key"),
        ({"concurrency_key": "k"}, "concurrency"),
        ({"concurrency": 1}, "concurrency_key"),
        ({"concurrency_key": "k", "concurrency": 100_001}, "concurrency"),
        ({"rate_key": "k", "rate_seconds": 1}, "rate"),
        ({"rate_key": "k", "rate": 1}, "rate_seconds"),
        ({"rate_key": "k", "rate": 1, "rate_seconds": 30 * 86_400 + 1}, "rate_seconds"),
        ({"rate": 1}, "rate_key"),
        ({"deadline": timedelta(0)}, "deadline"),
        ({"deadline": timedelta(hours=1), "run_at": timedelta(hours=1)}, "deadline"),
        ({"run_at": timedelta(days=366, microseconds=1)}, "run_at"),
        ({"run_at": datetime(2027, 1, 1)}, "run_at"),  # noqa: DTZ001 - that is the fault
    ],
)
def test_an_order_that_cannot_be_kept_names_the_field(order: dict[str, Any], field: str) -> None:
    start = ManualClock().now()
    given: dict[str, Any] = {
        name: start + value if isinstance(value, timedelta) else value for name, value in order.items()
    }

    with pytest.raises(InvalidJob) as error:
        check_order(Order(**given), start)

    assert error.value.facts["field"] == field


def test_an_order_at_its_limits_is_kept() -> None:
    now = ManualClock().now()
    keys = Order(key="k" * 255, concurrency_key="k" * 255, concurrency=100_000)
    rates = Order(rate_key="k", rate=100_000, rate_seconds=30 * 86_400, priority=5)
    times = Order(priority=1, run_at=now, deadline=now + timedelta(microseconds=1))
    later = Order(deadline=now + timedelta(days=366))

    for order in (keys, rates, times, later):
        check_order(order, now)


async def test_a_job_is_of_its_tenant_alone(world: World) -> None:
    process = world.process(job(world))
    run = await process.submit()

    jobs = process.jobs
    for verb in (jobs.status, jobs.result, jobs.cancel, jobs.replay, jobs.pause, jobs.resume):
        with pytest.raises(UnknownRun):
            await verb(OTHER, run)


async def test_a_job_of_a_kind_that_is_not_here_is_put_down_and_tried_where_it_is(world: World) -> None:
    knows, knows_not = world.process(job(world)), world.process()
    run = await knows.submit()
    await knows_not.look()
    await until(lambda: not knows_not.engine.held)
    assert await knows.status(run) == "queued"

    world.clock.forward(seconds=1)
    await knows.work()

    assert await knows.status(run) == "success"
    with pytest.raises(InvalidJob):
        await knows_not.submit()


async def test_the_same_idempotency_key_is_the_same_run(world: World) -> None:
    process = world.process(job(world))
    first = await process.jobs.submit(TENANT, WHO, "copy", {"pages": 1}, Order(key="k"))
    again = await process.jobs.submit(TENANT, WHO, "copy", {"pages": 1}, Order(key="k"))

    assert (again.run, first.is_new, again.is_new) == (first.run, True, False)
    assert await process.submit(order=Order(key="k"), tenant=OTHER) != first.run
    with pytest.raises(IdempotencyConflict):
        await process.jobs.submit(TENANT, WHO, "copy", {"pages": 2}, Order(key="k"))


async def test_the_same_key_handed_in_at_once_is_one_run(world: World) -> None:
    process = world.process(job(world))

    runs = await asyncio.gather(*(process.submit(order=Order(key="k")) for _ in range(8)))

    assert len(set(runs)) == 1
    assert await world.fetch("SELECT count(*) FROM runs") == [(1,)]


async def test_who_waits_no_longer_for_a_job_is_not_kept(world: World) -> None:
    async def wait(_: Copy, __: JobStep) -> None:
        world.did.append("began")
        await asyncio.Event().wait()

    process = world.process(job(world, wait))
    waiting = asyncio.create_task(process.jobs.run(TENANT, WHO, "copy", {}))
    await until(lambda: world.did == ["began"])

    waiting.cancel()
    await asyncio.wait([waiting], timeout=5)

    assert waiting.cancelled()
    assert process.engine.held == {}
