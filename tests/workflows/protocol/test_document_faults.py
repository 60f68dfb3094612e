"""Section 1.4: every fault has a stable code, the operation's id, a JSON pointer and a suggestion."""

from typing import Any

import pytest

from workflows.protocol.protocol_world import NAP, Dock, api, begin, doc, fault, faults, flat, give, look, nested, start

ANY = {"condition": {"path": "/input/x", "operator": "exists"}}


def branch(*targets: str) -> dict[str, Any]:
    return {"Conditional": {**ANY, "ifTrue": list(targets)}}


def keep(conditions: Any) -> dict[str, Any]:
    return {"FilterData": {"inputPath": "/input/x", "conditions": conditions, "outputPath": "/workflow/o"}}


def merge(sources: Any) -> dict[str, Any]:
    return {"MergeData": {"sources": sources, "strategy": "merge", "outputPath": "/workflow/o"}}


def sort(config: Any) -> dict[str, Any]:
    return {
        "TransformData": {"inputPath": "/input/x", "transform": "sort", "config": config, "outputPath": "/workflow/o"}
    }


def loop(*operations: str) -> dict[str, Any]:
    return {"Loop": {"inputPath": "/input/x", "operations": list(operations)}}


LISTED = "/operationUpdate/operations"


def listed(*operations: Any, **more: Any) -> dict[str, Any]:
    return {"operationUpdate": {"operations": list(operations), **more}}


MESSAGES: list[tuple[Any, str, str, str | None]] = [
    ({"type": "operationUpdat", "operationId": "x"}, "unknown_message", "/type", "operationUpdate"),
    ({"type": "OPERATIONUPDATE"}, "unknown_message", "/type", "operationUpdate"),
    ({"type": 5}, "unknown_message", "/type", None),
    ({"type": None}, "unknown_message", "/type", None),
    ({"type": ["operationUpdate"]}, "unknown_message", "/type", None),
    ({"beginExecutio": {}}, "unknown_message", "/beginExecutio", "beginExecution"),
    ({"a/b~c": {}}, "unknown_message", "/a~1b~0c", None),
    ({}, "unknown_message", "", None),
    ({"operationUpdate": []}, "wrong_type", "/operationUpdate", None),
    ({"operationUpdate": None}, "wrong_type", "/operationUpdate", None),
    ({"operationUpdate": {"workflowId": "w"}}, "missing_field", "/operationUpdate/operations", None),
    ({"operationUpdate": {"operations": {}}}, "missing_field", "/operationUpdate/operations", None),
    (listed(5), "wrong_type", f"{LISTED}/0", None),
    (listed({"operation": NAP}), "missing_field", f"{LISTED}/0/id", None),
    (listed({"id": "x", "operation": NAP, "onErr": "stop"}), "unknown_field", f"{LISTED}/0/onErr", "onError"),
    (listed(workflwId="x"), "unknown_field", "/operationUpdate/workflwId", "workflowId"),
    (listed(workflowId="a b"), "invalid_id", "/operationUpdate/workflowId", None),
    ({"type": "operationUpdate", "operation": NAP}, "missing_field", "/operationId", None),
    ({"type": "operationUpdate", "operationId": "", "operation": NAP}, "invalid_id", "/operationId", None),
    ({"type": "operationUpdate", "operationId": "a b", "operation": NAP}, "invalid_id", "/operationId", None),
    ({"type": "operationUpdate", "operationId": "é", "operation": NAP}, "invalid_id", "/operationId", None),
    ({"type": "operationUpdate", "operationId": "x\n", "operation": NAP}, "invalid_id", "/operationId", None),
    ({"type": "operationUpdate", "operationId": 5, "operation": NAP}, "invalid_id", "/operationId", None),
    ({"type": "operationUpdate", "operationId": "x" * 101, "operation": NAP}, "invalid_id", "/operationId", None),
    ({"type": "operationUpdate", "id": "x", "operationId": "x", "operation": NAP}, "unknown_field", "/id", None),
    ({"type": "beginExecution", "executionId": 5}, "invalid_id", "/executionId", None),
    ({"type": "beginExecution", "executionId": "e/1"}, "invalid_id", "/executionId", None),
    ({"type": "beginExecution", "operationOrder": "a"}, "wrong_type", "/operationOrder", None),
    ({"type": "beginExecution", "operationOrder": ["a", 1]}, "wrong_type", "/operationOrder", None),
    ({"type": "beginExecution", "operationOrdr": ["a"]}, "unknown_field", "/operationOrdr", "operationOrder"),
    ({"type": "beginExecution", "execution": "parallel"}, "invalid_value", "/execution", None),
    ({"type": "beginExecution", "execution": ["sequential"]}, "invalid_value", "/execution", None),
    ({"beginExecution": {"root": 5}}, "wrong_type", "/beginExecution/root", None),
]  # fmt: skip


@pytest.mark.parametrize(("message", "code", "path", "near"), MESSAGES)
def test_a_faulty_message_is_pointed_at(message: Any, code: str, path: str, near: str | None) -> None:
    issue = fault(flat("a", NAP), message)
    assert (issue.code, issue.path) == (code, f"/1{path}")
    assert issue.suggestion
    assert near is None or near in issue.suggestion


@pytest.mark.parametrize("operation", [None, {}, [], "Wait", {**NAP, "ExtractText": {}}])
def test_an_operation_has_exactly_one_type(operation: Any) -> None:
    single = fault({"type": "operationUpdate", "operationId": "a", "operation": operation})
    assert (single.code, single.operation_id, single.path) == ("not_one_type", "a", "/0/operation")
    listed = fault({"operationUpdate": {"operations": [{"id": "a", "operation": operation}]}})
    assert listed.path == "/0/operationUpdate/operations/0/operation"


def test_an_operation_without_operation_is_told_so() -> None:
    assert fault({"operationUpdate": {"operations": [{"id": "a"}]}}).code == "not_one_type"


def test_an_id_may_have_a_hundred_characters_and_no_more() -> None:
    assert look(doc(flat("x" * 100, NAP))).plan is not None
    assert fault(flat("x" * 101, NAP)).code == "invalid_id"


CONFIGS: list[tuple[Any, str, str, str | None]] = [
    ({"Wiat": {}}, "unknown_type", "", "Wait"),
    ({"wait": {"duration": 1}}, "unknown_type", "", "Wait"),
    ({"Zzzzzzzz": {}}, "unknown_type", "", None),
    ({"Wait": {"duratoin": 1}}, "unknown_field", "/duratoin", "duration"),
    ({"Wait": 5}, "wrong_type", "", None),
    ({"Wait": None}, "wrong_type", "", None),
    ({"Wait": []}, "wrong_type", "", None),
    ({"Wait": {"duration": True}}, "wrong_type", "/duration", None),
    ({"Wait": {"duration": "10"}}, "wrong_type", "/duration", None),
    ({"Wait": {"duration": -1}}, "invalid_value", "/duration", None),
    ({"Wait": {}}, "invalid_config", "", None),
    ({"Wait": {"duration": 1, "until": 5}}, "invalid_config", "", None),
    ({"Wait": {"until": "tomorrow"}}, "invalid_config", "/until", None),
    ({"GetCurrentDateTime": {}}, "missing_field", "", "outputPath"),
    ({"GetCurrentDateTime": {"outputPath": 5}}, "wrong_type", "/outputPath", None),
    ({"GetCurrentDateTime": {"outputPath": ""}}, "invalid_path", "/outputPath", None),
    ({"GetCurrentDateTime": {"outputPath": "/workflow//x"}}, "invalid_path", "/outputPath", None),
    ({"GetCurrentDateTime": {"outputPath": "/workflow/x[a]"}}, "invalid_path", "/outputPath", None),
    ({"GetCurrentDateTime": {"outputPath": "/workflow/x", "format": "iso"}}, "invalid_value", "/format", "iso8601"),
    (give("/workflow/"), "invalid_path", "/default", None),
    (give({"path": "/workflow/a", "transform": "size"}), "transform_failed", "/default", None),
    (give({"path": "/workflow/a", "transform": ["length"]}), "transform_failed", "/default", None),
    (give({"path": "/workflow/a", "transform": {}}), "transform_failed", "/default", None),
    (give({"path": "/workflow/a[b]"}), "invalid_path", "/default", None),
    (give([{"deep": ["{/workflow/a[b]}"]}]), "invalid_path", "/default/0/deep/0", None),
    (keep([]), "wrong_length", "/conditions", None),
    (keep({}), "wrong_type", "/conditions", None),
    (keep([{"field": "a", "operator": "=="}]), "invalid_config", "/conditions/0/value", None),
    (keep([{"field": "a", "operator": "contians", "value": 1}]), "invalid_value", "/conditions/0/operator", "contains"),
    (keep([{"field": "a", "operator": "matches", "value": "("}]), "invalid_config", "/conditions/0/value", None),
    (merge(["/workflow/a"]), "wrong_length", "/sources", None),
    (merge(["/workflow/a", 5]), "wrong_type", "/sources/1", None),
    ({"Conditional": {"ifTrue": "b"}}, "invalid_config", "", None),
    ({"Conditional": {"condition": {"path": "/input/x"}, "ifTrue": "b"}}, "missing_field", "/condition", "operator"),
    ({"Conditional": {"expression": "1 +", "ifTrue": "b"}}, "invalid_config", "/expression", None),
    ({"Conditional": {**ANY, "ifTrue": 5}}, "wrong_type", "/ifTrue", None),
    ({"Conditional": {**ANY, "ifTrue": ["b", None]}}, "wrong_type", "/ifTrue/1", None),
    ({"Loop": {"inputPath": "/input/x", "operations": ["b"], "concurrency": 0}}, "invalid_value", "/concurrency", None),
    (api("https://a.example/", method="GTE"), "invalid_value", "/method", "GET"),
    (api("ftp://a.example/"), "invalid_config", "/url", None),
    (api(5), "wrong_type", "/url", None),
    (api(""), "wrong_type", "/url", None),
    (api("https://a.example/", headers=[]), "wrong_type", "/headers", None),
    (api("https://a.example/", timeout=0), "invalid_value", "/timeout", None),
    (api("https://a.example/", timeuot=1), "unknown_field", "/timeuot", "timeout"),
    (sort({"a/b~": 1}), "unknown_field", "/config/a~1b~0", None),
]  # fmt: skip


@pytest.mark.parametrize(("operation", "code", "path", "near"), CONFIGS)
def test_a_faulty_config_is_pointed_at(operation: Any, code: str, path: str, near: str | None) -> None:
    issue = fault(flat("b", NAP), flat("a", operation))
    assert (issue.code, issue.operation_id, issue.path or "") == (code, "a", path)
    assert issue.suggestion
    assert near is None or near in issue.suggestion


def test_all_faults_of_a_document_are_told_at_once() -> None:
    issues = faults(
        flat("a", {"Wait": {"duration": "x", "extra": 1}}), flat("b", {"Nope": {}}), {"type": "oops"}, begin("a", "zz")
    )
    assert {issue.code for issue in issues} == {
        "wrong_type",
        "unknown_field",
        "unknown_type",
        "unknown_message",
        "unknown_operation",
    }


@pytest.mark.parametrize(
    ("messages", "operation", "path"),
    [
        ([flat("fetch", NAP), begin("fetch", "fecth")], None, "/1/operationOrder/1"),
        ([nested(("fetch", NAP)), start("fecth")], None, "/1/beginExecution/root"),
        ([flat("fetch", NAP), flat("c", branch("fetch", "fecth"))], "c", "/ifTrue/1"),
        ([flat("fetch", NAP), flat("c", {"Conditional": {**ANY, "ifTrue": "fecth"}})], "c", "/ifTrue"),
        ([flat("fetch", NAP), flat("c", loop("fecth"))], "c", "/operations/0"),
        ([flat("fetch", NAP), flat("c", {"Parallel": {"branches": [["fetch", "fecth"]]}})], "c", "/branches/0/1"),
        ([flat("fetch", NAP), flat("c", NAP, onError={"goto": ["fecth"]})], "c", "/onError/goto"),
    ],
)  # fmt: skip
def test_a_reference_to_an_operation_that_does_not_exist_names_the_nearest(
    messages: list[Any], operation: str | None, path: str
) -> None:
    issue = fault(*messages)
    assert (issue.code, issue.operation_id, issue.path) == ("unknown_operation", operation, path)
    assert issue.suggestion == "Did you mean 'fetch'?"


def test_an_operation_twice_in_the_order_is_an_error() -> None:
    issue = fault(flat("a", NAP), flat("b", NAP), begin("a", "b", "a"))
    assert (issue.code, issue.operation_id, issue.path) == ("duplicate_in_order", "a", "/2/operationOrder/2")
    assert issue.suggestion


@pytest.mark.parametrize(
    ("messages", "circle"),
    [
        ([flat("a", branch("a"))], "a -> a"),
        ([flat("a", branch("b")), flat("b", branch("a"))], "a -> b -> a"),
        ([flat("a", NAP, onError={"goto": "a"})], "a -> a"),
        ([flat("a", branch("b")), flat("b", NAP, onError={"goto": "a"})], "a -> b -> a"),
        ([flat("z", loop("a")), flat("a", loop("b")), flat("b", loop("c")), flat("c", loop("a"))], "a -> b -> c -> a"),
    ],
)  # fmt: skip
def test_a_cycle_between_branches_or_bodies_is_an_error_that_shows_it(messages: list[Any], circle: str) -> None:
    issue = fault(*messages)
    assert (issue.code, issue.operation_id) == ("cycle", circle.split(" -> ")[-2])
    assert circle in issue.message
    assert issue.path in {"/ifTrue/0", "/operations/0", "/onError/goto"}
    assert issue.suggestion


def test_two_branches_may_share_an_operation() -> None:
    assert look(doc(flat("a", branch("c")), flat("b", branch("c")), flat("c", NAP))).plan is not None


@pytest.mark.parametrize(
    "on_error", ["retry", 5, True, [], {}, {"value": 1, "goto": "a"}, {"goto": 5}, {"goto": ["a", 5]}, {"values": 1}]
)
def test_an_unknown_on_error_is_pointed_at_wherever_it_stands(on_error: Any) -> None:
    beside = fault(flat("a", NAP, onError=on_error))
    inside = fault(flat("a", {"Wait": {"duration": 1, "onError": on_error}}))
    default = fault(flat("a", NAP), begin("a", onError=on_error))
    assert {beside.code, inside.code, default.code} == {"invalid_on_error"}
    assert (beside.operation_id, beside.path) == (inside.operation_id, inside.path) == ("a", "/onError")
    assert (default.operation_id, default.path) == (None, "/1/onError")
    assert beside.suggestion


def test_on_error_twice_is_an_error() -> None:
    issue = fault(flat("a", {"Wait": {"duration": 1, "onError": "stop"}}, onError="stop"))
    assert (issue.code, issue.operation_id) == ("duplicate_field", "a")


def test_no_more_than_a_hundred_issues_are_told() -> None:
    assert len(look(doc(flat("a", {"Wait": {f"f{n}": 1 for n in range(500)}}))).issues) == 100
    assert len(look(doc(*[{"type": f"t{n}"} for n in range(500)])).issues) == 100
    assert len(look(doc(*[flat(f"a{n}", {f"T{n}": {}}) for n in range(500)])).issues) == 100
    assert len(look(doc(flat("a", NAP), begin(*(f"x{n}" for n in range(500))))).issues) == 100
    never = [flat(f"a{n}", give(f"/workflow/gone{n}", f"/workflow/t{n}")) for n in range(300)]
    assert len(look(doc(*never)).issues) == 100


def test_the_same_document_gives_the_same_issues_in_the_same_order() -> None:
    document = doc(flat("a", NAP), begin(*(f"x{n % 7}" for n in range(50))), {"type": "x"})
    assert [look(document).issues for _ in range(3)] == [look(document).issues] * 3


async def test_advice_is_no_error(dock: Dock) -> None:
    report = await dock.report(
        flat("fetch", give("x", "/workflow/user")), flat("a", give("/workflow/usr", "/workflow/b"))
    )
    [issue] = report["issues"]
    assert report["valid"]
    assert (issue["severity"], issue["code"], issue["operation_id"]) == ("warning", "never_written", "a")
    assert "/workflow/user" in issue["suggestion"]


@pytest.mark.parametrize(
    "source", ["/workflow/user/name", "/workflow/user", "/workflow", "/config/x", "/input/y", "/loop/item"]
)
async def test_what_some_operation_may_write_or_somebody_gives_is_not_advised_against(dock: Dock, source: str) -> None:
    report = await dock.report(flat("a", give("x", "/workflow/user")), flat("b", give({"path": source}, "/workflow/c")))
    assert report["issues"] == []
