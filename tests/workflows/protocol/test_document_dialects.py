"""Sections 1.2 and 1.3: both dialects, mixed and overwritten; seeds; what runs in which order."""

from typing import Any

import pytest

from workflows.protocol.protocol_world import (
    NAP,
    NOW,
    Dock,
    begin,
    fault,
    faults,
    flat,
    give,
    nested,
    order_of,
    planned,
    start,
)

ANY = {"condition": {"path": "/input/x", "operator": "exists"}}

MAP_OF_NO_KEY = {"key": "a", "valueMap": [{"key": 1}]}


def seed(**values: Any) -> list[dict[str, Any]]:
    return [{"key": key, **value} for key, value in values.items()]


def test_a_flat_document_runs_exactly_its_order() -> None:
    assert order_of(flat("a", NAP), flat("b", NAP), flat("c", NAP), begin("c", "a")) == ["c", "a"]


def test_a_nested_document_runs_its_root_first_then_the_others_as_they_are_defined() -> None:
    assert order_of(nested(("a", NAP), ("b", NAP), ("c", NAP)), start("b")) == ["b", "a", "c"]


def test_several_nested_messages_accumulate() -> None:
    assert order_of(nested(("a", NAP)), nested(("b", NAP)), start("b")) == ["b", "a"]


@pytest.mark.parametrize("messages", [[flat("b", NAP), flat("a", NAP)], [nested(("b", NAP), ("a", NAP))]])
def test_without_begin_execution_operations_run_as_they_are_defined(messages: list[Any]) -> None:
    assert order_of(*messages) == ["b", "a"]


def test_the_begin_message_may_come_first() -> None:
    assert order_of(begin("b", "a"), flat("a", NAP), flat("b", NAP)) == ["b", "a"]


def test_a_nested_definition_may_be_begun_flat() -> None:
    assert order_of(nested(("a", NAP), ("b", NAP)), begin("b", "a")) == ["b", "a"]


def test_a_flat_definition_may_be_begun_nested() -> None:
    assert order_of(flat("a", NAP), nested(("b", NAP)), flat("c", NAP), start("c")) == ["c", "a", "b"]


def test_the_last_begin_message_counts_whatever_its_dialect() -> None:
    both = [flat("a", NAP), flat("b", NAP)]
    assert order_of(*both, begin("a", "b"), begin("b", "a")) == ["b", "a"]
    assert order_of(*both, start("a"), start("b")) == ["b", "a"]


def test_one_message_may_hold_an_update_and_a_beginning() -> None:
    assert order_of({**nested(("a", NAP), ("b", NAP)), **start("b")}) == ["b", "a"]


def test_nested_operations_may_be_begun_without_a_root() -> None:
    assert order_of(nested(("a", NAP), ("b", NAP)), {"beginExecution": {"workflowId": "w"}}) == ["a", "b"]


@pytest.mark.parametrize(
    "messages",
    [
        [flat("a", {"Wait": {"duration": 1}}), flat("b", NAP), flat("a", NOW)],
        [nested(("a", NAP), ("b", NAP)), nested(("a", NOW))],
        [nested(("a", NAP), ("b", NAP)), flat("a", NOW)],
        [flat("a", NAP), nested(("b", NAP), ("a", NOW))],
    ],
)
def test_the_same_id_again_overwrites_the_operation_and_keeps_its_place(messages: list[Any]) -> None:
    plan = planned(*messages)
    assert list(plan.nodes) == ["a", "b"]
    assert plan.nodes["a"].type.name == "GetCurrentDateTime"


def test_an_overwritten_operation_leaves_nothing_behind() -> None:
    first = flat("a", {"Conditional": {**ANY, "ifTrue": "b"}}, onError="stop")
    plan = planned(first, flat("b", NAP), flat("a", NAP))
    assert [node.id for node in plan.main.nodes] == ["a", "b"]
    assert plan.nodes["a"].on_error.kind == "continue"


def test_an_id_twice_in_one_message_is_an_error() -> None:
    issue = fault(nested(("a", NAP), ("b", NAP), ("a", NOW)))
    assert (issue.code, issue.operation_id, issue.path) == ("duplicate_id", "a", "/0/operationUpdate/operations/2/id")


@pytest.mark.parametrize(
    "operation",
    [
        {"Conditional": {**ANY, "ifTrue": "t"}},
        {"Conditional": {**ANY, "ifTrue": ["t"]}},
        {"Conditional": {**ANY, "ifTrue": "u", "ifFalse": "t"}},
        {"Conditional": {**ANY, "ifTrue": [], "ifFalse": ["t"]}},
        {"Loop": {"inputPath": "/input/x", "operations": ["t"]}},
        {"Loop": {"inputPath": "/input/x", "operations": "t"}},
        {"Parallel": {"branches": ["t"]}},
        {"Parallel": {"branches": [["u", "t"]]}},
        {"Wait": {"duration": 1, "onError": {"goto": "t"}}},
        {"Wait": {"duration": 1, "onError": {"goto": ["u", "t"]}}},
    ],
)
def test_what_others_refer_to_leaves_the_main_order(operation: dict[str, Any]) -> None:
    operations = [flat("x", operation), flat("t", NAP), flat("u", NAP), flat("z", NAP)]
    assert "t" not in order_of(*operations)
    assert "t" not in order_of(*operations, begin("t", "x", "z"))
    assert "t" not in order_of(*operations, start("t"))
    assert order_of(*operations)[-1] == "z"


async def test_a_branch_target_runs_only_where_it_is_referred_to(dock: Dock) -> None:
    branch = {"Conditional": {"condition": {"path": "/input/x", "operator": "==", "value": 1}, "ifTrue": "t"}}
    messages = [flat("t", give("ran")), flat("c", branch)]
    assert (await dock.answer(*messages, inputs={"x": 2}))["operations"]["t"] == {
        "status": "skipped",
        "reason": "not_reached",
    }
    assert (await dock.answer(*messages, inputs={"x": 1}))["results"]["t"] == "ran"


async def test_an_operation_left_out_of_the_order_does_not_run_and_is_advised_of(dock: Dock) -> None:
    messages = [flat("a", NOW), flat("b", NOW), begin("a")]
    report = await dock.report(*messages)
    assert [(item["code"], item["operation_id"]) for item in report["issues"]] == [("never_run", "b")]
    assert report["valid"]
    assert list((await dock.answer(*messages))["results"]) == ["a"]


def test_an_order_that_names_nothing_is_an_error() -> None:
    issue = fault(flat("a", NAP), begin())
    assert (issue.code, issue.path) == ("empty_order", "/1/operationOrder")


def test_the_workflows_id_is_the_last_one_given_else_the_executions() -> None:
    assert planned(nested(("a", NAP))).workflow == "w"
    assert planned(flat("a", NAP), begin("a")).workflow == "e-1"
    assert planned(flat("a", NAP, workflowId="mine"), begin("a")).workflow == "mine"
    assert planned(flat("a", NAP)).workflow == "default"
    assert planned({"operationUpdate": {"operations": [{"id": "a", "operation": NAP}]}}).workflow == "default"


async def test_a_data_model_update_seeds_config_as_a2e_writes_it(dock: Dock) -> None:
    inner = seed(apiToken={"valueString": "t0k"}, limits={"valueMap": seed(top={"valueNumber": 3})})
    update = {"dataModelUpdate": {"workflowId": "w", "contents": [{"key": "config", "valueMap": inner}]}}
    answer = await dock.answer(update, flat("a", give("{/config/apiToken} {/config/limits/top}")))
    assert answer["results"]["a"] == "t0k 3"


@pytest.mark.parametrize(
    "update",
    [
        {"dataModelUpdate": {"path": "/config", "contents": seed(a={"valueString": "x"})}},
        {"dataModelUpdate": {"path": "config", "contents": seed(a={"valueString": "x"})}},
        {"type": "dataModelUpdate", "path": "/config", "contents": seed(a={"valueString": "x"})},
        {"type": "dataModelUpdate", "contents": seed(config={"valueMap": seed(a={"valueString": "x"})})},
        {"type": "dataModelUpdate", "path": "/", "contents": seed(config={"valueMap": seed(a={"valueString": "x"})})},
        {"type": "dataModelUpdate", "path": "", "contents": seed(config={"valueMap": seed(a={"valueString": "x"})})},
    ],
)
def test_seeds_may_stand_in_both_dialects_and_under_a_path(update: dict[str, Any]) -> None:
    assert planned(update, flat("a", NAP)).seeds == {"config": {"a": "x"}}


@pytest.mark.parametrize("path", ["/config/list[0].name", "/config/list/0/name", "config/list[0]/name"])
def test_the_path_of_seeds_has_the_syntax_of_all_paths(path: str) -> None:
    update = {"dataModelUpdate": {"path": path, "contents": seed(a={"valueNumber": 1})}}
    assert planned(update, flat("a", NAP)).seeds == {"config": {"list": {"0": {"name": {"a": 1}}}}}


def test_the_path_of_seeds_knows_escapes() -> None:
    update = {"dataModelUpdate": {"path": "/config/a~1b~0c", "contents": seed(a={"valueNumber": 1})}}
    assert planned(update, flat("a", NAP)).seeds == {"config": {"a/b~c": {"a": 1}}}


def test_every_kind_of_value_can_be_seeded() -> None:
    contents = seed(
        text={"valueString": ""},
        whole={"valueNumber": 0},
        real={"valueNumber": -1.5e-3},
        no={"valueBoolean": False},
        map={"valueMap": []},
        list={"valueArray": [None, {"a": [1]}]},
    )
    seeds = planned({"dataModelUpdate": {"path": "/config", "contents": contents}}, flat("a", NAP)).seeds
    expected = {"text": "", "whole": 0, "real": -1.5e-3, "no": False, "map": {}, "list": [None, {"a": [1]}]}
    assert seeds == {"config": expected}


def test_later_seeds_overwrite_earlier_ones_and_leave_the_rest() -> None:
    first = {"dataModelUpdate": {"path": "/config", "contents": seed(a={"valueNumber": 1}, b={"valueNumber": 1})}}
    second = {"dataModelUpdate": {"path": "/config", "contents": seed(a={"valueNumber": 2})}}
    assert planned(first, second, flat("a", NAP)).seeds == {"config": {"a": 2, "b": 1}}


async def test_inputs_win_over_seeded_inputs_key_by_key(dock: Dock) -> None:
    update = {"dataModelUpdate": {"path": "/input", "contents": seed(a={"valueNumber": 1}, b={"valueNumber": 1})}}
    answer = await dock.answer(update, flat("op", give("{/input/a} {/input/b}")), inputs={"a": 9})
    assert answer["results"]["op"] == "9 1"


async def test_seeds_of_one_run_are_fresh_in_the_next(dock: Dock) -> None:
    deep = {"key": "a", "valueMap": seed(n={"valueNumber": 1})}
    update = {"dataModelUpdate": {"path": "/config", "contents": [deep]}}
    double = {
        "Calculate": {
            "inputPath": "/config/a/n",
            "operation": "multiply",
            "operand": 2,
            "outputPath": "/config/a/n",
        }
    }
    runs = [await dock.answer(update, flat("op", double)) for _ in range(3)]
    assert [run["results"]["op"] for run in runs] == [2, 2, 2]


@pytest.mark.parametrize(
    ("update", "code", "path"),
    [
        ({"contents": seed(secrets={"valueMap": []})}, "invalid_seed", ""),
        ({"contents": seed(config={"valueString": "x"})}, "invalid_seed", ""),
        ({"contents": seed(loop={"valueMap": []})}, "invalid_seed", ""),
        ({"path": "/loop/item", "contents": []}, "invalid_seed", ""),
        ({"path": "/confgi", "contents": []}, "invalid_seed", ""),
        ({"path": 5, "contents": []}, "wrong_type", "/path"),
        ({"path": "/config//a", "contents": []}, "invalid_path", "/path"),
        ({"path": "/config/a[", "contents": []}, "invalid_path", "/path"),
        ({"path": "/config"}, "wrong_type", "/contents"),
        ({"path": "/config", "contents": {}}, "wrong_type", "/contents"),
        ({"path": "/config", "contents": [1]}, "missing_field", "/contents/0/key"),
        ({"path": "/config", "contents": [{"valueString": "x"}]}, "missing_field", "/contents/0/key"),
        ({"path": "/config", "contents": [{"key": "a"}]}, "wrong_type", "/contents/0"),
        ({"path": "/config", "contents": [{"key": "a", "valueString": 1}]}, "wrong_type", "/contents/0"),
        ({"path": "/config", "contents": [{"key": "a", "valueNumber": True}]}, "wrong_type", "/contents/0"),
        ({"path": "/config", "contents": [{"key": "a", "valueBoolean": 1}]}, "wrong_type", "/contents/0"),
        ({"path": "/config", "contents": [{"key": "a", "valueNumber": 1, "value": 1}]}, "wrong_type", "/contents/0"),
        ({"path": "/config", "contents": [MAP_OF_NO_KEY]}, "missing_field", "/contents/0/valueMap/0/key"),
    ],
)  # fmt: skip
def test_faulty_seeds_are_pointed_at_in_both_dialects(update: dict[str, Any], code: str, path: str) -> None:
    inner = fault(flat("a", NAP), {"dataModelUpdate": update})
    assert (inner.code, inner.path) == (code, f"/1/dataModelUpdate{path}")
    outer = fault(flat("a", NAP), {"type": "dataModelUpdate", **update})
    assert (outer.code, outer.path) == (code, f"/1{path}")
    assert outer.suggestion
    assert inner.suggestion


def test_a_seed_cannot_stand_below_a_seeded_value() -> None:
    scalar = {"dataModelUpdate": {"path": "/config", "contents": seed(a={"valueString": "x"})}}
    below = {"dataModelUpdate": {"path": "/config/a/b", "contents": []}}
    assert [(issue.code, issue.path) for issue in faults(flat("a", NAP), scalar, below)] == [
        ("path_blocked", "/2/dataModelUpdate/path")
    ]
