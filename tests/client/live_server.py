"""A whole Muelle in memory, on a free port of 127.0.0.1, for the length of a block."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import uvicorn

from muelle.app import App, open_app, read_configuration
from muelle.doors.http.api import build_door
from muelle.doors.http.serve import bind, url_of
from muelle.identity import AgentDraft
from muelle.rooms import working


@dataclass(frozen=True)
class LiveServer:
    """Where it is, and the keys of an agent that may run and read everything and of one that may do nothing."""

    url: str
    key: str
    powerless_key: str


class Quiet(uvicorn.Server):
    """A server that says when it answers, and leaves signals to whoever runs the tests."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_ready = asyncio.Event()

    async def startup(self, sockets: object = None) -> None:
        await super().startup(sockets)  # type: ignore[arg-type] # handed on as it came
        self.is_ready.set()


@asynccontextmanager
async def open_live_server() -> AsyncIterator[LiveServer]:
    """Serve, and stop at the end."""
    async with open_app(read_configuration(None, {}), None) as app, working(app):
        listener = bind("127.0.0.1", 0, 16)
        server = Quiet(uvicorn.Config(build_door(app), log_config=None, access_log=False, lifespan="off"))
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        await asyncio.wait_for(server.is_ready.wait(), 10)
        try:
            yield LiveServer(url_of(listener), await key_of(app, "runner"), await key_of(app, None))
        finally:
            server.should_exit = True
            await serving


async def key_of(app: App, preset: str | None) -> str:
    owner = await app.identity.operator()
    name = preset or "powerless"
    await app.identity.agents.add(owner, AgentDraft(name, preset=preset))
    return (await app.identity.keys.issue(owner, name)).text.reveal()
