"""Every route, outsiders first: the stranger, the other tenant, and the agent without grants."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from doors.door_world import WAIT, Doorway, is_problem, open_doorway

OPEN = {"/health", "/ready", "/api/versions"}  # and /openapi.json, which does not describe itself
API = {"id": "new", "base_url": "https://new.example.com"}
CREDENTIAL = {"id": "new", "secret": "s3cret-value", "hosts": ["new.example.com"]}


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
    Attempt("GET", "/api/v1/tenants", 403, 403),
    Attempt("POST", "/api/v1/tenants", 403, 403, {"id": "third"}),
    Attempt("GET", "/api/v1/tenants/{tenant}", 403, 403),
    Attempt("PATCH", "/api/v1/tenants/{tenant}", 403, 403, {"addresses": ["127.0.0.0/8"]}),
    Attempt("GET", "/api/v1/audit", 403, 200),
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
]


@dataclass
class Furnished:
    """An installation in which there is one of everything, and where each of it is."""

    doorway: Doorway
    places: dict[str, str]

    async def send(self, client: httpx.AsyncClient, attempt: Attempt) -> httpx.Response:
        path = attempt.path.format(**self.places) + attempt.query
        return await client.request(attempt.method, path, json=attempt.body)


@pytest.fixture
async def furnished() -> AsyncIterator[Furnished]:
    async with open_doorway() as doorway:
        owner = await doorway.owner()
        await doorway.agent(("operations:use", "Wait"), name="target")
        await owner.post("/api/v1/apis", json={"id": "crm", "base_url": "https://crm.example.com"})
        await owner.post("/api/v1/credentials", json={"id": "token", "secret": "s3cret-value", "apis": ["crm"]})
        run = await owner.post("/api/v1/workflows/execute", json={"workflow": WAIT})
        keys = (await owner.get("/api/v1/agents/target/keys")).json()["keys"]
        grants = (await owner.get("/api/v1/agents/target/grants")).json()["grants"]
        places = {"agent": "target", "tenant": "default", "api": "crm", "credential": "token"}
        places |= {"execution_id": run.json()["execution_id"], "key": keys[0]["id"], "grant": grants[0]["id"]}
        yield Furnished(doorway, places)


async def test_every_path_but_these_is_among_the_attempts(doorway: Doorway) -> None:
    document = (await (await doorway.stranger()).get("/openapi.json")).json()
    described = {f"{method.upper()} {path}" for path, methods in document["paths"].items() for method in methods}

    assert described - {f"GET {path}" for path in OPEN} == {attempt.name for attempt in ATTEMPTS}


async def test_every_path_that_the_document_does_not_call_open_refuses_strangers(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    document = (await stranger.get("/openapi.json")).json()
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            answer = await stranger.request(method, path.replace("{", "").replace("}", ""))
            if operation.get("security") == []:
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
    ours = [f'"{value}"' for name, value in furnished.places.items() if name != "tenant"]
    for attempt in ATTEMPTS:
        answer = await furnished.send(neighbour, attempt)

        assert answer.status_code == attempt.neighbour, f"{attempt.name}: {answer.text}"
        assert answer.status_code >= 400 or not [value for value in ours if value in answer.text]


@pytest.mark.parametrize("who", ["powerless", "neighbour"])
async def test_what_an_outsider_tried_changed_nothing_here(furnished: Furnished, who: str) -> None:
    owner = await furnished.doorway.owner()
    lists = [attempt for attempt in ATTEMPTS if attempt.method == "GET" and "audit" not in attempt.path]
    if who == "powerless":
        outsider = await furnished.doorway.agent(name="powerless")
    else:
        outsider = await furnished.doorway.neighbour()
    before = [(await furnished.send(owner, attempt)).text for attempt in lists if "metrics" not in attempt.path]

    for attempt in ATTEMPTS:
        await furnished.send(outsider, attempt)

    after = [(await furnished.send(owner, attempt)).text for attempt in lists if "metrics" not in attempt.path]
    assert after == before


async def test_lists_of_an_agent_without_grants_are_empty(furnished: Furnished) -> None:
    powerless = await furnished.doorway.agent(name="powerless")

    for name in ("apis", "credentials", "executions"):
        page = (await powerless.get(f"/api/v1/{name}")).json()
        assert page == {name: [], "count": 0, "next_cursor": None}
    capabilities = (await powerless.get("/api/v1/capabilities")).json()["capabilities"]
    assert capabilities["supportedOperations"] == []
    assert capabilities["availableApis"] == {}
    assert capabilities["availableCredentials"] == []
