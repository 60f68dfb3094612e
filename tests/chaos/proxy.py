"""A TCP proxy of ours before the database: it cuts all connections, or freezes them, when it is told to."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

_AT_ONCE = struct.pack("ii", 1, 0)  # linger for no time: the other end gets a reset


class _End(asyncio.Protocol):
    """One end of a connection that goes through; what it reads goes out at the other end."""

    def __init__(self, proxy: "Proxy", other: "_End | None" = None) -> None:
        self._proxy = proxy
        self.other = other
        self.transport: asyncio.Transport | None = None
        self._is_full = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._proxy.ends.add(self)
        if self.other is None:
            self._proxy.lead_on(self)
        else:
            self.other.other = self
            self.other.regulate()
        self.regulate()

    def data_received(self, data: bytes) -> None:
        assert self.other
        assert self.other.transport
        self.other.transport.write(data)

    def pause_writing(self) -> None:
        self._fill(is_full=True)

    def resume_writing(self) -> None:
        self._fill(is_full=False)

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        self._proxy.ends.discard(self)
        if self.other is not None and self.other.transport is not None:
            self.other.transport.close()

    def regulate(self) -> None:
        """Read if there is somewhere to write to and the proxy is not frozen."""
        transport, other = self.transport, self.other
        if transport is None or transport.is_closing():
            return
        may_read = not self._proxy.is_frozen and other is not None and other.transport is not None
        if may_read and other is not None and not other._is_full:
            transport.resume_reading()
        else:
            transport.pause_reading()

    def reset(self) -> None:
        """End it at once, with a reset: what is under way is lost."""
        if self.transport is not None and not self.transport.is_closing():
            end = self.transport.get_extra_info("socket")
            end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
            self.transport.abort()

    def _fill(self, *, is_full: bool) -> None:
        self._is_full = is_full
        if self.other is not None:
            self.other.regulate()


class Proxy:
    """Leads connections on to a port of this machine. Open it by `open_proxy`."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._dials: set[asyncio.Task[None]] = set()
        self.port = 0
        self.is_frozen = False
        self.ends: set[_End] = set()

    def cut(self) -> int:
        """Reset all connections; return how many there were."""
        ends = list(self.ends)
        for end in ends:
            end.reset()
        return len(ends) // 2

    def freeze(self) -> None:
        """Let nothing through any more, though every connection stays and new ones are taken."""
        self._set_frozen(is_frozen=True)

    def thaw(self) -> None:
        """Let everything go on."""
        self._set_frozen(is_frozen=False)

    def lead_on(self, end: _End) -> None:
        """Connect a new client with the target."""
        dial = asyncio.get_running_loop().create_task(self._dial(end))
        self._dials.add(dial)
        dial.add_done_callback(self._dials.discard)

    async def _dial(self, end: _End) -> None:
        try:
            await asyncio.get_running_loop().create_connection(lambda: _End(self, end), "127.0.0.1", self._target)
        except OSError:
            end.reset()

    def _set_frozen(self, *, is_frozen: bool) -> None:
        self.is_frozen = is_frozen
        for end in list(self.ends):
            end.regulate()


@asynccontextmanager
async def open_proxy(target: int) -> AsyncIterator[Proxy]:
    """Listen on a free port until the end of the block."""
    proxy = Proxy(target)
    server = await asyncio.get_running_loop().create_server(lambda: _End(proxy), "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
