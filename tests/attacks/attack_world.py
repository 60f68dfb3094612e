"""A victim on this machine, and an agent that may call every host, in a tenant that may reach no private one."""

import asyncio
import gzip
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx

from doors.door_world import Doorway, document

EXECUTE = "/api/v1/workflows/execute"
EVERY_HOST = (("workflows:run", "*"), ("operations:use", "*"), ("hosts:call", "*"))


@dataclass
class Victim:
    """A server that answers everything with the same bytes, and remembers who came."""

    port: int = 0
    answer: bytes = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}"
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            writer.write(self.answer)
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # whoever looked and left still counts as a connection
        finally:
            writer.close()

    def says(self, body: bytes, content_type: str = "application/json", *, zipped: bool = False) -> None:
        """Answer with a body from now on."""
        sent = gzip.compress(body) if zipped else body
        head = f"HTTP/1.1 200 OK\r\ncontent-type: {content_type}\r\ncontent-length: {len(sent)}\r\n"
        head += "content-encoding: gzip\r\n" if zipped else ""
        self.answer = head.encode() + b"connection: close\r\n\r\n" + sent

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"


@asynccontextmanager
async def open_victim() -> AsyncIterator[Victim]:
    """Listen on both loopback addresses, on one free port."""
    victim = Victim()
    async with AsyncExitStack() as stack:
        four = await stack.enter_async_context(await asyncio.start_server(victim.serve, "127.0.0.1", 0))
        victim.port = four.sockets[0].getsockname()[1]
        await stack.enter_async_context(await asyncio.start_server(victim.serve, "::1", victim.port))
        yield victim


async def run(
    client: httpx.AsyncClient,
    *operations: tuple[str, str, Mapping[str, Any]],
    inputs: Mapping[str, Any] | None = None,
    **more: Any,
) -> httpx.Response:
    """Run a document with these operations."""
    body = {"workflow": document(*operations), "inputs": inputs or {}, **more}
    return await client.post(EXECUTE, json=body, timeout=60)


def call(url: str, **config: Any) -> tuple[str, str, Mapping[str, Any]]:
    """Return an operation that calls a URL."""
    return "call", "ApiCall", {"method": "GET", "url": url, "outputPath": "/workflow/answer", **config}


async def caller(doorway: Doorway, *, networks: Sequence[str] = ()) -> httpx.AsyncClient:
    """Return an agent that may call every host; its tenant may reach these networks though they are not public."""
    if networks:
        owner = await doorway.owner()
        await owner.patch("/api/v1/tenants/default", json={"addresses": list(networks)})
    return await doorway.agent(*EVERY_HOST, name="caller")
