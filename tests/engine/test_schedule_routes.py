"""The HTTP routes of schedules, outsiders first."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request, Response

from engine.schedule_world import OTHER, OWNER, World, principal
from muelle.core import MuelleError, Unauthenticated
from muelle.engine.schedules.routes import routes
from muelle.identity import Principal
from muelle.stores import open_memory

WHO = {
    "owner": OWNER,
    "powerless": principal(name="powerless"),
    "reader": principal(("schedules:read", "*"), name="reader"),
    "neighbour": principal(("*", "*"), name="neighbour", tenant=OTHER),
}
NIGHTLY = {"id": "nightly", "cron": "30 3 * * *", "time_zone": "Europe/Madrid", "workflow": "report"}
ATTEMPTS = [  # with what they answer to an agent without grants, one who may read, and another tenant's owner
    ("GET", "/schedules", None, 200, 200, 200),
    ("POST", "/schedules", NIGHTLY | {"id": "new"}, 403, 403, 201),
    ("GET", "/schedules/nightly", None, 404, 200, 404),
    ("PATCH", "/schedules/nightly", {"cron": "* * * * *"}, 404, 403, 404),
    ("POST", "/schedules/nightly/pause", {"note": "mine"}, 403, 403, 404),
    ("POST", "/schedules/nightly/resume", None, 403, 403, 404),
    ("POST", "/schedules/nightly/run", None, 403, 403, 404),
    ("GET", "/schedules/nightly/preview", None, 404, 200, 404),
    ("GET", "/schedules/nightly/executions", None, 404, 200, 404),
    ("POST", "/schedules/preview", {"cron": "@daily"}, 200, 200, 200),
    ("DELETE", "/schedules/nightly", None, 403, 403, 404),
]


class Served:
    """A world behind its routes, and a client that says who it is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.api = FastAPI()
        self.api.include_router(routes(world.schedules, _caller))
        self.api.add_exception_handler(MuelleError, _problem)

    async def ask(self, who: str, method: str, path: str, body: Any = None, **more: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.api)
        headers = {"x-who": who}
        async with httpx.AsyncClient(transport=transport, base_url="http://muelle.test", headers=headers) as client:
            return await client.request(method, f"/api/v1{path}", json=body, **more)

    async def owner(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.ask("owner", method, path, body)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


async def _caller(request: Request) -> Principal:
    who = request.headers["x-who"]
    if who not in WHO:
        raise Unauthenticated
    return WHO[who]


def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, MuelleError)
    return Response(f'{{"code": "{error.code}", "field": "{error.facts.get("field", "")}"}}', error.status)


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    async with open_memory() as database:
        served = Served(World(database))
        await served.owner("POST", "/schedules", NIGHTLY)
        yield served


async def test_a_stranger_learns_nothing(served: Served) -> None:
    for method, path, body, *_ in ATTEMPTS:
        assert (await served.ask("stranger", method, path, body)).status_code == 401


@pytest.mark.parametrize("who", ["powerless", "reader", "neighbour"])
async def test_an_outsider_changes_nothing_here(served: Served, who: str) -> None:
    place = ["powerless", "reader", "neighbour"].index(who) + 3
    before = await served.owner("GET", "/schedules")

    for attempt in ATTEMPTS:
        answer = await served.ask(who, attempt[0], attempt[1], attempt[2])
        assert answer.status_code == attempt[place], f"{attempt[:2]}: {answer.text}"
        assert who == "reader" or attempt[0] == "POST" or "nightly" not in answer.text

    assert await served.owner("GET", "/schedules") == before
    assert served.world.engine.jobs == {}


async def test_every_route_is_among_the_attempts(served: Served) -> None:
    described = served.api.openapi()["paths"]
    known = {(method, f"/api/v1{path.replace('nightly', '{schedule}')}") for method, path, *_ in ATTEMPTS}

    assert {(method.upper(), path) for path, methods in described.items() for method in methods} == known


async def test_a_schedule_is_added_and_shown(served: Served) -> None:
    body = {"id": "quarterly", "every": 900, "workflow": "report", "version": "^1", "inputs": {"a": [1]}}
    rules = {"catch_up": "all", "catch_up_most": 9, "overlap": "queue", "jitter": 5, "priority": 1, "deadline": 60}

    answer = await served.ask("owner", "POST", "/schedules", {**body, **rules, "description": "é"})

    shown = await served.owner("GET", "/schedules/quarterly")
    assert (answer.status_code, answer.headers["location"]) == (201, "/api/v1/schedules/quarterly")
    assert answer.json() == shown
    assert shown.items() >= {**body, **rules, "status": "active", "agent_id": OWNER.id}.items()
    assert (shown["anchor"], shown["next_at"]) == ("2026-01-01T00:00:00Z", "2026-01-01T00:15:00Z")


async def test_a_document_may_take_the_place_of_a_saved_workflow(served: Served) -> None:
    await served.owner(
        "POST", "/schedules", {"id": "once", "at": "2026-01-01T01:00:00Z", "document": "{}", "inputs": {"a": 1}}
    )

    await served.world.tick(minutes=60)

    job = served.world.engine.jobs["run_1"]
    assert (job.name, job.document, job.payload) == ("once", b"{}", b'{"a":1}')
    shown = await served.owner("GET", "/schedules/once")
    assert (shown["status"], shown["inputs"], shown["document"]) == ("finished", {"a": 1}, "{}")


async def test_a_saved_workflow_is_named_in_the_payload_of_the_job(served: Served) -> None:
    await served.owner("PATCH", "/schedules/nightly", {"version": "~2.1", "inputs": {"day": 1}, "cron": "* * * * *"})

    await served.world.tick(minutes=1)

    job = served.world.engine.jobs["run_1"]
    assert (job.name, job.document) == ("report", b"")
    assert job.payload == b'{"workflow":"report","version":"~2.1","inputs":{"day":1}}'


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"cron": "0 4 * * *"}, {"cron": "0 4 * * *", "time_zone": "Europe/Madrid"}),
        ({"time_zone": "UTC"}, {"cron": "30 3 * * *", "time_zone": "UTC"}),
        ({"every": 60, "anchor": "2026-01-01T00:00:30Z"}, {"cron": None, "time_zone": None, "every": 60}),
        ({"at": "2027-01-01T00:00:00Z"}, {"cron": None, "at": "2027-01-01T00:00:00Z"}),
        ({"start": "2026-02-01T00:00:00Z"}, {"start": "2026-02-01T00:00:00Z", "next_at": "2026-02-01T02:30:00Z"}),
        ({"overlap": "skip", "catch_up": "none"}, {"overlap": "skip", "catch_up": "none", "cron": "30 3 * * *"}),
        ({"workflow": "other"}, {"workflow": "other", "version": "", "document": None}),
        ({"document": "{}", "inputs": {"a": 1}}, {"document": "{}", "inputs": {"a": 1}}),
        ({}, {"cron": "30 3 * * *", "workflow": "report"}),
    ],
)
async def test_what_is_given_replaces_what_was_there(
    served: Served, change: dict[str, Any], shown: dict[str, Any]
) -> None:
    changed = await served.owner("PATCH", "/schedules/nightly", change)

    assert {name: changed[name] for name in shown} == shown
    assert changed == await served.owner("GET", "/schedules/nightly")


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"cron": "61 * * * *"}, "cron"),
        ({"cron": None}, "cron"),
        ({"cron": "@daily", "every": 60}, "every"),
        ({"every": 60, "time_zone": "UTC", "cron": None}, "time_zone"),
        ({"anchor": "2026-01-01T00:00:00Z"}, "anchor"),
        ({"time_zone": "Mars/Olympus"}, "time_zone"),
        ({"every": 0, "cron": None}, "every"),
        ({"workflow": None}, "workflow"),
        ({"document": "{}"}, "workflow"),
        ({"document": "{}", "workflow": None, "version": "1"}, "version"),
        ({"jitter": 3601}, "jitter"),
        ({"overlap": "maybe"}, "overlap"),
        ({"start": "2026-01-01T00:00:00"}, "start"),
        ({"wrong": 1}, "wrong"),
        ({"id": "no id"}, "id"),
        ({"id": "preview"}, "id"),
    ],
)
async def test_a_wrong_body_is_answered_with_the_name_of_the_field(
    served: Served, change: dict[str, Any], field: str
) -> None:
    body = {name: value for name, value in {**NIGHTLY, "id": "other", **change}.items() if value is not None}
    if "every" in body and "cron" not in body and "time_zone" not in change:
        del body["time_zone"]

    answer = await served.ask("owner", "POST", "/schedules", body)

    assert answer.status_code == 400
    assert field in answer.json()["field"] or answer.json()["code"] == "invalid_body"


async def test_a_schedule_is_paused_and_resumed_with_or_without_a_note(served: Served) -> None:
    paused = await served.owner("POST", "/schedules/nightly/pause", {"note": "holidays"})
    resumed = await served.owner("POST", "/schedules/nightly/resume")

    assert (paused["status"], paused["note"], paused["next_at"]) == ("paused", "holidays", None)
    assert (resumed["status"], resumed["note"], resumed["next_at"]) == ("active", "", "2026-01-01T02:30:00Z")


async def test_a_run_on_demand_is_accepted_and_is_in_the_history(served: Served) -> None:
    answer = await served.ask("owner", "POST", "/schedules/nightly/run")

    assert (answer.status_code, answer.headers["location"]) == (202, "/api/v1/executions/run_1")
    assert answer.json() == {"execution_id": "run_1", "status": "queued"}
    history = await served.owner("GET", "/schedules/nightly/executions")
    assert [run["execution_id"] for run in history["executions"]] == ["run_1"]


async def test_firings_are_shown_in_utc_and_as_the_clocks_of_the_zone_show_them(served: Served) -> None:
    ours = await served.owner("GET", "/schedules/nightly/preview?count=1")
    tried = await served.owner("POST", "/schedules/preview", {"cron": "0 0 12 1 4 *", "count": 2})

    assert ours == {"firings": [{"at": "2026-01-01T02:30:00Z", "local": "2026-01-01T03:30:00+01:00"}], "count": 1}
    assert [firing["at"] for firing in tried["firings"]] == ["2026-04-01T12:00:00Z", "2027-04-01T12:00:00Z"]


async def test_lists_come_in_pages(served: Served) -> None:
    await served.owner("POST", "/schedules", NIGHTLY | {"id": "other"})

    first = await served.owner("GET", "/schedules?limit=1")
    second = await served.owner("GET", f"/schedules?limit=1&cursor={first['next_cursor']}")

    assert [page["schedules"][0]["id"] for page in (first, second)] == ["nightly", "other"]
    assert second["next_cursor"] is None


async def test_a_removed_schedule_is_gone(served: Served) -> None:
    answer = await served.ask("owner", "DELETE", "/schedules/nightly")

    assert (answer.status_code, answer.content) == (204, b"")
    assert (await served.ask("owner", "GET", "/schedules/nightly")).status_code == 404


async def test_the_path_beside_schedules_is_none_of_them(served: Served) -> None:
    for method in ("GET", "PATCH", "DELETE"):
        answer = await served.ask("owner", method, "/schedules/preview")

        assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
