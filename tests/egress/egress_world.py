"""A real HTTP server on this machine, and egress with memory twins around it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from ssl import SSLContext
from typing import Any

from muelle.core import HttpAnswer, HttpCall, ManualClock, PrincipalId, Secret, TenantId
from muelle.egress import (
    Api,
    ApiDraft,
    ApiId,
    Credential,
    CredentialDraft,
    CredentialId,
    Egress,
    EgressParts,
    EgressSettings,
    MemoryRegister,
    open_egress,
)
from muelle.egress.adapters.client import AiohttpWire
from muelle.identity import MemoryAuditTrail, Principal, Rule, Rules
from muelle.stores import MemoryVault

TENANT = TenantId("acme")
OTHER = TenantId("globex")
LOCAL = ("127.0.0.0/8",)
EVERYTHING = (Rule("*", "*"),)
SECRET = "s3cret-token-value"


@dataclass(frozen=True)
class Seen:
    """What the server was sent."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    connection: int


Handler = Callable[[Seen], "bytes | AsyncIterator[bytes]"]


def reply(status: int = 200, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status} Reason", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def _always(raw: bytes) -> Handler:
    return lambda _: raw


@dataclass
class Server:
    """Answers by path, and remembers what it was sent; a handler that yields may stop short or never go on."""

    handlers: dict[str, Handler] = field(default_factory=dict)
    seen: list[Seen] = field(default_factory=list)
    port: int = 0
    connections: int = 0
    scheme: str = "http"

    def answers(self, path: str, raw: "bytes | Handler") -> None:
        self.handlers[path] = _always(raw) if isinstance(raw, bytes) else raw

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        return f"{self.scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        number = self.connections
        try:
            while await self._answer(reader, writer, number):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client went away, or the test is over
        finally:
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> bool:
        seen = await _read(reader, number)
        self.seen.append(seen)
        handler = self.handlers.get(seen.path.split("?")[0], _always(reply(body=b'{"ok":true}')))
        answer = handler(seen)
        if isinstance(answer, bytes):
            writer.write(answer)
            await writer.drain()
            return True
        async for part in answer:
            writer.write(part)
            await writer.drain()
        return False


async def _read(reader: asyncio.StreamReader, connection: int) -> Seen:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    first, *lines = head.strip().split("\r\n")
    method, path, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Seen(method, path, headers, body, connection)


@asynccontextmanager
async def serving(host: str = "127.0.0.1", tls: SSLContext | None = None) -> AsyncIterator[Server]:
    server = Server(scheme="https" if tls else "http")
    listening = await asyncio.start_server(server.serve, host, 0, ssl=tls)
    server.port = listening.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listening.close()


class Names:
    """A resolver that answers what a test says, one answer after the other, the last one for ever."""

    def __init__(self) -> None:
        self.answers: dict[str, list[Sequence[str]]] = {}
        self.asked: list[str] = []

    async def addresses(self, host: str) -> Sequence[str]:
        self.asked.append(host)
        answers = self.answers.get(host)
        if not answers:
            raise OSError(host)
        return answers.pop(0) if len(answers) > 1 else answers[0]


class Networks:
    """The tenants' allowed networks."""

    def __init__(self) -> None:
        self.by_tenant: dict[TenantId, tuple[str, ...]] = {TENANT: LOCAL, OTHER: LOCAL}

    async def addresses(self, tenant: TenantId) -> tuple[str, ...]:
        return self.by_tenant[tenant]


@dataclass
class World:
    """Egress over memory twins and the real client, and a server to call."""

    egress: Egress
    server: Server
    names: Names
    networks: Networks
    vault: MemoryVault
    trail: MemoryAuditTrail
    clock: ManualClock
    parts: EgressParts

    async def get(self, url: str, by: "Principal | None" = None, **call: Any) -> HttpAnswer:
        return await self.egress.call(by or agent(), HttpCall(method="GET", url=url, **call))

    async def post(self, url: str, by: "Principal | None" = None, **call: Any) -> HttpAnswer:
        return await self.egress.call(by or agent(), HttpCall(method="POST", url=url, **call))

    async def api(self, name: str = "crm", path: str = "", by: "Principal | None" = None, **given: Any) -> Api:
        draft = ApiDraft(id=ApiId(name), **{"base_url": self.server.url(path), **given})
        return await self.egress.apis.register(by or agent(), draft)

    async def credential(self, secret: str = SECRET, by: "Principal | None" = None, **given: Any) -> Credential:
        bound = {"hosts": (self.server.url().rstrip("/"),)} if "apis" not in given else {}
        draft = CredentialDraft(**{"id": CredentialId("key"), **bound, **given})
        return await self.egress.credentials.add(by or agent(), draft, Secret(secret))


def agent(*rules: Rule, tenant: TenantId = TENANT, name: str = "agent", **limits: float) -> Principal:
    """Return a principal with these grants; with none it may do everything in its tenant."""
    return Principal(
        id=PrincipalId(f"agent_{name}"),
        kind="agent",
        name=name,
        tenant=tenant,
        rules=Rules(rules or EVERYTHING),
        limits=limits,
    )


@asynccontextmanager
async def open_world(settings: EgressSettings | None = None, home: Path | None = None) -> AsyncIterator[World]:
    names, networks = Names(), Networks()
    clock = ManualClock()
    vault, trail = MemoryVault(), MemoryAuditTrail()
    parts = EgressParts(
        apis=MemoryRegister(),
        credentials=MemoryRegister(),
        vault=vault,
        addresses=networks,
        trail=trail,
        settings=settings or EgressSettings(),
        clock=clock,
        wire=lambda given: AiohttpWire(given, names),
        home=home,
    )
    async with serving() as server, open_egress(parts) as egress:
        yield World(egress, server, names, networks, vault, trail, clock, parts)


@asynccontextmanager
async def world_with(**limits: Any) -> AsyncIterator[World]:
    async with open_world(replace(EgressSettings(), **limits)) as world:
        yield world
