"""Conditional, Loop, Parallel and Wait: what they run, in what order, and within what bounds."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest

from muelle.core import MuelleError
from muelle.packs import MISSING, Json, Limits, Missing
from operations.operations_world import TYPES, FakeStep, faults, run

PATHS: dict[str, Any] = {"inputPath": "/workflow/x"}


async def code_of(name: str, step: FakeStep, **config: Json) -> str:
    """Perform an operation that fails; return the code of its failure."""
    with pytest.raises(MuelleError) as failure:
        await run(name, step, **config)
    return failure.value.code


async def test_the_branch_that_holds_runs() -> None:
    step = FakeStep({"workflow": {"count": 2}})
    condition = {"path": "/workflow/count", "operator": ">", "value": 0}
    assert await run("Conditional", step, condition=condition, ifTrue=["a", "b"], ifFalse="c") is True
    assert await run("Conditional", step, condition={**condition, "value": 5}, ifTrue="a", ifFalse="c") is False
    assert await run("Conditional", step, condition={**condition, "value": 5}, ifTrue="a") is False
    assert step.performed == [["a", "b"], ["c"]]


@pytest.mark.parametrize(("operator", "holds"), [("exists", False), ("empty", True), ("isEmpty", True)])
async def test_what_is_missing_can_be_asked_for(operator: str, *, holds: bool) -> None:
    condition = {"path": "/workflow/none", "operator": operator}
    assert await run("Conditional", FakeStep({"workflow": {}}), condition=condition, ifTrue="a") is holds


async def test_what_is_missing_cannot_be_compared() -> None:
    condition = {"path": "/workflow/none", "operator": "==", "value": 1}
    assert await code_of("Conditional", FakeStep({"workflow": {}}), condition=condition, ifTrue="a") == "missing_data"


async def test_several_conditions_hold_all_or_any() -> None:
    step = FakeStep({"workflow": {"a": 1, "b": None}})
    conditions = [
        {"path": "/workflow/a", "operator": "in", "value": [1]},
        {"path": "/workflow/b", "operator": "exists", "value": False},
    ]
    assert await run("Conditional", step, conditions=conditions, ifTrue="a") is False
    assert await run("Conditional", step, conditions=conditions, match="any", ifTrue="a") is True


@pytest.mark.parametrize(
    ("expression", "holds"),
    [
        ("workflow.count > 2 && config.on", True),
        ("workflow.count > 2.5", True),
        ("has(workflow.none)", False),
        ("!has(workflow.none) && 'x' in workflow['the list']", True),
        ("workflow.users.exists(u, u.age > 40)", False),
        ("workflow.users.filter(u, u.age > 30).size() == 1", True),
        ("size(input) == 0", True),
        ("loop.item == 7", True),
        ("workflow.name.matches('^a')", True),
        ("workflow.users.all(u, ['ana', 'bo'].exists(n, n.matches('^.o$'))) // said of nobody", True),
        ("workflow.name != 'loop' && workflow.name != r'matches(\\' && loop.item > 6", True),
    ],
)
async def test_an_expression_decides(expression: str, *, holds: bool) -> None:
    data = {"count": 3, "the list": ["x"], "users": [{"age": 31}, {"age": 20}], "name": "ana"}
    step = FakeStep({"workflow": data, "config": {"on": True}, "input": {}, "loop": {"item": 7}})
    assert await run("Conditional", step, expression=expression, ifTrue="a") is holds


@pytest.mark.parametrize(
    "expression",
    ["workflow.count", "workflow.none > 1", "1/0 == 1", "'a' + 1 == 'b'", "unknown", "workflow.count > 'a'"],
)
async def test_an_expression_without_an_answer_fails(expression: str) -> None:
    step = FakeStep({"workflow": {"count": 1}})
    assert await code_of("Conditional", step, expression=expression, ifTrue="a") == "expression_failed"


@pytest.mark.parametrize(
    ("expression", "data"),
    [
        ("workflow.l.all(x, workflow.l.all(y, workflow.l.all(z, x + y + z >= 0)))", {"l": [1] * 200}),
        ("workflow.l.map(x, x).size() > 0", {"l": [1] * 10_000}),
        ("workflow.l.size() > 0", {"l": [1] * 300_000}),
        ("[workflow.s].map(a, a" + " + a" * 80 + ").map(a, a" + " + a" * 80 + ").size() > 0", {"s": "x" * 10_000}),
        ("[0,1,2,3,4,5,6,7,8,9].all(x, " * 8 + "true" + ")" * 8, {}),
        ("workflow.l. // all\nall(x, workflow.l. // all\nall(y, x + y >= 0))", {"l": [1] * 10_000}),
        ('"""x"y""" == \'z\' || workflow.l.all(x, workflow.l.all(y, x < y)) || \'x\' == ""', {"l": [1] * 10_000}),
        ("workflow.l.all(x, !(-1 in workflow.l))", {"l": [1] * 100_000}),
        ("workflow.l.all(x, workflow.l == workflow.l)", {"l": [1] * 100_000}),
        ("workflow.l.all(x, !workflow.s.contains('xxxy'))", {"l": [1] * 10_000, "s": "x" * 1_000_000}),
    ],
)
async def test_an_expression_that_could_explode_is_refused(expression: str, data: dict[str, Json]) -> None:
    start = time.perf_counter()
    assert await code_of("Conditional", FakeStep({"workflow": data}), expression=expression, ifTrue="a") == (
        "expression_too_costly"
    )
    assert time.perf_counter() - start < 1


@pytest.mark.parametrize("test", ["r.name == 'n99'", "r.name  != null", "r.name.matches('9$')", "r.name.contains('9')"])
async def test_an_expression_may_look_through_many_rows(test: str) -> None:
    step = FakeStep({"workflow": {"rows": [{"name": f"n{number}", "value": number} for number in range(10_000)]}})
    assert await run("Conditional", step, expression=f"workflow.rows.exists(r, {test})", ifTrue="a") is True


@pytest.mark.parametrize(
    ("expression", "code"),
    [
        ("workflow.l.all(x, 'a'.matches('(a|b){900}' + string(x)) || true)", "pattern_too_slow"),
        ("'a'.matches('(') || true", "expression_failed"),
        ("matches('a')", "expression_failed"),
    ],
)
async def test_patterns_of_an_expression_are_bounded_together(
    expression: str, code: str, capfd: pytest.CaptureFixture[str]
) -> None:
    step = FakeStep({"workflow": {"l": list(range(100_000))}})
    start = time.perf_counter()
    assert await code_of("Conditional", step, expression=expression, ifTrue="a") == code
    assert time.perf_counter() - start < 4
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("expression", ["1 +", "(" * 500 + "1" + ")" * 500, "a" * 2_001, "#"])
def test_an_expression_that_cannot_be_read_is_found_before_the_run(expression: str) -> None:
    assert [pointer for pointer, _ in faults("Conditional", expression=expression, ifTrue="a")] == ["/expression"]


def test_an_expression_tells_what_it_reads() -> None:
    reads = TYPES["Conditional"].reads
    assert reads is not None
    expression = "workflow.a.b > 1 && config['k y'] == input.x && loop.item == 1 && size(workflow) > 0"
    assert list(reads({"expression": expression})) == [
        ("workflow", "a"), ("config", "k y"), ("input", "x"), ("loop", "item"), ("workflow",)
    ]  # fmt: skip
    assert list(reads({"condition": {}})) == []


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"condition": {"path": "/a", "operator": "exists"}, "expression": "true"},
        {"condition": {"path": "/a", "operator": "exists"}, "conditions": []},
    ],
)
def test_there_is_one_way_of_deciding(config: dict[str, Json]) -> None:
    assert [pointer for pointer, _ in faults("Conditional", ifTrue="a", **config)] == [""]


async def test_a_loop_gives_the_outputs_in_order_and_null_for_none() -> None:
    step = FakeStep({"workflow": {"x": ["a", "b", "c"]}})

    async def body(item: Json, index: int) -> Json | Missing:
        return MISSING if index == 1 else item * 2

    step.body = body
    assert await run("Loop", step, operations="notify", **PATHS) == ["aa", None, "cc"]
    assert step.turns == [(0, 3, False), (1, 3, False), (2, 3, False)]
    assert step.performed == [["notify"]] * 3


async def test_a_loop_works_on_as_many_items_at_once_as_it_is_told() -> None:
    step = FakeStep({"workflow": {"x": list(range(10))}})
    running, most = 0, 0

    async def body(item: Json, index: int) -> Json:
        nonlocal running, most
        running += 1
        most = max(most, running)
        for _ in range(10 - index):
            await asyncio.sleep(0)
        running -= 1
        return item

    step.body = body
    assert await run("Loop", step, operations=["a"], concurrency=3, **PATHS) == list(range(10))
    assert most == 3
    assert {apart for _, _, apart in step.turns} == {True}


async def test_a_failure_in_a_loop_comes_out_as_itself() -> None:
    step = FakeStep({"workflow": {"x": [1, 2, 3]}})

    async def body(_item: Json, _index: int) -> Json:
        raise MuelleError("stopped")

    step.body = body
    with pytest.raises(MuelleError, match="stopped"):
        await run("Loop", step, operations=["a"], concurrency=2, **PATHS)


async def test_a_loop_has_at_most_as_many_turns_as_the_limit() -> None:
    step = FakeStep({"workflow": {"x": [1, 2, 3]}}, Limits(loop_iterations=3, concurrency=2))
    assert await run("Loop", step, operations=["a"], concurrency=2, **PATHS) == [1, 2, 3]
    assert await code_of("Loop", step, operations=["a"], concurrency=3, **PATHS) == "too_much_at_once"
    step.data["workflow"]["x"].append(4)
    assert await code_of("Loop", step, operations=["a"], **PATHS) == "too_many_iterations"
    step.data["workflow"]["x"] = {"a": 1}
    assert await code_of("Loop", step, operations=["a"], **PATHS) == "wrong_input"
    step.data["workflow"]["x"] = []
    assert await run("Loop", step, operations=["a"], concurrency=2, **PATHS) == []


def branch(turns: int, *, good: bool = True) -> Callable[[], Awaitable[bool]]:
    """Return a branch that ends after some turns of the loop."""

    async def go() -> bool:
        for _ in range(turns):
            await asyncio.sleep(0)
        return good

    return go


def three(*goods: bool) -> FakeStep:
    """Return a step whose branches a, b and c end one after the other."""
    step = FakeStep({})
    step.branches = {
        name: branch(place * 5, good=good) for place, (name, good) in enumerate(zip("abc", goods, strict=True))
    }
    return step


@pytest.mark.parametrize(
    ("join", "goods", "statuses"),
    [
        ("all", (True, True, True), ["success", "success", "success"]),
        ("any", (True, True, True), ["success", "cancelled", "cancelled"]),
        ("any", (False, True, True), ["failed", "success", "cancelled"]),
        (2, (True, False, True), ["success", "failed", "success"]),
        (2, (True, True, True), ["success", "success", "cancelled"]),
    ],
)
async def test_enough_branches_end_the_others(join: Json, goods: tuple[bool, ...], statuses: list[str]) -> None:
    outcome = await run("Parallel", three(*goods), branches=["a", ["b", "d"], ["c"]], join=join)
    assert outcome == [{"branch": index, "status": status} for index, status in enumerate(statuses)]


@pytest.mark.parametrize(
    ("join", "goods"), [("all", (True, False, True)), ("any", (False, False, False)), (2, (True, False, False))]
)
async def test_too_few_branches_fail_after_all_have_ended(join: Json, goods: tuple[bool, ...]) -> None:
    step = three(*goods)
    assert await code_of("Parallel", step, branches=["a", "b", "c"], join=join) == "join_not_reached"
    assert len(step.performed) == 3


async def test_what_stops_the_run_stops_the_branches() -> None:
    step = FakeStep({})

    async def stop() -> bool:
        raise MuelleError("stopped")

    step.branches = {"a": stop, "b": branch(1_000_000)}
    with pytest.raises(MuelleError, match="stopped"):
        await run("Parallel", step, branches=["a", "b"])


async def test_there_are_at_most_as_many_branches_as_the_limit() -> None:
    step = FakeStep({}, Limits(concurrency=2))
    assert len(await run("Parallel", step, branches=["a", "b"])) == 2
    assert await code_of("Parallel", step, branches=["a", "b", "c"]) == "too_much_at_once"
    assert [pointer for pointer, _ in faults("Parallel", branches=["a"], join=2)] == ["/join"]


async def test_a_wait_is_in_milliseconds_or_until_a_time(step: FakeStep) -> None:
    soon = step.now + timedelta(minutes=2)
    assert await run("Wait", step, duration=1500) is None
    await run("Wait", step, until=soon.isoformat())
    await run("Wait", step, until="2026-03-01T12:31:00")
    await run("Wait", step, until=soon.timestamp())
    await run("Wait", step, until="2020-01-01")
    assert [(until - step.now).total_seconds() for until in step.rested] == [1.5, 120.0, 60.0, 120.0]


async def test_a_wait_is_no_longer_than_the_run() -> None:
    step = FakeStep({}, Limits(run_seconds=2))
    await run("Wait", step, duration=2000)
    assert await code_of("Wait", step, duration=2001) == "wait_too_long"


@pytest.mark.parametrize(
    ("config", "pointer"), [({}, ""), ({"duration": 1, "until": 2}, ""), ({"until": "x"}, "/until")]
)
def test_a_wait_has_one_end(config: dict[str, Json], pointer: str) -> None:
    assert [found for found, _ in faults("Wait", **config)] == [pointer]
