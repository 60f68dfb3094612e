"""A process dies in the middle; another one on the same file goes on, with the same keys, time and chance."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from muelle.packs import Json, OperationType, Pack, Step
from workflows.durable_world import LEASE, Durable, Process, open_durable, until
from workflows.runs_world import Stage, op


class Nothing(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Take nothing."""


class Witness(Stage):
    """A stage with an operation that tells what it saw of time and chance, and of effects that are had once."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[Json, ...]] = []
        self.once: list[str] = []

    async def look(self, _: Nothing, step: Step[Any]) -> Json:
        async def buy() -> Json:
            self.once.append("bought")
            return {"ticket": len(self.once)}

        bought = await step.once("buy", buy)
        again = await step.once("buy", buy)
        self.seen.append((step.now.isoformat(), step.random(), step.random(), bought, again))
        await step.sleep(3)
        return [step.random(), bought]

    def pack(self) -> Pack:
        pack = super().pack()

        async def look(config: Nothing, step: Step[Any]) -> Json:
            return await self.look(config, step)

        kind = OperationType(
            name="Look", summary="Looks.", config=Nothing, perform=look, effects="writes", example={"a": 1}
        )
        return Pack(name="stage", operations=(*pack.operations, kind))


@pytest.fixture
async def durable(tmp_path: Path) -> AsyncIterator[Durable]:
    async with open_durable(tmp_path, stage=Witness()) as opened:
        yield opened


async def after_death(durable: Durable, process: Process) -> Process:
    """Let a process die, and another one take over once the lease ran out."""
    await process.die()
    successor = await durable.process()
    durable.clock.forward(seconds=LEASE)
    return successor


async def test_finished_steps_are_not_performed_again(durable: Durable) -> None:
    first = await durable.process()
    run = await first.submit(op("a", "Do", say=1), op("b", "Do", say=2, seconds=0.5), op("c", "Do", say=3))
    await first.work()
    second = await after_death(durable, first)
    record = await second.until_ended(run)
    assert (record.status, record.takeovers, durable.stage.said) == ("success", 1, [1, 2, 3])


async def test_a_call_that_may_have_been_sent_is_sent_with_the_same_key(durable: Durable) -> None:
    first = await durable.process()
    first.switch.left = 1  # that the run and the call began; not what came of it
    run = await first.submit(
        op("pay", "ApiCall", method="POST", url="https://bank.example/pay", body={"sum": 3}, outputPath="/workflow/x"),
        op("post", "ApiCall", method="POST", url="https://bank.example/pay", body={"sum": 3}, outputPath="/workflow/y"),
    )
    await first.work()
    second = await after_death(durable, first)
    assert (await second.until_ended(run)).status == "success"
    keys = [call.idempotency_key for call in durable.outside.calls]
    assert len(keys) == 3
    assert keys[0] == keys[1] != keys[2]
    assert None not in keys


async def test_time_chance_and_what_is_had_once_are_the_same_in_a_second_life(durable: Durable) -> None:
    stage = durable.stage
    assert isinstance(stage, Witness)
    first = await durable.process()
    run = await first.submit(op("look", "Look"))
    await first.work()
    second = await after_death(durable, first)
    await second.until_ended(run)
    assert len(stage.seen) == 2
    assert stage.seen[0] == stage.seen[1]
    assert stage.once == ["bought"]
    assert stage.seen[0][1] != stage.seen[0][2]


async def test_a_run_that_was_only_submitted_survives(durable: Durable) -> None:
    first = await durable.process(queues=())
    run = await first.submit(op("a", "Do", say=1))
    await first.die()
    second = await durable.process()
    assert (await second.until_ended(run)).status == "success"


async def test_a_run_that_somebody_waits_for_is_taken_over_too(durable: Durable) -> None:
    first = await durable.process()
    waiting = asyncio.create_task(
        first.app.workflows.run(first.me, first.document(op("a", "Do", say=1), op("b", "Do", say=2, seconds=1)))
    )
    await until(lambda: durable.stage.said == [1] and durable.clock.sleepers > 0)
    [run] = [held.run for held in first.app.engine.held.values()]
    second = await after_death(durable, first)
    waiting.cancel()
    assert (await second.until_ended(run)).status == "success"
    assert durable.stage.said == [1, 2]


async def test_a_process_alone_that_was_stopped_for_a_while_goes_on_with_its_run(durable: Durable) -> None:
    process = await durable.process(queues=())
    document = process.document(op("a", "Do", say=1), op("b", "Do", say=2, seconds=1))
    running = asyncio.create_task(process.app.workflows.run(process.me, document))
    await until(lambda: durable.stage.said == [1] and durable.clock.sleepers > 1)
    durable.clock.forward(minutes=1)
    async with asyncio.timeout(20):
        while not running.done():
            durable.clock.forward(seconds=0.5)
            await asyncio.sleep(0.005)
    assert ((await running).status, durable.stage.said) == ("success", [1, 2])


async def test_a_run_that_kills_every_worker_is_given_up(durable: Durable) -> None:
    process = await durable.process()
    run = await process.submit(op("a", "Do", say=1, seconds=9))
    for _ in range(process.app.settings.engine.takeovers):
        await process.work()
        process = await after_death(durable, process)
    await process.work()
    record = await process.record(run)
    assert (record.status, record.takeovers, process.holds) == ("dead", 5, 0)
    await process.app.runs.change(process.me, run, "replay")
    assert (await process.until_ended(run)).status == "success"


async def test_what_is_stored_for_the_run_is_there_in_its_second_life(durable: Durable) -> None:
    first = await durable.process()
    run = await first.submit(
        op("put", "StoreData", inputPath="/input/x", storage="sessionStorage", key="k"),
        op("slow", "Do", say=1, seconds=2),
        op("get", "LoadData", storage="sessionStorage", key="k", outputPath="/workflow/k"),
        inputs={"x": {"deep": [1]}},
    )
    await first.work()
    second = await after_death(durable, first)
    await second.until_ended(run)
    assert (await second.answer(run))["results"]["get"] == {"deep": [1]}


async def test_a_branch_that_was_taken_is_taken_again(durable: Durable) -> None:
    first = await durable.process()
    run = await first.submit(
        op("if", "Conditional", condition={"path": "/input/n", "operator": ">", "value": 1}, ifTrue=["x", "y"]),
        op("x", "Do", say="x", outputPath="/workflow/n"),
        op("y", "Do", say={"path": "/workflow/n"}, seconds=2),
        op("z", "Do", say="z"),
        inputs={"n": 2},
    )
    await first.work()
    second = await after_death(durable, first)
    assert (await second.until_ended(run)).status == "success"
    assert durable.stage.said == ["x", "x", "z"]
    assert (await second.answer(run))["operations"]["x"]["status"] == "success"


async def test_what_a_failure_led_to_is_led_to_again(durable: Durable) -> None:
    first = await durable.process()
    run = await first.submit(
        op("bad", "Do", fails=True, say="bad", on_error={"goto": ["mend", "slow"]}),
        op("mend", "Do", say="mend"),
        op("slow", "Do", say="slow", seconds=2),
        op("value", "Do", fails=True, say="v", outputPath="/workflow/v", on_error={"value": 7}),
        op("end", "Do", say={"path": "/workflow/v"}),
    )
    await first.work()
    second = await after_death(durable, first)
    assert (await second.until_ended(run)).status == "success"
    assert durable.stage.said == ["bad", "mend", "slow", "v", 7]


async def test_a_run_that_stopped_stays_stopped(durable: Durable) -> None:
    first = await durable.process()
    first.switch.left = 3
    run = await first.submit(
        op("a", "Do", say="a"),
        op("stop", "Do", fails=True, say="stop", on_error="stop"),
        op("never", "Do", say="never"),
    )
    await first.work()
    second = await after_death(durable, first)
    record = await second.until_ended(run)
    assert record.status == "partial_success"
    assert "never" not in durable.stage.said
    assert durable.stage.said.count("a") == 1
