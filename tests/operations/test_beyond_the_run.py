"""Approve, WaitForEvent, Emit and RunWorkflow: what they ask for, what an answer means, and their bounds."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from muelle.core import MuelleError
from muelle.packs import Answer, Json
from muelle.workflows.operations.approve import LARGEST_DETAILS
from muelle.workflows.operations.emit import LARGEST_EVENT
from operations.operations_world import TYPES, FakeStep, faults, run

AT = datetime(2026, 3, 2, 9, tzinfo=UTC)
EVENT = {"id": "e-1", "type": "order.paid", "data": {"total": 3}}


async def failure(name: str, step: FakeStep, **config: Json) -> MuelleError:
    """Perform an operation that fails; return the failure."""
    with pytest.raises(MuelleError) as raised:
        await run(name, step, **config)
    return raised.value


async def perform_unchecked(name: str, step: FakeStep, **config: Json) -> Json:
    """Perform an operation whose references only now became what they are."""
    kind = TYPES[name]
    return await kind.perform(msgspec.convert(config, kind.config), step)


def answered(*, approved: bool, comment: str = "") -> FakeStep:
    """Return a step whose question was answered by ana."""
    step = FakeStep({})
    step.answer = Answer(value={"approved": approved, "comment": comment}, by="ana", at=AT)
    return step


async def test_a_person_is_shown_what_they_decide_on(step: FakeStep) -> None:
    await run("Approve", step, message="Pay?", details={"total": 3}, approvers=["ana"], onTimeout="approve")
    assert [(asked.kind, asked.seconds, asked.details) for asked in step.asked] == [
        ("approval", 86_400.0, {"message": "Pay?", "details": {"total": 3}, "approvers": ["ana"]})
    ]


async def test_a_decision_tells_who_when_and_why() -> None:
    decision = {"by": "ana", "comment": "fine", "at": "2026-03-02T09:00:00+00:00"}
    given = await run("Approve", answered(approved=True, comment="fine"), message="Pay?")
    assert given == {"approved": True, **decision}
    refused = await run("Approve", answered(approved=False, comment="fine"), message="Pay?", onReject="continue")
    assert refused == {"approved": False, **decision}


async def test_a_no_is_a_failure_unless_the_document_goes_on() -> None:
    error = await failure("Approve", answered(approved=False, comment="too much"), message="Pay?")
    assert (error.code, error.facts) == ("approval_rejected", {"by": "ana", "comment": "too much"})


@pytest.mark.parametrize(("config", "approved"), [({"onTimeout": "approve"}, True), ({"onTimeout": "reject"}, False)])
async def test_no_answer_can_be_an_answer(step: FakeStep, config: dict[str, Any], *, approved: bool) -> None:
    given = await run("Approve", step, message="Pay?", timeout=60_000, onReject="continue", **config)
    assert given == {"approved": approved, "by": None, "comment": "", "at": "2026-03-01T12:31:00+00:00"}


async def test_no_answer_is_a_failure_where_nothing_else_is_said(step: FakeStep) -> None:
    assert (await failure("Approve", step, message="Pay?")).code == "approval_timed_out"
    assert (await failure("Approve", step, message="Pay?", onTimeout="reject")).code == "approval_rejected"


async def test_details_are_bounded() -> None:
    around = LARGEST_DETAILS - 2
    assert await run("Approve", answered(approved=True), message="Pay?", details="x" * around)
    error = await failure("Approve", answered(approved=True), message="Pay?", details="x" * (around + 1))
    assert error.code == "details_too_large"


@pytest.mark.parametrize(
    ("length", "seconds"),
    [(1, 0.001), (90_000, 90), ("PT90S", 90), ("PT0.5S", 0.5), ("P1DT2H3M4S", 93_784), ("P2W", 1_209_600)],
)
async def test_a_timeout_is_milliseconds_or_iso_text(step: FakeStep, length: Json, seconds: float) -> None:
    await run("Approve", step, message="Pay?", timeout=length, onTimeout="approve")
    await run("WaitForEvent", step, type="order.paid", timeout=length, onTimeout="continue")
    assert [asked.seconds for asked in step.asked] == [seconds, seconds]


@pytest.mark.parametrize("timeout", ["P", "PT", "P1DT", "P1Y", "P1M", "1H", "-PT1H", "PT0S", "P1234567890D", "PT1H "])
def test_what_is_no_duration_is_found_before_the_run(timeout: str) -> None:
    assert [pointer for pointer, _ in faults("Approve", message="Pay?", timeout=timeout)] == ["/timeout"]
    assert [pointer for pointer, _ in faults("WaitForEvent", type="a", timeout=timeout)] == ["/timeout"]


async def test_an_event_is_waited_for_by_its_pattern(step: FakeStep) -> None:
    step.answer = Answer(value=EVENT, by="e-1", at=AT)
    match = {"total": {"numeric": [">", 1]}}
    assert await run("WaitForEvent", step, type="order.paid", subject="A-*", match=match) == EVENT
    [asked] = step.asked
    assert (asked.kind, asked.subject) == ("event", "order.paid")
    assert asked.details == {"pattern": {"type": "order.paid", "subject": "A-*", "data": match}}


@pytest.mark.parametrize("kind", ["order.*", ["order.paid", "order.sent"], {"prefix": "order."}])
async def test_of_several_types_none_is_the_subject(step: FakeStep, kind: Json) -> None:
    await run("WaitForEvent", step, type=kind, onTimeout="continue")
    assert [asked.subject for asked in step.asked] == [""]


async def test_an_event_that_does_not_come_is_a_failure_or_null(step: FakeStep) -> None:
    assert (await failure("WaitForEvent", step, type="order.paid")).code == "event_not_seen"
    assert await run("WaitForEvent", step, type="order.paid", onTimeout="continue") is None


@pytest.mark.parametrize(
    ("config", "pointer"),
    [
        ({"type": ""}, "/type"),
        ({"type": "a", "source": {"startsWith": "x"}}, "/source/startsWith"),
        ({"type": "a", "match": {"total": {"numeric": [">"]}}}, "/match/total/numeric"),
        ({"type": "a", "match": {"": 1}}, "/match/"),
    ],
)
def test_a_pattern_that_fits_nothing_is_found_before_the_run(config: dict[str, Any], pointer: str) -> None:
    assert [found for found, _ in faults("WaitForEvent", **config)] == [pointer]


async def test_a_pattern_that_a_reference_spoils_is_a_failure_of_the_run(step: FakeStep) -> None:
    assert faults("WaitForEvent", type="a", match={"total": {"path": "/input/x"}}) == []
    with pytest.raises(MuelleError) as raised:
        await perform_unchecked("WaitForEvent", step, type="a", match={"total": {"numeric": "x"}})
    assert (raised.value.code, raised.value.facts["field"]) == ("invalid_event_pattern", "/match/total/numeric")


async def test_an_emitted_event_is_named_by_its_id(step: FakeStep) -> None:
    assert await run("Emit", step, type="order.paid", subject="A-17", data={"total": 3}) == "r-1:op:1"
    assert await run("Emit", step, type="order.sent") == "r-1:op:2"
    assert step.emitted == [("order.paid", "A-17", {"total": 3}), ("order.sent", "", {})]


async def test_the_data_of_an_event_are_bounded(step: FakeStep) -> None:
    around = LARGEST_EVENT - len('{"x":""}')
    await run("Emit", step, type="a", data={"x": "y" * around})
    assert (await failure("Emit", step, type="a", data={"x": "y" * (around + 1)})).code == "event_too_large"


@pytest.mark.parametrize("kind", ["muelle.run.finished", "Muelle.x", "a b", ".a", "é", "a\n", "a*"])
async def test_a_type_that_may_not_be_raised_is_found_before_the_run_and_in_it(step: FakeStep, kind: str) -> None:
    assert [pointer for pointer, _ in faults("Emit", type=kind)] == ["/type"]
    assert faults("Emit", type="{/input/kind}") == []
    with pytest.raises(MuelleError) as raised:
        await perform_unchecked("Emit", step, type=kind)
    assert raised.value.code == "invalid_event_type"


async def test_a_saved_workflow_gives_its_results(step: FakeStep) -> None:
    step.child = {
        "status": "partial_success",
        "execution_id": "run_9",
        "results": {"a": 1},
        "data": {},
        "duration_ms": 3,
    }
    given = await run("RunWorkflow", step, workflow="invoice", version="^1.2", inputs={"x": 1})
    assert given == {"status": "partial_success", "execution_id": "run_9", "results": {"a": 1}}
    await run("RunWorkflow", step, workflow="invoice")
    assert step.called == [("invoice", "^1.2", {"x": 1}), ("invoice", "latest", {})]


@pytest.mark.parametrize(("version", "pointers"), [("stable", []), (">=1 <2", []), ("1.x.2.3", ["/version"])])
def test_a_version_is_a_range_or_an_alias(version: str, pointers: list[str]) -> None:
    assert [pointer for pointer, _ in faults("RunWorkflow", workflow="invoice", version=version)] == pointers
