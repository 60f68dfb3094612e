"""Section 3.4: each bound that planning holds, at the limit and one past it, each with its own code."""

import json
from dataclasses import fields
from typing import Any

import pytest

from muelle.core import MuelleError
from muelle.packs import Limits
from muelle.workflows import InvalidDocument
from muelle.workflows.json_stream import DocumentTooLarge
from workflows.protocol.protocol_world import NAP, Dock, api, doc, fault, flat, give, look, nested, open_dock

ANY = {"condition": {"path": "/input/x", "operator": "exists"}}


def test_the_bounds_are_those_of_the_protocol() -> None:
    assert Limits() == Limits(
        operations=1_000,
        loop_iterations=10_000,
        run_seconds=1_800,
        document_bytes=1 << 20,
        data_bytes=64 << 20,
        depth=64,
    )


def many(count: int) -> list[dict[str, Any]]:
    return [flat(f"op{number}", NAP) for number in range(count)]


def test_a_thousand_operations_are_planned_and_one_more_is_too_many() -> None:
    assert look(doc(*many(1_000))).plan is not None
    issue = fault(*many(1_001))
    assert issue.code == "too_many_operations"
    assert "1001" in issue.message
    assert "1000" in issue.message
    assert issue.suggestion


def test_operations_that_are_overwritten_do_not_count_twice() -> None:
    assert look(doc(*many(3), *many(3)), operations=3).plan is not None
    assert fault(*many(3), flat("more", NAP), operations=3).code == "too_many_operations"


def test_a_document_may_have_a_mebibyte_and_no_byte_more() -> None:
    document = doc(flat("a", NAP))
    assert look(document.ljust(1 << 20)).plan is not None
    with pytest.raises(DocumentTooLarge) as caught:
        look(document.ljust((1 << 20) + 1))
    assert (caught.value.code, caught.value.status) == ("document_too_large", 413)
    assert caught.value.facts == {"limit": 1 << 20, "size": (1 << 20) + 1}


def body(levels: int) -> Any:
    """Return a list nested so that the document around it has `levels` levels."""
    value: Any = []
    for _ in range(levels - 4):  # message, operation, config, and the list itself
        value = [value]
    return value


@pytest.mark.parametrize("limit", [8, 64, 200])
def test_a_document_may_be_nested_as_deep_as_the_limit_and_no_deeper(limit: int) -> None:
    assert look(doc(flat("a", give(body(limit)))), depth=limit).plan is not None
    issue = fault(flat("a", give(body(limit + 1))), depth=limit)
    assert (issue.code, str(limit) in issue.message, bool(issue.suggestion)) == ("too_deep", True, True)


def chain(length: int) -> list[dict[str, Any]]:
    links = [flat(f"c{n}", {"Conditional": {**ANY, "ifTrue": f"c{n + 1}"}}) for n in range(length - 1)]
    return [*links, flat(f"c{length - 1}", NAP)]


def test_branches_may_be_nested_as_deep_as_the_limit_and_no_deeper() -> None:
    assert look(doc(*chain(64))).plan is not None
    issue = fault(*chain(65))
    assert (issue.code, issue.operation_id) == ("too_deep", "c0")


def test_error_branches_count_as_branches() -> None:
    links = [flat(f"c{n}", NAP, onError={"goto": f"c{n + 1}"}) for n in range(4)]
    assert look(doc(*links, flat("c4", NAP)), depth=5).plan is not None
    assert fault(*links, flat("c4", NAP), depth=4).code == "too_deep"


async def test_branches_at_the_limit_run(dock: Dock) -> None:
    answer = await dock.answer(*chain(64), inputs={"x": 1})
    assert answer["operations"]["c63"]["status"] == "success"


@pytest.mark.parametrize(
    "operation",
    [
        lambda path: give(1, path),
        lambda path: give({"path": path}),
        lambda path: give({"path": path, "default": 1}),
        give,
        lambda path: give(f"-{{{path}}}-"),
        lambda path: api(f"https://a.example/{{{path}}}"),
        lambda path: {"StoreData": {"inputPath": path, "storage": "file", "key": "k"}},
        lambda path: {"Conditional": {"condition": {"path": path, "operator": "exists"}, "ifTrue": []}},
    ],
)
def test_a_path_may_have_as_many_segments_as_the_limit_and_no_more(operation: Any) -> None:
    assert look(doc(flat("a", operation("/workflow" + "/x" * 15))), depth=16).plan is not None
    issue = fault(flat("a", operation("/workflow" + "/x" * 16)), depth=16)
    assert (issue.code, issue.operation_id, bool(issue.path)) == ("too_deep", "a", True)


def test_seeds_may_be_nested_as_deep_as_the_limit_and_no_deeper() -> None:
    def seeds(levels: int) -> dict[str, Any]:
        return {
            "dataModelUpdate": {"path": "/config" + "/x" * (levels - 2), "contents": [{"key": "a", "valueNumber": 1}]}
        }

    assert look(doc(seeds(20), flat("a", NAP)), depth=20).plan is not None
    assert fault(seeds(21), flat("a", NAP), depth=20).code == "too_deep"


async def test_inputs_may_be_nested_as_deep_as_the_limit_and_no_deeper(dock: Dock) -> None:
    value: Any = 1
    for _ in range(63):
        value = [value]
    assert (await dock.answer(flat("a", NAP), inputs={"x": value}))["status"] == "success"
    with pytest.raises(MuelleError) as caught:
        await dock.answer(flat("a", NAP), inputs={"x": [value]})
    assert (caught.value.code, caught.value.facts["limit"]) == ("invalid_inputs", 64)


async def test_a_number_may_have_as_many_digits_as_the_limit_and_no_more() -> None:
    async with open_dock(MUELLE__WORKFLOWS__LIMITS__NUMBER_DIGITS="10") as dock:
        times = {
            "Calculate": {"inputPath": "/input/x", "operation": "multiply", "operand": 1, "outputPath": "/workflow/o"}
        }
        assert await dock.result(times, {"x": 9_999_999_999}) == 9_999_999_999
        assert (await dock.error(times, {"x": 10_000_000_000}))["code"] == "number_out_of_range"


async def test_a_wait_may_take_the_whole_time_of_a_run_and_no_longer() -> None:
    async with open_dock(MUELLE__WORKFLOWS__LIMITS__RUN_SECONDS="1") as dock:
        error = await dock.error({"Wait": {"duration": 1_001}})
        assert error["code"] == "wait_too_long"


async def test_a_regular_expression_never_backtracks(dock: Dock) -> None:
    evil = {"ExtractText": {"inputPath": "/input/x", "pattern": "^(a+)+$", "outputPath": "/workflow/o"}}
    assert await dock.result(evil, {"x": "a" * 50_000 + "!"}) is None


def test_what_needs_backtracking_is_refused() -> None:
    evil = {"ExtractText": {"inputPath": "/input/x", "pattern": r"(a)\1", "outputPath": "/workflow/o"}}
    issue = fault(flat("a", evil))
    assert (issue.code, issue.path) == ("invalid_config", "/pattern")


@pytest.mark.parametrize("name", [item.name.upper() for item in fields(Limits)])
async def test_every_bound_can_be_configured(name: str) -> None:
    async with open_dock(**{f"MUELLE__WORKFLOWS__LIMITS__{name}": "7"}) as dock:
        assert getattr(dock.app.settings.workflows.limits, name.lower()) == 7


async def test_a_bound_of_the_agent_holds_within_the_tenants(dock: Dock) -> None:
    await dock.app.identity.tenants.update(dock.me, dock.me.tenant, limits={"operations": 3})
    ann = await dock.agent(workflows_run="*", operations_use="*")
    assert dock.app.workflows.limits(ann).operations == 3
    with pytest.raises(InvalidDocument) as caught:
        await dock.app.workflows.run(ann, doc(*many(4)))
    assert caught.value.facts["issues"][0]["code"] == "too_many_operations"
    assert (await dock.app.workflows.run(ann, doc(*many(3)))).status == "success"


def test_conditions_are_bounded_in_number() -> None:
    def conditions(count: int) -> dict[str, Any]:
        return {"Conditional": {"conditions": [ANY["condition"]] * count, "ifTrue": []}}

    assert look(doc(flat("a", conditions(100)))).plan is not None
    assert fault(flat("a", conditions(101))).code == "wrong_length"


def test_the_size_of_a_nested_document_is_that_of_its_text() -> None:
    document = json.dumps(nested(("a", NAP)), indent=8).encode()
    assert look(document, document_bytes=len(document)).plan is not None
    with pytest.raises(DocumentTooLarge):
        look(document, document_bytes=len(document) - 1)
