"""The whole installation as the owner of the database's tables, upon whom row-level security is forced."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from doors.door_world import WAIT, Doorway, open_doorway
from muelle.app import App
from muelle.core import RunId, TenantId
from muelle.rooms import sealer_of, working

SAVED = {"name": "report", "version": "1.0.0", "workflow": WAIT}


@pytest.fixture
async def owned(owner_url: str, tmp_path: Path) -> AsyncIterator[Doorway]:
    async with open_doorway(tmp_path, {"MUELLE__STORES__URL": owner_url}) as doorway:
        yield doorway


async def live(app: App, tenant: str, client: httpx.AsyncClient) -> dict[str, Any]:
    """Do something of each kind in a tenant; return what it then has."""
    await client.post("/api/v1/agents", json={"name": "bot", "preset": "runner"})
    await client.put("/api/v1/agents/bot/roles/viewer")
    await client.post("/api/v1/apis", json={"id": "crm", "base_url": "https://crm.example.com"})
    await client.post("/api/v1/workflows", json=SAVED)
    await client.post("/api/v1/schedules", json={"id": "nightly", "cron": "0 3 * * *", "document": WAIT})
    at_once = await client.post("/api/v1/workflows/execute", json={"workflow": WAIT})
    later = await client.post("/api/v1/workflows/execute", json={"workflow": WAIT}, headers={"prefer": "respond-async"})
    assert (at_once.status_code, later.status_code) == (200, 202), later.text
    await app.engine.wait(TenantId(tenant), RunId(later.json()["execution_id"]))
    lists = ("agents", "apis", "workflows", "schedules", "executions", "members")
    return {name: (await client.get(f"/api/v1/{name}")).json()["count"] for name in lists}


async def test_two_tenants_live_side_by_side_and_see_only_their_own(owned: Doorway) -> None:
    owner, neighbour = await owned.owner(), await owned.neighbour()
    async with working(owned.app):
        here, there = await asyncio.gather(live(owned.app, "default", owner), live(owned.app, "other", neighbour))

    expected = {"agents": 2, "apis": 1, "workflows": 1, "schedules": 1, "executions": 2, "members": 1}
    assert (here, there) == (expected, expected)


async def test_what_spans_tenants_still_does(owned: Doorway) -> None:
    owner, neighbour = await owned.owner(), await owned.neighbour()
    for client in (owner, neighbour):
        await client.post("/api/v1/agents", json={"name": "bot"})

    assert await sealer_of(owned.app).seal() > 0

    assert [tenant["id"] for tenant in (await owner.get("/api/v1/tenants")).json()["tenants"]] == ["default", "other"]
    for client in (owner, neighbour):
        told = (await client.get("/api/v1/audit/verify")).json()
        assert (told["whole"], told["seals"], told["unsealed"]) == (True, 1, 0)
    assert await owned.app.stores.chain.whole() == []
