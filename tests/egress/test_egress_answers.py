import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator

import pytest

from egress.egress_world import Seen, World, agent, reply, world_with
from muelle.core import HttpCall, TimedOut
from muelle.egress.decompression import Body
from muelle.egress.errors import (
    AnswerBroken,
    AnswerTooLarge,
)


async def test_an_answer_may_be_as_large_as_allowed_and_no_larger() -> None:
    async with world_with(max_answer_bytes=1000) as world:
        world.server.answers("/fits", reply(body=b"x" * 1000))
        world.server.answers("/large", reply(body=b"x" * 1001))

        assert len((await world.get(world.server.url("/fits"))).body) == 1000
        with pytest.raises(AnswerTooLarge):
            await world.get(world.server.url("/large"))


async def test_an_answer_that_does_not_say_how_large_it_is_is_stopped_all_the_same() -> None:
    async def endless(_: Seen) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n\r\n"
        while True:
            yield b"x" * 500

    async with world_with(max_answer_bytes=1000) as world:
        world.server.answers("/", endless)

        with pytest.raises(AnswerTooLarge):
            await world.get(world.server.url())


async def test_a_call_may_ask_for_less_than_the_limit(world: World) -> None:
    world.server.answers("/", reply(body=b"0123456789"))

    with pytest.raises(AnswerTooLarge):
        await world.egress.call(agent(), HttpCall(method="GET", url=world.server.url()), max_answer_bytes=9)


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("gzip", gzip.compress(b"hello")),
        ("x-gzip", gzip.compress(b"hello")),
        ("gzip", gzip.compress(b"hel") + gzip.compress(b"lo")),
        ("deflate", zlib.compress(b"hello")),
        ("deflate", zlib.compress(b"hello")[2:-4]),
        ("identity", b"hello"),
    ],
)
async def test_compressed_answers_are_unpacked(world: World, encoding: str, body: bytes) -> None:
    world.server.answers("/", reply(body=body, Content_Encoding=encoding))

    answer = await world.get(world.server.url())

    assert answer.body == b"hello"
    assert "content-encoding" not in answer.headers


def test_a_decompression_bomb_takes_no_memory_before_it_is_refused() -> None:
    bomb = gzip.compress(bytes(50 << 20))
    body = Body("gzip", 1 << 10, "a.example")
    tracemalloc.start()
    try:
        with pytest.raises(AnswerTooLarge):
            body.feed(bomb)
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_decompression_bomb_is_refused(encoding: str) -> None:
    pack = gzip.compress if encoding == "gzip" else zlib.compress
    async with world_with(max_answer_bytes=1 << 20) as world:
        world.server.answers("/bomb", reply(body=pack(bytes(50 << 20)), Content_Encoding=encoding))

        with pytest.raises(AnswerTooLarge):
            await world.get(world.server.url("/bomb"))


@pytest.mark.parametrize(
    ("encoding", "body"),
    [
        ("br", b"hello"),
        ("gzip, gzip", b"hello"),
        ("gzip", b"hello"),
        ("gzip", gzip.compress(b"hello" * 100)[:-9]),
        ("gzip", b"\x1f\x8b"),
        ("deflate", zlib.compress(b"hello") + b"more"),
    ],
)
async def test_compression_that_is_damaged_or_unknown_is_an_error(world: World, encoding: str, body: bytes) -> None:
    world.server.answers("/", reply(body=body, Content_Encoding=encoding))

    with pytest.raises(AnswerBroken):
        await world.get(world.server.url())


async def test_a_head_answer_has_no_body_whatever_it_announces(world: World) -> None:
    world.server.answers("/", b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\nContent-Encoding: gzip\r\n\r\n")

    answer = await world.egress.call(agent(), HttpCall(method="head", url=world.server.url()))

    assert (answer.status, answer.body) == (200, b"")


async def test_an_answer_that_never_ends_times_out(world: World) -> None:
    async def trickle(_: Seen) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"
        while True:
            yield b"x"
            await asyncio.sleep(0.005)

    world.server.answers("/", trickle)

    with pytest.raises(TimedOut) as error:
        await world.get(world.server.url(), timeout=0.05)
    assert error.value.facts == {"host": f"127.0.0.1:{world.server.port}", "seconds": 0.05}


async def test_headers_that_never_end_time_out(world: World) -> None:
    async def trickle(_: Seen) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\n"
        while True:
            yield b"X-A: b\r\n"
            await asyncio.sleep(0.01)

    world.server.answers("/", trickle)

    with pytest.raises(TimedOut):
        await world.get(world.server.url(), timeout=0.05)


async def test_a_truncated_answer_is_an_error(world: World) -> None:
    async def cut(_: Seen) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nonly this"

    world.server.answers("/", cut)

    with pytest.raises(AnswerBroken) as error:
        await world.get(world.server.url())
    assert error.value.recoverable


@pytest.mark.parametrize(
    "answer",
    [
        b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * 20_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X-A: b\r\n" * 1000 + b"\r\n",
    ],
)
async def test_an_answer_that_is_not_http_or_too_much_of_it_is_an_error(world: World, answer: bytes) -> None:
    world.server.answers("/", answer)

    with pytest.raises(AnswerBroken):
        await world.get(world.server.url())
