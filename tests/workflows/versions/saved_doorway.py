"""An installation behind its HTTP door, with the routes of saved workflows."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import Request

from doors.door_world import Doorway, open_doorway
from muelle.doors.http.api import build_api
from muelle.doors.http.door import Door, authenticated
from muelle.identity import Principal
from muelle.workflows.versions import SavedSettings
from muelle.workflows.versions.opening import open_saved
from muelle.workflows.versions.routes import routes


@asynccontextmanager
async def open_saved_doorway(home: Path | None = None) -> AsyncIterator[Doorway]:
    """Open an installation, in memory without a home."""
    async with open_doorway(home) as doorway:
        app = doorway.app
        saved = open_saved(app.stores.database, app.workflows, app.stores.trail, app.clock, app.ids, SavedSettings())
        api = build_api(app)
        api.include_router(routes(saved.workflows, saved.runs, app.submissions, app.clock, caller_of(doorway)))
        doorway.door = Door(api, {}, app.identity, app.ids, app.metrics, app.settings.http)
        yield doorway


def caller_of(doorway: Doorway) -> Callable[[Request], Awaitable[Principal]]:
    async def caller(request: Request) -> Principal:
        return await authenticated(doorway.app.identity, dict(request.scope["headers"]), "")

    return caller
