"""Attacks below HTTP's meaning: requests that never end, that are two in one, or larger than memory."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doors.door_process import ServerProcess, open_process
from doors.door_world import WAIT, Served, open_server

MEGABYTE = 1 << 20
STATUS = re.compile(rb"HTTP/1\.1 (\d{3})")
HIDDEN = b"GET /health HTTP/1.1\r\nhost: m\r\n\r\n"


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    async with open_server() as opened:
        yield opened


@pytest.fixture
async def hasty() -> AsyncIterator[Served]:
    """Give a server that waits a fifth of a second for a request."""
    async with open_server(environment={"MUELLE__HTTP__REQUEST_SECONDS": "0.2"}) as opened:
        yield opened


@pytest.fixture
async def process(tmp_path: Path) -> AsyncIterator[ServerProcess]:
    async with open_process(tmp_path) as opened:
        yield opened


def request(head: str, body: bytes = b"") -> bytes:
    return head.strip().replace("\n", "\r\n").encode("latin-1") + b"\r\n\r\n" + body


def problem_of(said: bytes) -> tuple[int, str]:
    """Return status and code of the one answer in what a server said, which must be a whole problem."""
    statuses = STATUS.findall(said)
    assert len(statuses) == 1, said
    head, _, body = said.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    problem = json.loads(body)
    assert problem["request_id"].encode() in head
    return int(statuses[0]), problem["code"]


SMUGGLED = {
    "two lengths": f"POST /health HTTP/1.1\nhost: m\ncontent-length: 0\ncontent-length: {len(HIDDEN)}",
    "a length and chunks": "POST /health HTTP/1.1\nhost: m\ncontent-length: 3\ntransfer-encoding: chunked",
    "chunks and a length": "POST /health HTTP/1.1\nhost: m\ntransfer-encoding: chunked\ncontent-length: 3",
    "an encoding nobody knows": "POST /health HTTP/1.1\nhost: m\ntransfer-encoding: xchunked",
    "chunks in disguise": "POST /health HTTP/1.1\nhost: m\ntransfer-encoding: chunked, identity",
    "a signed length": "POST /health HTTP/1.1\nhost: m\ncontent-length: +0",
    "a negative length": "POST /health HTTP/1.1\nhost: m\ncontent-length: -1",
    "a length in words": "POST /health HTTP/1.1\nhost: m\ncontent-length: 0x0",
    "a space before the colon": "POST /health HTTP/1.1\nhost: m\ncontent-length : 0",
    "a folded header": "POST /health HTTP/1.1\nhost: m\nx-a: b\n content-length: 0",
    "a header without a colon": "POST /health HTTP/1.1\nhost: m\ncontent-length",
    "a NUL in a header": "POST /health HTTP/1.1\nhost: m\nx-a: b\0c",
}


@pytest.mark.parametrize("head", SMUGGLED.values(), ids=SMUGGLED)
async def test_a_second_request_is_not_smuggled_in(server: Served, head: str) -> None:
    said = await server.speak(request(head, HIDDEN))

    assert b"healthy" not in said
    assert problem_of(said) == (400, "malformed_request")


@pytest.mark.parametrize("size", ["5;\r\n", "0x5", "-1", "ffffffffffffffffff", "g"])
async def test_a_chunk_of_a_strange_size_ends_the_connection(server: Served, size: str) -> None:
    head = f"POST /api/v1/agents HTTP/1.1\nhost: m\nx-api-key: {server.owner_key}\ntransfer-encoding: chunked"

    said = await server.speak(request(head, f"{size}\r\nhello\r\n0\r\n\r\n".encode() + HIDDEN))

    assert b"healthy" not in said


async def test_a_body_that_nobody_wanted_is_not_read_as_a_request(server: Served) -> None:
    unwanted = request(f"GET /health HTTP/1.1\nhost: m\ncontent-length: {len(HIDDEN)}", HIDDEN)

    said = await server.speak(unwanted + request("GET /ready HTTP/1.1\nhost: m\nconnection: close"))

    assert (said.count(b"healthy"), said.count(b'"ready"')) == (1, 1)


@pytest.mark.parametrize("line", ["GET /health", "GET /health HTTP/0.9"])
async def test_nothing_follows_a_request_of_an_old_version(server: Served, line: str) -> None:
    said = await server.speak(request(line) + request("GET /ready HTTP/1.1\nhost: m"))

    assert b'"ready"' not in said


@pytest.mark.parametrize("path", ["/\xe9", "/a b", "//evil.example.com/%2e%2e", "http://evil.example.com/health"])
async def test_a_strange_target_is_answered_and_harms_nothing(server: Served, path: str) -> None:
    said = await server.speak(request(f"GET {path} HTTP/1.1\nhost: m\nconnection: close"))

    assert STATUS.match(said)
    assert int(STATUS.findall(said)[0]) < 500


async def test_headers_without_end_are_cut_off(server: Served) -> None:
    said = await server.speak(b"GET /health HTTP/1.1\r\n" + b"x-a: 0123456789\r\n" * 20_000)

    assert problem_of(said) == (431, "head_too_large")


async def test_headers_at_their_limit_are_read(server: Served) -> None:
    room = server.app.settings.http.head_bytes - 100
    head = f"GET /health HTTP/1.1\nhost: m\nconnection: close\nx-a: {'a' * room}"

    assert b"healthy" in await server.speak(request(head))


@pytest.mark.parametrize(
    "slow",
    [
        b"GET /hea",
        b"POST /api/v1/agents HTTP/1.1\r\nhost: m\r\nx-",
        b"POST /api/v1/agents HTTP/1.1\r\nhost: m\r\nx-api-key: KEY\r\ncontent-length: 100\r\n\r\n{",
        b"POST /api/v1/agents HTTP/1.1\r\nhost: m\r\nx-api-key: KEY\r\ntransfer-encoding: chunked\r\n\r\n5\r\n{",
        b"POST /api/v1/workflows/execute HTTP/1.1\r\nhost: m\r\nx-api-key: KEY\r\ncontent-length: 100\r\n\r\n{",
    ],
)
async def test_a_request_that_dawdles_is_shown_the_door(hasty: Served, slow: bytes) -> None:
    said = await hasty.speak(slow.replace(b"KEY", hasty.owner_key.encode()))

    assert problem_of(said) == (408, "request_timed_out")


async def test_a_connection_that_says_nothing_is_closed(hasty: Served) -> None:
    assert problem_of(await hasty.speak(b"")) == (408, "request_timed_out")


async def test_half_a_document_is_not_run_when_its_sender_leaves(server: Served) -> None:
    line = WAIT.encode() + b"\n"
    head = f"POST /api/v1/workflows/execute HTTP/1.1\nhost: m\nx-api-key: {server.owner_key}\n"
    head += f"content-type: application/jsonl\ncontent-length: {len(line) * 2}"

    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    writer.write(request(head, line))
    await writer.drain()
    writer.transport.abort()

    listed = f"GET /api/v1/executions HTTP/1.1\nhost: m\nx-api-key: {server.owner_key}\nconnection: close"
    assert b'"executions":[]' in await server.speak(request(listed))


async def pour(server: ServerProcess, head: str, *, is_chunked: bool) -> int:
    """Send up to a gigabyte of body until the server ends it; return how much was sent."""
    _, writer = await asyncio.open_connection("127.0.0.1", server.port)
    piece = b" " * MEGABYTE
    writer.write(request(head))
    sent = 0
    try:
        async with asyncio.timeout(60):
            while sent < 1 << 30:
                writer.write(b"%x\r\n%s\r\n" % (len(piece), piece) if is_chunked else piece)
                await writer.drain()
                sent += len(piece)
    except ConnectionError:
        pass  # that is what is hoped for
    writer.transport.abort()
    return sent


@pytest.mark.parametrize("path", ["/api/v1/workflows/execute", "/api/v1/agents"])
@pytest.mark.parametrize("is_chunked", [False, True], ids=["declared", "in chunks"])
async def test_a_gigabyte_is_refused_early_and_not_kept(process: ServerProcess, path: str, *, is_chunked: bool) -> None:
    head = f"POST {path} HTTP/1.1\nhost: m\nx-api-key: {process.owner_key}\n"
    head += "transfer-encoding: chunked" if is_chunked else "content-length: 1073741824"
    before = process.memory()

    sent = await pour(process, head, is_chunked=is_chunked)

    assert sent < 128 * MEGABYTE
    assert process.memory() - before < 64 * MEGABYTE


async def test_a_gigabyte_that_waits_to_be_asked_for_is_refused_by_its_head(server: Served) -> None:
    head = f"POST /api/v1/agents HTTP/1.1\nhost: m\nx-api-key: {server.owner_key}\nconnection: close\n"

    said = await server.speak(request(head + "expect: 100-continue\ncontent-length: 1073741824"))

    assert problem_of(said) == (413, "body_too_large")


async def test_a_body_at_its_limit_is_read_and_one_byte_more_is_not(server: Served) -> None:
    limit = server.app.settings.http.body_bytes
    for size, status in ((limit, b"400"), (limit + 1, b"413")):
        head = f"POST /api/v1/agents HTTP/1.1\nhost: m\nx-api-key: {server.owner_key}\nconnection: close\n"
        said = await server.speak(request(f"{head}content-length: {size}", b" " * size))
        assert STATUS.findall(said)[0] == status
