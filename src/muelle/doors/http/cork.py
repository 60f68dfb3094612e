"""A transport that sends head and body of an answer in one piece.

Uvicorn writes them one after the other, and each write is a system call that wakes the other side: a quarter of all the
time that a short answer takes. Here a head waits for what is written next, at most until the loop's next turn.
"""

from asyncio import AbstractEventLoop, Transport
from typing import Any

_HEAD = b"HTTP/1.1 "


class CorkedTransport:
    """Stands before a transport; whatever it does not do itself is the transport's."""

    __slots__ = (
        "_held",
        "_loop",
        "_transport",
        "abort",
        "get_extra_info",
        "is_closing",
        "pause_reading",
        "resume_reading",
    )

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held = b""
        self.abort = transport.abort
        self.get_extra_info = transport.get_extra_info
        self.is_closing = transport.is_closing
        self.pause_reading = transport.pause_reading
        self.resume_reading = transport.resume_reading

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        """Return what the transport has under a name."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send, a head together with what follows it."""
        if self._held:
            data, self._held = self._held + data, b""
        elif data.startswith(_HEAD):
            self._held = data
            self._loop.call_soon(self.flush)
            return
        self._transport.write(data)

    def flush(self) -> None:
        """Send the head if it still waits."""
        if self._held:
            held, self._held = self._held, b""
            self._transport.write(held)

    def write_eof(self) -> None:
        """Send what waits, and that nothing follows."""
        self.flush()
        self._transport.write_eof()

    def close(self) -> None:
        """Send what waits, then close."""
        self.flush()
        self._transport.close()
