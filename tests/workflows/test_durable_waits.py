"""Runs that wait: they leave memory, and come back at their time, in this process or another one."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from muelle.workflows.runs import Wishes
from workflows.durable_world import LEASE, Durable, open_durable
from workflows.runs_world import op


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def durable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Durable]:
    """Give every database; in memory there is one process."""
    url = request.getfixturevalue("postgres_url") if request.param == "postgresql" else ""
    environment = {"MUELLE_STORES__URL": url} if url else {}
    async with open_durable(None if request.param == "memory" else tmp_path, environment) as opened:
        yield opened


@pytest.fixture
async def lasting(tmp_path: Path) -> AsyncIterator[Durable]:
    """Give a database on which several processes can be."""
    async with open_durable(tmp_path) as opened:
        yield opened


async def test_a_run_that_waits_longer_leaves_memory_and_comes_back_at_its_time(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(op("a", "Do", say=1), op("nap", "Wait", duration=60_000), op("b", "Do", say=2))
    await process.work()
    assert (process.holds, (await process.record(run)).status, durable.stage.said) == (0, "waiting", [1])
    await process.forward(59.9)
    assert durable.stage.said == [1]
    await process.forward(0.1)
    assert ((await process.record(run)).status, durable.stage.said) == ("success", [1, 2])


async def test_a_short_wait_stays_in_memory(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(op("nap", "Wait", duration=1_000), op("b", "Do", say=2))
    await process.work()
    assert process.holds == 1
    await process.forward(1)
    assert (await process.record(run)).status == "success"


async def test_a_wait_ends_in_another_process(lasting: Durable) -> None:
    first = await lasting.process()
    run = await first.submit(op("a", "Do", say=1), op("nap", "Wait", duration=60_000), op("b", "Do", say=2))
    await first.work()
    await first.die()
    second = await lasting.process()
    lasting.clock.forward(seconds=60)
    await second.work()
    assert ((await second.record(run)).status, lasting.stage.said) == ("success", [1, 2])
    assert [step.operation for step in await second.steps(run)] == ["a", "nap", "b"]


async def test_a_wait_within_a_loop_goes_on_where_it_was(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("each", "Loop", inputPath="/input/x", operations=["say", "nap"], outputPath="/workflow/all"),
        op("say", "Do", say={"path": "/loop/item"}),
        op("nap", "Wait", duration=60_000),
        inputs={"x": [1, 2, 3]},
    )
    record = await process.until_ended(run, seconds=60)
    assert (record.status, durable.stage.said) == ("success", [1, 2, 3])
    answer = await process.answer(run)
    assert answer["operations"]["say"]["runs"] == 3
    assert answer["duration_ms"] == 180_000


async def test_branches_that_wait_side_by_side_leave_memory_together(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("both", "Parallel", branches=[["long", "a"], ["short", "b"]], outputPath="/workflow/x"),
        op("long", "Wait", duration=60_000),
        op("short", "Wait", duration=30_000),
        op("a", "Do", say="a"),
        op("b", "Do", say="b"),
    )
    await process.work()
    assert process.holds == 0
    await process.forward(30)
    assert (process.holds, durable.stage.said) == (0, ["b"])
    assert (await process.until_ended(run, seconds=30)).status == "success"
    assert durable.stage.said == ["b", "a"]


async def test_the_first_of_two_branches_ends_the_other_though_both_left_memory(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("race", "Parallel", branches=[["long", "a"], ["short", "b"]], join="any", outputPath="/workflow/x"),
        op("long", "Wait", duration=60_000),
        op("short", "Wait", duration=30_000),
        op("a", "Do", say="a"),
        op("b", "Do", say="b"),
    )
    record = await process.until_ended(run, seconds=30)
    answer = await process.answer(run)
    assert (record.status, record.took, durable.stage.said) == ("success", 30_000_000, ["b"])
    assert [branch["status"] for branch in answer["results"]["race"]] == ["cancelled", "success"]


async def test_a_paused_run_goes_on_where_it_was_once_it_is_resumed(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(op("a", "Do", say=1, seconds=0.5), op("b", "Do", say=2), op("c", "Do", say=3))
    await process.work()
    await process.app.runs.change(process.me, run, "pause")
    await process.forward(0.5)
    assert ((await process.record(run)).status, process.holds, durable.stage.said) == ("paused", 0, [1])
    await process.forward(60)
    assert durable.stage.said == [1]
    await process.app.runs.change(process.me, run, "resume")
    assert (await process.until_ended(run)).status == "success"
    assert durable.stage.said == [1, 2, 3]


async def test_a_run_is_given_up_at_its_deadline_even_if_it_sleeps(durable: Durable) -> None:
    process = await durable.process()
    wishes = Wishes(deadline=durable.clock.now() + timedelta(seconds=60))
    run = await process.submit(op("nap", "Wait", duration=120_000), op("b", "Do", say=2), wishes=wishes)
    await process.work()
    await process.forward(59)
    assert (await process.record(run)).status == "waiting"
    await process.forward(1)
    record = await process.record(run)
    assert (record.status, durable.stage.said) == ("error", [])
    assert b"run_timed_out" in (record.error or b"")


async def test_a_lease_that_is_renewed_is_not_taken_over(lasting: Durable) -> None:
    first, second = await lasting.process(), await lasting.process()
    run = await first.submit(op("a", "Do", say=1, seconds=20), op("b", "Do", say=2))
    await first.work()
    for _ in range(5):
        lasting.clock.forward(seconds=4)
        await first.app.engine.beat()
        await second.work()
    assert second.holds == 0
    await first.until_ended(run)
    assert lasting.stage.said == [1, 2]


async def test_whoever_lost_its_lease_writes_no_more(lasting: Durable) -> None:
    first, second = await lasting.process(), await lasting.process()
    run = await first.submit(op("a", "Do", say=1, seconds=8), op("b", "Do", say=2))
    await first.work()
    lasting.clock.forward(seconds=LEASE)
    await second.work()
    assert second.holds == 1
    lasting.clock.forward(seconds=2)
    await first.quiet()
    assert (await second.steps(run), lasting.stage.said) == ((), [1])
    await second.until_ended(run)
    assert lasting.stage.said == [1, 1, 2]
    assert [step.operation for step in await second.steps(run)] == ["a", "b"]
