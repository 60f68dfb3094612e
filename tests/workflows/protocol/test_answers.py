"""Section 5: what a caller gets, in every format and for every outcome, and what nobody gets."""

import json
import logging
import re
from typing import Any, get_args

import pytest

from muelle.core import MuelleError
from muelle.workflows import Format
from workflows.protocol.protocol_world import Dock, Echo, api, begin, flat, give, nested

GOOD = flat("good", give([{"id": 1}, {"id": 2}], "/workflow/good"))
BAD = flat("bad", give("/workflow/gone", "/workflow/bad"))
AFTER = flat("after", give("/workflow/bad", "/workflow/after"))
SHARED = {"status", "execution_id", "workflow_id", "duration_ms", "data"}
ERROR = {"type", "code", "category", "message", "operation_id", "recoverable", "suggestions"}


async def test_a_full_answer_has_exactly_these_members(dock: Dock) -> None:
    answer = await dock.answer(GOOD)
    assert set(answer) == SHARED | {"results", "operations"}
    assert answer["status"] == "success"
    assert re.fullmatch(r"run_[0-9a-f]{32}", answer["execution_id"])
    assert answer["workflow_id"] == "default"
    assert answer["duration_ms"] >= 0


async def test_the_full_answer_is_the_usual_one(dock: Dock) -> None:
    assert set(await dock.answer(GOOD)) == set(await dock.answer(GOOD, form="full"))
    assert get_args(Format) == ("full", "summary", "minimal")


async def test_a_summary_leaves_out_results_and_a_minimal_answer_operations_too(dock: Dock) -> None:
    assert set(await dock.answer(GOOD, form="summary")) == SHARED | {"operations"}
    assert set(await dock.answer(GOOD, form="minimal")) == SHARED


async def test_an_operation_that_succeeded_says_how_it_went(dock: Dock) -> None:
    told = (await dock.answer(GOOD))["operations"]["good"]
    assert (told["status"], told["attempts"], told["cached"], told["count"]) == ("success", 1, False, 2)
    assert set(told) == {"status", "duration_ms", "attempts", "cached", "count"}


@pytest.mark.parametrize("value", [{"a": 1}, "text", 5, None, True])
async def test_only_a_list_has_a_count(dock: Dock, value: Any) -> None:
    answer = await dock.answer(flat("a", give(value)))
    assert "count" not in answer["operations"]["a"]
    assert answer["results"] == answer["data"] == {"a": value}


BIG: list[Any] = [
    list(range(1_000)),
    "x" * 10_000,
    {f"k{n}": "v" * 300 for n in range(200)},
    [[[[[["deep" * 600]]]]]],
]


@pytest.mark.parametrize("value", BIG, ids=["list", "text", "object", "deep"])
async def test_results_are_always_whole(dock: Dock, value: Any) -> None:
    assert (await dock.answer(flat("a", give("/input/x")), inputs={"x": value}))["results"]["a"] == value


@pytest.mark.parametrize("value", BIG, ids=["list", "text", "object", "deep"])
async def test_data_are_a_summary_of_the_same_kind_that_leaves_no_result_out(dock: Dock, value: Any) -> None:
    answer = await dock.answer(flat("a", give("/input/x")), inputs={"x": value}, form="summary")
    assert type(answer["data"]["a"]) is type(value)
    assert len(json.dumps(answer)) < len(json.dumps(value)) or isinstance(value, list)


async def test_a_summary_cuts_lists_at_fifty_and_texts_at_two_hundred(dock: Dock) -> None:
    value = [{"text": "y" * 201, "n": n} for n in range(51)]
    data = (await dock.answer(flat("a", give("/input/x")), inputs={"x": value}))["data"]["a"]
    assert len(data) == 50
    assert data[0] == {"text": "y" * 200 + "…", "n": 0}


async def test_a_partial_success_tells_both_sides(dock: Dock) -> None:
    answer = await dock.answer(GOOD, BAD, AFTER)
    assert answer["status"] == "partial_success"
    assert answer["successful"] == {"count": 1, "operations": ["good"]}
    assert answer["failed"]["count"] == 2
    failed = answer["failed"]["operations"]
    assert list(failed) == ["bad", "after"]
    assert set(failed["bad"]) >= ERROR
    assert (failed["bad"]["type"], failed["bad"]["code"]) == ("MissingData", "missing_data")
    assert (failed["after"]["code"], failed["after"]["context"]) == ("dependency_failed", {"cause": "bad"})
    assert "error" not in answer
    assert list(answer["results"]) == ["good"]


@pytest.mark.parametrize("form", get_args(Format))
async def test_what_went_wrong_is_told_in_every_format(dock: Dock, form: Format) -> None:
    assert (await dock.answer(GOOD, BAD, form=form))["failed"]["count"] == 1
    assert (await dock.answer(BAD, form=form))["error"]["code"] == "missing_data"


async def test_a_total_failure_has_an_error_in_a2es_shape(dock: Dock) -> None:
    answer = await dock.answer(AFTER, BAD, begin("bad", "after"))
    assert answer["status"] == "error"
    error = answer["error"]
    assert set(error) == ERROR | {"path", "context"}
    assert (error["operation_id"], error["code"], error["category"]) == ("bad", "missing_data", "data_error")
    assert answer["recoverable"] is error["recoverable"] is True
    assert answer["suggestions"] == error["suggestions"] != []
    assert answer["results"] == answer["data"] == {}


async def test_failed_skipped_and_unreached_operations_say_so(dock: Dock) -> None:
    told = (await dock.answer(GOOD, BAD, AFTER, flat("unused", give(1)), begin("good", "bad", "after")))["operations"]
    assert {name: item["status"] for name, item in told.items()} == {
        "good": "success",
        "bad": "failed",
        "after": "skipped",
        "unused": "skipped",
    }
    assert (told["after"]["attempts"], told["bad"]["attempts"]) == (0, 1)
    assert told["unused"] == {"status": "skipped", "reason": "not_reached"}


async def test_every_outcome_is_told_of_every_operation_in_the_order_of_the_document(dock: Dock) -> None:
    answer = await dock.answer(flat("b", give(1)), flat("a", give(2)), begin("a", "b"))
    assert list(answer["operations"]) == list(answer["results"]) == ["b", "a"]


async def test_the_word_error_in_a_result_is_no_failure(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give({"error": "error", "status": "error"})))
    assert answer["status"] == answer["operations"]["a"]["status"] == "success"


async def test_an_api_that_fails_is_told_with_its_status_and_a_short_preview(dock: Dock, echo: Echo) -> None:
    echo.answers = [(404, b"z" * 1_000, "text/plain")]
    error = await dock.error(api(f"{echo.url}/x"))
    assert (error["code"], error["category"]) == ("api_error", "api_error")
    assert error["context"]["status_code"] == 404
    assert len(error["context"]["response_preview"]) == 200


CONFIG = "c0nfig-value"


@pytest.mark.parametrize(
    "operation",
    [
        {"Wait": {"duration": "/config/x"}},
        {"MergeData": {"sources": ["/config", "/config"], "strategy": "/config/x", "outputPath": "/workflow/o"}},
        {"ValidateData": {"inputPath": "/config/x", "validationType": "/config/x", "outputPath": "/workflow/o"}},
        {"FilterData": {"inputPath": "/config/x", "conditions": [{"operator": "empty"}], "outputPath": "/workflow/o"}},
        {"Loop": {"inputPath": "/config/x", "operations": []}},
        give({"path": "/config/x", "transform": "number"}),
        api("https://example.com/", method="/config/x"),
        api("https://127.0.0.1:1/", headers={"A": "/config/x"}),
        api("https://127.0.0.1:1/", headers={"A": {"x": "/config/x"}}),
    ],
)  # fmt: skip
async def test_no_config_value_secret_or_stack_trace_is_in_an_error(
    dock: Dock, operation: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    config = {"dataModelUpdate": {"path": "/config", "contents": [{"key": "x", "valueString": CONFIG}]}}
    answer = await dock.answer(config, flat("op", operation))
    told = json.dumps(answer)
    assert answer["status"] == "error"
    assert CONFIG not in told
    assert "Traceback" not in told
    assert 'File "' not in told


async def test_problems_over_http_have_the_same_members(dock: Dock) -> None:
    with pytest.raises(MuelleError) as caught:
        await dock.answer(flat("a", {"Wiat": {}}))
    problem = caught.value.problem()
    assert {"type", "code", "category", "message", "recoverable", "suggestions"} <= set(problem)
    assert (problem["status"], problem["code"], problem["category"]) == (400, "invalid_document", "validation")
    assert problem["message"].startswith("Workflow validation failed")
    [issue] = problem["issues"]
    assert (issue["severity"], issue["code"], issue["operation_id"]) == ("error", "unknown_type", "a")


async def test_a_flat_workflow_runs_which_a2es_own_server_let_fall(dock: Dock) -> None:
    answer = await dock.answer(GOOD, begin("good"))
    assert (answer["status"], answer["workflow_id"]) == ("success", "e-1")
    assert list(answer["results"]) == ["good"]


async def test_lists_texts_and_numbers_are_told_which_a2es_summary_lost(dock: Dock) -> None:
    answer = await dock.answer(nested(("a", give([1])), ("b", give("x", "/workflow/b")), ("c", give(1, "/workflow/c"))))
    assert answer["data"] == {"a": [1], "b": "x", "c": 1}
