"""An installation behind its HTTP door: an owner, another tenant, strangers and agents, each with a client."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from muelle.app import App, open_app, read_configuration
from muelle.core import Metrics
from muelle.core.prometheus import PrometheusMetrics
from muelle.doors.http.api import around, build_api
from muelle.doors.http.door import Asgi
from muelle.doors.http.hot import hot_routes
from muelle.doors.http.serve import bind, server_of, url_of
from muelle.identity import AgentDraft, Principal

Json = Any


@dataclass
class Doorway:
    """An App, its door, and clients that are closed at the end."""

    app: App
    door: Asgi
    owner_key: str
    stack: AsyncExitStack
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    async def client(self, key: str = "") -> httpx.AsyncClient:
        """Return a client that shows a key, or none."""
        if key not in self.clients:
            transport = httpx.ASGITransport(self.door, raise_app_exceptions=False)
            headers = {"x-api-key": key} if key else {}
            client = httpx.AsyncClient(transport=transport, base_url="http://muelle.test", headers=headers)
            self.clients[key] = await self.stack.enter_async_context(client)
        return self.clients[key]

    async def stranger(self) -> httpx.AsyncClient:
        return await self.client()

    async def owner(self) -> httpx.AsyncClient:
        return await self.client(self.owner_key)

    async def principal(self) -> Principal:
        """Return the owner as it acts."""
        return await self.app.identity.authenticate(self.owner_key)

    async def agent(self, *rules: tuple[str, str], name: str = "bot", preset: str | None = None) -> httpx.AsyncClient:
        """Return the client of a new agent with these grants."""
        return await self.client(await self.key_of(*rules, name=name, preset=preset))

    async def key_of(self, *rules: tuple[str, str], name: str = "bot", preset: str | None = None) -> str:
        """Add an agent with these grants; return its key."""
        owner = await self.principal()
        await self.app.identity.agents.add(owner, AgentDraft(name, preset=preset))
        for scope, pattern in rules:
            await self.app.identity.grants.add(owner, name, scope, pattern)
        return (await self.app.identity.keys.issue(owner, name)).text.reveal()

    async def neighbour(self, tenant: str = "other") -> httpx.AsyncClient:
        """Return the client of another tenant's owner."""
        added = await self.app.identity.tenants.add(await self.principal(), tenant)
        return await self.client(added.key.text.reveal())


@asynccontextmanager
async def open_doorway(
    home: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    metrics: Metrics | None = None,
    is_hot: bool = True,
) -> AsyncIterator[Doorway]:
    """Open an installation, in memory without a home; without hot routes the framework answers everything."""
    configuration = read_configuration(None, environment or {})
    async with AsyncExitStack() as stack:
        app = await stack.enter_async_context(open_app(configuration, home, metrics=metrics))
        assert app.admin_key is not None
        hot = hot_routes(app.submissions) if is_hot else {}
        door = around(app, build_api(app), hot)
        yield Doorway(app, door, app.admin_key.reveal(), stack)


@dataclass
class Served:
    """An installation that listens on a port of this machine."""

    app: App
    url: str
    port: int
    owner_key: str

    async def speak(self, text: bytes) -> bytes:
        """Send bytes as they are and return all that comes back until the server closes the connection."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(text)
        await writer.drain()
        try:
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def open_server(home: Path | None = None, environment: Mapping[str, str] | None = None) -> AsyncIterator[Served]:
    """Serve an installation on a free port."""
    configuration = read_configuration(None, environment or {})
    async with open_app(configuration, home, metrics=PrometheusMetrics()) as app:
        assert app.admin_key is not None
        listener = bind("127.0.0.1", 0, 100)
        ready = asyncio.Event()
        server = server_of(app, ready.set)
        async with asyncio.TaskGroup() as group:
            group.create_task(server.serve(sockets=[listener]))
            await ready.wait()
            try:
                yield Served(app, url_of(listener), listener.getsockname()[1], app.admin_key.reveal())
            finally:
                server.should_exit = True


def document(*operations: tuple[str, str, Mapping[str, Any]]) -> str:
    """Return a document with operations (id, type, config), run in this order."""
    listed = [{"id": name, "operation": {kind: config}} for name, kind, config in operations]
    messages = [
        {"operationUpdate": {"workflowId": "w", "operations": listed}},
        {"beginExecution": {"workflowId": "w", "root": operations[0][0]}},
    ]
    return "\n".join(map(json.dumps, messages))


WAIT = document(("a", "Wait", {"duration": 0}))


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def is_problem(answer: httpx.Response) -> bool:
    """Tell whether an answer is a whole problem document about its own status and request."""
    if answer.headers["content-type"] != "application/problem+json":
        return False
    problem = answer.json()
    members = {"type", "title", "status", "code", "category", "message", "recoverable", "suggestions", "error"}
    is_whole = members <= problem.keys() and problem["status"] == answer.status_code
    return is_whole and bool(problem["request_id"] == answer.headers["x-request-id"])
