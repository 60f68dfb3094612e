"""Runs that are cancelled, compensated, run again, or out of time."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from muelle.workflows.runs import Wishes
from workflows.durable_world import LEASE, Durable, Process, open_durable
from workflows.runs_world import op

Ops = list[dict[str, Any]]


def undone(name: str, **config: Any) -> Ops:
    """Return an effect and what takes it back."""
    act = {**op(name, "Do", say=name, **config), "compensate": f"un{name}"}
    return [act, op(f"un{name}", "Do", say=f"un{name}")]


@pytest.fixture(params=["memory", "sqlite"])
async def durable(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Durable]:
    async with open_durable(None if request.param == "memory" else tmp_path) as opened:
        yield opened


@pytest.fixture
async def lasting(tmp_path: Path) -> AsyncIterator[Durable]:
    async with open_durable(tmp_path) as opened:
        yield opened


async def cancel(process: Process, run: str) -> None:
    await process.app.runs.change(process.me, run, "cancel")
    await process.work()


async def statuses(process: Process, run: str) -> dict[str, str]:
    operations = (await process.answer(run))["operations"]
    return {name: told["status"] for name, told in operations.items()}


async def test_a_run_that_is_cancelled_in_an_effect_is_interrupted_and_compensated(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(*undone("a"), *undone("b"), *undone("c", seconds=1), op("d", "Do", say="d"))
    await process.work()
    await cancel(process, run)
    record = await process.until_ended(run)
    assert (record.status, durable.stage.said) == ("cancelled", ["a", "b", "unb", "una"])
    found = await statuses(process, run)
    assert [found[name] for name in ("a", "b", "c", "d", "una", "unb")] == [
        "success", "success", "skipped", "skipped", "success", "success",
    ]  # fmt: skip


async def test_a_run_that_is_told_again_that_it_is_cancelled_goes_on_taking_back(durable: Durable) -> None:
    process = await durable.process()
    slowly = [{**op(name, "Do", say=name), "compensate": f"un{name}"} for name in "ab"]
    slowly += [op(f"un{name}", "Do", say=f"un{name}", seconds=LEASE) for name in "ab"]
    run = await process.submit(*slowly, op("nap", "Do", seconds=1))
    await process.work()
    await cancel(process, run)
    await process.until_ended(run)  # many beats, each of which finds the request in the queue
    assert durable.stage.said == ["a", "b", "unb", "una"]


async def test_a_run_that_is_cancelled_while_it_sleeps_is_compensated(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(*undone("a"), *undone("b"), op("nap", "Wait", duration=600_000), op("d", "Do", say="d"))
    await process.work()
    assert process.holds == 0
    await cancel(process, run)
    record = await process.until_ended(run)
    assert (record.status, durable.stage.said) == ("cancelled", ["a", "b", "unb", "una"])
    assert await statuses(process, run) == {
        "a": "success", "una": "success", "b": "success", "unb": "success", "nap": "skipped", "d": "skipped",
    }  # fmt: skip


async def test_each_turn_of_a_loop_is_compensated_the_last_first(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("each", "Loop", inputPath="/input/x", operations=["pay", "nap"]),
        {**op("pay", "Do", say={"path": "/loop/item"}), "compensate": "refund"},
        op("refund", "Do", say={"path": "/loop/item"}),
        op("nap", "Wait", duration=60_000),
        inputs={"x": [1, 2, 3]},
    )
    await process.work()
    await process.forward(60)
    assert durable.stage.said == [1, 2]
    await cancel(process, run)
    assert (await process.until_ended(run)).status == "cancelled"
    assert durable.stage.said == [1, 2, 2, 1]


async def test_what_sleeps_in_a_branch_is_compensated_too(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("both", "Parallel", branches=[["a", "nap"], ["if"]]),
        *undone("a"),
        op("if", "Conditional", expression="true", ifTrue=["b", "rest"]),
        *undone("b"),
        op("nap", "Wait", duration=60_000),
        op("rest", "Wait", duration=60_000),
    )
    await process.work()
    assert process.holds == 0
    await cancel(process, run)
    assert (await process.until_ended(run)).status == "cancelled"
    assert sorted(durable.stage.said[:2]) == ["a", "b"]
    assert sorted(durable.stage.said[2:]) == ["una", "unb"]


async def test_compensation_goes_on_in_another_process(lasting: Durable) -> None:
    first = await lasting.process()
    slow = {**op("b", "Do", say="b"), "compensate": "unb"}
    run = await first.submit(
        *undone("a"), slow, op("unb", "Do", say="unb", seconds=1), *undone("c"), op("nap", "Wait", duration=600_000)
    )
    await first.work()
    await cancel(first, run)
    assert lasting.stage.said == ["a", "b", "c", "unc"]
    await first.die()
    second = await lasting.process()
    lasting.clock.forward(seconds=LEASE)
    assert (await second.until_ended(run)).status == "cancelled"
    assert lasting.stage.said == ["a", "b", "c", "unc", "unb", "una"]


async def test_a_compensation_that_fails_does_not_keep_the_others_from_it(durable: Durable) -> None:
    process = await durable.process()
    bad = {**op("b", "Do", say="b"), "compensate": ["unb"]}
    run = await process.submit(
        *undone("a"), bad, op("unb", "Do", say="unb", fails=True), op("nap", "Wait", duration=600_000)
    )
    await process.work()
    await cancel(process, run)
    assert (await process.until_ended(run)).status == "cancelled"
    assert durable.stage.said == ["a", "b", "unb", "una"]


async def test_a_run_that_waits_its_turn_is_cancelled_without_a_step(durable: Durable) -> None:
    process = await durable.process(queues=())
    run = await process.submit(*undone("a"))
    await process.app.runs.change(process.me, run, "cancel")
    process.app.engine.queues = ("default",)
    record = await process.until_ended(run)
    assert (record.status, durable.stage.said) == ("cancelled", [])


async def test_a_paused_run_can_be_cancelled(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(*undone("a"), op("nap", "Wait", duration=600_000))
    await process.work()
    await process.app.runs.change(process.me, run, "pause")
    await cancel(process, run)
    assert (await process.until_ended(run)).status == "cancelled"
    assert durable.stage.said == ["a", "una"]


async def test_a_run_again_performs_only_what_is_at_and_behind_an_operation(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("a", "Do", say="a", outputPath="/workflow/a"),
        op("each", "Loop", inputPath="/input/x", operations=["turn"], outputPath="/workflow/turns"),
        op("turn", "Do", say={"path": "/loop/item"}),
        op("b", "Do", say="b"),
        op("c", "Do", say={"all": {"path": "/workflow/turns"}, "a": {"path": "/workflow/a"}}),
        inputs={"x": [1, 2]},
    )
    await process.until_ended(run)
    durable.stage.said.clear()
    again = (await process.app.runs.rerun(process.me, run, "b", Wishes())).run
    record = await process.until_ended(again)
    assert (record.status, record.cause, durable.stage.said) == (
        "success", f"rerun:{run}", ["b", {"all": [1, 2], "a": "a"}],
    )  # fmt: skip
    first, second = await process.answer(run), await process.answer(again)
    assert second["results"] == first["results"]


async def test_what_was_stored_for_the_run_is_there_when_it_is_run_again(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(
        op("put", "StoreData", inputPath="/input/x", storage="sessionStorage", key="k"),
        op("get", "LoadData", storage="sessionStorage", key="k", outputPath="/workflow/k"),
        op("more", "StoreData", inputPath="/input/y", storage="sessionStorage", key="k"),
        inputs={"x": 1, "y": 2},
    )
    await process.until_ended(run)
    again = (await process.app.runs.rerun(process.me, run, "get", Wishes())).run
    await process.until_ended(again)
    assert (await process.answer(again))["results"]["get"] == 1
