"""The client of A2E works unchanged, against a real server, in both dialects and with both kinds of header."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import requests

from doors.a2e_client import A2EClient, flat, nested
from doors.door_world import Served

NOW: tuple[str, str, Any] = ("now", "GetCurrentDateTime", {"timezone": "UTC", "outputPath": "/workflow/now"})
PAUSE: tuple[str, str, Any] = ("pause", "Wait", {"duration": 1})
SHOUT: tuple[str, str, Any] = (
    "shout",
    "FormatText",
    {"inputPath": "/workflow/now", "format": "upper", "outputPath": "/workflow/loud"},
)
ABSENT: tuple[str, str, Any] = (
    "absent",
    "FormatText",
    {"inputPath": "/workflow/none", "format": "upper", "outputPath": "/workflow/x"},
)


@pytest.fixture(params=["X-API-Key", "Authorization"])
async def client(server: Served, request: pytest.FixtureRequest) -> AsyncIterator[A2EClient]:
    key, token = (server.owner_key, None) if request.param == "X-API-Key" else (None, server.owner_key)
    client = A2EClient(server.url, api_key=key, token=token)
    yield client
    client.close()


async def refused(call: Callable[..., Any], *arguments: Any) -> tuple[int, dict[str, Any]]:
    """Return status and body of a call that the client raises for."""
    with pytest.raises(requests.HTTPError) as caught:
        await asyncio.to_thread(call, *arguments)
    answer = caught.value.response
    assert answer is not None
    return answer.status_code, answer.json()


async def test_it_learns_what_it_may_use(client: A2EClient) -> None:
    told = await asyncio.to_thread(client.get_capabilities)

    assert told["agent_id"].startswith("agent_")
    assert told["agent_name"] == "admin"
    capabilities = told["capabilities"]
    assert {"ApiCall", "FilterData", "Conditional", "Loop", "MergeData"} <= set(capabilities["supportedOperations"])
    assert capabilities.keys() >= {"availableApis", "availableCredentials", "knowledgeBases", "sqlQueriesAvailable"}
    assert capabilities["securityConstraints"].keys() == {"maxExecutionTime", "maxOperations"}


async def test_it_learns_what_is_wrong_with_a_document(client: A2EClient) -> None:
    good = await asyncio.to_thread(client.validate_workflow, nested(NOW, SHOUT))
    bad = await asyncio.to_thread(client.validate_workflow, nested(("a", "Wiat", {})))

    assert (good["valid"], good["errors"]) == (True, 0)
    assert (bad["valid"], bad["errors"]) == (False, 1)
    assert bad["issues"][0].keys() >= {"severity", "message", "operation_id", "suggestion"}
    assert bad["summary"].keys() == {"by_type", "by_operation"}


@pytest.mark.parametrize("dialect", [nested, flat])
async def test_it_runs_a_document_and_finds_the_run(client: A2EClient, dialect: Callable[..., str]) -> None:
    answer = await asyncio.to_thread(client.execute_workflow, dialect(NOW, SHOUT, PAUSE))

    assert answer["status"] == "success"
    assert answer["data"]["shout"] == answer["results"]["shout"]
    assert answer["operations"]["now"].keys() >= {"status", "duration_ms"}
    shown = await asyncio.to_thread(client.get_execution, answer["execution_id"])
    assert shown.keys() >= {"execution_id", "operations", "credentials_used", "timeline"}
    listed = await asyncio.to_thread(client.list_executions, 10, "success")
    assert [run["execution_id"] for run in listed["executions"]] == [answer["execution_id"]]
    assert listed["count"] == 1


async def test_a_run_in_which_something_failed_is_an_answer(client: A2EClient) -> None:
    partial = await asyncio.to_thread(client.execute_workflow, nested(NOW, ABSENT))
    total = await asyncio.to_thread(client.execute_workflow, nested(ABSENT))

    assert partial["status"] == "partial_success"
    assert partial["successful"] == {"count": 1, "operations": ["now"]}
    assert partial["failed"]["operations"]["absent"].keys() >= {"type", "message", "operation_id", "suggestions"}
    assert total["status"] == "error"
    assert total.keys() >= {"error", "recoverable", "suggestions", "execution_id"}
    assert total["error"].keys() >= {"type", "category", "message", "operation_id", "recoverable"}


@pytest.mark.parametrize("validate", [True, False])
async def test_a_document_that_cannot_run_is_refused_in_its_words(client: A2EClient, *, validate: bool) -> None:
    def execute() -> Any:
        return client.execute_workflow(nested(("a", "Wait", {}), ("b", "Nonsense", {})), validate=validate)

    status, body = await refused(execute)

    assert (status, body["error"]) == (400, "Workflow validation failed")
    assert [issue["operation_id"] for issue in body["validation_errors"]] == ["a", "b"]


async def test_faults_are_told_in_its_words(client: A2EClient, server: Served) -> None:
    stranger = A2EClient(server.url)

    assert (await refused(client.execute_workflow, None))[1]["error"] == "workflow field required"
    assert (await refused(client.get_execution, "none"))[1]["error"] == "Execution not found"
    assert (await refused(client._call, "GET", "/api/v1/nowhere"))[1]["error"] == "Endpoint not found"
    status, body = await refused(stranger.get_capabilities)
    assert (status, body["error"]) == (401, "Authentication required")
    stranger.close()


async def test_its_health_check_needs_no_key(server: Served) -> None:
    stranger = A2EClient(server.url)

    health = await asyncio.to_thread(stranger._call, "GET", "/health")

    assert health["status"] == "healthy"
    stranger.close()
