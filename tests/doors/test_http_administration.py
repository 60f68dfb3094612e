"""The administrators' routes, as their owner uses them; in memory and on SQLite."""

from typing import Any

import httpx
import pytest

from doors.door_world import WAIT, Doorway, is_problem

SECRET = "s3cret-value-of-the-crm"


async def names(client: httpx.AsyncClient, kind: str, **query: Any) -> list[str]:
    listed = (await client.get(f"/api/v1/{kind}", params=query)).json()[kind]
    return [item.get("name") or item["id"] for item in listed]


async def test_an_agent_is_added_found_changed_and_listed(lasting: Doorway) -> None:
    owner = await lasting.owner()

    added = await owner.post("/api/v1/agents", json={"name": "bot", "description": "Sorts mail.", "preset": "runner"})

    assert added.status_code == 201
    assert added.headers["location"] == "/api/v1/agents/bot"
    assert (await owner.get(added.headers["location"])).json() == added.json()
    changed = await owner.patch("/api/v1/agents/bot", json={"limits": {"operations": 5}})
    assert changed.json() == {**added.json(), "limits": {"operations": 5.0}}
    assert await names(owner, "agents") == ["admin", "bot"]


async def test_a_key_is_shown_once_and_opens_until_it_is_revoked(lasting: Doorway) -> None:
    owner = await lasting.owner()
    await owner.post("/api/v1/agents", json={"name": "bot", "preset": "runner"})

    issued = await owner.post("/api/v1/agents/bot/keys", json={})

    bot = await lasting.client(issued.json()["key"])
    assert (await bot.post("/api/v1/workflows/execute", json={"workflow": WAIT})).json()["status"] == "success"
    [listed] = (await owner.get("/api/v1/agents/bot/keys")).json()["keys"]
    assert "key" not in listed
    assert issued.json()["key"].endswith(listed["hint"])
    assert (await owner.delete(issued.headers["location"])).status_code == 204
    assert (await bot.get("/api/v1/me")).status_code == 401


async def test_a_disabled_agent_is_a_stranger_until_it_is_enabled(lasting: Doorway) -> None:
    owner, bot = await lasting.owner(), await lasting.agent(name="bot")

    disabled = await owner.post("/api/v1/agents/bot/disable")

    assert disabled.json()["disabled"] is True
    assert (await bot.get("/api/v1/me")).status_code == 401
    await owner.post("/api/v1/agents/bot/enable")
    assert (await bot.get("/api/v1/me")).json()["name"] == "bot"


async def test_a_grant_holds_at_once_and_no_longer_than_it_is_there(lasting: Doorway) -> None:
    owner, bot = await lasting.owner(), await lasting.agent(("operations:use", "*"), name="bot")
    body = {"workflow": WAIT}
    assert (await bot.post("/api/v1/workflows/execute", json=body)).status_code == 403

    grant = await owner.post("/api/v1/agents/bot/grants", json={"scope": "workflows:run", "pattern": "w*"})

    assert (grant.status_code, grant.json()["pattern"]) == (201, "w*")
    assert (await bot.post("/api/v1/workflows/execute", json=body)).status_code == 200
    assert (await owner.delete(grant.headers["location"])).status_code == 204
    assert (await bot.post("/api/v1/workflows/execute", json=body)).status_code == 403


async def test_a_refusal_is_explained_by_the_nearest_grant(lasting: Doorway) -> None:
    owner = await lasting.owner()
    await lasting.agent(("apis:call", "crm GET /contacts/*"), name="bot")
    query = {"scope": "apis:call", "resource": "crm GET /contact"}

    told = (await owner.get("/api/v1/agents/bot/explain", params=query)).json()

    nearest = {"scope": "apis:call", "pattern": "crm GET /contacts/*"}
    [grant] = (await owner.get("/api/v1/agents/bot/grants")).json()["grants"]
    assert told == {"allowed": False, "rule": None, "nearest": nearest, "origin": grant["id"]}


async def test_nobody_gives_what_they_do_not_hold(lasting: Doorway) -> None:
    helper = await lasting.agent(("identity:manage", "*"), name="helper")
    await lasting.agent(name="bot")

    refused = await helper.post("/api/v1/agents/bot/grants", json={"scope": "*", "pattern": "*"})

    assert (refused.status_code, refused.json()["code"]) == (403, "not_held")
    assert (await helper.post("/api/v1/agents/admin/keys", json={})).json()["code"] == "not_held"


async def test_a_page_leads_to_the_next_until_there_is_none(lasting: Doorway) -> None:
    owner = await lasting.owner()
    for number in range(5):
        await owner.post("/api/v1/agents", json={"name": f"bot-{number}"})
    seen, cursor, pages = [], None, 0

    while pages == 0 or cursor:
        query = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        page = (await owner.get("/api/v1/agents", params=query)).json()
        assert page["count"] == len(page["agents"])
        seen += [agent["name"] for agent in page["agents"]]
        cursor, pages = page["next_cursor"], pages + 1

    assert (len(seen), len(set(seen)), pages) == (6, 6, 3)


@pytest.mark.parametrize("kind", ["agents", "agents/admin/keys", "agents/admin/grants", "tenants", "audit"])
async def test_a_cursor_of_something_else_is_refused_or_begins_somewhere(lasting: Doorway, kind: str) -> None:
    answer = await (await lasting.owner()).get(f"/api/v1/{kind}", params={"cursor": "\x7f"})

    assert answer.status_code == 400
    assert is_problem(answer)


@pytest.mark.parametrize("kind", ["agents", "agents/admin/keys", "agents/admin/grants", "tenants", "audit", "apis"])
@pytest.mark.parametrize(("limit", "status"), [(1, 200), (500, 200), (0, 422), (501, 422)])
async def test_a_page_has_1_to_500_items(doorway: Doorway, kind: str, limit: int, status: int) -> None:
    answer = await (await doorway.owner()).get(f"/api/v1/{kind}", params={"limit": limit})

    assert answer.status_code == status


async def test_a_new_tenant_has_an_owner_who_rules_it_alone(lasting: Doorway) -> None:
    owner = await lasting.owner()

    added = await owner.post("/api/v1/tenants", json={"id": "acme", "limits": {"operations": 10}})

    assert (added.status_code, added.headers["location"]) == (201, "/api/v1/tenants/acme")
    theirs = await lasting.client(added.json()["owner_key"])
    assert (await theirs.get("/api/v1/me")).json()["tenant"] == "acme"
    assert await names(theirs, "agents") == ["admin"]
    shown = (await owner.get("/api/v1/tenants/acme")).json()
    assert "owner_key" not in shown
    assert shown["limits"] == {"operations": 10.0}
    assert (await theirs.patch("/api/v1/tenants/acme", json={"limits": {}})).status_code == 403


async def test_the_audit_record_names_the_request(lasting: Doorway) -> None:
    owner = await lasting.owner()
    headers = {"x-request-id": "my-request-1"}
    await owner.post("/api/v1/agents", json={"name": "bot"}, headers=headers)

    acts = (await owner.get("/api/v1/audit", params={"action": "agents.add", "decision": "allowed"})).json()["acts"]

    assert [(act["resource"], act["request_id"]) for act in acts] == [("bot", "my-request-1")]
    later = {"since": "2999-01-01T00:00:00Z"}
    assert (await owner.get("/api/v1/audit", params=later)).json()["acts"] == []


async def test_an_api_is_registered_changed_and_removed(lasting: Doorway) -> None:
    owner = await lasting.owner()
    endpoints = [{"method": "GET", "path": "/contacts/{id}", "description": "One contact."}]
    body = {"id": "crm", "base_url": "https://crm.example.com/v2/", "endpoints": endpoints, "strict": True}

    added = await owner.post("/api/v1/apis", json=body)

    assert (added.status_code, added.headers["location"]) == (201, "/api/v1/apis/crm")
    assert added.json()["base_url"] == "https://crm.example.com/v2"
    changed = (await owner.patch("/api/v1/apis/crm", json={"timeout": 2.5})).json()
    assert (changed["timeout"], changed["strict"]) == (2.5, True)
    assert changed["endpoints"] == [{**endpoints[0], "parameters": [], "id": ""}]
    assert (await owner.patch("/api/v1/apis/crm", json={"timeout": None})).json()["timeout"] is None
    assert (await owner.delete("/api/v1/apis/crm")).status_code == 204
    assert await names(owner, "apis") == []


async def test_a_secret_goes_in_and_never_comes_out(lasting: Doorway) -> None:
    owner = await lasting.owner()
    body = {"id": "token", "secret": SECRET, "type": "bearer-token", "hosts": ["crm.example.com"]}

    answers = [await owner.post("/api/v1/credentials", json=body)]

    answers += [await owner.get("/api/v1/credentials"), await owner.get("/api/v1/credentials/token")]
    answers += [await owner.patch("/api/v1/credentials/token", json={"secret": f"{SECRET}-2", "description": "New."})]
    answers += [await owner.get("/api/v1/audit"), await owner.get("/api/v1/capabilities")]
    answers += [await owner.post("/api/v1/credentials", json={**body, "id": "b b"})]
    answers += [await owner.post("/api/v1/credentials", json={**body, "id": "basic", "type": "basic"})]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 200, 200, 400, 400]
    assert not [answer.text for answer in answers if SECRET in answer.text]
    assert (await owner.delete("/api/v1/credentials/token")).status_code == 204
    assert (await owner.get("/api/v1/credentials/token")).status_code == 404


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("agents", {}, "name"),
        ("agents", {"name": "a b"}, "name"),
        ("agents", {"name": "a", "kind": "robot"}, "kind"),
        ("agents", {"name": "a", "limits": {"operations": -1}}, "limits[...]"),
        ("agents", {"name": "a", "limits": {"operatons": 1}}, "limits.operatons"),
        ("agents", {"name": "a", "descripton": "x"}, "descripton"),
        ("agents", {"name": "a", "preset": "ruler"}, "preset"),
        ("agents/admin/keys", {"expires": "2020-01-01T00:00:00Z"}, "expires"),
        ("agents/admin/keys", {"expires": "2999-01-01T00:00:00"}, "expires"),
        ("agents/admin/grants", {"scope": "run", "pattern": "*"}, "scope"),
        ("agents/admin/grants", {"scope": "*", "pattern": ""}, "pattern"),
        ("tenants", {"id": "t", "addresses": ["10.0.0.1/8"]}, "addresses[0]"),
        ("apis", {"id": "a", "base_url": "ftp://x"}, "base_url"),
        ("apis", {"id": "a", "base_url": "https://x.example", "endpoints": [{"method": "GET"}]}, "endpoints[0].path"),
        ("credentials", {"id": "a", "secret": "short", "apis": ["x"]}, "secret"),
        ("credentials", {"id": "a", "secret": "long enough"}, "apis"),
    ],
)
async def test_a_fault_in_a_body_names_the_field(doorway: Doorway, path: str, body: Any, field: str) -> None:
    answer = await (await doorway.owner()).post(f"/api/v1/{path}", json=body)

    assert answer.status_code == 400
    assert is_problem(answer)
    assert answer.json()["field"].replace("endpoints[...]", "endpoints[0]") == field


@pytest.mark.parametrize(
    ("quota", "path", "body"),
    [
        ("max_apis", "apis", {}),
        ("max_credentials", "credentials", {"secret": "s3cret-value", "hosts": ["crm.example.com"]}),
    ],
)
async def test_a_tenant_registers_as_many_as_its_quota_and_not_one_more(
    lasting: Doorway, quota: str, path: str, body: dict[str, object]
) -> None:
    def draft(name: str) -> dict[str, object]:
        return {"id": name, **(body or {"base_url": f"https://{name}.example.com"})}

    neighbour, owner = await lasting.neighbour(), await lasting.owner()
    assert (await owner.patch("/api/v1/tenants/other", json={"limits": {quota: 2}})).status_code == 200

    statuses = [(await neighbour.post(f"/api/v1/{path}", json=draft(f"n{number}"))).status_code for number in range(3)]

    assert statuses == [201, 201, 413]
    assert (await owner.post(f"/api/v1/{path}", json=draft("ours"))).status_code == 201
