"""A small real CRM: HTTP on 127.0.0.1, a bearer token, pages, notes that an Idempotency-Key makes once."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import ClientSession, web

from muelle.packs import CredentialRef, HttpAnswer, HttpCall

TOKEN = "crm-token-of-the-test"


@dataclass
class CrmServer:
    """What the CRM knows, and what it was asked. `failures` are statuses that it answers first, in order."""

    url: str = ""
    contacts: list[dict[str, Any]] = field(default_factory=list)
    notes: dict[str, dict[str, str]] = field(default_factory=dict)
    failures: list[int] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    async def find(self, request: web.Request) -> web.Response:
        query, limit = request.query["q"].lower(), int(request.query["limit"])
        start = int(request.query.get("cursor", "0"))
        found = [each for each in self.contacts if query in str(each["name"]).lower()]
        following = start + limit
        return web.json_response(
            {"contacts": found[start:following], "next": str(following) if following < len(found) else None}
        )

    async def add_note(self, request: web.Request) -> web.Response:
        contact = request.match_info["contact"]
        if all(each["id"] != contact for each in self.contacts):
            return web.json_response({"error": "no such contact"}, status=404)
        body = await request.json()
        key = request.headers["Idempotency-Key"]
        self.notes.setdefault(key, {"id": f"note-{len(self.notes) + 1}", "contact": contact, "text": body["text"]})
        return web.json_response({"id": self.notes[key]["id"]}, status=201)

    @web.middleware
    async def guard(self, request: web.Request, handler: Any) -> web.StreamResponse:
        self.asked.append(f"{request.method} {request.path_qs}")
        if self.failures:
            return web.Response(status=self.failures.pop(0), text="out of order", headers={"Retry-After": "7"})
        if request.headers.get("Authorization") != f"Bearer {TOKEN}":
            return web.json_response({"error": "who are you?"}, status=401)
        response: web.StreamResponse = await handler(request)
        return response


@asynccontextmanager
async def open_crm_server() -> AsyncIterator[CrmServer]:
    """Serve a CRM with 25 contacts, ada 0 to ada 24, until the end."""
    crm = CrmServer(contacts=[{"id": f"c{n}", "name": f"Ada {n}", "email": f"ada{n}@example.com"} for n in range(25)])
    app = web.Application(middlewares=[crm.guard])
    app.add_routes([web.get("/api/contacts", crm.find), web.post("/api/contacts/{contact}/notes", crm.add_note)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        crm.url = f"http://127.0.0.1:{runner.addresses[0][1]}/api"
        yield crm
    finally:
        await runner.cleanup()


class PlainHttp:
    """Calls that leave, with one credential and without guard or policy: what egress does, in small."""

    def __init__(self, session: ClientSession, credentials: dict[str, str]) -> None:
        self._session = session
        self._credentials = credentials

    async def call(self, call: HttpCall) -> HttpAnswer:
        headers = {name: self._revealed(value) for name, value in call.headers.items()}
        if call.idempotency_key:
            headers["Idempotency-Key"] = call.idempotency_key
        async with self._session.request(
            call.method, call.url, params=dict(call.query), json=call.body, headers=headers
        ) as response:
            lower = {name.lower(): value for name, value in response.headers.items()}
            body = await response.read()
            return HttpAnswer(status=response.status, headers=lower, body=body, url=str(response.url), duration=0.0)

    def _revealed(self, value: object) -> str:
        return f"Bearer {self._credentials[value.id]}" if isinstance(value, CredentialRef) else str(value)
