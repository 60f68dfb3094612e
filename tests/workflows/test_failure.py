"""Section 3.1 of the protocol: what a failure takes with it, and what it does not."""

from typing import Any

import pytest

from workflows.runs_world import World, document, op


def statuses(answer: dict[str, Any]) -> dict[str, str]:
    return {name: told["status"] for name, told in answer["operations"].items()}


async def test_a_failed_operation_fails_alone(world: World) -> None:
    answer = await world.run(op("a", "Say", fails=True, outputPath="/workflow/a"), op("b", "Say", say="b"))
    assert answer["status"] == "partial_success"
    assert statuses(answer) == {"a": "failed", "b": "success"}
    assert answer["failed"]["operations"]["a"]["code"] == "broken"


async def test_what_needs_a_failed_output_is_skipped_and_names_the_cause(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, outputPath="/workflow/a"),
        op("b", "Say", say={"path": "/workflow/a/name"}, outputPath="/workflow/b"),
        op("c", "Say", say="{/workflow/b}!"),
    )
    assert statuses(answer) == {"a": "failed", "b": "skipped", "c": "skipped"}
    assert answer["operations"]["b"]["error"]["code"] == "dependency_failed"
    assert answer["operations"]["b"]["error"]["context"]["cause"] == "a"
    assert answer["operations"]["c"]["error"]["context"]["cause"] == "b"
    assert answer["status"] == "error"


async def test_a_reader_of_the_whole_object_needs_every_part_of_it(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, outputPath="/workflow/all/a"), op("b", "Say", say={"path": "/workflow/all"})
    )
    assert statuses(answer)["b"] == "skipped"


async def test_a_reference_with_a_default_does_not_need_the_output(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, outputPath="/workflow/a"),
        op("b", "Say", say={"path": "/workflow/a", "default": 7}),
    )
    assert statuses(answer) == {"a": "failed", "b": "success"}
    assert answer["results"]["b"] == 7


async def test_a_stale_value_does_not_stand_in_for_a_failed_one(world: World) -> None:
    answer = await world.run(
        op("old", "Say", say=1, outputPath="/workflow/x"),
        op("new", "Say", fails=True, outputPath="/workflow/x"),
        op("user", "Say", say={"path": "/workflow/x"}),
    )
    assert statuses(answer)["user"] == "skipped"


async def test_a_later_success_mends_what_was_broken(world: World) -> None:
    answer = await world.run(
        op("bad", "Say", fails=True, outputPath="/workflow/x"),
        op("good", "Say", say=2, outputPath="/workflow/x"),
        op("user", "Say", say={"path": "/workflow/x"}),
    )
    assert answer["results"]["user"] == 2


async def test_a_run_in_which_nothing_succeeded_is_an_error(world: World) -> None:
    answer = await world.run(op("a", "Say", fails=True))
    assert answer["status"] == "error"
    assert answer["error"]["operation_id"] == "a"
    assert answer["suggestions"] == ["Try something else."]


async def test_a_crash_is_a_failure_that_tells_nothing_of_the_inside(world: World) -> None:
    answer = await world.run(op("a", "Say", crashes=True), op("b", "Say", say=1))
    assert answer["operations"]["a"]["error"]["code"] == "operation_crashed"
    assert "Traceback" not in str(answer)
    assert answer["results"]["b"] == 1


async def test_on_error_stop_skips_all_that_follows(world: World) -> None:
    answer = await world.run(op("a", "Say", fails=True, on_error="stop"), op("b", "Say", say="never"))
    assert statuses(answer) == {"a": "failed", "b": "skipped"}
    assert answer["operations"]["b"]["error"]["code"] == "run_stopped"
    assert "never" not in world.stage.said


async def test_on_error_may_be_set_for_all_operations_and_overruled_by_one(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, on_error="continue"),
        op("b", "Say", fails=True),
        op("c", "Say", say=1),
        onError="stop",
    )
    assert statuses(answer) == {"a": "failed", "b": "failed", "c": "skipped"}


async def test_on_error_may_stand_inside_the_config(world: World) -> None:
    answer = await world.run(op("a", "Say", fails=True, onError="stop"), op("b", "Say", say=1))
    assert statuses(answer)["b"] == "skipped"


async def test_on_error_value_stands_in_for_the_output(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, outputPath="/workflow/a", on_error={"value": [1, 2]}),
        op("b", "Say", say={"path": "/workflow/a", "transform": "length"}),
    )
    assert answer["status"] == "success"
    assert answer["results"] == {"a": [1, 2], "b": 2}
    assert answer["operations"]["a"]["handled"] is True
    assert answer["operations"]["a"]["error"]["code"] == "broken"


async def test_on_error_value_may_be_null(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, outputPath="/workflow/a", on_error={"value": None}),
        op("b", "Say", say=[{"path": "/workflow/a"}]),
    )
    assert answer["results"]["b"] == [None]


async def test_on_error_goto_runs_the_handlers_which_run_nowhere_else(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, outputPath="/workflow/a", on_error={"goto": ["plan-b"]}),
        op("plan-b", "Say", say="b", outputPath="/workflow/a"),
        op("c", "Say", say={"path": "/workflow/a"}),
    )
    assert answer["status"] == "success"
    assert world.stage.said == [None, "b", "b"]


async def test_handlers_do_not_run_when_nothing_fails(world: World) -> None:
    answer = await world.run(op("a", "Say", say=1, on_error={"goto": ["b"]}), op("b", "Say", say=2))
    assert answer["operations"]["b"] == {"status": "skipped", "reason": "not_reached"}
    assert answer["status"] == "success"


async def test_a_failing_handler_makes_the_run_partial(world: World) -> None:
    answer = await world.run(
        op("a", "Say", fails=True, on_error={"goto": "b"}), op("b", "Say", fails=True), op("c", "Say", say=1)
    )
    assert answer["status"] == "partial_success"
    assert list(answer["failed"]["operations"]) == ["b"]


@pytest.mark.parametrize("on_error", ["never", {"goto": 1}, {"value": 1, "goto": "b"}, {}, 3])
async def test_an_unknown_on_error_is_refused_before_anything_runs(world: World, on_error: Any) -> None:
    report = await world.app.workflows.validate(world.me, document(op("a", "Say", say=1, on_error=on_error)))
    assert [issue.code for issue in report.issues] == ["invalid_on_error"]


async def test_missing_data_names_who_would_have_written_it(world: World) -> None:
    answer = await world.run(
        op("user", "Say", say={"path": "/workflow/late"}), op("writer", "Say", say=1, outputPath="/workflow/late")
    )
    error = answer["operations"]["user"]["error"]
    assert error["code"] == "missing_data"
    assert error["path"] == "/workflow/late"
    assert error["context"]["written_by"] == ["writer"]
