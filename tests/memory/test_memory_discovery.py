"""Discovery over a whole installation: what is told, to whom, and within which budget."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest

from doors.door_world import WAIT, Doorway, open_doorway
from muelle.memory import Found
from muelle.memory.discovery.budget import fitted, mixed, tokens
from muelle.memory.discovery.service import MOST_BUDGET, SMALLEST_BUDGET

CRM = {
    "id": "crm",
    "base_url": "https://crm.example.com",
    "description": "Customers and their contacts",
    "endpoints": [
        {"method": "GET", "path": "/contacts", "description": "List contacts of a customer"},
        {"method": "POST", "path": "/contacts", "description": "Add a contact to a customer"},
        {"method": "DELETE", "path": "/contacts/{id}", "description": "Remove a contact"},
    ],
}
TOKEN = {
    "id": "crm-token",
    "type": "bearer-token",
    "description": "Opens the contacts of customers",
    "secret": "do-not-tell-anybody",
    "apis": ["crm"],
}
REPORT = {
    "name": "contact-report",
    "version": "1.0.0",
    "description": "A report on the contacts of each customer",
    "workflow": WAIT,
    "input_schema": {"type": "object", "properties": {"month": {"type": "string"}}, "required": ["month"]},
}
RULES = {"base": "sales", "title": "Rules", "text": "Ask customers before you note their contacts."}


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    """Give an installation with something of each kind in it."""
    async with open_doorway() as opened:
        owner = await opened.owner()
        for path, body in (
            ("apis", CRM),
            ("credentials", TOKEN),
            ("workflows", REPORT),
            ("knowledge/documents", RULES),
        ):
            answer = await owner.post(f"/api/v1/{path}", json=body)
            assert answer.status_code == 201, answer.text
        yield opened


async def found(client: httpx.AsyncClient, query: str, **wishes: Any) -> Any:
    answer = await client.get("/api/v1/discover", params={"q": query, **wishes})
    assert answer.status_code == 200, answer.text
    return answer.json()


def names(answer: Any) -> set[tuple[str, str]]:
    return {(item["kind"], item["id"].partition("#")[0]) for item in answer["items"]}


async def test_one_question_finds_something_of_every_kind(doorway: Doorway) -> None:
    answer = await found(await doorway.owner(), "contacts of a customer", budget=6000)
    kinds = {kind for kind, _ in names(answer)}
    assert kinds == {"operation", "api", "endpoint", "credential", "workflow", "knowledge"}
    assert {("endpoint", "crm GET /contacts"), ("credential", "crm-token")} <= names(answer)


async def test_nothing_is_worth_more_than_the_budget_and_more_budget_tells_more(doorway: Doorway) -> None:
    owner = await doorway.owner()
    sizes = []
    for budget in (SMALLEST_BUDGET, 300, 1000, 3000, MOST_BUDGET):
        answer = await found(owner, "contacts of a customer", budget=budget)
        worth = tokens(answer["items"])
        assert worth <= budget
        assert answer["tokens"] == worth
        sizes.append(worth)
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


async def test_operations_and_workflows_are_told_with_their_schemas_where_there_is_room(doorway: Doorway) -> None:
    owner = await doorway.owner()
    wide = await found(owner, "contact report", kind="workflow")
    assert wide["items"][0]["input_schema"]["required"] == ["month"]
    narrow = await found(owner, "filter a list", kind="operation", budget=200)
    assert all("schema" not in item and item["summary"] for item in narrow["items"])


async def test_an_agent_finds_what_its_grants_show_and_nothing_tells_of_the_rest(doorway: Doorway) -> None:
    agent = await doorway.agent(("apis:call", "crm GET /contacts"), ("knowledge:read", "other"))
    answer = await found(agent, "contacts of a customer", budget=MOST_BUDGET)
    assert names(answer) == {("api", "crm"), ("endpoint", "crm GET /contacts")}
    assert (answer["count"], answer["left_out"]) == (2, 0)


async def test_an_agent_without_grants_and_another_tenant_find_nothing_of_it(doorway: Doorway) -> None:
    assert (await found(await doorway.agent(), "contacts"))["items"] == []
    answer = await found(await doorway.neighbour(), "contacts of a customer", budget=MOST_BUDGET)
    assert {kind for kind, _ in names(answer)} == {"operation"}
    assert (await (await doorway.stranger()).get("/api/v1/discover")).status_code == 401


async def test_no_secret_is_told(doorway: Doorway) -> None:
    answer = await found(await doorway.owner(), "do-not-tell-anybody token", budget=MOST_BUDGET)
    assert str(TOKEN["secret"]) not in msgspec.json.encode(answer).decode().replace(answer["query"], "")


async def test_what_changes_is_told_as_it_is_now(doorway: Doorway) -> None:
    owner = await doorway.owner()
    await found(owner, "contacts")
    await owner.delete("/api/v1/apis/crm")
    await owner.post("/api/v1/apis", json={**CRM, "id": "shop", "base_url": "https://shop.example.com"})
    after = names(await found(owner, "contacts of a customer", budget=MOST_BUDGET))
    assert ("api", "shop") in after
    assert not any(name.startswith("crm ") or name == "crm" for kind, name in after if kind != "credential")


@pytest.mark.parametrize(
    ("wrong", "named"),
    [({"budget": SMALLEST_BUDGET - 1}, "budget"), ({"budget": MOST_BUDGET + 1}, "budget"), ({"kind": "x"}, "kind")],
)
async def test_what_cannot_be_asked_is_refused_by_name(doorway: Doorway, wrong: dict[str, Any], named: str) -> None:
    answer = await (await doorway.owner()).get("/api/v1/discover", params={"q": "x", **wrong})
    assert answer.status_code == 422
    assert named in answer.text


async def test_knowledge_is_kept_asked_listed_and_removed_over_http(doorway: Doorway) -> None:
    owner = await doorway.owner()
    listed = (await owner.get("/api/v1/knowledge/documents", params={"base": "sales"})).json()
    (document,) = listed["documents"]
    asked = (await owner.post("/api/v1/knowledge/search", json={"query": "note contacts", "base": "sales"})).json()
    assert asked["results"][0]["text"] == RULES["text"]
    shown = (await owner.get(f"/api/v1/knowledge/documents/{document['id']}")).json()
    assert shown["parts"][0]["text"] == RULES["text"]
    assert (await owner.get("/api/v1/knowledge/bases")).json()["bases"] == [{"id": "sales", "documents": 1, "parts": 1}]
    assert (await owner.delete(f"/api/v1/knowledge/documents/{document['id']}")).status_code == 204
    assert (await owner.get(f"/api/v1/knowledge/documents/{document['id']}")).status_code == 404


async def test_knowledge_is_closed_to_who_has_no_grant(doorway: Doorway) -> None:
    bot, other = await doorway.agent(("knowledge:read", "sales")), await doorway.neighbour()
    (document,) = (await bot.get("/api/v1/knowledge/documents")).json()["documents"]
    place = f"/api/v1/knowledge/documents/{document['id']}"
    assert (await bot.post("/api/v1/knowledge/documents", json=RULES)).status_code == 403
    assert (await bot.delete(place)).status_code == 403
    assert [(await other.get(place)).status_code, (await other.delete(place)).status_code] == [404, 404]
    assert (await other.post("/api/v1/knowledge/search", json={"query": "customers"})).json()["results"] == []


def hit(kind: Any, score: float) -> Found:
    return Found(kind=kind, id=f"{kind}{score}", title="", body="", tags=(), score=score)


def test_no_kind_crowds_out_the_others() -> None:
    many = [hit("endpoint", 1 - number / 1000) for number in range(30)]
    order = mixed([*many, hit("operation", 0.4), hit("knowledge", 0.3)])
    assert {each.kind for each in order[:10]} == {"endpoint", "operation", "knowledge"}
    assert len(order) == 32


def test_all_have_their_place_before_the_best_get_more() -> None:
    forms = [{"id": "a", "text": "x" * 400}, {"id": "a"}]
    told = fitted([forms, forms, forms], 150)
    assert [len(each) for each in told] == [1, 1, 1]
    assert [len(each) for each in fitted([forms, forms, forms], 400)] == [2, 2, 2]
    assert fitted([forms], 2) == []
