"""Conditional, Loop and Parallel in a run: what they refer to runs only there."""

from typing import Any

import pytest

from workflows.runs_world import World, op


def double(name: str = "double", **config: Any) -> dict[str, Any]:
    return op(name, "Calculate", inputPath="/loop/item", operation="multiply", operand=2, **config)


async def test_a_branch_runs_where_it_is_referred_to_and_not_in_the_main_order(world: World) -> None:
    answer = await world.run(
        op("yes", "Say", say="yes"),
        op("no", "Say", say="no"),
        op(
            "if",
            "Conditional",
            condition={"path": "/input/n", "operator": ">", "value": 1},
            ifTrue="yes",
            ifFalse=["no"],
        ),
        op("end", "Say", say="end"),
        inputs={"n": 2},
    )
    assert world.stage.said == ["yes", "end"]
    assert answer["operations"]["no"] == {"status": "skipped", "reason": "not_reached"}
    assert answer["status"] == "success"


async def test_a_loop_gives_the_outputs_of_the_last_operation_in_item_order(world: World) -> None:
    answer = await world.run(
        op("each", "Loop", inputPath="/input/numbers", operations=["double", "text"], outputPath="/workflow/all"),
        double(outputPath="/workflow/doubled"),
        op("text", "Say", say="{/loop/index} of {/loop/length}: {/workflow/doubled}"),
        op("after", "Say", say={"path": "/workflow/all", "transform": "last"}),
        inputs={"numbers": [3, 4]},
    )
    assert answer["results"]["each"] == ["0 of 2: 6", "1 of 2: 8"]
    assert answer["results"]["double"] == [6, 8]
    assert answer["results"]["after"] == "1 of 2: 8"
    assert answer["operations"]["double"]["runs"] == 2


async def test_a_loop_within_a_loop_sees_its_parent(world: World) -> None:
    answer = await world.run(
        op("rows", "Loop", inputPath="/input", operations=["cells"], outputPath="/workflow/all"),
        op("cells", "Loop", inputPath="/loop/item", operations="cell", outputPath="/workflow/row"),
        op("cell", "Say", say=["{/loop/parent/index}", {"path": "/loop/item"}]),
        op("rows2", "Say", say=1),
        inputs={"a": 1},
    )
    assert answer["operations"]["rows"]["error"]["code"] == "wrong_input"
    answer = await world.run(
        op("rows", "Loop", inputPath="/input/rows", operations=["cells"], outputPath="/workflow/all"),
        op("cells", "Loop", inputPath="/loop/item", operations="cell", outputPath="/workflow/row"),
        op("cell", "Say", say=["{/loop/parent/index}", {"path": "/loop/item"}]),
        inputs={"rows": [[1, 2], [3]]},
    )
    assert answer["results"]["rows"] == [[["0", 1], ["0", 2]], [["1", 3]]]
    assert answer["results"]["cell"] == [["0", 1], ["0", 2], ["1", 3]]


async def test_an_empty_list_runs_nothing_and_gives_an_empty_list(world: World) -> None:
    answer = await world.run(
        op("each", "Loop", inputPath="/input/x", operations=["say"]), op("say", "Say"), inputs={"x": []}
    )
    assert answer["results"] == {"each": []}
    assert answer["operations"]["say"]["reason"] == "not_reached"


async def test_a_turn_that_fails_leaves_a_null_and_the_others_go_on(world: World) -> None:
    answer = await world.run(
        op("each", "Loop", inputPath="/input/x", operations=["double", "use"], outputPath="/workflow/all"),
        double(outputPath="/workflow/d"),
        op("use", "Say", say={"path": "/workflow/d"}),
        inputs={"x": [1, "no number", 3]},
    )
    assert answer["results"]["each"] == [2, None, 6]
    assert answer["status"] == "partial_success"
    assert answer["operations"]["double"]["status"] == "failed"
    assert answer["operations"]["use"]["error"]["code"] == "dependency_failed"


async def test_a_concurrent_loop_keeps_turns_apart_and_ends_like_a_sequential_one(world: World) -> None:
    body = [
        op("ask", "Ask", say="{/loop/item}", seconds=1, outputPath="/workflow/asked"),
        op("use", "Ask", say="used {/workflow/asked}", seconds=1),
        op("end", "Say", say={"path": "/workflow/asked"}),
    ]
    answers = []
    for concurrency in (1, 3):
        loop = op("each", "Loop", inputPath="/input/x", operations=["ask", "use"], concurrency=concurrency)
        answers.append(await world.run(loop, *body, inputs={"x": ["a", "b", "c", "d"]}))
    assert answers[0]["results"] == answers[1]["results"]
    assert answers[1]["results"]["each"] == ["used a", "used b", "used c", "used d"]
    assert answers[1]["results"]["end"] == "d"
    assert world.stage.most_under_way == 3


async def test_a_failure_in_one_concurrent_turn_does_not_touch_the_others(world: World) -> None:
    answer = await world.run(
        op("each", "Loop", inputPath="/input/x", operations=["ask", "num", "use"], concurrency=4),
        op("ask", "Ask", say={"path": "/loop/item"}, seconds=1, outputPath="/workflow/asked"),
        op("num", "Calculate", inputPath="/workflow/asked", operation="add", operand=1, outputPath="/workflow/n"),
        op("use", "Ask", say={"path": "/workflow/n"}, seconds=1),
        inputs={"x": [1, "x", 3]},
    )
    assert answer["results"]["each"] == [2, None, 4]


async def test_stop_inside_a_loop_stops_the_loop_and_the_run(world: World) -> None:
    answer = await world.run(
        op("each", "Loop", inputPath="/input/x", operations=["say"]),
        op("say", "Say", say={"path": "/loop/item"}, fails=True, on_error="stop"),
        op("after", "Say", say="never"),
        inputs={"x": [1, 2, 3]},
    )
    assert world.stage.said == [1]
    assert answer["operations"]["each"]["error"]["code"] == "run_stopped"
    assert answer["operations"]["after"]["status"] == "skipped"


async def test_parallel_branches_run_side_by_side(world: World) -> None:
    answer = await world.run(
        op("both", "Parallel", branches=[["a1", "a2"], ["b"]]),
        op("a1", "Do", say="a1", seconds=2),
        op("a2", "Do", say="a2", seconds=2),
        op("b", "Do", say="b", seconds=3),
        op("after", "Say", say="after"),
    )
    assert world.stage.said == ["a1", "b", "a2", "after"]
    assert [branch["status"] for branch in answer["results"]["both"]] == ["success", "success"]


async def test_parallel_any_gives_up_the_slower_branch(world: World) -> None:
    answer = await world.run(
        op("race", "Parallel", branches=["quick", "slow"], join="any"),
        op("quick", "Ask", say="quick", seconds=1),
        op("slow", "Ask", say="slow", seconds=60),
    )
    assert world.stage.said == ["quick"]
    assert [branch["status"] for branch in answer["results"]["race"]] == ["success", "cancelled"]
    assert answer["operations"]["slow"]["error"]["code"] == "not_needed"
    assert answer["status"] == "success"


async def test_parallel_that_joins_too_few_fails(world: World) -> None:
    answer = await world.run(
        op("both", "Parallel", branches=["good", "bad"]), op("good", "Say", say=1), op("bad", "Say", fails=True)
    )
    assert answer["operations"]["both"]["error"]["code"] == "join_not_reached"


@pytest.mark.parametrize("path", ["/loop/item", "/loop/other"])
async def test_loop_data_can_only_be_read(world: World, path: str) -> None:
    answer = await world.run(op("a", "Say", say=1, outputPath=path))
    assert answer["operations"]["a"]["error"]["code"] == "path_blocked"
