"""An installation behind its HTTP door, with the routes of saved workflows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request

from doors.door_world import Doorway, open_doorway
from muelle.doors.http.api import build_api
from muelle.doors.http.door import Door, authenticated
from muelle.identity import Acts, Principal
from muelle.workflows.versions import MemorySavedStore, NamedRuns, SavedParts, SavedWorkflows, SqlSavedStore
from muelle.workflows.versions.routes import routes


@asynccontextmanager
async def open_saved_doorway(home: Path | None = None) -> AsyncIterator[Doorway]:
    """Open an installation, in memory without a home."""
    async with open_doorway(home) as doorway:
        app = doorway.app
        acts = Acts(app.clock, app.ids)
        parts = SavedParts(
            store=SqlSavedStore(app.stores.database) if app.stores.database else MemorySavedStore(),
            planner=app.planner,
            limits=app.workflows.limits,
            trail=app.stores.trail,
            acts=acts,
            clock=app.clock,
        )
        saved = SavedWorkflows(parts)
        runs = NamedRuns(saved, app.workflows.run, app.stores.trail, acts)
        api = build_api(app)
        api.include_router(routes(saved, runs, app.clock, caller_of(doorway)))
        doorway.door = Door(api, {}, app.identity, app.ids, app.metrics, app.settings.http)
        yield doorway


def caller_of(doorway: Doorway) -> Callable[[Request], Awaitable[Principal]]:
    async def caller(request: Request) -> Principal:
        return await authenticated(doorway.app.identity, dict(request.scope["headers"]), "")

    return caller
