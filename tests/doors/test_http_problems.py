"""Whatever goes wrong is told as a problem, with the id of the request."""

import re
from typing import Any

import httpx
import pytest

from doors.door_world import WAIT, Doorway, is_problem, open_doorway
from muelle.core import Unavailable
from muelle.doors.http.api import build_api
from muelle.doors.http.door import Asked, Door
from muelle.doors.http.problems import Reply

EXECUTE = "/api/v1/workflows/execute"
OURS = re.compile(r"req_[0-9a-f]{32}")


@pytest.mark.parametrize(
    ("method", "path", "sent", "status", "code"),
    [
        ("GET", "/nowhere", {}, 404, "endpoint_not_found"),
        ("GET", "/api/v1/agents/", {}, 404, "endpoint_not_found"),
        ("GET", "/api/v1/executions/../agents", {"follow_redirects": False}, 200, None),
        ("GET", "/api/v1/executions/%2e%2e%2fagents", {}, 404, "endpoint_not_found"),
        ("GET", "/api/v1/executions/none", {}, 404, "execution_not_found"),
        ("GET", "/api/v1/executions/%ff%fe", {}, 422, "invalid_parameter"),
        ("GET", "/api/v1/executions/a%00b", {}, 422, "invalid_parameter"),
        ("GET", "/api/v1/executions?limit=ten", {}, 422, "invalid_parameter"),
        ("GET", "/api/v1/executions?since=yesterday", {}, 422, "invalid_parameter"),
        ("GET", "/api/v1/executions?status=gone", {}, 422, "invalid_parameter"),
        ("GET", "/api/v1/executions?cursor=AAAA", {}, 400, "invalid_cursor"),
        ("GET", "/api/v1/agents/%20", {}, 422, "invalid_parameter"),
        ("PUT", "/api/v1/agents", {}, 405, "method_not_allowed"),
        ("BREW", "/api/v1/agents", {}, 405, "method_not_allowed"),
        ("OPTIONS", "/api/v1/agents", {}, 405, "method_not_allowed"),
        ("GET", EXECUTE, {}, 405, "method_not_allowed"),
        ("POST", "/api/v1/agents", {"content": b"{"}, 400, "invalid_body"),
        ("POST", "/api/v1/agents", {"content": b'{"name": "\xff"}'}, 400, "invalid_body"),
        ("POST", "/api/v1/agents", {"content": b'{"name": "\\ud800"}'}, 400, "invalid_body"),
        ("POST", "/api/v1/agents", {"content": b""}, 400, "invalid_body"),
        ("POST", "/api/v1/agents", {"content": b"NaN"}, 400, "invalid_body"),
        ("POST", "/api/v1/agents", {"data": {"name": "bot"}}, 415, "unsupported_media_type"),
        ("POST", "/api/v1/agents", {"json": {"name": "admin"}}, 409, "agent_exists"),
        ("POST", "/api/v1/agents", {"content": b" " * ((8 << 20) + 1)}, 413, "body_too_large"),
        ("POST", EXECUTE, {"content": b" " * ((8 << 20) + 1)}, 413, "body_too_large"),
        ("POST", EXECUTE, {"content": b"{"}, 400, "invalid_body"),
        ("POST", EXECUTE, {"content": b"\xff"}, 400, "invalid_body"),
        ("POST", EXECUTE, {"json": {}}, 400, "missing_workflow"),
        ("POST", EXECUTE, {"json": {"workflow": WAIT, "inputs": 1}}, 400, "invalid_inputs"),
        ("POST", EXECUTE, {"data": {"workflow": WAIT}}, 415, "unsupported_media_type"),
        ("POST", f"{EXECUTE}?format=xml", {"json": {"workflow": WAIT}}, 422, "invalid_parameter"),
    ],
)
async def test_a_fault_of_the_caller(
    doorway: Doorway, method: str, path: str, sent: Any, status: int, code: str | None
) -> None:
    answer = await (await doorway.owner()).request(method, path, **sent)

    assert (answer.status_code, answer.json().get("code")) == (status, code)
    assert answer.status_code < 400 or is_problem(answer)


async def test_a_method_that_is_not_taken_is_told_which_are(doorway: Doorway) -> None:
    owner = await doorway.owner()

    assert (await owner.put("/api/v1/agents")).headers["allow"] == "GET, HEAD, POST"
    assert (await owner.put("/api/v1/apis/crm")).headers["allow"] == "DELETE, GET, HEAD, PATCH"
    assert (await owner.get(EXECUTE)).headers["allow"] == "POST"


@pytest.mark.parametrize("path", ["/health", "/ready", "/openapi.json", "/api/v1/agents", "/api/v1/executions/none"])
async def test_head_is_get_without_its_body(doorway: Doorway, path: str) -> None:
    owner = await doorway.owner()

    got, head = await owner.get(path), await owner.head(path)

    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert int(head.headers["content-length"]) > 0


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/api/v1/agents", EXECUTE])
@pytest.mark.parametrize("given", ["abc-123", "0" * 100])
async def test_a_sane_request_id_is_kept(doorway: Doorway, path: str, given: str) -> None:
    answer = await (await doorway.owner()).get(path, headers={"x-request-id": given})

    assert answer.headers["x-request-id"] == given
    assert answer.json().get("request_id", given) == given


@pytest.mark.parametrize("given", ["", "a b", "0" * 101, "-x", "<script>", "a;b", "\xe9"])
async def test_a_strange_request_id_is_replaced(doorway: Doorway, given: str) -> None:
    headers = httpx.Headers([(b"x-request-id", given.encode("latin-1"))])

    answer = await (await doorway.owner()).get("/health", headers=headers)

    assert OURS.fullmatch(answer.headers["x-request-id"])


async def test_every_answer_has_an_id_and_is_kept_by_nobody_on_the_way(doorway: Doorway) -> None:
    stranger, owner = await doorway.stranger(), await doorway.owner()
    answers = [await stranger.get("/health"), await stranger.get("/nowhere"), await owner.get("/api/v1/me")]
    answers += [await owner.post(EXECUTE, json={"workflow": WAIT})]

    assert [OURS.fullmatch(answer.headers["x-request-id"]) is not None for answer in answers] == [True] * 4
    got = "private, no-cache"  # by its own client, which asks each time whether it still holds
    assert [answer.headers["cache-control"] for answer in answers] == [got, "no-store", got, "no-store"]
    assert {answer.headers["x-content-type-options"] for answer in answers} == {"nosniff"}


async def broken(fault: Exception, doorway: Doorway) -> httpx.AsyncClient:
    """Return a client of a door in which one route, and the hot one, always fail."""

    async def fail() -> Any:
        raise fault

    async def fail_hot(_: Asked) -> Reply:
        raise fault

    api = build_api(doorway.app)
    api.add_api_route("/fails", fail, methods=["GET"], response_model=None)
    app = doorway.app
    hot = {("POST", EXECUTE): fail_hot}
    door = Door(api, hot, app.identity, app.ids, app.metrics, app.settings.http)
    transport = httpx.ASGITransport(door, raise_app_exceptions=False)
    headers = {"x-api-key": doorway.owner_key}
    return httpx.AsyncClient(transport=transport, base_url="http://muelle.test", headers=headers)


@pytest.mark.parametrize("call", [("GET", "/fails"), ("POST", EXECUTE)])
async def test_a_crash_tells_nothing_of_the_inside(
    doorway: Doorway, call: tuple[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    async with await broken(ValueError("the password is sesame"), doorway) as client:
        answer = await client.request(*call, headers={"x-request-id": "crash-1"})

    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert is_problem(answer)
    assert "sesame" not in answer.text
    assert "ValueError" not in answer.text
    assert [record.exc_info is not None for record in caplog.records if record.name == "muelle.http"] == [True]


@pytest.mark.parametrize("call", [("GET", "/fails"), ("POST", EXECUTE)])
async def test_what_is_not_available_says_when_to_come_back(doorway: Doorway, call: tuple[str, str]) -> None:
    async with await broken(Unavailable(retry_after=7), doorway) as client:
        answer = await client.request(*call)

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "7")
    assert is_problem(answer)


CASES: list[dict[str, Any]] = [
    {"json": {"workflow": WAIT}},
    {"json": {"workflow": WAIT}, "params": {"format": "summary"}},
    {"json": {"workflow": WAIT}, "params": {"format": "minimal"}},
    {"json": {"workflow": WAIT}, "params": {"format": "xml"}},
    {"json": {"workflow": WAIT}, "params": {"format": ""}},
    {"json": {"workflow": WAIT}, "params": [("format", "minimal"), ("format", "full")]},
    {"json": {"workflow": WAIT, "validate": False, "inputs": {"a": 1}}},
    {"json": {"workflow": WAIT, "validate": "yes"}},
    {"json": {"workflow": '{"nonsense": 1}'}},
    {"json": {"workflow": "{"}},
    {"json": {"workflow": ""}},
    {"json": {}},
    {"json": [WAIT]},
    {"content": WAIT, "headers": {"content-type": "application/jsonl"}},
    {"content": b"\xff\xfe", "headers": {"content-type": "application/jsonl"}},
    {"content": b"{", "headers": {"content-type": "application/json; charset=utf-8"}},
    {"content": b"{}", "headers": {"content-type": "image/png"}},
    {"content": b" " * (9 << 20)},
    {"json": {"workflow": WAIT}, "headers": {"x-api-key": ""}},
    {"json": {"workflow": WAIT}, "headers": {"x-api-key": "nonsense"}},
    {"json": {"workflow": WAIT}, "headers": {"x-api-key": "", "authorization": "Bearer nonsense"}},
]
OWN = {"x-request-id", "content-length", "ratelimit", "x-ratelimit-reset"}
CHANGING = re.compile(r'("(duration_ms|execution_id|request_id)":)("[^"]*"|[0-9.e-]+)')


def told(answer: httpx.Response) -> tuple[Any, ...]:
    """Return what an answer tells, without what differs from one request to the next."""
    headers = {name: value for name, value in answer.headers.items() if name not in OWN}
    return answer.status_code, headers, CHANGING.sub(r"\1", answer.text)


@pytest.mark.parametrize("who", ["owner", "powerless", "stranger"])
async def test_the_hot_lane_answers_as_the_framework_does(who: str) -> None:
    lanes = []
    for is_hot in (True, False):
        async with open_doorway(is_hot=is_hot) as doorway:
            client = await (doorway.agent(name="powerless") if who == "powerless" else getattr(doorway, who)())
            lanes.append([told(await client.post(EXECUTE, **case)) for case in CASES])

    assert lanes[0] == lanes[1]
