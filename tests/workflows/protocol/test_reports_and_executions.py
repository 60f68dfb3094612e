"""Validation reports, `validate: false`, the executions that ran, and capabilities."""

import json
from datetime import datetime
from typing import Any

import msgspec
import pytest

from muelle.core import MuelleError
from muelle.engine import RunFilter
from muelle.workflows.requests import read_request
from workflows.protocol.protocol_world import NAP, Dock, Echo, api, begin, doc, flat, give, look


def plain(value: Any) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


async def test_a_report_counts_its_issues(dock: Dock) -> None:
    report = plain(await dock.report(flat("a", {"Wait": {"x": 1, "y": 2}}), flat("b", {"Nope": {}})))
    assert (report["valid"], report["errors"], report["warnings"]) == (False, 3, 0)
    assert report["summary"] == {
        "by_type": {"unknown_field": 2, "unknown_type": 1},
        "by_operation": {"a": 2, "b": 1},
    }
    assert all(set(issue) >= {"severity", "code", "message", "suggestion"} for issue in report["issues"])


async def test_a_good_document_has_an_empty_report(dock: Dock) -> None:
    report = plain(await dock.report(flat("a", NAP)))
    assert report == {
        "valid": True,
        "errors": 0,
        "warnings": 0,
        "issues": [],
        "summary": {"by_type": {}, "by_operation": {}},
    }


async def test_a_syntax_error_is_an_issue_of_the_report(dock: Dock) -> None:
    report = await dock.report("{")
    assert (report["valid"], report["issues"][0]["code"]) == (False, "syntax_error")


async def test_validation_runs_nothing(dock: Dock, echo: Echo) -> None:
    await dock.report(flat("a", api(f"{echo.url}/x", method="POST")))
    assert echo.paths == []
    assert (await dock.app.executions.page(dock.me, RunFilter(), 10, None))["count"] == 0


def body(document: bytes, **more: Any) -> bytes:
    return json.dumps({"workflow": document.decode(), **more}).encode()


def test_a_request_may_hold_the_document_as_text_as_messages_or_alone() -> None:
    messages = [flat("a", NAP), begin("a")]
    document = doc(*messages)
    assert read_request(body(document), "application/json").document == document
    listed = read_request(json.dumps({"workflow": messages}).encode(), "application/json; charset=utf-8")
    assert [json.loads(line) for line in listed.document.splitlines()] == messages
    single = read_request(json.dumps({"workflow": messages[0]}).encode(), "")
    assert json.loads(single.document) == messages[0]
    for kind in ("application/jsonl", "application/x-ndjson", "text/plain; charset=utf-8"):
        assert read_request(document, kind).document == document


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"{}", "missing_workflow"),
        (b'{"workflow": null}', "missing_workflow"),
        (b'{"workflw": "x"}', "missing_workflow"),
        (b"[]", "missing_workflow"),
        (b"", "invalid_body"),
        (b"{", "invalid_body"),
        (b'{"workflow": 5}', "invalid_body"),
        (b'{"workflow": ["x"]}', "invalid_body"),
        (b'{"workflow": "x", "validate": "no"}', "invalid_body"),
        (b'{"workflow": "x", "inputs": []}', "invalid_inputs"),
        (b'{"workflow": "x", "inputs": "y"}', "invalid_inputs"),
        (b'{"workflow": "\xff"}', "invalid_body"),
        (b"[" * 100_000, "invalid_body"),
    ],
)
def test_a_body_that_does_not_fit_says_what_is_wrong(sent: bytes, code: str) -> None:
    with pytest.raises(MuelleError) as caught:
        read_request(sent, "application/json")
    assert (caught.value.code, caught.value.status, bool(caught.value.suggestions)) == (code, 400, True)


def test_another_type_of_body_is_not_taken() -> None:
    with pytest.raises(MuelleError) as caught:
        read_request(b"<a/>", "application/xml")
    assert (caught.value.code, caught.value.status) == ("unsupported_media_type", 415)


def test_a_document_that_is_no_text_is_refused_as_a_document_with_the_place() -> None:
    [issue] = look(read_request(b'{"a": "\xff"}', "application/jsonl").document).issues
    assert (issue.code, issue.message) == ("syntax_error", "Not valid UTF-8 at line 1, column 8 (byte 7)")


def test_an_empty_document_has_no_operations() -> None:
    [issue] = look(read_request(b'{"workflow": ""}', "application/json").document).issues
    assert issue.code == "no_operations"


async def test_without_validation_permissions_still_hold(dock: Dock, echo: Echo) -> None:
    ann = await dock.agent(workflows_run="*", operations_use="LoadData")
    asked = read_request(body(doc(flat("a", api(f"{echo.url}/x"))), validate=False), "application/json")
    assert asked.validate is False
    with pytest.raises(MuelleError) as caught:
        await dock.app.workflows.run(ann, asked.document, asked.inputs)
    assert (caught.value.code, caught.value.status) == ("workflow_refused", 403)
    assert echo.paths == []


async def test_without_validation_an_unknown_operation_still_does_not_run(dock: Dock) -> None:
    asked = read_request(body(doc(flat("b", give(1)), flat("a", {"Nope": {}})), validate=False), "application/json")
    with pytest.raises(MuelleError) as caught:
        await dock.app.workflows.run(dock.me, asked.document, asked.inputs)
    assert caught.value.code == "invalid_document"


async def test_advice_never_keeps_a_document_from_running(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give(1)), flat("b", give(1)), begin("a"))
    assert answer["status"] == "success"


async def test_what_a_principal_may_not_do_is_in_the_report(dock: Dock) -> None:
    ann = await dock.agent(operations_use="Wait", workflows_validate="*")
    report = plain(await dock.report(flat("a", give(1)), who=ann))
    assert [(issue["code"], issue["severity"]) for issue in report["issues"]] == [("refused", "error")] * 2
    assert "workflows:run" in report["issues"][0]["message"]
    assert "LoadData" in report["issues"][1]["message"]


async def test_an_execution_can_be_shown_with_its_steps_and_timeline(dock: Dock) -> None:
    answer = await dock.answer(
        flat("good", give([1], "/workflow/good")), flat("bad", give("/workflow/gone", "/workflow/bad"))
    )
    shown = plain(await dock.app.executions.show(dock.me, answer["execution_id"]))
    assert shown["execution_id"] == answer["execution_id"]
    assert (shown["status"], shown["workflow_id"]) == ("partial_success", "default")
    assert shown["summary"] == {"succeeded": 1, "failed": 1, "skipped": 0}
    good, bad = shown["operations"]
    assert (good["operation_id"], good["operation_type"], good["status"]) == ("good", "LoadData", "success")
    assert (good["result"], good["attempts"]) == ([1], 1)
    assert bad["error"]["code"] == "missing_data"
    assert [event["event"] for event in shown["timeline"]] == [
        "run.started",
        "operation.success",
        "operation.failed",
        "run.partial_success",
    ]
    assert shown["credentials_used"] == []


async def test_times_are_utc_and_in_iso_8601(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give(1)))
    shown = await dock.app.executions.show(dock.me, answer["execution_id"])
    for text in (shown["timestamp"], shown["finished_at"], shown["operations"][0]["timestamp"]):
        assert text.endswith("Z")
        assert datetime.fromisoformat(text).tzinfo is not None


async def test_executions_are_listed_newest_first_by_pages_and_by_status(dock: Dock) -> None:
    good = [(await dock.answer(flat("a", give(1))))["execution_id"] for _ in range(3)]
    bad = (await dock.answer(flat("a", give("/workflow/gone"))))["execution_id"]
    page = await dock.app.executions.page(dock.me, RunFilter(), 2, None)
    assert [entry["execution_id"] for entry in page["executions"]] == [bad, good[2]]
    assert page["count"] == 2
    rest = await dock.app.executions.page(dock.me, RunFilter(), 10, page["next_cursor"])
    assert [entry["execution_id"] for entry in rest["executions"]] == [good[1], good[0]]
    assert rest["next_cursor"] is None
    failed = await dock.app.executions.page(dock.me, RunFilter(status="error"), 10, None)
    assert [entry["execution_id"] for entry in failed["executions"]] == [bad]


async def test_a_stranger_sees_no_execution_of_others(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give(1)))
    ann = await dock.agent(workflows_run="*")
    with pytest.raises(MuelleError) as caught:
        await dock.app.executions.show(ann, answer["execution_id"])
    assert (caught.value.code, caught.value.status) == ("execution_not_found", 404)
    assert (await dock.app.executions.page(ann, RunFilter(), 10, None))["executions"] == []


@pytest.mark.parametrize("name", ["", "run_1", "../x", "x" * 1_000, "'; drop table runs"])
async def test_an_execution_that_does_not_exist_is_not_found(dock: Dock, name: str) -> None:
    with pytest.raises(MuelleError) as caught:
        await dock.app.executions.show(dock.me, name)
    assert caught.value.code == "execution_not_found"


async def test_capabilities_have_a2es_shape(dock: Dock) -> None:
    told = plain(await dock.app.capabilities.of(dock.me))
    assert set(told) >= {"agent_id", "capabilities"}
    capabilities = told["capabilities"]
    assert set(capabilities) >= {
        "availableApis",
        "availableCredentials",
        "supportedOperations",
        "knowledgeBases",
        "sqlQueriesAvailable",
        "securityConstraints",
    }
    assert {"ApiCall", "GetCurrentDateTime", "EncodeDecode"} <= set(capabilities["supportedOperations"])
    assert capabilities["securityConstraints"] == {"maxExecutionTime": 1_800_000, "maxOperations": 1_000}


async def test_capabilities_tell_only_what_the_grants_reach_and_no_secret(dock: Dock, echo: Echo) -> None:
    await dock.keep_secret(echo)
    ann = await dock.agent(workflows_run="*", operations_use="Wait")
    told = plain(await dock.app.capabilities.of(ann))["capabilities"]
    assert told["supportedOperations"] == ["Wait"]
    assert told["availableCredentials"] == []
    mine = plain(await dock.app.capabilities.of(dock.me))["capabilities"]["availableCredentials"]
    assert [set(item) for item in mine] == [{"id", "type", "metadata", "description", "usage"}]
