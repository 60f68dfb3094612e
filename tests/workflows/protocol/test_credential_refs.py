"""Section 2.3: a credentialRef stands only where a call leaves, and its secret is nowhere else."""

import json
import logging
from typing import Any

import pytest

from muelle.engine import RunFilter
from workflows.protocol.protocol_world import SECRET, Dock, Echo, api, fault, flat, give, planned

REF = {"credentialRef": {"id": "token"}}


@pytest.mark.parametrize(
    "operation",
    [
        api("https://a.example/", headers={"Authorization": REF}),
        api("https://a.example/", query={"key": REF}),
        api("https://a.example/", method="POST", body=REF),
        api("https://a.example/", method="POST", body={"auth": [{"key": REF}]}),
    ],
)
def test_a_credential_may_stand_in_headers_query_and_body_of_a_call(operation: dict[str, Any]) -> None:
    plan = planned(flat("op", operation))
    assert plan.credentials == {"token"}


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        (give(REF), "/default"),
        (give({"a": [REF]}), "/default/a/0"),
        ({"Wait": {"duration": REF}}, "/duration"),
        ({"Wait": {"until": REF}}, "/until"),
        (api(REF), "/url"),
        (api("https://a.example/", method=REF), "/method"),
        (api("https://a.example/", headers=REF), "/headers"),
        ({"GetCurrentDateTime": {"outputPath": REF}}, "/outputPath"),
        ({"FormatText": {"inputPath": "/input", "format": REF, "outputPath": "/workflow/x"}}, "/format"),
        ({"StoreData": {"inputPath": REF, "storage": "file", "key": "k"}}, "/inputPath"),
    ],
)  # fmt: skip
def test_a_credential_may_stand_nowhere_else(operation: dict[str, Any], path: str) -> None:
    issue = fault(flat("op", operation))
    assert issue.code in {"credential_not_allowed", "wrong_type"}
    assert (issue.operation_id, (issue.path or "").startswith(path)) == ("op", True)
    assert issue.suggestion


@pytest.mark.parametrize(
    "broken",
    [
        {"credentialRef": "token"},
        {"credentialRef": {}},
        {"credentialRef": {"id": ""}},
        {"credentialRef": {"id": 5}},
        {"credentialRef": {"id": "token", "field": "x"}},
        {"credentialRef": {"id": "token"}, "prefix": "Bearer "},
        {"credentialRef": None},
    ],
)
def test_a_credential_ref_has_an_id_and_nothing_else(broken: Any) -> None:
    issue = fault(flat("op", api("https://a.example/", headers={"Authorization": broken})))
    assert (issue.code, issue.path) == ("invalid_credential_ref", "/headers/Authorization")
    assert issue.suggestion


@pytest.mark.parametrize(
    "place",
    [
        {"headers": {"Authorization": REF}},
        {"query": {"key": REF}},
        {"method": "POST", "body": {"deep": [REF]}},
    ],
)
async def test_the_secret_reaches_the_server_and_nothing_else(
    dock: Dock, echo: Echo, place: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    await dock.keep_secret(echo)
    echo.answers = [(200, json.dumps({"you sent": SECRET}).encode(), "application/json")]
    answer = await dock.answer(flat("op", api(f"{echo.url}/x", **place)), flat("copy", give("/workflow/answer")))
    assert SECRET in f"{echo.paths} {echo.headers} {echo.bodies}"
    shown = await dock.app.executions.show(dock.me, answer["execution_id"])
    page = await dock.app.executions.page(dock.me, RunFilter(), 10, None)
    steps = await dock.app.stores.journal.steps(dock.me.tenant, answer["execution_id"])
    seen = f"{answer} {shown} {page} {steps} {caplog.text}"
    assert answer["status"] == "success"
    assert SECRET not in seen
    assert shown["credentials_used"] == ["token"]


@pytest.mark.parametrize("status", [401, 500])
async def test_the_secret_is_in_no_error(dock: Dock, echo: Echo, status: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await dock.keep_secret(echo)
    echo.answers = [(status, f"bad token {SECRET}".encode(), "text/plain")] * 5
    answer = await dock.answer(flat("op", api(f"{echo.url}/x", headers={"Authorization": REF})))
    assert answer["error"]["category"] == "api_error"
    shown = await dock.app.executions.show(dock.me, answer["execution_id"])
    assert SECRET not in f"{answer} {shown} {caplog.text}"


async def test_data_never_become_a_credential(dock: Dock, echo: Echo) -> None:
    await dock.keep_secret(echo)
    call = api(f"{echo.url}/x", method="POST", body={"a": "/input/ref", "b": "{/input/ref}"})
    await dock.answer(flat("op", call), inputs={"ref": REF})
    assert SECRET not in str(echo.bodies)


async def test_data_in_a_header_never_become_a_credential(dock: Dock, echo: Echo) -> None:
    await dock.keep_secret(echo)
    call = api(f"{echo.url}/x", headers={"Authorization": {"path": "/input/ref"}})
    answer = await dock.answer(flat("op", call), inputs={"ref": REF})
    assert answer["status"] == "error"
    assert echo.headers == []


async def test_a_credential_that_does_not_exist_fails_the_operation_and_is_named(dock: Dock, echo: Echo) -> None:
    error = await dock.error(api(f"{echo.url}/x", headers={"Authorization": REF}))
    assert "token" in json.dumps(error)
    assert echo.paths == []


async def test_a_credential_needs_a_grant_which_validation_names(dock: Dock, echo: Echo) -> None:
    await dock.keep_secret(echo)
    ann = await dock.agent(workflows_run="*", operations_use="*", hosts_call="127.0.0.1*")
    report = await dock.report(flat("op", api(f"{echo.url}/x", headers={"Authorization": REF})), who=ann)
    [issue] = report["issues"]
    assert (issue["code"], report["valid"]) == ("refused", False)
    assert "credentials:use" in issue["suggestion"]
    assert "token" in issue["suggestion"]


def test_the_value_that_stands_in_for_a_failure_may_hold_no_credential() -> None:
    issue = fault(flat("op", give(1), onError={"value": {"a": [REF]}}))
    assert (issue.code, issue.operation_id, issue.path) == ("credential_not_allowed", "op", "/onError")


def test_the_default_of_a_reference_may_hold_no_credential() -> None:
    body = {"a": {"path": "/input/x", "default": [REF]}}
    issue = fault(flat("op", api("https://a.example/", method="POST", body=body)))
    assert (issue.code, issue.operation_id, issue.path) == ("credential_not_allowed", "op", "/body/a/default")
