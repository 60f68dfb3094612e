"""Databases and queries over HTTP, and from a document."""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from doors.door_world import Doorway, document, open_doorway

DATABASE = {"id": "shop", "kind": "sqlite", "path": "shop.db"}
QUERY = {
    "id": "orders",
    "database": "shop",
    "sql": "SELECT id FROM orders WHERE customer = :customer",
    "parameters": [{"name": "customer"}],
}


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Doorway]:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database:
        database.execute("CREATE TABLE orders (id INTEGER, customer TEXT)")
        database.execute("INSERT INTO orders VALUES (1, 'ada'), (2, 'bob')")
        database.commit()
    async with open_doorway(None, {"MUELLE__EGRESS__SQLITE_FOLDER": str(tmp_path)}) as opened:
        owner = await opened.owner()
        added = await owner.post("/api/v1/databases", json=DATABASE)
        assert added.status_code == 201, added.text
        assert (await owner.post("/api/v1/sql-queries", json=QUERY)).status_code == 201
        yield opened


async def test_an_agent_runs_what_it_may_and_sees_no_sql(shop: Doorway) -> None:
    agent = await shop.agent(("queries:run", "orders"), name="bot")

    shown = (await agent.get("/api/v1/sql-queries/orders")).json()
    rows = (await agent.post("/api/v1/sql-queries/orders/run", json={"parameters": {"customer": "bob"}})).json()

    assert (shown["sql"], shown["parameters"]) == ("", [{"name": "customer"}])
    assert rows == {"columns": ["id"], "rows": [{"id": 2}], "count": 1, "truncated": False}
    assert (await agent.get("/api/v1/sql-queries", params={"q": "orders"})).json()["count"] == 1
    assert (await agent.get("/api/v1/databases")).json()["databases"] == []
    assert (await agent.post("/api/v1/sql-queries", json={**QUERY, "id": "more"})).status_code == 403
    assert (await agent.delete("/api/v1/databases/shop")).status_code == 403


async def test_strangers_run_and_see_nothing(shop: Doorway) -> None:
    stranger = await shop.agent(name="nobody")

    assert (await stranger.get("/api/v1/sql-queries")).json()["queries"] == []
    assert (await stranger.get("/api/v1/sql-queries/orders")).status_code == 404
    assert (await stranger.post("/api/v1/sql-queries/orders/run", json={})).status_code == 403


async def test_a_document_runs_a_query(shop: Doorway) -> None:
    owner = await shop.owner()
    config = {"query": "orders", "parameters": {"customer": "ada"}, "outputPath": "/workflow/orders"}

    told = await owner.post("/api/v1/workflows/execute", json={"workflow": document(("q", "ExecuteSQL", config))})

    assert told.status_code == 200, told.text
    assert '"rows":[{"id":1}]' in told.text


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({**QUERY, "id": "other", "sql": "SELECT :a"}, 400, "invalid_query"),
        ({**QUERY, "id": "other", "database": "nowhere"}, 404, "database_not_found"),
        (QUERY, 409, "query_exists"),
        ({**QUERY, "id": "other", "max_rows": 10_001}, 400, "invalid_body"),
    ],
)
async def test_what_cannot_be_registered_is_said(shop: Doorway, body: object, status: int, code: str) -> None:
    owner = await shop.owner()

    told = await owner.post("/api/v1/sql-queries", json=body)

    assert (told.status_code, told.json()["code"]) == (status, code)


async def test_what_is_not_needed_is_removed(shop: Doorway) -> None:
    owner = await shop.owner()

    assert (await owner.delete("/api/v1/databases/shop")).status_code == 409
    assert (await owner.delete("/api/v1/sql-queries/orders")).status_code == 204
    assert (await owner.delete("/api/v1/databases/shop")).status_code == 204
