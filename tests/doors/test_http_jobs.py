"""Jobs over HTTP: outsiders first, then what they are, how they go on, and what becomes of them."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from doors.door_world import Doorway, is_problem, open_doorway
from muelle.engine import JobKind, JobStep
from muelle.identity import AuditFilter
from muelle.rooms import working

JOBS = "/api/v1/jobs"
ATTEMPTS = [  # with what an agent without grants and another tenant's owner get
    ("GET", "/jobs/kinds", None, 200, 200),
    ("GET", "/jobs", None, 200, 200),
    ("POST", "/jobs", {"kind": "copy"}, 403, 202),
    ("GET", "/jobs/{run}", None, 404, 404),
    ("POST", "/jobs/{run}/cancel", None, 404, 404),
    ("POST", "/jobs/{run}/pause", None, 404, 404),
    ("POST", "/jobs/{run}/resume", None, 404, 404),
    ("POST", "/jobs/{run}/replay", None, 404, 404),
    ("GET", "/dead", None, 200, 200),
    ("GET", "/queue", None, 403, 200),
    ("POST", "/queue/pause-key", {"key": "api", "seconds": 1}, 403, 204),
]


class Copy(msgspec.Struct, forbid_unknown_fields=True):
    """What is copied."""

    pages: int = 1


async def copy(payload: Copy, _: JobStep) -> Any:
    return {"copied": payload.pages}


async def fail(_: Copy, __: JobStep) -> Any:
    raise ZeroDivisionError


async def wait(_: Copy, __: JobStep) -> Any:
    await asyncio.Event().wait()


def registered(doorway: Doorway) -> Doorway:
    kinds = {"copy": copy, "fail": fail, "wait": wait}
    for name, perform in kinds.items():
        doorway.app.jobs.register(
            JobKind(name=name, payload=Copy, perform=perform, summary=f"It does {name}.", attempts=1)
        )
    return doorway


@pytest.fixture
async def idle() -> AsyncIterator[Doorway]:
    """Give an installation in which no worker is."""
    async with open_doorway() as opened:
        yield registered(opened)


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    """Give an installation with a worker in it."""
    async with open_doorway() as opened, working(registered(opened).app):
        yield opened


async def submitted(client: httpx.AsyncClient, kind: str = "copy", **more: Any) -> str:
    answer = await client.post(JOBS, json={"kind": kind, **more})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["execution_id"])


async def attempt(client: httpx.AsyncClient, run: str, method: str, path: str, body: Any) -> httpx.Response:
    return await client.request(method, f"/api/v1{path.format(run=run)}", json=body)


async def test_a_stranger_learns_nothing(idle: Doorway) -> None:
    run = await submitted(await idle.owner())
    stranger = await idle.stranger()
    for method, path, body, *_ in ATTEMPTS:
        assert (await attempt(stranger, run, method, path, body)).status_code == 401


@pytest.mark.parametrize("who", ["powerless", "neighbour"])
async def test_an_outsider_sees_and_changes_nothing_here(idle: Doorway, who: str) -> None:
    owner = await idle.owner()
    run = await submitted(owner)
    outsider = await (idle.neighbour() if who == "neighbour" else idle.agent(name="powerless"))

    for method, path, body, powerless, neighbour in ATTEMPTS:
        answer = await attempt(outsider, run, method, path, body)
        assert answer.status_code == (neighbour if who == "neighbour" else powerless), f"{path}: {answer.text}"
        assert answer.status_code < 400 or is_problem(answer)
        assert f'"{run}"' not in answer.text.replace('"execution":"', "")

    assert [job["execution_id"] for job in (await owner.get(JOBS)).json()["jobs"]] == [run]


async def test_every_route_is_among_the_attempts(idle: Doorway) -> None:
    document = (await (await idle.owner()).get("/openapi.json")).json()
    described = {
        (method.upper(), path.removeprefix("/api/v1").replace("{execution_id}", "{run}"))
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation.get("tags") == ["jobs"]
    }
    assert described == {(method, path) for method, path, *_ in ATTEMPTS}


async def test_one_sees_the_kinds_that_one_may_hand_in(idle: Doorway) -> None:
    agent = await idle.agent(("jobs:run", "cop*"))
    mine = (await agent.get(f"{JOBS}/kinds")).json()
    all_of_them = (await (await idle.owner()).get(f"{JOBS}/kinds")).json()

    assert [kind["name"] for kind in mine["kinds"]] == ["copy"]
    assert {"copy", "fail", "wait"} <= {kind["name"] for kind in all_of_them["kinds"]}
    (kind,) = mine["kinds"]
    assert kind["summary"] == "It does copy."
    assert kind["payload"]["$defs"]["Copy"]["properties"] == {"pages": {"type": "integer", "default": 1}}


async def test_what_one_may_not_hand_in_is_refused_and_recorded(idle: Doorway) -> None:
    agent = await idle.agent(("jobs:run", "copy"))
    for kind in ("fail", "nothing"):
        answer = await agent.post(JOBS, json={"kind": kind})
        assert (answer.status_code, answer.json()["resource"]) == (403, kind)

    await submitted(agent)
    page = await idle.app.stores.trail.page((await idle.principal()).tenant, AuditFilter(action="jobs.submit"))
    assert [(act.resource, act.decision) for act in page.items] == [
        ("copy", "allowed"),
        ("nothing", "refused"),
        ("fail", "refused"),
    ]


async def test_a_job_is_handed_in_and_asked_for(doorway: Doorway) -> None:
    owner = await doorway.owner()
    answer = await owner.post(JOBS, json={"kind": "copy", "payload": {"pages": 3}}, headers={"prefer": "wait=20"})

    job = answer.json()
    assert (answer.status_code, answer.headers["preference-applied"]) == (200, "wait=20")
    assert answer.headers["location"] == f"{JOBS}/{job['execution_id']}"
    assert (job["status"], job["kind"], job["payload"], job["result"]) == (
        "success",
        "copy",
        {"pages": 3},
        {"copied": 3},
    )
    assert (await owner.get(answer.headers["location"])).json() == job


async def test_a_job_that_goes_on_is_accepted_and_can_be_cancelled(doorway: Doorway) -> None:
    owner = await doorway.owner()
    answer = await owner.post(JOBS, json={"kind": "wait"}, headers={"prefer": "wait=0"})
    place = answer.headers["location"]
    assert (answer.status_code, answer.json()["result"]) == (202, None)

    assert (await owner.post(f"{place}/cancel")).status_code == 202
    async with asyncio.timeout(20):
        while (await owner.get(place)).json()["status"] != "cancelled":  # noqa: ASYNC110 - it is the server that knows
            await asyncio.sleep(0.01)
    again = await owner.post(f"{place}/cancel")
    assert (again.status_code, again.json()["code"]) == (409, "run_ended")


async def test_a_job_that_was_given_up_is_among_the_dead_until_it_is_replayed(doorway: Doorway) -> None:
    owner = await doorway.owner()
    answer = await owner.post(JOBS, json={"kind": "fail"}, headers={"prefer": "wait=20"})
    assert (answer.status_code, answer.json()["status"], answer.json()["error"]["code"]) == (200, "dead", "job_crashed")

    dead = (await owner.get("/api/v1/dead")).json()["jobs"]
    assert [(job["execution_id"], job["error"]["fault"]) for job in dead] == [
        (answer.json()["execution_id"], "ZeroDivisionError")
    ]
    assert (await owner.post(f"{answer.headers['location']}/replay")).status_code == 202
    live = await submitted(owner, run_at=3600)
    refused = await owner.post(f"{JOBS}/{live}/replay")
    assert (refused.status_code, refused.json()["code"]) == (409, "run_not_dead")


async def test_an_agent_sees_its_own_jobs_and_with_a_grant_those_of_others(idle: Doorway) -> None:
    owner, agent = await idle.owner(), await idle.agent(("jobs:run", "*"))
    reader = await idle.agent(("runs:read", "*"), name="reader")
    theirs, own = await submitted(owner), await submitted(agent)

    assert [job["execution_id"] for job in (await agent.get(JOBS)).json()["jobs"]] == [own]
    assert {job["execution_id"] for job in (await reader.get(JOBS)).json()["jobs"]} == {theirs, own}
    assert (await agent.get(f"{JOBS}/{theirs}")).status_code == 404
    refused = await reader.post(f"{JOBS}/{own}/cancel")
    assert (refused.status_code, refused.json()["scope"]) == (403, "runs:write")
    assert (await agent.post(f"{JOBS}/{own}/cancel")).status_code == 202


async def test_jobs_are_listed_over_all_kinds_page_by_page_newest_first(idle: Doorway) -> None:
    owner = await idle.owner()
    runs = [await submitted(owner, kind) for kind in ("copy", "wait", "copy", "fail", "wait")]

    found, cursor = list[str](), ""
    while cursor is not None:
        page = (await owner.get(f"{JOBS}?limit=2{cursor and f'&cursor={cursor}'}")).json()
        found += [job["execution_id"] for job in page["jobs"]]
        cursor = page["next_cursor"]

    assert found == runs[::-1]


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("kind=copy", 2),
        ("kind=wait&status=queued", 1),
        ("status=dead", 0),
        ("agent_id=agent_nobody", 0),
        ("since=2099-01-01T00:00:00Z", 0),
        ("until=2099-01-01T00:00:00", 3),
    ],
)
async def test_each_filter_narrows_the_list(idle: Doorway, query: str, count: int) -> None:
    owner = await idle.owner()
    for kind in ("copy", "wait", "copy"):
        await submitted(owner, kind)

    assert (await owner.get(f"{JOBS}?{query}")).json()["count"] == count


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"kind": "copy", "payload": {"pages": "x"}}, "payload.pages"),
        ({"kind": "nothing"}, "kind"),
        ({"kind": "copy", "priority": 6}, "priority"),
        ({"kind": "copy", "run_at": "2000-01-01T00:00:00"}, "run_at"),
        ({"kind": "copy", "run_at": 32_000_000}, "run_at"),
        ({"kind": "copy", "deadline": "2000-01-01T00:00:00Z"}, "deadline"),
        ({"kind": "copy", "concurrency_key": "k"}, "concurrency"),
        ({"kind": "copy", "rate": 1}, "rate_key"),
        ({"kind": "copy", "key": "other"}, "key"),
        ({"kind": "copy", "colour": 1}, "colour"),
        ({}, "kind"),
    ],
)
async def test_a_wrong_body_is_answered_with_the_name_of_the_field(idle: Doorway, body: Any, field: str) -> None:
    answer = await (await idle.owner()).post(JOBS, json=body, headers={"idempotency-key": "k"})

    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_a_job_is_among_the_runs_and_found_there_by_its_kind(idle: Doorway) -> None:
    owner = await idle.owner()
    run = await submitted(owner, "crm.add_notes", payload={"query": "ada", "text": "Hello"})

    found = (await owner.get("/api/v1/executions?kind=crm.add_notes")).json()["executions"]
    assert [(entry["execution_id"], entry["kind"]) for entry in found] == [(run, "crm.add_notes")]


async def test_a_kind_that_is_not_is_no_filter_and_names_those_that_are(idle: Doorway) -> None:
    answer = await (await idle.owner()).get(f"{JOBS}?kind=workflow")

    assert (answer.status_code, answer.json()["field"]) == (400, "kind")
    assert "copy" in answer.json()["known"]


async def test_the_same_key_is_the_same_job(idle: Doorway) -> None:
    owner = await idle.owner()
    first = await owner.post(JOBS, json={"kind": "copy"}, headers={"idempotency-key": "k"})
    again = await owner.post(JOBS, json={"kind": "copy", "key": "k"})
    other = await owner.post(JOBS, json={"kind": "copy", "payload": {"pages": 2}, "key": "k"})

    assert first.json()["execution_id"] == again.json()["execution_id"]
    assert (first.headers.get("idempotent-replayed"), again.headers["idempotent-replayed"]) == (None, "true")
    assert (other.status_code, other.json()["code"]) == (409, "idempotency_conflict")


async def test_the_queue_shows_the_operator_what_waits_and_who_is_there(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await submitted(owner, run_at=3600)
    neighbour = await doorway.neighbour()

    queue = (await owner.get("/api/v1/queue")).json()
    assert queue["queues"] == [{"queue": "default", "state": "sleeping", "jobs": 1, "age_seconds": 0.0}]
    assert queue["workers_alive"] == 1
    (worker,) = queue["workers"]
    assert (worker["queues"], worker["held"], worker["places"]) == (["default"], 0, 128)
    assert 0 < worker["lease_left_seconds"] <= 5
    theirs = (await neighbour.get("/api/v1/queue")).json()
    assert theirs == {"queues": [], "workers_alive": 1, "workers": []}


async def test_a_rate_key_is_paused_by_who_may_change_all_runs(idle: Doorway) -> None:
    owner, agent = await idle.owner(), await idle.agent(("runs:write", "agent_1"))
    body = {"key": "api", "seconds": 60}

    assert (await agent.post("/api/v1/queue/pause-key", json=body)).status_code == 403
    assert (await owner.post("/api/v1/queue/pause-key", json=body)).status_code == 204
    rows = await idle.app.stores.database.fetch("SELECT key FROM limit_keys WHERE paused_until > 0")
    assert [tuple(row) for row in rows] == [("r:api",)]
