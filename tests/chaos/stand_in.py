"""A stand-in for Muelle's API that keeps nothing: it tries what watches and judges Muelle, with faults to be found."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from aiohttp import web

from chaos.client import EXECUTE, EXECUTIONS
from chaos.ledger import LAST
from chaos.shapes import Shape, shape_of


@dataclass
class Flaws:
    """What it does wrong, by ticket."""

    loses: frozenset[str] = frozenset()
    doubles: frozenset[str] = frozenset()
    forgets: frozenset[str] = frozenset()


@dataclass
class StandIn:
    """Performs the effects of a shape as a run would; no document is read."""

    shapes: Sequence[Shape]
    world: str
    flaws: Flaws
    session: aiohttp.ClientSession
    runs: dict[str, str] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    refusals: int = 0
    refuse_every: int = 3
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def execute(self, request: web.Request) -> web.Response:
        """Take a submission, but for every third, which it refuses for the moment."""
        self.refusals += 1
        if self.refusals % self.refuse_every == 0:
            return web.Response(status=503, headers={"retry-after": "1"})
        key = request.headers["idempotency-key"]
        if key not in self.by_key:
            ticket = (await request.json())["inputs"]["ticket"]
            self.by_key[key] = run = f"run_{len(self.by_key)}"
            self.runs[run] = "running"
            task = asyncio.create_task(self._perform(run, ticket))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return web.json_response({"execution_id": self.by_key[key], "status": "queued"}, status=202)

    async def listed(self, _: web.Request) -> web.Response:
        """Return all runs on one page."""
        return web.json_response({"executions": [_entry(*run) for run in self.runs.items()], "next_cursor": None})

    async def shown(self, request: web.Request) -> web.Response:
        """Return one run."""
        run = request.match_info["run"]
        return web.json_response(_entry(run, self.runs[run]))

    async def _perform(self, run: str, ticket: str) -> None:
        shape = shape_of(ticket, self.shapes)
        receipts: dict[str | None, int | None] = {None: None}
        for effect, after in shape.effects.items():
            if effect == LAST and ticket in self.flaws.loses:
                break
            if effect == LAST:
                await asyncio.sleep(shape.wait / 1000)
            receipts[effect] = await self._post(ticket, effect, f"{run}-{effect}", receipts[after])
            if effect == LAST and ticket in self.flaws.doubles:
                await self._post(ticket, effect, f"{run}-{effect}-again", receipts[after])
        self.runs[run] = "success"
        if ticket in self.flaws.forgets:
            del self.runs[run]

    async def _post(self, ticket: str, effect: str, key: str, after: int | None) -> int:
        url = f"{self.world}/steady/{ticket}/{effect}"
        body = {"at": "now", "after": after}
        async with self.session.post(url, json=body, headers={"idempotency-key": key}) as answer:
            receipt: int = (await answer.json())["receipt"]
            return receipt


def _entry(run: str, status: str) -> dict[str, Any]:
    return {"execution_id": run, "status": status, "operations": []}


@asynccontextmanager
async def open_stand_in(shapes: Sequence[Shape], world: str, flaws: Flaws) -> AsyncIterator[str]:
    """Serve on a free port; yield the address."""
    async with aiohttp.ClientSession() as session:
        stand_in = StandIn(shapes, world, flaws, session)
        runner = web.AppRunner(_application(stand_in))
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


def _application(stand_in: StandIn) -> web.Application:
    application = web.Application()
    routes: Sequence[tuple[Callable[..., Any], str, Callable[..., Any]]] = (
        (application.router.add_post, EXECUTE, stand_in.execute),
        (application.router.add_get, EXECUTIONS, stand_in.listed),
        (application.router.add_get, f"{EXECUTIONS}/{{run}}", stand_in.shown),
    )
    for add, path, handler in routes:
        add(path, handler)
    return application
