"""Saved workflows that are handed in to be done later, and under a key."""

from collections.abc import AsyncIterator

import httpx
import pytest

from doors.door_world import Doorway
from doors.runs_doorway import ASYNC, NOW, open_working

GREET = "/api/v1/workflows/greet/execute"


@pytest.fixture
async def working() -> AsyncIterator[Doorway]:
    async with open_working() as opened:
        yield opened


@pytest.fixture
async def owner(working: Doorway) -> httpx.AsyncClient:
    owner = await working.owner()
    draft = {"name": "greet", "workflow": NOW, "version": "1.0.0"}
    assert (await owner.post("/api/v1/workflows", json=draft)).status_code == 201
    return owner


async def test_a_saved_workflow_can_be_run_later_and_its_run_tells_the_version(owner: httpx.AsyncClient) -> None:
    accepted = await owner.post(GREET, json={"inputs": {}}, headers=ASYNC)

    run = accepted.json()["links"]["self"]
    result = await owner.get(f"{run}/result", params={"wait": 30})
    shown = (await owner.get(run)).json()
    assert (accepted.status_code, accepted.headers["location"]) == (202, run)
    assert (result.json()["status"], shown["version"], shown["workflow_id"]) == ("success", "1.0.0", "greet")


async def test_the_same_key_runs_a_saved_workflow_once(owner: httpx.AsyncClient) -> None:
    headers = {"idempotency-key": "once"}
    first = await owner.post(GREET, json={"inputs": {}}, headers=headers)
    second = await owner.post(GREET, json={"inputs": {}}, headers=headers)

    assert (first.status_code, first.json()["status"]) == (200, "success")
    assert second.json()["execution_id"] == first.json()["execution_id"]
    assert second.headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("headers", [ASYNC, {"idempotency-key": "once"}])
async def test_who_may_not_run_the_name_hands_nothing_in(
    working: Doorway, owner: httpx.AsyncClient, headers: dict[str, str]
) -> None:
    powerless = await working.agent(("workflows:run", "other"))

    refused = await powerless.post(GREET, json={"inputs": {}}, headers=headers)

    assert (refused.status_code, refused.json()["code"]) == (403, "refused")
    assert (await owner.get("/api/v1/executions")).json()["count"] == 0
