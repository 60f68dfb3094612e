"""Documents written by hand, plans of them, and a whole Muelle in memory that runs them against a real server."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import web

from muelle.app import App, open_app, read_configuration
from muelle.core import Secret
from muelle.egress import CredentialDraft, CredentialId
from muelle.identity import DEFAULT_TENANT, AgentDraft, Principal
from muelle.packs import Limits
from muelle.workflows import Catalogue, Format, Issue, encode_answer
from muelle.workflows.operations.pack import BUILT_IN
from muelle.workflows.plan import Plan, Planned
from muelle.workflows.planning import make_plan

CATALOGUE = Catalogue({kind.name: kind for kind in BUILT_IN.operations})
SECRET = "s3cr3t-VALUE-that-nobody-sees"
NOW = {"GetCurrentDateTime": {"outputPath": "/workflow/now"}}
NAP = {"Wait": {"duration": 0}}


def doc(*messages: Any) -> bytes:
    """Return messages one a line; texts stand as they are."""
    return "\n".join(item if isinstance(item, str) else json.dumps(item) for item in messages).encode()


def flat(name: str, operation: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "operationUpdate", "operationId": name, "operation": dict(operation), **more}


def begin(*order: str, **more: Any) -> dict[str, Any]:
    return {"type": "beginExecution", "executionId": "e-1", "operationOrder": list(order), **more}


def nested(*operations: tuple[str, Mapping[str, Any]], **more: Any) -> dict[str, Any]:
    listed = [{"id": name, "operation": dict(operation)} for name, operation in operations]
    return {"operationUpdate": {"workflowId": "w", "operations": listed, **more}}


def start(root: str, **more: Any) -> dict[str, Any]:
    return {"beginExecution": {"workflowId": "w", "root": root, **more}}


def give(value: Any, output: str = "/workflow/given", **more: Any) -> dict[str, Any]:
    """Return an operation whose output is `value`, its references resolved: what LoadData does if nothing is stored."""
    return {"LoadData": {"storage": "sessionStorage", "key": "none", "default": value, "outputPath": output, **more}}


def api(url: Any, output: str = "/workflow/answer", **more: Any) -> dict[str, Any]:
    return {"ApiCall": {"method": "GET", "url": url, "outputPath": output, **more}}


def look(document: bytes | str, **limits: Any) -> Planned:
    return make_plan(document.encode() if isinstance(document, str) else document, CATALOGUE, Limits(**limits))


def planned(*messages: Any, **limits: Any) -> Plan:
    outcome = look(doc(*messages), **limits)
    assert outcome.plan is not None, outcome.issues
    return outcome.plan


def order_of(*messages: Any) -> list[str]:
    return [node.id for node in planned(*messages).main.nodes]


def faults(*messages: Any, **limits: Any) -> list[Issue]:
    """Return the errors of a document that must have some."""
    outcome = look(doc(*messages), **limits)
    assert outcome.plan is None
    return [issue for issue in outcome.issues if issue.severity == "error"]


def fault(*messages: Any, **limits: Any) -> Issue:
    """Return the one error of a document."""
    [issue] = faults(*messages, **limits)
    return issue


@dataclass
class Echo:
    """A server on 127.0.0.1 that keeps what it was sent; `answers` are given in turn before the usual one."""

    url: str = ""
    paths: list[str] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    answers: list[tuple[int, bytes, str]] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        self.paths.append(request.raw_path)
        self.headers.append(request.headers)
        self.bodies.append(await request.read())
        status, body, kind = self.answers.pop(0) if self.answers else (200, b'{"ok": true}', "application/json")
        return web.Response(status=status, body=body, headers={"Content-Type": kind})


E = TypeVar("E", bound=Echo)


@asynccontextmanager
async def open_echo(echo: E) -> AsyncIterator[E]:
    """Serve `echo` on a free port."""
    server = web.Application()
    server.router.add_route("*", "/{tail:.*}", echo.answer)
    runner = web.AppRunner(server, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        echo.url = f"http://{host}:{port}"
        yield echo
    finally:
        await runner.cleanup()


@dataclass
class Dock:
    """An App and its operator."""

    app: App
    me: Principal

    async def answer(
        self,
        *messages: Any,
        inputs: Mapping[str, Any] | None = None,
        form: Format = "full",
        who: Principal | None = None,
    ) -> dict[str, Any]:
        """Run a document and return the answer as its JSON says it."""
        outcome = await self.app.workflows.run(who or self.me, doc(*messages), inputs)
        told: dict[str, Any] = json.loads(encode_answer(outcome, form))
        return told

    async def result(self, operation: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> Any:
        """Run one operation and return its output."""
        answer = await self.answer(flat("op", operation), inputs=inputs)
        assert answer["status"] == "success", answer
        return answer["results"]["op"]

    async def error(self, operation: Mapping[str, Any], inputs: Mapping[str, Any] | None = None) -> Any:
        """Run one operation that must fail and return its error."""
        answer = await self.answer(flat("op", operation), inputs=inputs)
        assert answer["status"] == "error", answer
        return answer["error"]

    async def report(self, *messages: Any, who: Principal | None = None) -> dict[str, Any]:
        return (await self.app.workflows.validate(who or self.me, doc(*messages))).body()

    async def agent(self, name: str = "ann", **grants: str) -> Principal:
        """Return an agent with these grants; `_` in a scope stands for ':'."""
        await self.app.identity.agents.add(self.me, AgentDraft(name))
        for scope, pattern in grants.items():
            await self.app.identity.grants.add(self.me, name, scope.replace("_", ":"), pattern)
        issued = await self.app.identity.keys.issue(self.me, name)
        return await self.app.identity.authenticate(issued.text.reveal())

    async def keep_secret(self, echo: Echo, name: str = "token", secret: str = SECRET) -> None:
        draft = CredentialDraft(id=CredentialId(name), type="raw", hosts=(echo.url,))
        await self.app.egress.credentials.add(self.me, draft, Secret(secret))


@asynccontextmanager
async def open_dock(**environment: str) -> AsyncIterator[Dock]:
    """Open a Muelle in memory; its default tenant may call 127.0.0.1."""
    async with open_app(read_configuration(None, environment), None) as app:
        me = await app.identity.operator()
        await app.identity.tenants.update(me, DEFAULT_TENANT, addresses=("127.0.0.0/8",))
        yield Dock(app, await app.identity.operator())
