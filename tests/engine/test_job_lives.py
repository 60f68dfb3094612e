"""What becomes of a job: failure, rest, death, deadline, pause, on every database."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from engine.job_world import LEASE, TENANT, WHO, Busy, Copy, World, job, until
from muelle.core import Forbidden, Invalid, Unavailable
from muelle.engine import (
    InvalidJob,
    JobFailed,
    JobStep,
    Order,
    RunEnded,
    RunNotDead,
)
from muelle.stores import Database


@pytest.fixture
def world(every_database: Database) -> World:
    return World(every_database)


async def test_a_job_that_fails_is_tried_again_after_pauses_that_double(world: World) -> None:
    times: list[float] = []

    async def fail(_: Copy, __: JobStep) -> None:
        times.append(world.clock.monotonic())
        raise Busy

    process = world.process(job(world, fail, attempts=4, pause_seconds=2))
    run = await process.submit()
    await process.work()
    waiting = await process.record(run)
    assert (waiting.status, b'"code":"busy"' in (waiting.error or b"")) == ("waiting", True)
    for _ in range(20):
        await process.work()
        world.clock.forward(seconds=1)

    assert [time - times[0] for time in times] == [0, 2, 6, 14]
    assert await process.status(run) == "dead"


async def test_a_job_that_is_out_of_attempts_is_dead_with_the_reason(world: World) -> None:
    async def fail(_: Copy, __: JobStep) -> None:
        raise Busy(host="example.test")

    process = await world.process(job(world, fail, attempts=1)).enter()

    with pytest.raises(JobFailed) as failed:
        await process.jobs.run(TENANT, WHO, "copy", {})

    assert failed.value.facts["cause"] == "busy"
    record = await process.record(failed.value.facts["execution"])
    assert (record.status, record.finished) == ("dead", None)
    assert b'"host":"example.test"' in (record.error or b"")
    assert process.metrics.counts["muelle_engine_dead_total",] == 1


async def test_what_a_crash_was_about_stays_in_the_log(world: World, caplog: pytest.LogCaptureFixture) -> None:
    async def crash(_: Copy, __: JobStep) -> None:
        raise ZeroDivisionError("secret")

    process = world.process(job(world, crash, attempts=1))
    run = await process.submit()
    await process.work()

    error = (await process.record(run)).error or b""
    assert b'"code":"job_crashed"' in error
    assert b'"fault":"ZeroDivisionError"' in error
    assert b"secret" not in error
    assert "A job crashed" in caplog.text


class NotSetUp(Unavailable):
    """Nobody has said where it is."""

    recoverable = False


@pytest.mark.parametrize("error", [Forbidden(scope="hosts:call"), NotSetUp()])
async def test_what_somebody_has_to_do_something_about_is_not_tried_again(world: World, error: Exception) -> None:
    async def refuse(_: Copy, __: JobStep) -> None:
        world.did.append("tried")
        raise error

    process = world.process(job(world, refuse))
    run = await process.submit()
    await process.work()

    assert (await process.status(run), world.did) == ("dead", ["tried"])


async def test_what_was_handed_in_wrong_is_not_tried_again(world: World) -> None:
    async def refuse(_: Copy, __: JobStep) -> None:
        world.did.append("tried")
        raise Invalid(field="pages")

    process = world.process(job(world, refuse))
    run = await process.submit()
    await process.work()

    assert (await process.status(run), world.did) == ("error", ["tried"])


async def test_a_dead_job_that_is_replayed_keeps_what_it_remembers_and_has_all_its_attempts(world: World) -> None:
    tried: list[int] = []

    async def fail_at_first(_: Copy, step: JobStep) -> str:
        await step.once("effect", lambda: world.do("effect"))
        tried.append(1)
        if len(tried) < 4:
            raise Busy
        return "done"

    process = world.process(job(world, fail_at_first, attempts=2, pause_seconds=1))
    run = await process.submit()
    for _ in range(2):
        await process.work()
        world.clock.forward(seconds=1)
    assert await process.status(run) == "dead"

    await process.jobs.replay(TENANT, run)
    for _ in range(2):
        await process.work()
        world.clock.forward(seconds=1)

    assert await process.jobs.result(TENANT, run) == "done"
    assert world.did == ["effect"]


async def test_only_the_dead_are_replayed(world: World) -> None:
    process = world.process(job(world))
    run = await process.submit()

    with pytest.raises(RunNotDead):
        await process.jobs.replay(TENANT, run)
    await process.work()
    with pytest.raises(RunEnded):
        await process.jobs.replay(TENANT, run)


async def test_a_dead_job_that_is_cancelled_is_gone_from_the_dead(world: World) -> None:
    async def fail(_: Copy, __: JobStep) -> None:
        raise Busy

    process = world.process(job(world, fail, attempts=1))
    run = await process.submit()
    await process.work()

    await process.jobs.cancel(TENANT, run)
    await process.work()

    assert await process.status(run) == "cancelled"


async def test_a_job_that_rests_leaves_memory_and_goes_on_where_it_was(world: World) -> None:
    async def rest(_: Copy, step: JobStep) -> list[Any]:
        before = await step.once("before", lambda: world.do("before"))
        chance, began = step.random(), await step.now()
        await step.rest(3600)
        world.did.append("after")
        return [before, chance, began.isoformat()]

    first, second = world.process(job(world, rest)), world.process(job(world, rest))
    run = await first.submit()
    await first.work()
    assert (await first.status(run), first.engine.held) == ("waiting", {})
    asleep = world.clock.now()
    world.clock.forward(hours=1)
    await second.work()

    before, chance, began = await first.jobs.result(TENANT, run)
    assert (before, began) == ("before", asleep.isoformat())
    assert 0 <= chance < 1
    assert world.did == ["before", "after"]


async def test_a_short_rest_stays_in_memory(world: World) -> None:
    async def rest(_: Copy, step: JobStep) -> None:
        await step.rest(step._engine.settings.park_seconds)
        world.did.append("after")

    process = world.process(job(world, rest))
    run = await process.submit()
    await process.look()
    await until(lambda: world.clock.sleepers == 1)
    assert await process.status(run) == "running"

    world.clock.forward(seconds=1)
    await process.work()

    assert world.did == ["after"]


async def test_a_crash_between_an_effect_and_the_end_does_not_repeat_it(world: World) -> None:
    gate = asyncio.Event()

    async def two(_: Copy, step: JobStep) -> str:
        await step.once("first", lambda: world.do("first"))
        if len(world.did) == 1:
            world.did.append("crash")
            await gate.wait()
        return str(await step.once("second", lambda: world.do("second")))

    first, second = world.process(job(world, two)), world.process(job(world, two))
    run = await first.submit()
    await first.look()
    await until(lambda: "crash" in world.did)
    await first.die()
    world.clock.forward(seconds=LEASE + 1)
    assert await second.engine.reap() == 1
    await second.work()

    assert world.did == ["first", "crash", "second"]
    assert ((await second.record(run)).takeovers, await second.status(run)) == (1, "success")


async def test_a_late_worker_whose_job_was_taken_over_can_write_nothing(world: World) -> None:
    gate = asyncio.Event()

    async def slow(_: Copy, step: JobStep) -> str:
        if not world.did:
            world.did.append("slow")
            await gate.wait()
            await step.once("late", lambda: world.do("late"))
            return "late"
        return "in time"

    frozen, second = world.process(job(world, slow)), world.process(job(world, slow))
    run = await frozen.submit()
    await frozen.look()
    await until(lambda: world.did == ["slow"])
    world.clock.forward(seconds=LEASE + 1)
    await second.engine.reap()
    await second.work()

    gate.set()
    await until(lambda: not frozen.engine.held)

    assert await second.jobs.result(TENANT, run) == "in time"
    assert (await second.record(run)).error is None


async def test_a_job_is_over_at_its_deadline(world: World) -> None:
    async def wait(_: Copy, __: JobStep) -> None:
        world.did.append("began")
        await asyncio.Event().wait()

    process = world.process(job(world, wait))
    run = await process.submit(order=Order(deadline=world.clock.now() + timedelta(seconds=60)))
    await process.look()
    await until(lambda: world.did == ["began"] and world.clock.sleepers == 1)
    world.clock.forward(seconds=60)
    await process.work()

    record = await process.record(run)
    assert (record.status, b"job_timed_out" in (record.error or b"")) == ("error", True)


async def test_a_job_that_rests_beyond_its_deadline_is_over_then(world: World) -> None:
    async def rest(_: Copy, step: JobStep) -> None:
        await step.rest(3600)

    process = world.process(job(world, rest))
    run = await process.submit(order=Order(deadline=world.clock.now() + timedelta(seconds=60)))
    await process.work()
    world.clock.forward(seconds=60)
    await process.work()

    assert await process.status(run) == "error"


async def test_a_job_is_paused_before_its_next_effect_and_goes_on_when_resumed(world: World) -> None:
    process = world.process()

    async def pause_itself(_: Copy, step: JobStep) -> str:
        await step.once("first", lambda: world.do("first"))
        if len(world.did) == 1:
            world.did.append("pause")
            await process.jobs.pause(TENANT, step.run)
        return str(await step.once("second", lambda: world.do("second")))

    process.jobs.register(job(world, pause_itself))
    run = await process.submit()
    await process.work()
    assert (await process.status(run), world.did) == ("paused", ["first", "pause"])

    await process.jobs.resume(TENANT, run)
    await process.work()

    assert (await process.status(run), world.did) == ("success", ["first", "pause", "second"])


async def test_an_effect_is_not_begun_twice_at_once_and_has_a_name_of_its_own(world: World) -> None:
    refused: list[str] = []

    async def twice(_: Copy, step: JobStep) -> None:
        async def slowly(name: str) -> str:
            await asyncio.sleep(0)
            return await world.do(name)

        async def have(name: str) -> None:
            try:
                await step.once(name, lambda: slowly(name))
            except InvalidJob as error:
                refused.append(error.facts["name"])

        await asyncio.gather(have("same"), have("same"), have("~failures"))

    process = world.process(job(world, twice))
    await process.submit()
    await process.work()

    assert (world.did, refused) == (["same"], ["same", "~failures"])
