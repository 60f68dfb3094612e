"""Serve an App over HTTP until a signal ends it."""

import asyncio
import socket
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

import uvicorn

from muelle.app import App
from muelle.core import Unavailable
from muelle.doors.http.api import build_door


class AddressTaken(Unavailable):
    """Nothing can listen on that address."""

    code = "address_taken"
    recoverable = False
    suggestions = ("Choose another port with --port (0 takes a free one), or stop what listens there.",)


def bind(host: str, port: int, backlog: int) -> socket.socket:
    """Return a listening socket; raise AddressTaken. Port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or asyncio does not switch Nagle's algorithm off and each answer on a kept connection takes 45 ms more.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise AddressTaken(host=host, port=port, reason=error.strerror) from None
    listener.listen(backlog)
    return listener


def url_of(listener: socket.socket) -> str:
    """Return the URL under which a socket is reached."""
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


class _Server(uvicorn.Server):
    """Uvicorn, which says when it has begun to answer, and when it ends: streams would keep it for ever."""

    def __init__(self, config: uvicorn.Config, is_ready: Callable[[], None], is_ending: Callable[[], None]) -> None:
        super().__init__(config)
        self._is_ready = is_ready
        self._is_ending = is_ending

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._is_ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._is_ending()
        await super().shutdown(sockets)


async def serve(app: App, listener: socket.socket, is_ready: Callable[[], None]) -> None:
    """Serve until SIGTERM or SIGINT, then let open requests end; call `is_ready` once it answers."""
    server = server_of(app, is_ready)
    async with asyncio.TaskGroup() as group:
        watch = group.create_task(app.identity.watch())
        upkeep = group.create_task(app.people.users.upkeep.run())
        await server.serve(sockets=[listener])
        watch.cancel()
        upkeep.cancel()


def server_of(app: App, is_ready: Callable[[], None]) -> uvicorn.Server:
    """Return a server that is not running yet; it ends when `should_exit` is set."""
    settings = app.settings.http
    door = build_door(app)
    config = uvicorn.Config(
        door,
        http=_protocol(app, door.gate.unread if door.gate else None),
        ws="none",
        log_config=None,
        access_log=False,
        lifespan="off",
        proxy_headers=False,  # the door reads X-Forwarded-For itself, of trusted proxies only
        server_header=False,
        timeout_keep_alive=settings.keepalive_seconds,
        timeout_graceful_shutdown=int(settings.drain_seconds),
    )
    return _Server(config, is_ready, app.streams.close)


def _protocol(app: App, unread: Callable[[str], list[tuple[bytes, bytes]]] | None) -> Any:  # noqa: ANN401 - uvicorn calls it as it would call a class
    """Return what makes connections; without httptools (on Windows) uvicorn's own, which bounds the head only."""
    if find_spec("httptools") is None:
        return "auto"
    from muelle.doors.http.protocol import BoundedProtocol  # noqa: PLC0415 - needs httptools

    return partial(BoundedProtocol, app.settings.http, app.ids, unread)
