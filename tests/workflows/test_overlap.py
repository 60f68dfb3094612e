"""Section 3.2 of the protocol: what runs at the same time, and that nobody can tell from the result."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workflows.runs_world import World, document, op, open_world


async def test_safe_neighbours_run_at_the_same_time(world: World) -> None:
    await world.run(*(op(f"ask{number}", "Ask", say=number, seconds=5) for number in range(4)))
    assert world.stage.most_under_way == 4


async def test_sequential_switches_overlap_off(world: World) -> None:
    await world.run(*(op(f"ask{number}", "Ask", say=number, seconds=5) for number in range(3)), execution="sequential")
    assert world.stage.most_under_way == 1


async def test_what_has_side_effects_keeps_its_place(world: World) -> None:
    await world.run(
        op("slow", "Ask", say="slow", seconds=9),
        op("effect", "Do", say="effect"),
        op("quick", "Ask", say="quick"),
    )
    assert world.stage.said == ["slow", "effect", "quick"]


async def test_two_effects_never_overlap(world: World) -> None:
    await world.run(op("one", "Do", say=1, seconds=5), op("two", "Do", say=2, seconds=1))
    assert world.stage.most_under_way == 1


async def test_a_reader_waits_for_its_writer_and_not_for_others(world: World) -> None:
    await world.run(
        op("slow", "Ask", say="slow", seconds=9),
        op("writer", "Ask", say="written", seconds=1, outputPath="/workflow/x"),
        op("reader", "Ask", inputPath="/workflow/x", seconds=1),
    )
    assert world.stage.said == ["written", "written", "slow"]


async def test_a_writer_waits_for_those_who_read_the_old_value(world: World) -> None:
    answer = await world.run(
        op("old", "Ask", say="old", outputPath="/workflow/x"),
        op("reader", "Ask", inputPath="/workflow/x", seconds=9),
        op("new", "Ask", say="new", outputPath="/workflow/x"),
    )
    assert answer["results"]["reader"] == "old"


async def test_whoever_reads_an_object_whole_sees_its_keys_in_the_order_of_the_document(world: World) -> None:
    answer = await world.run(
        op("late", "Ask", say=1, seconds=9, outputPath="/workflow/all/first"),
        op("early", "Ask", say=2, outputPath="/workflow/all/second"),
        op("keys", "Ask", say={"path": "/workflow/all", "transform": "keys"}),
    )
    assert answer["results"]["keys"] == ["first", "second"]


async def test_what_may_stop_the_run_is_waited_for(world: World) -> None:
    answer = await world.run(op("gate", "Ask", fails=True, seconds=9, on_error="stop"), op("after", "Ask", say="never"))
    assert answer["operations"]["after"]["status"] == "skipped"
    assert "never" not in world.stage.said


async def test_a_wait_lets_nothing_pass_it(world: World) -> None:
    await world.run(op("one", "Ask", say=1, seconds=9), op("pause", "Wait", duration=5000), op("two", "Ask", say=2))
    assert world.stage.said == [1, 2]


PATHS = ["/workflow/a", "/workflow/b", "/workflow/b/c", "/workflow/d/e", "/workflow/d"]


@st.composite
def operations(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Draw operations that read and write few paths, so that they get in each other's way."""
    made = []
    for number in range(draw(st.integers(2, 7))):
        kind = draw(st.sampled_from(["Ask", "Ask", "Ask", "Say", "Do"]))
        say: Any = number
        if draw(st.booleans()):
            say = {"n": number, "saw": {"path": draw(st.sampled_from(PATHS))}}
            if draw(st.booleans()):
                say["saw"]["default"] = "nothing"
        config: dict[str, Any] = {"say": say, "fails": draw(st.integers(0, 5)) == 0}
        if kind != "Say":
            config["seconds"] = draw(st.integers(0, 3))
        if draw(st.integers(0, 3)):
            config["outputPath"] = draw(st.sampled_from(PATHS))
        on_error = draw(st.sampled_from([None, None, None, "stop", {"value": "other"}]))
        made.append(op(f"op{number}", kind, **config, on_error=on_error))
    return made


def told(answer: dict[str, Any]) -> dict[str, Any]:
    """Leave out of an answer what two runs of one document never share."""
    kept = {"status": answer["status"], "results": answer["results"]}
    outcomes = {
        name: (result["status"], result.get("error", {}).get("code"), result.get("error", {}).get("context"))
        for name, result in answer["operations"].items()
    }
    return {**kept, "operations": outcomes}


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(operations())
def test_overlap_gives_what_the_sequential_run_gives(drawn: list[dict[str, Any]]) -> None:
    async def both() -> tuple[Any, Any]:
        async with open_world() as world:
            overlapped = await world.run(*drawn)
            sequential = await world.run(*drawn, execution="sequential")
            return told(overlapped), told(sequential)

    overlapped, sequential = asyncio.run(both())
    assert overlapped == sequential


async def test_a_hundred_thousand_readers_of_each_others_paths_are_ordered_quickly(world: World) -> None:
    drawn = [
        op(f"op{n}", "Ask", inputPath=f"/workflow/v{n - 1}" if n else "/input", outputPath=f"/workflow/v{n}")
        for n in range(1000)
    ]
    plan = world.app.planner.look(document(*drawn), world.app.workflows.limits(world.me)).plan
    assert plan is not None
    assert plan.main.waits is not None
    assert sum(len(waits) for waits in plan.main.waits) == 999
