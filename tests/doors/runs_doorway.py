"""Installations that advance runs, and reading what they say of runs."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from doors.door_world import Doorway, Served, document, open_doorway, open_server
from muelle.rooms import working

EXECUTE = "/api/v1/workflows/execute"
ASYNC = {"prefer": "respond-async"}
NOW = document(("now", "GetCurrentDateTime", {"timezone": "UTC", "outputPath": "/workflow/now"}))
QUICK = document(("a", "Wait", {"duration": 0}), ("b", "Wait", {"duration": 1}))
LONG = document(("a", "Wait", {"duration": 0}), ("long", "Wait", {"duration": 600_000}))


@asynccontextmanager
async def open_working(
    home: Path | None = None, environment: Mapping[str, str] | None = None, *, is_hot: bool = True
) -> AsyncIterator[Doorway]:
    """Open an installation with a worker in it."""
    async with open_doorway(home, environment, is_hot=is_hot) as doorway, working(doorway.app):
        yield doorway


@asynccontextmanager
async def serve_working(
    home: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Served]:
    """Serve an installation with a worker in it."""
    async with open_server(home, environment) as served, working(served.app):
        yield served


async def begun(client: httpx.AsyncClient, workflow: str = LONG) -> str:
    """Hand a run in and return its id once it waits or has ended."""
    run: str = (await client.post(EXECUTE, json={"workflow": workflow}, headers=ASYNC)).json()["execution_id"]
    async with asyncio.timeout(20):
        while (await client.get(f"/api/v1/executions/{run}")).json()["status"] in {"queued", "running"}:  # noqa: ASYNC110 - it is the server that knows
            await asyncio.sleep(0.02)
    return run


class Told(NamedTuple):
    """One event as it came."""

    kind: str
    id: int | None
    data: Any


def events_in(text: str) -> list[Told]:
    """Return the events of a stream; comments and times to retry are left out."""
    told = []
    for block in text.split("\n\n"):
        fields = dict(line.split(": ", 1) for line in block.split("\n") if ": " in line and not line.startswith(":"))
        if "event" in fields:
            number = int(fields["id"]) if "id" in fields else None
            told.append(Told(fields["event"], number, json.loads(fields["data"])))
    return told
