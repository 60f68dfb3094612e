"""Triggers over HTTP, and the door of webhooks, which is a stranger's: it takes a signature and no key."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from muelle.core import Ids, MuelleError, NoMetrics, Unauthenticated
from muelle.doors.http.door import Door, authenticated
from muelle.doors.http.problems import to_problem
from muelle.doors.http.settings import HttpSettings
from muelle.identity import Principal
from muelle.workflows.triggers.routes import hook_routes, routes
from workflows.triggers.trigger_world import World

ORDERS: dict[str, Any] = {"name": "orders", "workflow": "bill", "pattern": {"type": "order.*"}}
HOOK: dict[str, Any] = {"name": "door", "kind": "webhook", "workflow": "bill"}


@dataclass
class Doorway:
    world: World
    door: Door
    key: str

    def client(self, key: str = "") -> httpx.AsyncClient:
        headers = {"x-api-key": key} if key else {}
        transport = httpx.ASGITransport(self.door, client=("192.0.2.9", 1))
        return httpx.AsyncClient(transport=transport, base_url="http://muelle.test", headers=headers)


@pytest.fixture
async def doorway(world: World) -> Doorway:
    api = FastAPI()

    async def caller(request: Request) -> Principal:
        return await authenticated(world.identity, dict(request.scope["headers"]), "")

    async def problem(_: Request, error: Exception) -> Response:
        assert isinstance(error, MuelleError)
        reply = to_problem(error, "req_1")
        headers = {name.decode(): value.decode() for name, value in reply.headers}
        return Response(reply.body, reply.status, headers, media_type=reply.content_type.decode())

    api.include_router(routes(world.triggers, caller))
    api.include_router(hook_routes(world.hooks))
    api.add_exception_handler(MuelleError, problem)
    door = Door(api, {}, world.identity, Ids(world.clock), NoMetrics(), HttpSettings())
    key = (await world.identity.keys.issue(world.owner, "admin")).text.reveal()
    return Doorway(world, door, key)


@pytest.fixture
async def owner(doorway: Doorway) -> AsyncIterator[httpx.AsyncClient]:
    async with doorway.client(doorway.key) as client:
        yield client


@pytest.fixture
async def stranger(doorway: Doorway) -> AsyncIterator[httpx.AsyncClient]:
    async with doorway.client() as client:
        yield client


async def test_a_stranger_sees_and_changes_no_trigger(stranger: httpx.AsyncClient) -> None:
    for method, path in (
        ("GET", "/api/v1/triggers"),
        ("POST", "/api/v1/triggers"),
        ("GET", "/api/v1/triggers/orders"),
        ("PATCH", "/api/v1/triggers/orders"),
        ("DELETE", "/api/v1/triggers/orders"),
        ("POST", "/api/v1/triggers/orders/enable"),
        ("POST", "/api/v1/triggers/orders/disable"),
        ("POST", "/api/v1/triggers/orders/test"),
        ("POST", "/api/v1/triggers/orders/rotate-secret"),
        ("GET", "/api/v1/triggers/orders/deliveries"),
        ("POST", "/api/v1/triggers/orders/deliveries/delivery_1/replay"),
    ):
        answer = await stranger.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (401, Unauthenticated.code), path


async def test_a_trigger_is_added_shown_changed_and_removed(owner: httpx.AsyncClient) -> None:
    added = await owner.post("/api/v1/triggers", json=ORDERS)
    changed = await owner.patch("/api/v1/triggers/orders", json={"priority": 1, "inputs": {"a": "/event/id"}})
    shown = (await owner.get(added.headers["location"])).json()
    listed = (await owner.get("/api/v1/triggers")).json()
    removed = await owner.delete("/api/v1/triggers/orders")

    assert (added.status_code, changed.status_code, removed.status_code) == (201, 200, 204)
    assert shown == changed.json() == listed["triggers"][0]
    assert (shown["priority"], shown["inputs"], shown["principal"]) == (1, {"a": "/event/id"}, "admin")
    assert "secret" not in added.json()
    assert (await owner.get("/api/v1/triggers/orders")).status_code == 404


async def test_a_trigger_is_switched_tried_and_looked_at(doorway: Doorway, owner: httpx.AsyncClient) -> None:
    await owner.post("/api/v1/triggers", json=ORDERS)
    assert (await owner.post("/api/v1/triggers/orders/disable")).json()["enabled"] is False
    assert (await owner.post("/api/v1/triggers/orders/enable")).json()["enabled"] is True
    tried = await owner.post("/api/v1/triggers/orders/test", json={"event": {"type": "mail.sent"}})
    await doorway.world.consumer([doorway.world.event()])
    deliveries = (await owner.get("/api/v1/triggers/orders/deliveries")).json()

    assert (tried.json()["matches"], tried.json()["unmet"]) == (False, "/type")
    assert [(each["outcome"], each["execution_id"]) for each in deliveries["deliveries"]] == [("submitted", "run_0")]


async def test_a_fault_is_answered_with_its_field(owner: httpx.AsyncClient) -> None:
    unknown = await owner.post("/api/v1/triggers", json={**ORDERS, "patern": {}})
    invalid = await owner.post("/api/v1/triggers", json={**ORDERS, "pattern": {"type": {"prefx": "a"}}})

    assert (unknown.status_code, unknown.json()["field"]) == (400, "patern")
    assert (invalid.status_code, invalid.json()["field"]) == (400, "/pattern/type/prefx")


async def test_a_secret_is_shown_once_and_a_new_one_once(owner: httpx.AsyncClient) -> None:
    added = (await owner.post("/api/v1/triggers", json=HOOK)).json()
    rotated = (await owner.post("/api/v1/triggers/door/rotate-secret", json={"overlap_seconds": 60})).json()
    shown = (await owner.get("/api/v1/triggers/door")).json()

    assert added["secret"].startswith("whsec_")
    assert rotated["secret"] not in {"", added["secret"]}
    assert "secret" not in shown
    assert [each["version"] for each in shown["secrets"]] == [2, 1]
    assert [each["expires_at"] is None for each in shown["secrets"]] == [True, False]


async def test_a_stranger_who_signs_calls_a_webhook_without_a_key(
    doorway: Doorway, owner: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    added = (await owner.post("/api/v1/triggers", json=HOOK)).json()
    body = b'{"type":"order.paid"}'
    headers = {**doorway.world.signed(added["secret"], body), "content-type": "application/json"}

    first = await stranger.post(added["path"], content=body, headers=headers)
    again = await stranger.post(added["path"], content=body, headers=headers)

    assert (first.status_code, first.json()) == (202, {"outcome": "submitted", "run": "run_0"})
    assert (again.status_code, again.json()) == (200, {"outcome": "duplicate", "run": "run_0"})


async def test_a_stranger_cannot_tell_a_webhook_from_none_nor_does_a_key_open_one(
    owner: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    added = (await owner.post("/api/v1/triggers", json=HOOK)).json()
    paths = [added["path"], "/hooks/default/trigger_0", "/hooks/nowhere/trigger_0"]

    answers = [await client.post(path, content=b"{}") for client in (stranger, owner) for path in paths]

    told = [{**answer.json(), "request_id": ""} for answer in answers]
    assert {answer.status_code for answer in answers} == {401}
    assert [each for each in told if each != told[0]] == []
    assert told[0]["code"] == "hook_refused"


async def test_a_webhook_takes_nothing_but_post(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> None:
    path = (await owner.post("/api/v1/triggers", json=HOOK)).json()["path"]

    assert (await stranger.get(path)).status_code == 405


async def test_a_handshake_is_answered_as_plain_text(
    doorway: Doorway, owner: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    added = (await owner.post("/api/v1/triggers", json={**HOOK, "webhook": {"challenge": {}}})).json()
    body = b'{"type":"url_verification","challenge":"abc"}'
    headers = {**doorway.world.signed(added["secret"], body), "content-type": "application/json"}

    answer = await stranger.post(added["path"], content=body, headers=headers)

    assert (answer.status_code, answer.text) == (200, "abc")
    assert answer.headers["content-type"].startswith("text/plain")


async def test_the_address_of_the_connection_is_what_a_list_of_addresses_is_about(
    doorway: Doorway, owner: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    statuses = []
    for network in ("192.0.2.0/24", "198.51.100.0/24"):
        hook = {**HOOK, "name": f"door-{network[:3]}-{network[4]}", "webhook": {"addresses": [network]}}
        added = (await owner.post("/api/v1/triggers", json=hook)).json()
        headers = {**doorway.world.signed(added["secret"], b"{}"), "x-forwarded-for": "198.51.100.1"}
        statuses.append((await stranger.post(added["path"], content=b"{}", headers=headers)).status_code)

    assert statuses == [202, 401]
