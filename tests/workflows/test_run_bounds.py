"""Section 3.4 of the protocol, as far as it is the run's: time, data, iterations, places."""

import asyncio

import pytest

from muelle.workflows.errors import InvalidInputs
from workflows.runs_world import World, document, op, open_world


async def test_a_run_ends_at_its_time_and_says_which_operation_was_under_way() -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__RUN_SECONDS": "0.05"}) as world:
        blocked = op("blocked", "Ask", say=1, seconds=3600)
        run = world.app.workflows.run(world.me, document(op("a", "Say", say=1), blocked, op("c", "Do", say=2)))
        outcome = await asyncio.wait_for(run, 5)
    told = {name: tally.telling for name, tally in outcome.tallies.items()}
    assert outcome.status == "partial_success"
    assert [told[name].status for name in ("a", "blocked", "c")] == ["success", "failed", "skipped"]
    assert told["blocked"].error is not None
    assert told["blocked"].error.code == told["c"].error.code == "run_timed_out"  # type: ignore[union-attr]  # asserted


async def test_outputs_may_be_as_large_as_the_limit_and_no_larger() -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__DATA_BYTES": "102"}) as world:
        fits = await world.run(op("a", "Say", say="x" * 100))
        assert fits["status"] == "success"
        burst = await world.run(op("a", "Say", say="x" * 101))
        assert burst["error"]["code"] == "data_too_large"


async def test_outputs_of_all_turns_of_a_loop_count_together() -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__DATA_BYTES": "1000"}) as world:
        answer = await world.run(
            op("each", "Loop", inputPath="/input/x", operations=["say"]),
            op("say", "Say", say="y" * 100),
            inputs={"x": list(range(20))},
        )
    assert answer["operations"]["say"]["error"]["code"] == "data_too_large"


@pytest.mark.parametrize(("turns", "status"), [(3, "success"), (4, "failed")])
async def test_loops_turn_as_often_as_the_limit_and_no_more(turns: int, status: str) -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__LOOP_ITERATIONS": "3"}) as world:
        answer = await world.run(
            op("each", "Loop", inputPath="/input/x", operations=["say"]),
            op("say", "Say", say=1),
            inputs={"x": list(range(turns))},
        )
    assert answer["operations"]["each"]["status"] == status


async def test_no_more_operations_wait_at_once_than_there_are_places() -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__CONCURRENCY": "2"}) as world:
        await world.run(*(op(f"ask{n}", "Ask", say=n, seconds=2) for n in range(6)))
        assert world.stage.most_under_way == 2


async def test_a_long_loop_lets_others_run_in_between(world: World) -> None:
    turns: list[str] = []
    long = op("each", "Loop", inputPath="/input/x", operations=["say"])

    async def loop() -> None:
        await world.app.workflows.run(world.me, document(long, op("say", "Say", say=1)), {"x": list(range(2000))})
        turns.append("long")

    async def other() -> None:
        await asyncio.sleep(0)
        await world.app.workflows.run(world.me, document(op("a", "Say", say=1)))
        turns.append("short")

    await asyncio.gather(loop(), other())
    assert turns == ["short", "long"]


@pytest.mark.parametrize(("turns", "status"), [(3, "success"), (4, "error")])
async def test_nested_loops_cannot_multiply_past_the_steps_of_a_run(turns: int, status: str) -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__STEPS": "13"}) as world:  # 1 + 3 inner loops + 3 * 3 turns
        answer = await world.run(
            op("outer", "Loop", inputPath="/input/x", operations=["inner"]),
            op("inner", "Loop", inputPath="/input/y", operations=["say"]),
            op("say", "Say", say=1),
            inputs={"x": [1, 2, 3], "y": list(range(turns))},
        )
    assert answer["status"] == status
    if status != "success":
        assert answer["operations"]["outer"]["error"]["code"] == "too_many_steps"
        assert len(world.stage.said) <= 13


async def test_many_references_to_one_large_value_are_refused_before_they_are_copied() -> None:
    async with open_world({"MUELLE__WORKFLOWS__LIMITS__DATA_BYTES": "100000"}) as world:
        many = op("many", "Say", say=[{"path": "/input/x"}] * 200)
        answer = await world.run(many, inputs={"x": "y" * 1000})
    assert answer["error"]["code"] == "data_too_large"


async def test_inputs_that_are_no_json_are_refused_with_the_reason(world: World) -> None:
    for inputs in ({"x": chr(0xD800)}, {"x": object()}):
        with pytest.raises(InvalidInputs):
            await world.run(op("a", "Say", say=1), inputs=inputs)


async def test_a_long_document_is_planned_without_holding_up_others(world: World) -> None:
    long = document(*(op(f"op{number}", "Say", say="x" * 200) for number in range(900)))
    planning = asyncio.create_task(world.app.planner.seek(long, world.app.workflows.limits(world.me)))
    turns = 0
    while not planning.done():
        await asyncio.sleep(0)
        turns += 1
    assert turns > 1
    assert await planning is world.app.planner.look(long, world.app.workflows.limits(world.me))
