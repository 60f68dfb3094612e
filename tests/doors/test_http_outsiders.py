"""Every route, outsiders first: the stranger, the other tenant, and the agent without grants."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from doors.door_world import WAIT, Doorway, document, is_problem, open_doorway
from doors.runs_doorway import begun
from muelle.engine import JobKind, JobStep
from muelle.rooms import working

OPEN = {
    "/health",
    "/ready",
    "/api/versions",
    "/.well-known/jwks.json",
    "/api/v1/auth/providers",
}  # and /openapi.json, not described
RECORD = {f"/api/v1/audit{part}" for part in ("", "/export", "/head", "/verify")}
ALIVE = {
    "/metrics",
    "/api/v1/rate-limit/status",
    "/api/v1/queue",
    *RECORD,
}  # what these say changes by being asked, or with time
SIGNED = "/hooks/{tenant}/{hook}"  # strangers call it, whose signature says who they are
FOR_STRANGERS = {  # how they stop being any; without a body they get nothing
    f"/api/v1/auth/{name}": (400, "invalid_body")
    for name in ("sign-in", "sign-up", "accept", "forgot", "reset", "verify", "refresh", "providers/{provider}/finish")
} | {"/api/v1/auth/providers/{provider}/begin": (404, "provider_not_found")}
ASK = document(("ask", "Approve", {"message": "Pay?", "outputPath": "/workflow/paid"}))
PUBLISHED = {"name": "new", "workflow": WAIT}
SCHEDULE = {"id": "new", "cron": "0 3 * * *", "document": WAIT}
TRIGGER = {"name": "new", "workflow": "new", "pattern": {"type": "order.paid"}}
HOOK = {"name": "called", "kind": "webhook", "workflow": "report", "webhook": {"scheme": {"scheme": "standard"}}}
ROLE = {"name": "new", "rules": [{"scope": "runs:read", "pattern": "*"}]}
API = {"id": "new", "base_url": "https://new.example.com"}
USER = {"name": "person", "email": "person@example.com"}
PASSWORD = {"password": "correct horse battery"}
CREDENTIAL = {"id": "new", "secret": "s3cret-value", "hosts": ["new.example.com"]}


CHEAP = {  # passwords and keys that cost no time
    "MUELLE__IDENTITY__TOKENS__ALGORITHM": "EdDSA",
    "MUELLE__IDENTITY__USERS__SIGN_UP": "invitation",
    "MUELLE__IDENTITY__USERS__MEMORY_KIB": "8",
}


@dataclass(frozen=True)
class Attempt:
    """A request, and the statuses that an agent without grants and another tenant's owner get for it."""

    method: str
    path: str
    powerless: int
    neighbour: int
    body: Any = None
    query: str = ""

    @property
    def name(self) -> str:
        return f"{self.method} {self.path}"


ATTEMPTS = [
    Attempt("GET", "/metrics", 403, 403),
    Attempt("GET", "/api/v1/capabilities", 200, 200),
    Attempt("GET", "/api/v1/me", 200, 200),
    Attempt("POST", "/api/v1/workflows/validate", 403, 200, {"workflow": WAIT}),
    Attempt("POST", "/api/v1/workflows/execute", 403, 200, {"workflow": WAIT}),
    Attempt("GET", "/api/v1/workflows", 200, 200),
    Attempt("POST", "/api/v1/workflows", 403, 201, PUBLISHED),
    Attempt("GET", "/api/v1/workflows/{name}", 404, 404),
    Attempt("PATCH", "/api/v1/workflows/{name}", 403, 404, {"description": "mine"}),
    Attempt("DELETE", "/api/v1/workflows/{name}", 403, 404),
    Attempt("GET", "/api/v1/workflows/{name}/history", 404, 404),
    Attempt("GET", "/api/v1/workflows/{name}/diff", 404, 404, query="?before=7.0.0"),
    Attempt("GET", "/api/v1/workflows/{name}/versions", 404, 404),
    Attempt("GET", "/api/v1/workflows/{name}/versions/{version}", 404, 404),
    Attempt("POST", "/api/v1/workflows/{name}/versions/{version}/deprecate", 403, 404, {}),
    Attempt("POST", "/api/v1/workflows/{name}/versions/{version}/withdraw", 403, 404, {}),
    Attempt("POST", "/api/v1/workflows/{name}/versions/{version}/restore", 403, 404),
    Attempt("PUT", "/api/v1/workflows/{name}/aliases/{alias}", 403, 404, {"version": "7.0.0"}),
    Attempt("DELETE", "/api/v1/workflows/{name}/aliases/{alias}", 403, 404),
    Attempt("POST", "/api/v1/workflows/{name}/rollback", 403, 404, {}),
    Attempt("POST", "/api/v1/workflows/{name}/execute", 403, 404, {}),
    Attempt("GET", "/api/v1/approvals", 200, 200),
    Attempt("GET", "/api/v1/approvals/{execution_id}/{operation}", 404, 404),
    Attempt("POST", "/api/v1/approvals/{execution_id}/{operation}/approve", 404, 404, {}),
    Attempt("POST", "/api/v1/approvals/{execution_id}/{operation}/reject", 404, 404, {}),
    Attempt("GET", "/api/v1/executions", 200, 200),
    Attempt("GET", "/api/v1/executions/{execution_id}", 404, 404),
    Attempt("GET", "/api/v1/executions/{execution_id}/result", 404, 404),
    Attempt("GET", "/api/v1/executions/{execution_id}/events", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/cancel", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/pause", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/resume", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/replay", 404, 404),
    Attempt("POST", "/api/v1/executions/{execution_id}/rerun", 404, 404),
    Attempt("PATCH", "/api/v1/executions/{execution_id}", 404, 404, {"priority": 1}),
    Attempt("GET", "/api/v1/agents", 403, 200),
    Attempt("POST", "/api/v1/agents", 403, 201, {"name": "new"}),
    Attempt("GET", "/api/v1/agents/{agent}", 403, 404),
    Attempt("PATCH", "/api/v1/agents/{agent}", 403, 404, {"description": "mine"}),
    Attempt("POST", "/api/v1/agents/{agent}/disable", 403, 404),
    Attempt("POST", "/api/v1/agents/{agent}/enable", 403, 404),
    Attempt("GET", "/api/v1/agents/{agent}/keys", 403, 404),
    Attempt("POST", "/api/v1/agents/{agent}/keys", 403, 404, {}),
    Attempt("DELETE", "/api/v1/agents/{agent}/keys/{key}", 403, 404),
    Attempt("GET", "/api/v1/agents/{agent}/grants", 403, 404),
    Attempt("POST", "/api/v1/agents/{agent}/grants", 403, 404, {"scope": "runs:read", "pattern": "*"}),
    Attempt("DELETE", "/api/v1/agents/{agent}/grants/{grant}", 403, 404),
    Attempt("GET", "/api/v1/agents/{agent}/explain", 403, 404, query="?scope=runs:read&resource=x"),
    Attempt("GET", "/api/v1/agents/{agent}/roles", 403, 404),
    Attempt("PUT", "/api/v1/agents/{agent}/roles/{role}", 403, 404),
    Attempt("DELETE", "/api/v1/agents/{agent}/roles/{role}", 403, 404),
    Attempt("GET", "/api/v1/roles", 403, 200),
    Attempt("POST", "/api/v1/roles", 403, 201, ROLE),
    Attempt("GET", "/api/v1/roles/{role}", 403, 404),
    Attempt("PATCH", "/api/v1/roles/{role}", 403, 404, {"description": "mine"}),
    Attempt("DELETE", "/api/v1/roles/{role}", 403, 404),
    Attempt("GET", "/api/v1/members", 403, 200),
    Attempt("GET", "/api/v1/domains", 403, 200),
    Attempt("POST", "/api/v1/domains", 403, 201, {"domain": "new.example"}),
    Attempt("POST", "/api/v1/domains/{domain}/verify", 403, 404),
    Attempt("DELETE", "/api/v1/domains/{domain}", 403, 404),
    Attempt("GET", "/api/v1/auth/sessions", 200, 200),
    Attempt("DELETE", "/api/v1/auth/sessions/{session}", 404, 404),
    Attempt("POST", "/api/v1/auth/sign-out", 400, 400),
    Attempt("POST", "/api/v1/auth/sign-out-everywhere", 200, 200),
    Attempt("POST", "/api/v1/auth/password", 400, 400, PASSWORD | {"new_password": "another horse battery"}),
    Attempt("POST", "/api/v1/auth/email", 400, 400, PASSWORD | {"email": "new@example.com"}),
    Attempt("POST", "/api/v1/auth/second-factor", 400, 400, PASSWORD),
    Attempt("POST", "/api/v1/auth/second-factor/confirm", 400, 400, {"code": "000000"}),
    Attempt("POST", "/api/v1/auth/second-factor/remove", 400, 400, PASSWORD | {"code": "000000"}),
    Attempt("GET", "/api/v1/users", 403, 200),
    Attempt("POST", "/api/v1/users", 403, 201, USER),
    Attempt("POST", "/api/v1/users/invitations", 403, 202, {"email": "guest@example.com"}),
    Attempt("GET", "/api/v1/users/{user}", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/disable", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/enable", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/reset-password", 403, 404),
    Attempt("POST", "/api/v1/users/{user}/remove-second-factor", 403, 404),
    Attempt("GET", "/api/v1/users/{user}/sessions", 403, 404),
    Attempt("DELETE", "/api/v1/users/{user}/sessions", 403, 404),
    Attempt("GET", "/api/v1/tenants", 403, 403),
    Attempt("POST", "/api/v1/tenants", 403, 403, {"id": "third"}),
    Attempt("GET", "/api/v1/tenants/{tenant}", 403, 403),
    Attempt("PATCH", "/api/v1/tenants/{tenant}", 403, 403, {"addresses": ["127.0.0.0/8"]}),
    Attempt("GET", "/api/v1/audit", 403, 200),
    Attempt("GET", "/api/v1/audit/export", 403, 200),
    Attempt("GET", "/api/v1/audit/head", 403, 200),
    Attempt("GET", "/api/v1/audit/verify", 403, 200),
    Attempt("GET", "/api/v1/apis", 200, 200),
    Attempt("POST", "/api/v1/apis", 403, 201, API),
    Attempt("GET", "/api/v1/apis/{api}", 404, 404),
    Attempt("PATCH", "/api/v1/apis/{api}", 404, 404, {"base_url": "https://evil.example.com"}),
    Attempt("DELETE", "/api/v1/apis/{api}", 403, 404),
    Attempt("GET", "/api/v1/credentials", 200, 200),
    Attempt("POST", "/api/v1/credentials", 403, 201, CREDENTIAL),
    Attempt("GET", "/api/v1/credentials/{credential}", 404, 404),
    Attempt("PATCH", "/api/v1/credentials/{credential}", 404, 404, {"hosts": ["evil.example.com"]}),
    Attempt("DELETE", "/api/v1/credentials/{credential}", 403, 404),
    Attempt("GET", "/api/v1/rate-limit/status", 200, 200),
    Attempt("PUT", "/api/v1/rate-limit/agents/{agent}", 403, 404, {"per_minute": 5}),
    Attempt("POST", "/api/v1/rate-limit/agents/{agent}/reset", 403, 404, {}),
    Attempt("PUT", "/api/v1/rate-limit/tenants/{tenant}", 403, 403, {"per_minute": 5}),
    Attempt("POST", "/api/v1/rate-limit/tenants/{tenant}/reset", 403, 403, {}),
    Attempt("GET", "/api/v1/policies", 200, 200),
    Attempt("GET", "/api/v1/policies/{api}", 404, 404),
    Attempt("GET", "/api/v1/breakers", 200, 200),
    Attempt("DELETE", "/api/v1/breakers/{api}", 403, 404),
    Attempt("GET", "/api/v1/cache", 403, 200),
    Attempt("DELETE", "/api/v1/cache", 403, 200),
    Attempt("GET", "/api/v1/schedules", 200, 200),
    Attempt("POST", "/api/v1/schedules", 403, 201, SCHEDULE),
    Attempt("POST", "/api/v1/schedules/preview", 200, 200, {"cron": "0 12 1 1 *"}),
    Attempt("GET", "/api/v1/schedules/{schedule}", 404, 404),
    Attempt("PATCH", "/api/v1/schedules/{schedule}", 404, 404, {"cron": "* * * * *"}),
    Attempt("POST", "/api/v1/schedules/{schedule}/pause", 403, 404),
    Attempt("POST", "/api/v1/schedules/{schedule}/resume", 403, 404),
    Attempt("POST", "/api/v1/schedules/{schedule}/run", 403, 404),
    Attempt("GET", "/api/v1/schedules/{schedule}/preview", 404, 404),
    Attempt("GET", "/api/v1/schedules/{schedule}/executions", 404, 404),
    Attempt("DELETE", "/api/v1/schedules/{schedule}", 403, 404),
    Attempt("GET", "/api/v1/jobs/kinds", 200, 200),
    Attempt("GET", "/api/v1/jobs", 200, 200),
    Attempt("POST", "/api/v1/jobs", 403, 202, {"kind": "copy"}),
    Attempt("GET", "/api/v1/jobs/{execution_id}", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/cancel", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/pause", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/resume", 404, 404),
    Attempt("POST", "/api/v1/jobs/{execution_id}/replay", 404, 404),
    Attempt("GET", "/api/v1/dead", 200, 200),
    Attempt("GET", "/api/v1/queue", 403, 200),
    Attempt("POST", "/api/v1/queue/pause-key", 403, 204, {"key": "api", "seconds": 1}),
    Attempt("GET", "/api/v1/triggers", 200, 200),
    Attempt("POST", "/api/v1/triggers", 403, 201, TRIGGER),
    Attempt("GET", "/api/v1/triggers/{trigger}", 404, 404),
    Attempt("PATCH", "/api/v1/triggers/{trigger}", 404, 404, {"priority": 1}),
    Attempt("POST", "/api/v1/triggers/{trigger}/enable", 403, 404),
    Attempt("POST", "/api/v1/triggers/{trigger}/disable", 403, 404),
    Attempt("POST", "/api/v1/triggers/{trigger}/rotate-secret", 403, 404, {}),
    Attempt("POST", "/api/v1/triggers/{trigger}/test", 404, 404, {"event": {"type": "order.paid"}}),
    Attempt("GET", "/api/v1/triggers/{trigger}/deliveries", 404, 404),
    Attempt("POST", "/api/v1/triggers/{trigger}/deliveries/{delivery}/replay", 403, 404),
    Attempt("DELETE", "/api/v1/triggers/{trigger}", 403, 404),
]


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
        await owner.post("/api/v1/apis", json={"id": "crm", "base_url": "https://crm.example.com"})
        await owner.post("/api/v1/credentials", json={"id": "token", "secret": "s3cret-value", "apis": ["crm"]})
        run = await owner.post("/api/v1/workflows/execute", json={"workflow": WAIT})
        async with working(doorway.app):
            asking = await begun(owner, ASK)
        keys = (await owner.get("/api/v1/agents/aimed-at/keys")).json()["keys"]
        grants = (await owner.get("/api/v1/agents/aimed-at/grants")).json()["grants"]
        await owner.post("/api/v1/roles", json=ROLE | {"name": "clerk"})
        await owner.put("/api/v1/agents/aimed-at/roles/clerk")
        await owner.post("/api/v1/domains", json={"domain": "example.com"})
        places = {"agent": "aimed-at", "tenant": "default", "api": "crm", "credential": "token", "role": "clerk"}
        places |= {"domain": "example.com"}
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
    return {"user": "walter", "session": signed_in.json()["session_id"]}


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
