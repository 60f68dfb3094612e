"""Runs that go on by themselves: handed in once, asked for, followed over connections that break, and changed."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from client.client_doubles import ANSWER, Server, async_client, client, ok, problem
from client.live_server import LiveServer
from muelle_client import (
    AsyncMuelle,
    Conflict,
    ConnectionFailed,
    Muelle,
    NotFound,
    Retry,
    RunEvent,
    TimedOut,
    UnexpectedAnswer,
    Workflow,
)
from muelle_client.stream import EventReader

LINKS = {"self": "/api/v1/executions/run_1"}
PLACE = {"execution_id": "run_1", "workflow_id": "w", "status": "queued", "links": LINKS}
ENTRY = {"execution_id": "run_1", "status": "cancelled", "kind": "workflow", "takeovers": 1, "cause": "rerun:run_0"}
NEXT_YEAR = datetime(2099, 1, 1, tzinfo=UTC)
PATIENT = Workflow("patient").wait("a", duration=0).wait("long", duration=600_000)
QUICK = Workflow("quick").wait("a", duration=0).wait("b", duration=0)


def told(kind: str, number: int | None = None, **data: Any) -> bytes:
    line = "" if number is None else f"id: {number}\n"
    return f"event: {kind}\n{line}data: {json.dumps(data)}\n\n".encode()


def stream(*parts: bytes) -> httpx.Response:
    return httpx.Response(
        200, content=b"retry: 2000\n\n" + b"".join(parts), headers={"content-type": "text/event-stream"}
    )


def test_a_document_is_handed_in_under_a_key_of_its_own_and_again_where_it_failed() -> None:
    server = Server([httpx.ConnectError("gone"), httpx.Response(202, json=PLACE)])
    with client(server) as muelle:
        submitted = muelle.submit("{}", inputs={"n": 1}, priority=1, deadline=60, run_at=NEXT_YEAR)
    assert (submitted.execution_id, submitted.workflow_id, submitted.status) == ("run_1", "w", "queued")
    assert len({request.headers["idempotency-key"] for request in server.asked}) == 1
    assert server.asked[1].headers["prefer"] == "respond-async"
    wishes = {"priority": 1, "deadline": 60, "run_at": "2099-01-01T00:00:00+00:00"}
    assert server.bodies()[1] == {"workflow": "{}", "inputs": {"n": 1}, **wishes}


def test_two_submissions_have_two_keys() -> None:
    server = Server([httpx.Response(202, json=PLACE)])
    with client(server) as muelle:
        muelle.submit("{}")
        muelle.submit("{}")
    assert len({request.headers["idempotency-key"] for request in server.asked}) == 2


def test_a_time_without_a_zone_is_refused_before_it_is_sent() -> None:
    server = Server([httpx.Response(202, json=PLACE)])
    with client(server) as muelle, pytest.raises(ValueError, match="time zone"):
        muelle.submit("{}", run_at=datetime(2099, 1, 1))  # noqa: DTZ001 - that is the mistake
    assert server.asked == []


def test_a_result_is_asked_for_until_it_is_there() -> None:
    server = Server([httpx.Response(202, json=PLACE), ok(ANSWER)])
    with client(server) as muelle:
        answer = muelle.result("run_1")
    assert (answer.status, answer["a"]) == ("partial_success", [1, 2])
    assert [request.url.params["wait"] for request in server.asked] == ["20", "20"]


def test_a_result_is_waited_for_as_long_as_is_allowed() -> None:
    server = Server([httpx.Response(202, json=PLACE)])
    with client(server) as muelle, pytest.raises(TimedOut, match="is queued"):
        muelle.result("run_1", timeout=50)
    assert [request.url.params["wait"] for request in server.asked] == ["20", "20", "10"]


def test_events_come_once_each_over_connections_that_break() -> None:
    first = stream(told("run.running", status="running"), told("operation.finished", 0, operation_id="a"))
    rest = stream(told("operation.finished", 1, operation_id="b"), told("run.finished", 2, status="success"))
    server = Server([first, httpx.ReadError("cut"), rest])
    with client(server) as muelle:
        events = list(muelle.events("run_1"))
    assert [event.id for event in events] == [None, 0, 1, 2]
    assert [request.headers.get("last-event-id") for request in server.asked] == [None, "0", "0"]
    assert len(server.slept) == 2


async def test_the_async_client_follows_alike() -> None:
    first = stream(told("operation.finished", 0, operation_id="a"), told("stream.closed", code="unavailable"))
    server = Server([first, stream(told("run.finished", 1, status="success"))])
    async with async_client(server) as muelle:
        events = [event async for event in muelle.events("run_1")]
    assert [event.kind for event in events] == ["operation.finished", "run.finished"]


@pytest.mark.parametrize(
    ("answers", "error"),
    [
        ([problem(404, code="execution_not_found")], NotFound),
        ([ok({})], UnexpectedAnswer),
        ([stream(b"event: x\ndata: {\n\n")], UnexpectedAnswer),
        ([httpx.ConnectError("gone")], ConnectionFailed),
        ([stream()], ConnectionFailed),
    ],
)
def test_what_cannot_be_followed_is_said(answers: list[Any], error: type[Exception]) -> None:
    server = Server(answers)
    with client(server) as muelle, pytest.raises(error):
        list(muelle.events("run_1"))
    assert len(server.asked) in {1, Retry().attempts}


def test_whoever_has_seen_the_end_gets_no_more() -> None:
    server = Server([httpx.Response(204)])
    with client(server) as muelle:
        assert list(muelle.events("run_1", after=7)) == []
    assert server.asked[0].headers["last-event-id"] == "7"


@pytest.mark.parametrize("cut", range(1, 60))
def test_a_stream_may_be_cut_anywhere(cut: int) -> None:
    text = ": still here\n\n" + 'event: run.finished\r\nid: 3\ndata: {"x":\ndata: "é\u2028"}\n\n'
    sent = text.encode()
    reader = EventReader()
    events = [*reader.feed(sent[:cut]), *reader.feed(sent[cut:])]
    assert events == [RunEvent(kind="run.finished", id=3, data={"x": "é\u2028"})]


@pytest.mark.parametrize(
    ("verb", "method", "path"),
    [
        (lambda muelle: muelle.cancel("run_1"), "POST", "/cancel"),
        (lambda muelle: muelle.pause("run_1"), "POST", "/pause"),
        (lambda muelle: muelle.resume("run_1"), "POST", "/resume"),
        (lambda muelle: muelle.replay("run_1"), "POST", "/replay"),
        (lambda muelle: muelle.prioritise("run_1", 2), "PATCH", ""),
    ],
)
async def test_runs_are_changed(verb: Callable[[Any], Any], method: str, path: str) -> None:
    server = Server([httpx.Response(202, json=ENTRY)])
    with client(server) as muelle:
        run = verb(muelle)
    async with async_client(server) as asynchronous:
        assert await verb(asynchronous) == run
    assert (run.id, run.status, run.takeovers, run.cause) == ("run_1", "cancelled", 1, "rerun:run_0")
    assert {(request.method, request.url.path) for request in server.asked} == {
        (method, f"/api/v1/executions/run_1{path}")
    }


def test_a_change_that_got_no_answer_is_not_repeated() -> None:
    server = Server([httpx.ReadError("cut")])
    with client(server) as muelle, pytest.raises(ConnectionFailed):
        muelle.cancel("run_1")
    assert len(server.asked) == 1


def test_a_run_is_run_again_from_an_operation_on() -> None:
    server = Server([httpx.Response(202, json=PLACE)])
    with client(server) as muelle:
        muelle.rerun("run_0", origin="b", inputs={"x": 1}, priority=5)
        muelle.rerun("run_0")
    assert server.bodies() == [{"from": "b", "inputs": {"x": 1}, "priority": 5}, {}]


async def test_a_run_is_handed_in_followed_and_its_result_read(live_server: LiveServer) -> None:
    async with AsyncMuelle(live_server.url, live_server.key) as muelle:
        submitted = await muelle.submit(QUICK, idempotency_key="once")
        events = [event async for event in muelle.events(submitted.execution_id) if event.id is not None]
        later = [event async for event in muelle.events(submitted.execution_id, after=events[1].id)]
        answer = await muelle.result(submitted.execution_id)
        with pytest.raises(Conflict):
            await muelle.submit(PATIENT, idempotency_key="once")

    assert (events[-1].kind, events[-1].data["status"], answer.status) == ("run.finished", "success", "success")
    assert later == events[2:]


async def test_a_run_that_waits_is_followed_and_cancelled(live_server: LiveServer) -> None:
    async with AsyncMuelle(live_server.url, live_server.key) as muelle:
        run = (await muelle.submit(PATIENT)).execution_id
        statuses = []
        async for event in muelle.events(run):
            if event.kind == "run.waiting":
                await muelle.cancel(run)
            if event.kind.startswith("run."):
                statuses.append(event.data["status"])
        shown = await muelle.execution(run)

    assert statuses[-1] == "cancelled"
    assert (shown.run.status, shown.run.began is not None, shown.waits) == ("cancelled", True, ())


def rerun(server: LiveServer) -> list[str]:
    """Use the blocking client, as a script would."""
    with Muelle(server.url, server.key) as muelle:
        first = muelle.run(QUICK).execution_id
        again = muelle.rerun(first, origin="b").execution_id
        kinds = [event.kind for event in muelle.events(again) if event.id is not None]
        return [muelle.result(again).status, kinds[-1], muelle.execution(again).run.cause or ""][:2]


async def test_the_blocking_client_can_do_it_too(live_server: LiveServer) -> None:
    assert await asyncio.to_thread(rerun, live_server) == ["success", "run.finished"]
