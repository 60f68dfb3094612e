"""ApiCall: what is sent, what an answer becomes, what fails, and what is tried again."""

from typing import Any

import pytest

from muelle.core import Again, CredentialRef, HttpAnswer, MuelleError
from muelle.packs import Json
from operations.operations_world import TYPES, FakeStep, faults, run

GET: dict[str, Any] = {"method": "GET", "url": "https://a.example/x", "outputPath": "/workflow/r"}
POST: dict[str, Any] = {**GET, "method": "POST"}
KNOWN = {"headers": {"Idempotency-Key": "mine"}}


async def failure_of(step: FakeStep, **config: Json) -> MuelleError:
    """Make a call that fails; return the failure."""
    with pytest.raises(MuelleError) as failure:
        await run("ApiCall", step, **config)
    return failure.value


async def test_a_call_carries_all_that_its_config_says(step: FakeStep) -> None:
    step.http.answer(body=b'{"ok":true}')
    secret = CredentialRef("api-token")
    headers = {"Authorization": secret, "X-N": 5, "X-B": True, "X-None": None}
    config: dict[str, Any] = {
        **GET,
        "headers": headers,
        "query": {"q": ["a", 1]},
        "timeout": 5000,
        "body": {"k": secret},
    }
    assert await run("ApiCall", step, **config) == {"ok": True}
    call = step.http.calls[0]
    assert call.headers == {"Authorization": secret, "X-N": "5", "X-B": "true"}
    assert (call.query, call.body, call.timeout, call.idempotency_key) == ({"q": ["a", 1]}, {"k": secret}, 5.0, None)


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("application/json", b"[1]", [1]),
        ("application/problem+json; charset=utf-8", b'{"a":1}', {"a": 1}),
        ("", b'{"a":1}', {"a": 1}),
        ("", b"plain", "plain"),
        ("", b"\xff\x00", "/wA="),
        ("text/plain", b'{"a":1}', {"a": 1}),
        ("text/plain", b"{not json", "{not json"),
        ("text/plain", b"123", "123"),
        ("text/html; charset=iso-8859-1", b"\xe9", "é"),
        ("text/html; charset=hex", b"\xc3\xa9", "é"),
        ("text/html; charset=nonsense", b"\xc3\xa9", "é"),
        ("image/png", b"\x89PNG", "iVBORw=="),
        ("application/json", b"NaN", "NaN"),
        ("application/json", b"1e400", "1e400"),
        ("application/json", b"", None),
        ("application/json", b"[" * 100_000, "[" * 100_000),
    ],
)
async def test_a_body_becomes_json_or_text_or_base64(step: FakeStep, kind: str, body: bytes, expected: Json) -> None:
    step.http.answer(body=body, content_type=kind)
    assert await run("ApiCall", step, **GET) == expected


async def test_no_content_is_null_and_a_full_answer_has_status_and_headers(step: FakeStep) -> None:
    step.http.answer(204, b"ignored", etag="1")
    full = await run("ApiCall", step, **GET, responseMode="full")
    assert full == {"status": 204, "headers": {"content-type": "application/json", "etag": "1"}, "body": None}
    assert await run("ApiCall", step, **{**GET, "method": "HEAD"}) is None


@pytest.mark.parametrize(("status", "recoverable"), [(400, True), (404, True), (429, True), (500, False), (503, False)])
async def test_an_error_status_fails_with_status_and_preview(step: FakeStep, status: int, *, recoverable: bool) -> None:
    step.http.answer(status, b"x" * 500)
    failure = await failure_of(step, **GET)
    assert (failure.code, failure.category, failure.recoverable) == ("api_error", "api_error", recoverable)
    assert (failure.facts["status_code"], failure.facts["response_preview"]) == (status, "x" * 200)


@pytest.mark.parametrize("accepted", [[404], ["4xx"], ["4XX"], ["400-404"], ["404"], [500, "404-410"]])
async def test_a_status_that_is_accepted_is_an_answer(step: FakeStep, accepted: list[Json]) -> None:
    step.http.answer(404, b'{"none":1}')
    assert await run("ApiCall", step, **GET, acceptStatus=accepted) == {"none": 1}
    step.http.answers.clear()
    step.http.answer(500 if accepted[0] != 500 else 411)
    assert (await failure_of(step, **GET, acceptStatus=accepted)).code == "api_error"


async def test_a_call_says_how_often_and_after_what_time_it_is_to_be_tried_again(step: FakeStep) -> None:
    step.http.answer()
    await run("ApiCall", step, **GET, retry={"maxAttempts": 5, "initialDelay": 100, "maxDelay": 2_000, "factor": 3})
    await run("ApiCall", step, **GET)
    asked = Again(attempts=5, first_seconds=0.1, longest_seconds=2.0, factor=3)
    assert [call.again for call in step.http.calls] == [asked, None]


async def test_a_failure_says_how_many_attempts_were_made(step: FakeStep) -> None:
    step.http.answers.append(HttpAnswer(status=503, headers={}, body=b"", url="", duration=0, attempts=3))
    assert (await failure_of(step, **GET, retry={})).facts["attempts"] == 3


async def test_what_changes_the_world_is_repeated_only_with_a_key_that_the_api_knows(step: FakeStep) -> None:
    step.http.answer()
    assert [pointer for pointer, _ in faults("ApiCall", **POST, retry={})] == ["/retry"]
    assert faults("ApiCall", **POST, retry={}, **KNOWN) == []
    await run("ApiCall", step, **POST, **KNOWN, retry={"maxAttempts": 2, "initialDelay": 0})
    assert [call.idempotency_key for call in step.http.calls] == ["mine"]
    assert step.http.calls[0].headers == {}


async def test_the_key_of_a_call_is_its_own_and_the_same_after_a_crash(step: FakeStep) -> None:
    step.http.answer()
    bodies: list[Json] = [{"a": 1}, {"a": 1}, {"a": 2}, {"a": CredentialRef("c")}]
    for body in bodies:
        await run("ApiCall", step, **POST, body=body)
    step.place = "op:1.3"
    await run("ApiCall", step, **POST, body={"a": 1})
    keys = [call.idempotency_key for call in step.http.calls]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 4
    assert str(keys[4]).startswith("muelle-r-1-op-1-3-")


async def test_a_header_is_text(step: FakeStep) -> None:
    assert (await failure_of(step, **GET, headers={"X": {"a": 1}})).code == "invalid_header"


def test_what_a_call_does_is_known_from_its_method() -> None:
    kind = TYPES["ApiCall"]
    assert callable(kind.effects)
    assert kind.calls is not None
    effects = [
        kind.effects({"method": method}) for method in ("GET", "HEAD", "OPTIONS", "POST", "PATCH", {"path": "/a"})
    ]
    assert effects == ["reads", "reads", "reads", "writes", "writes", "writes"]
    assert kind.calls(GET) == ("GET", "https://a.example/x")
    assert kind.calls({**GET, "url": "https://a.example/{workflow/id}"}) is None


def test_a_url_is_http() -> None:
    assert [pointer for pointer, _ in faults("ApiCall", **{**GET, "url": "file:///etc/passwd"})] == ["/url"]
    assert faults("ApiCall", **{**GET, "url": {"path": "/config/url"}}) == []
