"""Each verb sends what the server expects and returns what it answers as a value."""

import pytest

from client.client_doubles import ANSWER, KEY, URL, Server, async_client, client, ok
from muelle_client import Muelle, RunFailed, UnexpectedAnswer, Workflow


def test_every_request_carries_the_key_as_a_bearer_token() -> None:
    server = Server([ok({"status": "healthy"})])
    with client(server) as muelle:
        assert muelle.health().is_healthy
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert str(server.asked[0].url) == f"{URL}/health"


def test_a_server_below_a_path_is_reached_there() -> None:
    server = Server([ok({"status": "healthy"})])
    with client(server) as muelle:
        muelle._http.base_url = "https://example.com/muelle/"
        muelle.health()
    assert str(server.asked[0].url) == "https://example.com/muelle/health"


def test_capabilities_tell_what_the_key_may_do() -> None:
    inner = {
        "supportedOperations": ["ApiCall", {"name": "Wait"}],
        "availableApis": {"crm": {"baseUrl": "https://crm"}},
        "availableCredentials": [{"id": "crm-key", "type": "bearer-token"}],
        "securityConstraints": {"maxOperations": 1000},
    }
    with client(Server([ok({"agent_id": "agent_1", "capabilities": inner})])) as muelle:
        found = muelle.capabilities()
    assert (found.agent, found.operations, found.credentials) == ("agent_1", ("ApiCall", "Wait"), ("crm-key",))
    assert (list(found.apis), found.limits) == (["crm"], {"maxOperations": 1000})


def test_a_report_tells_errors_from_advice() -> None:
    issues = [
        {"severity": "warning", "message": "unused"},
        {"severity": "error", "code": "missing_field", "message": "no url", "operation_id": "a", "path": "/url"},
    ]
    server = Server([ok({"valid": False, "issues": issues})])
    with client(server) as muelle:
        report = muelle.validate("{}")
    assert server.bodies() == [{"workflow": "{}"}]
    assert (report.valid, [(each.code, each.operation_id) for each in report.errors]) == (
        False,
        [("missing_field", "a")],
    )


def test_a_run_sends_document_and_inputs_and_returns_results() -> None:
    server = Server([ok(ANSWER)])
    workflow = Workflow("w").wait("a", duration=1)
    with client(server) as muelle:
        answer = muelle.run(workflow, inputs={"n": 3}, validate=False)
    assert server.bodies() == [{"workflow": workflow.document(), "validate": False, "inputs": {"n": 3}}]
    assert (answer["a"], answer["b"], answer.execution_id) == ([1, 2], None, "run_1")
    assert (answer.operations["a"].attempts, answer.operations["a"].cached) == (2, True)


def test_an_idempotency_key_travels_in_its_header() -> None:
    server = Server([ok(ANSWER)])
    with client(server) as muelle:
        muelle.run("{}", idempotency_key="order-7")
    assert server.asked[0].headers["Idempotency-Key"] == "order-7"


def test_a_run_that_did_not_succeed_is_an_exception_only_if_asked() -> None:
    with client(Server([ok(ANSWER)])) as muelle:
        answer = muelle.run("{}")
    with pytest.raises(RunFailed, match=r"run_1 ended as partial_success\. c: No data") as caught:
        answer.require_success()
    assert caught.value.answer is answer


def test_a_run_waits_longer_than_other_calls() -> None:
    server = Server([ok(ANSWER), ok(ANSWER), ok({"status": "healthy"})])
    with client(server) as muelle:
        muelle.run("{}")
        muelle.run("{}", timeout=3)
        muelle.health()
    assert [request.extensions["timeout"]["read"] for request in server.asked] == [1860, 3, 30]


def pages(count: int) -> Server:
    def page(number: int) -> dict[str, object]:
        runs = [{"execution_id": f"run_{number}_{each}", "status": "success"} for each in range(100)]
        return {"executions": runs, "count": 100, "next_cursor": f"c{number + 1}" if number + 1 < count else None}

    return Server([ok(page(number)) for number in range(count)])


def test_runs_are_listed_over_all_pages() -> None:
    server = pages(3)
    with client(server) as muelle:
        assert len(list(muelle.runs(status="success", agent_id="agent_1", workflow_id="w"))) == 300
    assert [request.url.params.get("cursor") for request in server.asked] == [None, "c1", "c2"]
    assert dict(server.asked[0].url.params) == {
        "limit": "100",
        "status": "success",
        "agent_id": "agent_1",
        "workflow_id": "w",
    }


@pytest.mark.parametrize(("limit", "asked"), [(0, []), (1, ["1"]), (100, ["100"]), (101, ["100", "1"])])
def test_no_more_runs_are_asked_for_than_wanted(limit: int, asked: list[str]) -> None:
    server = pages(3)
    with client(server) as muelle:
        assert len(list(muelle.runs(limit=limit))) == limit
    assert [request.url.params["limit"] for request in server.asked] == asked


def test_pages_are_fetched_only_as_they_are_read() -> None:
    server = pages(3)
    with client(server) as muelle:
        assert next(muelle.runs()).id == "run_0_0"
    assert len(server.asked) == 1


def test_a_cursor_that_does_not_move_is_an_error_and_no_endless_loop() -> None:
    server = Server([ok({"executions": [], "next_cursor": "same"})])
    with client(server) as muelle, pytest.raises(UnexpectedAnswer):
        list(muelle.runs())
    assert len(server.asked) == 2


def test_one_run_is_read_with_its_operations() -> None:
    steps = [{"operation_id": "a", "status": "success", "duration_ms": 2, "result": None}, {"operation_id": "b"}]
    record = {"execution_id": "run/1", "status": "success", "timestamp": "2026-01-01T00:00:00Z", "operations": steps}
    server = Server([ok(record)])
    with client(server) as muelle:
        found = muelle.execution("run/1")
    assert server.asked[0].url.raw_path == b"/api/v1/executions/run%2F1"
    assert found.run.started is not None
    assert found.run.started.utcoffset() is not None
    assert ([step.operation_id for step in found.steps], found.results) == (["a", "b"], {"a": None})
    assert found.steps[0].outcome.status == "success"


@pytest.mark.parametrize("value", [[], {"status": "success"}, {"execution_id": "r"}, "text"])
def test_an_answer_that_is_no_runs_answer_is_an_error(value: object) -> None:
    with client(Server([ok(value)])) as muelle, pytest.raises(UnexpectedAnswer):
        muelle.run("{}")


async def test_the_async_client_does_the_same() -> None:
    record = {"execution_id": "run_1", "status": "success"}
    answers = [{"status": "healthy"}, {"capabilities": {}}, {"valid": True, "issues": []}, ANSWER, record]
    server = Server([ok(value) for value in answers])
    async with async_client(server) as muelle:
        assert (await muelle.health()).is_healthy
        assert (await muelle.capabilities()).operations == ()
        assert (await muelle.validate("{}")).valid
        assert (await muelle.run("{}"))["a"] == [1, 2]
        assert (await muelle.execution("run_1")).run.id == "run_1"


async def test_the_async_client_lists_runs_over_all_pages() -> None:
    async with async_client(pages(2)) as muelle:
        assert len([run.id async for run in muelle.runs(limit=150)]) == 150


@pytest.mark.parametrize("url", ["", "muelle.test", "ftp://muelle.test", "http://me:pw@muelle.test", "http://m?x=1"])
def test_a_url_that_cannot_be_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="url must") as caught:
        Muelle(url, KEY)
    assert "pw" not in str(caught.value)


def test_an_empty_execution_id_is_refused() -> None:
    with client(Server([])) as muelle, pytest.raises(ValueError, match="execution_id"):
        muelle.execution("")
