"""Policies, breakers and the cache over HTTP, and what a run tells of its attempts."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from doors.door_world import Doorway, open_doorway
from egress.egress_world import Server, reply, serving

EXECUTE = "/api/v1/workflows/execute"
LOCAL = {"addresses": ["127.0.0.0/8"]}


@pytest.fixture
async def upstream() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


async def owner_of(doorway: Doorway, upstream: Server, **policy: Any) -> httpx.AsyncClient:
    """Return the owner, who may call the upstream as the Api 'crm' with this policy."""
    owner = await doorway.owner()
    await owner.patch("/api/v1/tenants/default", json=LOCAL)
    added = await owner.post("/api/v1/apis", json={"id": "crm", "base_url": upstream.url("/crm"), "policy": policy})
    assert added.status_code == 201, added.text
    return owner


async def called(client: httpx.AsyncClient, url: str, **config: Any) -> Any:
    """Run one ApiCall; return the answer."""
    call = {"method": "GET", "url": url, "outputPath": "/workflow/x", **config}
    lines = [{"type": "operationUpdate", "operationId": "call", "operation": {"ApiCall": call}}]
    return (await client.post(EXECUTE, json={"workflow": lines})).json()


async def test_a_run_tells_of_every_attempt(doorway: Doorway, upstream: Server) -> None:
    owner = await owner_of(doorway, upstream)
    answers = iter([reply(503), reply(429, Retry_After="0"), reply(200, b"{}")])
    upstream.answers("/crm/x", lambda _: next(answers))
    ran = await called(owner, upstream.url("/crm/x"), retry={"maxAttempts": 4, "initialDelay": 1})
    shown = (await owner.get(f"/api/v1/executions/{ran['execution_id']}")).json()
    events = [(event["event"], event.get("attempt"), event.get("outcome")) for event in shown["timeline"]]
    assert ran["operations"]["call"]["attempts"] == 3
    assert events == [
        ("run.started", None, None),
        ("operation.attempt", 1, "503"),
        ("operation.attempt", 2, "429"),
        ("operation.success", None, None),
        ("run.success", None, None),
    ]


async def test_a_run_that_fails_counts_its_attempts_too(doorway: Doorway, upstream: Server) -> None:
    owner = await owner_of(doorway, upstream, retry={"attempts": 3, "first_seconds": 0, "longest_seconds": 0})
    upstream.answers("/crm/x", b"nonsense\r\n\r\n")
    ran = await called(owner, upstream.url("/crm/x"))
    assert (ran["operations"]["call"]["attempts"], ran["operations"]["call"]["status"]) == (3, "failed")


async def test_a_kept_answer_is_told_and_counted_and_can_be_thrown_away(doorway: Doorway, upstream: Server) -> None:
    owner = await owner_of(doorway, upstream, cache={"seconds": 60})
    url = upstream.url("/crm/x")
    cached = [(await called(owner, url))["operations"]["call"]["cached"] for _ in range(3)]
    counts = (await owner.get("/api/v1/cache")).json()
    dropped = (await owner.delete("/api/v1/cache", params={"api": "crm"})).json()
    again = (await called(owner, url))["operations"]["call"]["cached"]
    assert (cached, counts["hits"], counts["misses"], counts["fill"]["answers"]) == ([False, True, True], 2, 1, 1)
    assert (dropped, again) == ({"dropped": 1}, False)


async def test_another_tenant_neither_sees_nor_clears_what_is_kept_here(doorway: Doorway, upstream: Server) -> None:
    owner = await owner_of(doorway, upstream, cache={"seconds": 60})
    await called(owner, upstream.url("/crm/x"))
    neighbour = await doorway.neighbour()
    seen = (await neighbour.get("/api/v1/cache")).json()
    assert (seen["misses"], seen["fill"]) == (0, None)
    for which in ({}, {"api": "crm"}, {"url": upstream.url("/crm/x")}):
        assert (await neighbour.delete("/api/v1/cache", params=which)).json() == {"dropped": 0}
    assert (await called(owner, upstream.url("/crm/x")))["operations"]["call"]["cached"]


async def test_policies_say_in_which_order_and_by_which_rules_calls_are_made(
    doorway: Doorway, upstream: Server
) -> None:
    owner = await owner_of(doorway, upstream, retry={"attempts": 3}, breaker={"probes": 2})
    shown, usual = (await owner.get("/api/v1/policies/crm")).json(), (await owner.get("/api/v1/policies")).json()
    assert shown["order"] == usual["order"]
    assert (shown["retry"]["attempts"], shown["breaker"]["probes"], usual["retry"]["attempts"]) == (3, 2, 1)


async def test_a_policy_names_the_budgets_that_calls_are_charged_to() -> None:
    targets = '{"api:crm": {"per_minute": 5}, "operation:ApiCall": {"per_day": 9}}'
    async with open_doorway(environment={"MUELLE__LIMITS__TARGETS": targets}) as doorway:
        owner = await doorway.owner()
        await owner.post("/api/v1/apis", json={"id": "crm", "base_url": "https://crm.example.com"})
        shown = (await owner.get("/api/v1/policies/crm", params={"operation": "ApiCall"})).json()
    told = [(limit["target"], limit["rate"]["per_minute"], limit["rate"]["per_day"]) for limit in shown["limits"]]
    assert told == [("operation:ApiCall", 0, 9), ("api:crm", 5, 0)]


async def test_breakers_are_shown_and_closed(doorway: Doorway, upstream: Server) -> None:
    owner = await owner_of(doorway, upstream, breaker={"min_calls": 1})
    upstream.answers("/crm/x", reply(500))
    await called(owner, upstream.url("/crm/x"))
    held = await called(owner, upstream.url("/crm/x"))
    [breaker] = (await owner.get("/api/v1/breakers")).json()["breakers"]
    assert held["operations"]["call"]["error"]["code"] == "breaker_open"
    assert (breaker["upstream"], breaker["state"], breaker["held_back"], breaker["opened"]) == ("crm", "open", 1, 1)
    assert (await owner.delete("/api/v1/breakers/crm")).status_code == 204
    assert (await owner.get("/api/v1/breakers")).json()["breakers"] == []
    assert (await owner.delete("/api/v1/breakers/crm")).json()["code"] == "breaker_not_found"


async def test_a_policy_that_cannot_be_is_refused(doorway: Doorway) -> None:
    owner = await doorway.owner()
    retries = [{"attempts": 0}, {"attempts": 11}, {"first_seconds": 21}, {"x": 1}]
    bodies = [{"id": "crm", "base_url": "https://crm.example.com", "policy": {"retry": retry}} for retry in retries]
    assert [(await owner.post("/api/v1/apis", json=body)).status_code for body in bodies] == [400] * 4
