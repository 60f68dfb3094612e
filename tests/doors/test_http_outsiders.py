"""Every route, outsiders first: the stranger, the other tenant, and the agent without grants."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from doors.door_world import WAIT, Doorway, is_problem, open_doorway
from doors.outsider_attempts import (
    ALIVE,
    ASK,
    ATTEMPTS,
    CHEAP,
    CRM,
    FOR_STRANGERS,
    HOOK,
    MANUAL,
    OPEN,
    PASSWORD,
    PUBLISHED,
    ROLE,
    SCHEDULE,
    SIGNED,
    SQL_DATABASE,
    SQL_QUERY,
    USER,
    Attempt,
)
from doors.runs_doorway import begun
from muelle.engine import JobKind, JobStep
from muelle.rooms import working


@dataclass
class Furnished:
    """An installation in which there is one of everything, and where each of it is."""

    doorway: Doorway
    places: dict[str, str]
    runs: dict[str, str]  # the run that waits for an approval, and the job

    async def send(self, client: httpx.AsyncClient, attempt: Attempt) -> httpx.Response:
        room = attempt.path.split("/")[3:4]
        run = {"execution_id": self.runs[room[0]]} if room and room[0] in self.runs else {}
        path = attempt.path.format(**{**self.places, **run}) + attempt.query
        return await client.request(attempt.method, path, json=attempt.body)


async def _copy(_: dict[str, Any], __: JobStep) -> None:
    """Copy nothing."""


@pytest.fixture
async def furnished() -> AsyncIterator[Furnished]:
    async with open_doorway(environment=CHEAP) as doorway:
        doorway.app.jobs.register(JobKind(name="copy", payload=dict, perform=_copy))
        owner = await doorway.owner()
        await doorway.agent(("operations:use", "Wait"), name="aimed-at")
        await owner.post("/api/v1/apis", json=CRM)
        await owner.post("/api/v1/credentials", json={"id": "token", "secret": "s3cret-value", "apis": ["crm"]})
        await owner.post("/api/v1/databases", json=SQL_DATABASE)
        await owner.post("/api/v1/sql-queries", json=SQL_QUERY)
        manual = (await owner.post("/api/v1/knowledge/documents", json=MANUAL)).json()["id"]
        run = await owner.post("/api/v1/workflows/execute", json={"workflow": WAIT})
        async with working(doorway.app):
            asking = await begun(owner, ASK)
        keys = (await owner.get("/api/v1/agents/aimed-at/keys")).json()["keys"]
        grants = (await owner.get("/api/v1/agents/aimed-at/grants")).json()["grants"]
        await owner.post("/api/v1/roles", json=ROLE | {"name": "clerk"})
        await owner.put("/api/v1/agents/aimed-at/roles/clerk")
        await owner.post("/api/v1/domains", json={"domain": "example.com"})
        places = {"agent": "aimed-at", "tenant": "default", "api": "crm", "credential": "token", "role": "clerk"}
        places |= {"domain": "example.com", "database": "shop", "query": "orders", "endpoint": "show"}
        places["document"] = manual
        places |= {"execution_id": run.json()["execution_id"], "key": keys[0]["id"], "grant": grants[0]["id"]}
        places |= await _automated(owner, await doorway.stranger())
        places |= await _peopled(owner, await doorway.stranger())
        job = await owner.post("/api/v1/jobs", json={"kind": "copy"})
        yield Furnished(doorway, places, {"approvals": asking, "jobs": job.json()["execution_id"]})


async def _automated(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> dict[str, str]:
    """Add what runs by name, by time and by a call, which a stranger has tried; return where each is."""
    await owner.post("/api/v1/workflows", json=PUBLISHED | {"name": "report", "version": "7.0.0"})
    await owner.put("/api/v1/workflows/report/aliases/stable", json={"version": "7.0.0"})
    await owner.post("/api/v1/schedules", json=SCHEDULE | {"id": "nightly"})
    hook = (await owner.post("/api/v1/triggers", json=HOOK)).json()["id"]
    await stranger.post(SIGNED.format(tenant="default", hook=hook))
    [refused] = (await owner.get("/api/v1/triggers/called/deliveries")).json()["deliveries"]
    places = {"name": "report", "version": "7.0.0", "alias": "stable", "schedule": "nightly", "operation": "ask"}
    return places | {"trigger": "called", "hook": hook, "delivery": refused["id"]}


async def _peopled(owner: httpx.AsyncClient, stranger: httpx.AsyncClient) -> dict[str, str]:
    """Add a user who has signed in; return where both are."""
    await owner.post("/api/v1/users", json=USER | PASSWORD | {"name": "walter"})
    signed_in = await stranger.post("/api/v1/auth/sign-in", json={"email": USER["email"]} | PASSWORD)
    return {"user": "walter", "passkey": "of-nobody", "session": signed_in.json()["session_id"]}


async def test_every_path_but_these_is_among_the_attempts(doorway: Doorway) -> None:
    document = (await (await doorway.stranger()).get("/openapi.json")).json()
    described = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}

    unguarded = {f"GET {path}" for path in OPEN} | {f"POST {path}" for path in (*FOR_STRANGERS, SIGNED)}
    assert described - unguarded == {attempt.name for attempt in ATTEMPTS}


async def test_every_path_that_the_document_does_not_call_open_refuses_strangers(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    document = (await stranger.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answer = await stranger.request(method, path.replace("{", "").replace("}", ""))
            if path == SIGNED:
                assert (answer.status_code, answer.json()["code"]) == (401, "hook_refused")
            elif path in FOR_STRANGERS:
                assert (answer.status_code, answer.json()["code"]) == FOR_STRANGERS[path]
            elif operation.get("security") == []:
                assert path in OPEN
                assert answer.status_code == 200
            else:
                assert answer.status_code == 401, f"{method} {path}"


async def test_a_stranger_learns_nothing(furnished: Furnished) -> None:
    stranger = await furnished.doorway.stranger()
    for attempt in ATTEMPTS:
        answer = await furnished.send(stranger, attempt)

        assert answer.status_code == 401, attempt.name
        assert is_problem(answer)
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert answer.json()["error"] == "Authentication required"


@pytest.mark.parametrize("tenant", ["default", "other", "nobody"])
async def test_a_webhook_tells_a_stranger_not_even_whether_it_is_there(furnished: Furnished, tenant: str) -> None:
    stranger = await furnished.doorway.stranger()
    await furnished.doorway.neighbour()
    answers = []
    for hook in (furnished.places["hook"], "called", "trigger_1"):
        answer = await stranger.post(SIGNED.format(tenant=tenant, hook=hook), json={"id": 1})
        answers.append({**answer.json(), "request_id": ""})

    assert answers[0]["code"] == "hook_refused"
    assert answers[0]["status"] == 401
    assert answers == [answers[0]] * 3


async def test_a_wrong_key_is_answered_alike_wherever_it_is_shown(furnished: Furnished) -> None:
    wrong = await furnished.doorway.client("mk_" + "0" * 32 + "_" + "A" * 43)
    for attempt in ATTEMPTS:
        answer = await furnished.send(wrong, attempt)

        assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key"), attempt.name


async def test_an_agent_without_grants_gets_nothing(furnished: Furnished) -> None:
    powerless = await furnished.doorway.agent(name="powerless")
    for attempt in ATTEMPTS:
        answer = await furnished.send(powerless, attempt)

        assert answer.status_code == attempt.powerless, f"{attempt.name}: {answer.text}"
        assert answer.status_code < 400 or is_problem(answer)


async def test_another_tenant_sees_and_changes_only_its_own(furnished: Furnished) -> None:
    neighbour = await furnished.doorway.neighbour()
    places = {**furnished.places, **furnished.runs}
    ours = [f'"{value}"' for name, value in places.items() if name != "tenant"]
    for attempt in ATTEMPTS:
        answer = await furnished.send(neighbour, attempt)

        assert answer.status_code == attempt.neighbour, f"{attempt.name}: {answer.text}"
        assert answer.status_code >= 400 or not [value for value in ours if value in answer.text]


@pytest.mark.parametrize("who", ["powerless", "neighbour"])
async def test_what_an_outsider_tried_changed_nothing_here(furnished: Furnished, who: str) -> None:
    owner = await furnished.doorway.owner()
    lists = [attempt for attempt in ATTEMPTS if attempt.method == "GET" and attempt.path not in ALIVE]
    if who == "powerless":
        outsider = await furnished.doorway.agent(name="powerless")
    else:
        outsider = await furnished.doorway.neighbour()
    before = [(await furnished.send(owner, attempt)).text for attempt in lists]

    for attempt in ATTEMPTS:
        await furnished.send(outsider, attempt)

    after = [(await furnished.send(owner, attempt)).text for attempt in lists]
    assert after == before


async def test_lists_of_an_agent_without_grants_are_empty(furnished: Furnished) -> None:
    powerless = await furnished.doorway.agent(name="powerless")

    for name in ("apis", "credentials", "executions", "workflows", "schedules", "triggers", "approvals"):
        page = (await powerless.get(f"/api/v1/{name}")).json()
        assert page == {name: [], "count": 0, "next_cursor": None}
    capabilities = (await powerless.get("/api/v1/capabilities")).json()["capabilities"]
    assert capabilities["supportedOperations"] == []
    assert capabilities["availableApis"] == {}
    assert capabilities["availableCredentials"] == []


READS_BY_POST = {
    "POST /api/v1/workflows/validate",
    "POST /api/v1/knowledge/search",
    "POST /api/v1/schedules/preview",
    "POST /api/v1/triggers/{trigger}/test",
}
NO_BUSINESS_OF_VIEWERS = {"agents", "roles", "members", "audit", "tenants", "limits"}


@pytest.mark.parametrize("role", ["viewer", "operator", "developer"])
async def test_a_lesser_role_manages_nobody(furnished: Furnished, role: str) -> None:
    lesser = await furnished.doorway.agent(name="lesser")
    await (await furnished.doorway.owner()).put(f"/api/v1/agents/lesser/roles/{role}")
    for attempt in ATTEMPTS:
        room = attempt.path.removeprefix("/api/v1/").split("/")[0]
        if room in {"agents", "roles", "members", "tenants"}:
            assert (await furnished.send(lesser, attempt)).status_code == 403, attempt.name


async def test_a_viewer_changes_nothing_and_sees_no_administration(furnished: Furnished) -> None:
    viewer = await furnished.doorway.agent(name="viewer")
    await (await furnished.doorway.owner()).put("/api/v1/agents/viewer/roles/viewer")
    for attempt in ATTEMPTS:
        status = (await furnished.send(viewer, attempt)).status_code
        room = attempt.path.removeprefix("/api/v1/").split("/")[0]
        if attempt.method != "GET" and attempt.name not in READS_BY_POST and room != "auth":
            assert status in {403, 404}, f"{attempt.name}: {status}"
        elif room in NO_BUSINESS_OF_VIEWERS and attempt.powerless != 200:
            assert status == 403, f"{attempt.name}: {status}"


async def test_the_owner_is_refused_nowhere(furnished: Furnished) -> None:
    owner = await furnished.doorway.owner()
    for attempt in [attempt for attempt in ATTEMPTS if attempt.path.split("/")[3:4] != ["auth"]]:
        answer = await furnished.send(owner, attempt)

        is_own_approval = answer.status_code == 403 and answer.json()["code"] == "not_an_approver"
        assert answer.status_code not in {401, 403} or is_own_approval, f"{attempt.name}: {answer.text}"
