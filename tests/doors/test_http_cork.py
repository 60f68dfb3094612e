import asyncio
from typing import Any, cast

from muelle.doors.http.cork import CorkedTransport


class Wire:
    """What a transport was asked to do."""

    def __init__(self) -> None:
        self.did: list[Any] = []

    def write(self, data: bytes) -> None:
        self.did.append(data)

    def close(self) -> None:
        self.did.append("close")

    def write_eof(self) -> None:
        self.did.append("eof")

    def abort(self) -> None: ...
    def get_extra_info(self) -> None: ...
    def is_closing(self) -> None: ...
    def pause_reading(self) -> None: ...
    def resume_reading(self) -> None: ...


HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


def corked() -> tuple[CorkedTransport, Wire]:
    wire = Wire()
    return CorkedTransport(cast("asyncio.Transport", wire), asyncio.get_running_loop()), wire


async def test_head_and_body_leave_in_one_piece() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    transport.write(b"body")
    await asyncio.sleep(0)
    assert wire.did == [HEAD + b"body"]


async def test_a_head_without_a_body_leaves_at_the_loops_next_turn() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    assert wire.did == []
    await asyncio.sleep(0)
    assert wire.did == [HEAD]


async def test_what_follows_a_body_leaves_at_once() -> None:
    transport, wire = corked()
    for piece in (HEAD, b"one", b"two"):
        transport.write(piece)
    assert wire.did == [HEAD + b"one", b"two"]


async def test_closing_loses_nothing() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    transport.close()
    await asyncio.sleep(0)
    assert wire.did == [HEAD, "close"]


async def test_an_end_comes_after_what_waits() -> None:
    transport, wire = corked()
    transport.write(HEAD)
    transport.write_eof()
    assert wire.did == [HEAD, "eof"]
