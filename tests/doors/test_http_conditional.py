"""Answers to GET have an ETag; who has that version already is told so instead of being sent it again."""

from typing import Any

import pytest

from doors.door_world import Doorway, open_doorway
from muelle.doors.http.conditional import Conditional, is_known

ME = "/api/v1/me"
APIS = "/api/v1/apis"


async def test_an_answer_that_the_client_has_is_not_sent_again(doorway: Doorway) -> None:
    owner = await doorway.owner()
    for path in (ME, APIS, "/health", "/openapi.json", "/api/versions"):
        first = await owner.get(path)
        again = await owner.get(path, headers={"if-none-match": first.headers["etag"]})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b"")
        assert again.headers["etag"] == first.headers["etag"]
        assert first.headers["cache-control"] == again.headers["cache-control"] == "private, no-cache"
        assert not {"content-length", "content-type"} & again.headers.keys()
        assert again.headers["x-request-id"]


async def test_a_change_makes_another_version(doorway: Doorway) -> None:
    owner = await doorway.owner()
    before = (await owner.get(APIS)).headers["etag"]
    await owner.post(APIS, json={"id": "crm", "base_url": "https://crm.example.com"})
    after = await owner.get(APIS, headers={"if-none-match": before})
    assert (after.status_code, after.headers["etag"] != before) == (200, True)


async def test_head_tells_the_same_version_without_a_body(doorway: Doorway) -> None:
    owner = await doorway.owner()
    etag = (await owner.get(APIS)).headers["etag"]
    head = await owner.head(APIS)
    known = await owner.head(APIS, headers={"if-none-match": etag})
    assert (head.status_code, head.headers["etag"], head.content, known.status_code) == (200, etag, b"", 304)


async def test_nobody_learns_by_a_version_what_only_another_may_see(doorway: Doorway) -> None:
    owner = await doorway.owner()
    etag = (await owner.get(ME)).headers["etag"]
    stranger, neighbour = await doorway.stranger(), await doorway.neighbour()
    refused = await stranger.get(ME, headers={"if-none-match": etag})
    other = await neighbour.get(ME, headers={"if-none-match": etag})
    assert (refused.status_code, "etag" in refused.headers, other.status_code) == (401, False, 200)
    assert "x-api-key" in other.headers["vary"]


async def test_failures_and_what_changes_things_have_no_version(doorway: Doorway) -> None:
    owner = await doorway.owner()
    answers = [await owner.get(f"{APIS}/none"), await owner.post(APIS, json={})]
    assert [("etag" in answer.headers, answer.headers["cache-control"]) for answer in answers] == [
        (False, "no-store"),
        (False, "no-store"),
    ]


async def test_the_operator_says_how_clients_keep_answers() -> None:
    async with open_doorway(environment={"MUELLE__HTTP__GET_CACHE_CONTROL": "no-store"}) as doorway:
        answer = await (await doorway.owner()).get(ME)
    assert (answer.headers["cache-control"], "etag" in answer.headers) == ("no-store", True)


@pytest.mark.parametrize(
    ("given", "known"),
    [(b'"a"', True), (b'W/"a"', True), (b'"b", "a"', True), (b"*", True), (b'"b"', False), (b"a", False), (b"", False)],
)
def test_versions_are_compared_weakly(given: bytes, known: bool) -> None:  # noqa: FBT001 - a table
    assert is_known(b'"a"', given) is known


async def test_a_stream_passes_as_it_comes() -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    conditional = Conditional(send, b"*", b"private")
    parts: list[Any] = [
        {"type": "http.response.start", "status": 200, "headers": []},
        {"type": "http.response.body", "body": b"1", "more_body": True},
        {"type": "http.response.body", "body": b"2"},
    ]
    for part in parts:
        await conditional.send(part)
    assert sent == parts
