"""Limits inside workflows: of types of operations and of Apis, charged to whoever runs them."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from attacks.attack_world import Victim, open_victim
from doors.door_world import Doorway, document
from doors.runs_doorway import open_working

EXECUTE = "/api/v1/workflows/execute"
TWO_WAITS = document(("a", "Wait", {"duration": 0}), ("b", "Wait", {"duration": 0}))
LOCAL = {"addresses": ["127.0.0.0/8"]}


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    async with open_working() as opened:
        yield opened


async def limit(doorway: Doorway, agent: str, **rate: Any) -> None:
    answer = await (await doorway.owner()).put(f"/api/v1/rate-limit/agents/{agent}", json=rate)
    assert answer.status_code == 200, answer.text


async def run(client: httpx.AsyncClient, text: str) -> dict[str, Any]:
    """Return status and error code of each operation."""
    answer = (await client.post(EXECUTE, json={"workflow": text})).json()
    operations = answer["operations"].items()
    return {name: (step.get("error") or {}).get("code", step["status"]) for name, step in operations}


async def test_an_operation_that_is_used_too_often_fails_and_says_when_to_come_back(doorway: Doorway) -> None:
    await limit(doorway, "admin", target="operation:Wait", per_minute=3)
    owner = await doorway.owner()
    first, second = await run(owner, TWO_WAITS), await run(owner, TWO_WAITS)

    assert first == {"a": "success", "b": "success"}
    assert second == {"a": "success", "b": "rate_limited"}


async def test_the_limit_of_one_type_leaves_the_others_alone(doorway: Doorway) -> None:
    await limit(doorway, "admin", target="operation:StoreData", per_minute=1)

    assert await run(await doorway.owner(), TWO_WAITS) == {"a": "success", "b": "success"}


async def test_nobody_is_charged_for_the_operations_of_another(doorway: Doorway) -> None:
    bot = await doorway.agent(("workflows:run", "*"), ("operations:use", "*"), name="bot")
    await limit(doorway, "bot", target="operation:Wait", per_minute=1)
    for _ in range(3):
        await run(await doorway.owner(), TWO_WAITS)

    assert await run(bot, TWO_WAITS) == {"a": "success", "b": "rate_limited"}


async def test_an_operation_that_may_wait_goes_on_when_its_turn_has_come(doorway: Doorway) -> None:
    rate = {"per_minute": 6000, "burst": 1, "wait_seconds": 5}
    await limit(doorway, "admin", target="operation:Wait", **rate)

    assert await run(await doorway.owner(), TWO_WAITS) == {"a": "success", "b": "success"}


async def test_what_the_settings_say_of_a_type_holds_for_every_agent() -> None:
    environment = {"MUELLE__LIMITS__TARGETS": json.dumps({"operation:Wait": {"per_minute": 1}})}
    async with open_working(environment=environment) as doorway:
        assert await run(await doorway.owner(), TWO_WAITS) == {"a": "success", "b": "rate_limited"}


async def test_a_tenant_shares_what_it_may_use_of_a_type(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await owner.put("/api/v1/rate-limit/tenants/default", json={"target": "operation:Wait", "per_minute": 3})
    bot = await doorway.agent(("workflows:run", "*"), ("operations:use", "*"), name="bot")
    await run(bot, TWO_WAITS)

    assert await run(owner, TWO_WAITS) == {"a": "success", "b": "rate_limited"}


@pytest.fixture
async def victim() -> AsyncIterator[Victim]:
    async with open_victim() as opened:
        yield opened


async def registered(doorway: Doorway, victim: Victim, **api: Any) -> httpx.AsyncClient:
    owner = await doorway.owner()
    await owner.patch("/api/v1/tenants/default", json=LOCAL)
    added = await owner.post("/api/v1/apis", json={"id": "crm", "base_url": victim.url.rstrip("/"), **api})
    assert added.status_code == 201, added.text
    return owner


def calls(victim: Victim, number: int, path: str = "") -> str:
    config = {"method": "GET", "url": f"{victim.url}{path}", "outputPath": "/workflow/answer"}
    return document(
        *((f"call{index}", "ApiCall", {**config, "outputPath": f"/workflow/a{index}"}) for index in range(number))
    )


async def test_an_api_is_called_as_often_as_it_may_be_and_not_once_more(doorway: Doorway, victim: Victim) -> None:
    owner = await registered(doorway, victim)
    await limit(doorway, "admin", target="api:crm", per_minute=2)
    told = await run(owner, calls(victim, 3))

    assert sorted(told.values()) == ["rate_limited", "success", "success"]
    assert len(victim.requests) == 2


async def test_a_redirect_into_an_api_is_charged_to_it(doorway: Doorway, victim: Victim) -> None:
    owner = await registered(doorway, victim)
    await limit(doorway, "admin", target="api:crm", per_minute=2)
    victim.answer = (
        f"HTTP/1.1 302 Found\r\nlocation: {victim.url}again\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".encode()
    )
    told = await run(owner, calls(victim, 1))

    assert told == {"call0": "rate_limited"}
    assert len(victim.requests) == 2
