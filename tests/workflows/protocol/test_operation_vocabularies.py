"""Section 4, as far as planning goes: both vocabularies of A2E are accepted, and nothing that is in neither."""

from typing import Any

import pytest

from muelle.workflows.operations.pack import BUILT_IN
from workflows.protocol.protocol_world import NAP, Dock, api, doc, fault, faults, flat, give, look, order_of, planned

A2E = (
    "ApiCall", "FilterData", "TransformData", "Conditional", "Loop", "StoreData", "Wait", "MergeData",
    "GetCurrentDateTime", "ConvertTimezone", "DateCalculation", "FormatText", "ExtractText", "ValidateData",
    "Calculate", "EncodeDecode",
)  # fmt: skip
OUT = {"outputPath": "/workflow/o"}
IN = {"inputPath": "/input/x"}


def accepts(operation: dict[str, Any]) -> bool:
    return look(doc(flat("op", operation), flat("b", NAP))).plan is not None


def test_the_sixteen_operations_of_a2e_are_there() -> None:
    assert set(A2E) <= {kind.name for kind in BUILT_IN.operations}


@pytest.mark.parametrize("kind", BUILT_IN.operations, ids=lambda kind: kind.name)
def test_no_operation_takes_a_field_that_it_does_not_know(kind: Any) -> None:
    config = {**kind.example, "outputPaht": "/workflow/o"}
    others = [flat(name, NAP) for name in ("send", "skip", "notify", "fetch-a", "clean-a", "fetch-b")]
    issue = fault(flat("op", {kind.name: config}), *others)
    assert (issue.code, issue.operation_id, issue.path) == ("unknown_field", "op", "/outputPaht")


@pytest.mark.parametrize("kind", BUILT_IN.operations, ids=lambda kind: kind.name)
def test_every_operation_names_the_fields_that_it_misses(kind: Any) -> None:
    issues = faults(flat("op", {kind.name: {}}))
    assert {issue.code for issue in issues} <= {"missing_field", "invalid_config"}
    assert all(issue.operation_id == "op" and issue.suggestion for issue in issues)


@pytest.mark.parametrize(
    "operator",
    ["==", "!=", ">", "<", ">=", "<=", "in", "notIn", "contains", "startsWith", "endsWith", "matches", "exists",
     "empty", "isEmpty"],
)  # fmt: skip
def test_filter_and_conditional_know_the_same_operators(operator: str) -> None:
    value: Any = ["a"] if operator in {"in", "notIn"} else "a"
    unary = operator in {"exists", "empty", "isEmpty"}
    condition = {"operator": operator} if unary else {"operator": operator, "value": value}
    assert accepts({"FilterData": {**IN, **OUT, "conditions": [{"field": "f", **condition}]}})
    assert accepts({"Conditional": {"condition": {"path": "/input/x", **condition}, "ifTrue": "b"}})
    assert accepts({"Conditional": {"conditions": [{"path": "/input/x", **condition}], "ifTrue": ["b"]}})


@pytest.mark.parametrize("operator", ["=", "===", "<>", "eq", "IN", "like", "regex", "isempty", ""])
def test_other_operators_are_refused_in_both(operator: str) -> None:
    kept = fault(
        flat("op", {"FilterData": {**IN, **OUT, "conditions": [{"field": "f", "operator": operator, "value": 1}]}})
    )
    condition = {"path": "/input/x", "operator": operator, "value": 1}
    decided = fault(flat("op", {"Conditional": {"condition": condition, "ifTrue": "b"}}), flat("b", NAP))
    assert (kept.code, kept.path) == ("invalid_value", "/conditions/0/operator")
    assert (decided.code, decided.path) == ("invalid_value", "/condition/operator")


@pytest.mark.parametrize(
    ("transform", "config"),
    [
        ("map", {"fields": {"a": "b"}}),
        ("reduce", {"operation": "sum"}),
        ("sort", {"field": "f", "order": "desc"}),
        ("sort", None),
        ("group", {"field": "f"}),
        ("groupBy", {"field": "f"}),
        ("select", {"field": "data.users"}),
        ("select", {"fields": ["a"]}),
        ("aggregate", {"operation": "avg", "field": "f"}),
        ("aggregate", {"operation": "count", "groupBy": "g"}),
        ("distinct", {}),
        ("flatten", {"depth": 2}),
        ("slice", {"start": 0, "end": 5}),
        ("join", {"separator": ","}),
        ("join", {"with": "/workflow/other", "on": "id"}),
    ],
)
def test_the_transforms_of_both_vocabularies_are_accepted(transform: str, config: Any) -> None:
    given = {} if config is None else {"config": config}
    assert accepts({"TransformData": {**IN, **OUT, "transform": transform, **given}})


@pytest.mark.parametrize("transform", ["group", "groupBy"])
async def test_two_names_of_one_transform_do_the_same(dock: Dock, transform: str) -> None:
    group = {"TransformData": {**IN, **OUT, "transform": transform, "config": {"field": "k"}}}
    rows = [{"k": "a", "n": 1}, {"k": "b", "n": 2}, {"k": "a", "n": 3}]
    assert await dock.result(group, {"x": rows}) == {"a": [rows[0], rows[2]], "b": [rows[1]]}


@pytest.mark.parametrize("operator", ["empty", "isEmpty"])
async def test_two_names_of_one_operator_do_the_same(dock: Dock, operator: str) -> None:
    keep = {"FilterData": {**IN, **OUT, "conditions": [{"field": "f", "operator": operator}]}}
    assert await dock.result(keep, {"x": [{"f": ""}, {"f": "x"}, {}, {"f": []}]}) == [{"f": ""}, {}, {"f": []}]


@pytest.mark.parametrize("strategy", ["merge", "deepMerge", "concat", "union", "intersect"])
def test_the_strategies_of_both_vocabularies_are_accepted(strategy: str) -> None:
    assert accepts({"MergeData": {**OUT, "sources": ["/workflow/a", "/workflow/b"], "strategy": strategy}})


@pytest.mark.parametrize("storage", ["localStorage", "sessionStorage", "file", "indexedDB", "database"])
@pytest.mark.parametrize("form", ["json", "string", "binary", None])
def test_the_storages_of_both_vocabularies_are_accepted(storage: str, form: str | None) -> None:
    given = {} if form is None else {"format": form}
    assert accepts({"StoreData": {**IN, "storage": storage, "key": "k", **given}})


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_every_method_is_accepted(method: str) -> None:
    assert accepts(api("https://a.example/", method=method))


@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECT", ""])
def test_other_methods_are_refused(method: str) -> None:
    assert fault(flat("op", api("https://a.example/", method=method))).code == "invalid_value"


def test_if_true_and_if_false_take_an_id_or_a_list() -> None:
    condition = {"condition": {"path": "/input/x", "operator": "exists"}}
    for one, other in (("b", "c"), (["b"], ["c"]), ("b", ["c"]), (["b", "c"], None), ([], "c")):
        operation = {"Conditional": {**condition, "ifTrue": one, "ifFalse": other}}
        assert order_of(flat("op", operation), flat("b", NAP), flat("c", NAP))[0] == "op"


@pytest.mark.parametrize(
    ("operation", "write"),
    [
        ({"Wait": {"duration": 1}}, None),
        ({"StoreData": {**IN, "storage": "file", "key": "k"}}, None),
        ({"Loop": {**IN, "operations": ["b"]}}, None),
        ({"Loop": {**IN, "operations": ["b"], **OUT}}, ("workflow", "o")),
        (give(1, "workflow/o"), ("workflow", "o")),
        (give(1, "/workflow/o[0].x"), ("workflow", "o", "0", "x")),
    ],
)
def test_the_planner_knows_what_an_operation_writes(operation: dict[str, Any], write: tuple[str, ...] | None) -> None:
    assert planned(flat("op", operation), flat("b", NAP)).nodes["op"].write == write


@pytest.mark.parametrize(
    ("operation", "effects"),
    [
        (api("https://a.example/", method="GET"), "reads"),
        (api("https://a.example/", method="HEAD"), "reads"),
        (api("https://a.example/", method="POST"), "writes"),
        (api("https://a.example/", method="DELETE"), "writes"),
        (api("https://a.example/", method="/input/method"), "writes"),
        ({"FilterData": {**IN, **OUT, "conditions": [{"operator": "exists"}]}}, "pure"),
        ({"StoreData": {**IN, "storage": "file", "key": "k"}}, "writes"),
        ({"Wait": {"duration": 1}}, "writes"),
    ],
)
def test_the_planner_knows_what_an_operation_does_to_the_world(operation: dict[str, Any], effects: str) -> None:
    assert planned(flat("op", operation)).nodes["op"].effects == effects


@pytest.mark.parametrize(
    ("operation", "form"),
    [
        ("GetCurrentDateTime", "iso8601"), ("GetCurrentDateTime", "timestamp"), ("GetCurrentDateTime", "custom"),
        ("ConvertTimezone", "iso8601"), ("DateCalculation", "timestamp"),
    ],
)  # fmt: skip
def test_dates_know_the_formats_of_a2e(operation: str, form: str) -> None:
    fields: dict[str, dict[str, Any]] = {
        "GetCurrentDateTime": {},
        "ConvertTimezone": {**IN, "toTimezone": "Europe/Madrid"},
        "DateCalculation": {**IN, "operation": "add", "days": 1},
    }
    text = {"formatString": "%Y"} if form == "custom" else {}
    assert accepts({operation: {**OUT, **fields[operation], "format": form, **text}})


@pytest.mark.parametrize(
    "operation",
    ["add", "subtract", "multiply", "divide", "power", "modulo", "round", "ceil", "floor", "abs", "max", "min", "sum",
     "average"],
)  # fmt: skip
@pytest.mark.parametrize("operand", [2, "2", "/input/n", {"path": "/input/n"}])
def test_calculate_takes_numbers_texts_and_references(operation: str, operand: Any) -> None:
    assert accepts({"Calculate": {**IN, **OUT, "operation": operation, "operand": operand}})


@pytest.mark.parametrize("kind", ["email", "url", "number", "integer", "phone", "date"])
def test_validations_of_a2e_are_accepted(kind: str) -> None:
    assert accepts({"ValidateData": {**IN, **OUT, "validationType": kind}})
    assert accepts({"ValidateData": {**IN, **OUT, "validationType": "custom", "pattern": "^a"}})


@pytest.mark.parametrize("form", ["upper", "lower", "title", "capitalize", "trim"])
def test_formats_of_a2e_are_accepted(form: str) -> None:
    assert accepts({"FormatText": {**IN, **OUT, "format": form}})
    assert accepts({"FormatText": {**IN, **OUT, "format": "template", "template": "{name}"}})
    assert accepts({"FormatText": {**IN, **OUT, "format": "replace", "replacements": {"a": "b"}}})


@pytest.mark.parametrize("coding", ["base64", "url", "html"])
@pytest.mark.parametrize("way", ["encode", "decode"])
def test_encodings_of_a2e_are_accepted(coding: str, way: str) -> None:
    assert accepts({"EncodeDecode": {**IN, **OUT, "operation": way, "encoding": coding}})
