import json
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from egress.egress_world import OTHER, World, agent, open_world
from muelle.core import HttpCall, MuelleError, Secret, SqlRef
from muelle.egress import EgressSettings
from muelle.egress.errors import AddressRefused
from muelle.egress.queries import MemoryQueries, Queries, QueryDraft, SqlDatabaseDraft, SqlParameter, SqlQueries
from muelle.egress.queries.errors import (
    DatabaseInUse,
    DatabaseNotFound,
    InvalidDatabase,
    InvalidQuery,
    InvalidQueryParameters,
    QueryDatabaseUnreachable,
    QueryExists,
    QueryFailed,
    QueryNotFound,
    QueryTookTooLong,
    RowsTooLarge,
    TooManyQueries,
)
from muelle.egress.queries.model import DatabaseId, Query, QueryId, SqlDatabase
from muelle.egress.queries.text import names_in, numbered
from muelle.identity import Refused, Rule
from muelle.stores import Database

SHOP = DatabaseId("shop")
TABLE = (
    "CREATE TABLE orders (id INTEGER PRIMARY KEY, customer TEXT, total NUMERIC, paid BOOLEAN)",
    "INSERT INTO orders VALUES (1, 'ada', 10.5, TRUE), (2, 'bob', 20, FALSE), (3, 'ada', 30, TRUE)",
)
SLOW = {
    "sqlite": "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) AS many FROM n",
    "postgresql": "SELECT pg_sleep(30)",
}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    folder = tmp_path / "databases"
    folder.mkdir()
    with closing(sqlite3.connect(folder / "shop.db")) as shop:
        for statement in TABLE:
            shop.execute(statement)
        shop.commit()
    (folder / "outside.db").symlink_to(tmp_path / "secret.db")
    (tmp_path / "secret.db").write_bytes((folder / "shop.db").read_bytes())
    settings = replace(EgressSettings(), sqlite_folder=str(folder), max_queries=3)
    async with open_world(settings) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "postgresql"])
async def shop(request: pytest.FixtureRequest, world: World) -> Queries:
    """Give queries with the database `shop`, of each kind."""
    if request.param == "sqlite":
        draft = SqlDatabaseDraft(id=SHOP, kind="sqlite", path="shop.db")
        await world.egress.queries.add_database(agent(), draft, None)
        return world.egress.queries
    import asyncpg  # noqa: PLC0415 - an extra

    parts = urlsplit(request.getfixturevalue("postgres_url"))
    connection = await asyncpg.connect(parts.geturl())
    for statement in TABLE:
        await connection.execute(statement)
    await connection.close()
    where = {"host": parts.hostname or "", "port": parts.port or 5432, "database": parts.path[1:], "tls": False}
    draft = SqlDatabaseDraft(id=SHOP, kind="postgresql", user=parts.username or "", **where)
    await world.egress.queries.add_database(agent(), draft, Secret(parts.password) if parts.password else None)
    return world.egress.queries


@pytest.fixture
def kind(shop: Queries, request: pytest.FixtureRequest) -> str:
    del shop
    return str(request.node.callspec.params["shop"])


def query(sql: str, *parameters: SqlParameter, **given: Any) -> QueryDraft:
    return QueryDraft(**{"id": QueryId("q"), "database": SHOP, "sql": sql, "parameters": parameters, **given})


async def told(queries: Queries, sql: str, *parameters: SqlParameter, values: Any = None, **given: Any) -> Any:
    await queries.add(agent(), query(sql, *parameters, **given))
    return await queries.run(agent(), QueryId("q"), values or {})


BY = (SqlParameter(name="customer"), SqlParameter(name="least", type="integer", required=False))
ORDERS = "SELECT id, total FROM orders WHERE customer = :customer AND id >= COALESCE(:least, 0) ORDER BY id"


async def test_a_query_answers_with_rows(shop: Queries) -> None:
    rows = await told(shop, ORDERS, *BY, values={"customer": "ada", "least": 2})

    assert (rows.columns, rows.count, rows.truncated) == (("id", "total"), 1, False)
    assert (rows.rows[0]["id"], float(rows.rows[0]["total"])) == (3, 30.0)


async def test_a_value_is_never_sql(shop: Queries) -> None:
    rows = await told(shop, ORDERS, *BY, values={"customer": "' OR 1=1; DROP TABLE orders; --"})

    assert rows.rows == []


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM orders",
        "UPDATE orders SET total = 0",
        "CREATE TABLE more (a INTEGER)",
        "DROP TABLE orders",
        "WITH gone AS (DELETE FROM orders RETURNING id) SELECT id FROM gone",
    ],
)
async def test_a_query_changes_nothing_unless_it_is_registered_to(shop: Queries, sql: str) -> None:
    with pytest.raises(QueryFailed):
        await told(shop, sql)

    await shop.add(agent(), query("SELECT count(*) AS n FROM orders", id=QueryId("count")))
    assert (await shop.run(agent(), QueryId("count"), {})).rows == [{"n": 3}]


async def test_a_query_that_writes_says_so(shop: Queries) -> None:
    rows = await told(shop, "UPDATE orders SET total = 0 WHERE id = 1", writes=True)
    await shop.add(agent(), query("SELECT total FROM orders WHERE id = 1", id=QueryId("after")))

    assert rows.rows == []
    assert float((await shop.run(agent(), QueryId("after"), {})).rows[0]["total"]) == 0


@pytest.mark.parametrize(
    "sql", ["SELECT 1; SELECT 2", "SELECT 1; DROP TABLE orders", "SELEKT 1", "SELECT * FROM nowhere"]
)
async def test_what_is_not_one_good_statement_fails(shop: Queries, sql: str) -> None:
    with pytest.raises(QueryFailed) as error:
        await told(shop, sql)

    assert set(error.value.facts) == {"query", "reason"}


async def test_a_query_has_its_time(shop: Queries, kind: str) -> None:
    began = time.monotonic()

    with pytest.raises(QueryTookTooLong):
        await told(shop, SLOW[kind], seconds=0.2)

    assert time.monotonic() - began < 5


@pytest.mark.parametrize(("most", "truncated"), [(3, False), (2, True), (1, True)])
async def test_a_query_answers_so_many_rows(shop: Queries, most: int, *, truncated: bool) -> None:
    rows = await told(shop, "SELECT id FROM orders ORDER BY id", max_rows=most)

    assert (rows.count, rows.truncated) == (most, truncated)


async def test_rows_have_a_size_that_a_principal_may_be_answered(shop: Queries) -> None:
    await shop.add(agent(), query("SELECT customer FROM orders ORDER BY id"))

    with pytest.raises(RowsTooLarge):
        await shop.run(agent(answer_bytes=40), QueryId("q"), {})


async def test_two_columns_of_one_name_are_told_apart(shop: Queries) -> None:
    assert (await told(shop, "SELECT 1 AS a, 2 AS a")).rows == [{"a": 1, "a_2": 2}]


@pytest.mark.parametrize(
    ("kind", "value", "is_taken"),
    [
        ("text", "a", True),
        ("text", 1, False),
        ("text", "a\0b", False),
        ("integer", 2**63 - 1, True),
        ("integer", 2**63, False),
        ("integer", True, False),
        ("integer", "1", False),
        ("number", 1, True),
        ("number", "1", False),
        ("boolean", False, True),
        ("boolean", 0, False),
        ("date", "2026-01-02", True),
        ("date", "soon", False),
        ("timestamp", "2026-01-02T03:04:05Z", True),
        ("timestamp", 5, False),
    ],
)
async def test_a_parameter_has_its_type(world: World, kind: Any, value: Any, *, is_taken: bool) -> None:
    queries = world.egress.queries
    await queries.add_database(agent(), SqlDatabaseDraft(id=SHOP, kind="sqlite", path="shop.db"), None)
    await queries.add(agent(), query("SELECT :a AS a", SqlParameter(name="a", type=kind)))

    if is_taken:
        assert (await queries.run(agent(), QueryId("q"), {"a": value})).count == 1
        return
    with pytest.raises(InvalidQueryParameters) as error:
        await queries.run(agent(), QueryId("q"), {"a": value})
    assert error.value.facts["field"] == "parameters/a"


@pytest.mark.parametrize(("values", "field"), [({}, "customer"), ({"customer": "a", "colour": 1}, "colour")])
async def test_parameters_are_those_that_are_declared(shop: Queries, values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidQueryParameters) as error:
        await told(shop, ORDERS, *BY, values=values)

    assert error.value.facts["field"] == f"parameters/{field}"


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"sql": "  "}, "sql"),
        ({"sql": "x" * 20_001}, "sql"),
        ({"sql": "SELECT :a"}, "parameters"),
        ({"sql": "SELECT 1", "parameters": (SqlParameter(name="a"),)}, "parameters"),
        ({"sql": "SELECT :a", "parameters": (SqlParameter(name="a"),) * 2}, "parameters"),
        ({"sql": "SELECT 1", "max_rows": 10_001}, "max_rows"),
        ({"sql": "SELECT 1", "max_rows": 0}, "max_rows"),
        ({"sql": "SELECT 1", "seconds": 61}, "seconds"),
        ({"sql": "SELECT 1", "seconds": 0}, "seconds"),
    ],
)
async def test_a_query_that_cannot_work_names_its_fault(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidQuery) as error:
        await world.egress.queries.add(agent(), query(**given))

    assert error.value.facts["field"] == field


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"kind": "sqlite", "path": "/etc/passwd"}, "path"),
        ({"kind": "sqlite", "path": "../secret.db"}, "path"),
        ({"kind": "sqlite", "path": ""}, "path"),
        ({"kind": "postgresql", "host": "a b", "database": "d", "user": "u"}, "host"),
        ({"kind": "postgresql", "host": "h", "database": "", "user": "u"}, "database"),
        ({"kind": "postgresql", "host": "h", "database": "d", "user": "u", "port": 0}, "port"),
    ],
)
async def test_a_database_that_cannot_be_names_its_fault(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidDatabase) as error:
        await world.egress.queries.add_database(agent(), SqlDatabaseDraft(id=SHOP, **given), None)

    assert error.value.facts["field"] == field


@pytest.mark.parametrize("path", ["outside.db", "nothing.db", "."])
async def test_a_file_outside_the_operators_folder_is_not_opened(world: World, path: str) -> None:
    queries = world.egress.queries
    await queries.add_database(agent(), SqlDatabaseDraft(id=SHOP, kind="sqlite", path=path), None)

    with pytest.raises(QueryDatabaseUnreachable):
        await told(queries, "SELECT 1")


@pytest.mark.parametrize("sql", ["ATTACH 'secret.db' AS s", "PRAGMA query_only = OFF", "SELECT load_extension('x')"])
async def test_sqlite_opens_nothing_else(world: World, sql: str) -> None:
    queries = world.egress.queries
    await queries.add_database(agent(), SqlDatabaseDraft(id=SHOP, kind="sqlite", path="shop.db"), None)

    with pytest.raises(QueryFailed):
        await told(queries, sql, writes=True)


async def test_without_a_folder_there_is_no_sqlite() -> None:
    async with open_world() as world:
        with pytest.raises(InvalidDatabase):
            await world.egress.queries.add_database(agent(), SqlDatabaseDraft(id=SHOP, kind="sqlite", path="a"), None)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "::1"])
async def test_a_database_is_guarded_as_every_call(world: World, host: str) -> None:
    world.networks.by_tenant[agent().tenant] = ()
    draft = SqlDatabaseDraft(id=SHOP, kind="postgresql", host=host, port=world.server.port, database="d", user="u")
    await world.egress.queries.add_database(agent(), draft, Secret("s3cret-password"))

    with pytest.raises(AddressRefused):
        await told(world.egress.queries, "SELECT 1")

    assert world.server.connections == 0


async def test_a_database_that_nobody_reaches_is_unreachable(world: World) -> None:
    draft = SqlDatabaseDraft(id=SHOP, kind="postgresql", host="127.0.0.1", port=1, database="d", user="u", tls=False)
    await world.egress.queries.add_database(agent(), draft, Secret("s3cret-password"))

    with pytest.raises(QueryDatabaseUnreachable) as error:
        await told(world.egress.queries, "SELECT 1")

    assert "s3cret" not in str(error.value)


async def test_who_may_run_a_query_sees_no_sql_and_registers_nothing(shop: Queries) -> None:
    await shop.add(agent(), query(ORDERS, *BY, description="Orders of a customer"))
    runner = agent(Rule("queries:run", "q"))

    (seen,) = await shop.search(runner, "orders")
    assert (seen.sql, len(seen.parameters)) == ("", 2)
    assert (await shop.run(runner, QueryId("q"), {"customer": "bob"})).count == 1
    assert await shop.databases(runner) == []
    for act in (
        shop.add(runner, query("SELECT 1", id=QueryId("more"))),
        shop.remove(runner, QueryId("q")),
        shop.add_database(runner, SqlDatabaseDraft(id=DatabaseId("x"), kind="sqlite", path="shop.db"), None),
        shop.remove_database(runner, SHOP),
    ):
        with pytest.raises(Refused):
            await act


async def test_strangers_and_other_tenants_see_and_run_nothing(shop: Queries, world: World) -> None:
    await shop.add(agent(), query("SELECT 1 AS a"))

    with pytest.raises(Refused):
        await shop.run(agent(Rule("queries:run", "other")), QueryId("q"), {})
    with pytest.raises(QueryNotFound):
        await shop.run(agent(tenant=OTHER), QueryId("q"), {})
    assert await shop.search(agent(tenant=OTHER)) == []
    assert [act.decision for act in world.trail._acts.values()][-1] == "refused"


async def test_a_database_goes_after_its_queries(shop: Queries, world: World) -> None:
    await shop.add(agent(), query("SELECT 1 AS a"))

    with pytest.raises(DatabaseInUse):
        await shop.remove_database(agent(), SHOP)
    await shop.remove(agent(), QueryId("q"))
    await shop.remove_database(agent(), SHOP)

    assert (await shop.databases(agent()), world.vault._secrets) == ([], {})
    with pytest.raises(DatabaseNotFound):
        await shop.add(agent(), query("SELECT 1"))


async def test_ids_are_given_once_and_there_are_so_many(shop: Queries) -> None:
    for name in ("a", "b", "c"):
        await shop.add(agent(), query("SELECT 1", id=QueryId(name)))

    with pytest.raises(TooManyQueries):
        await shop.add(agent(), query("SELECT 1", id=QueryId("d")))
    with pytest.raises(QueryExists):
        await shop.add(agent(), query("SELECT 1", id=QueryId("a")))
    with pytest.raises(QueryExists):
        await shop.add_database(agent(), SqlDatabaseDraft(id=SHOP, kind="sqlite", path="shop.db"), None)


async def test_a_call_can_be_a_query(shop: Queries, world: World) -> None:
    await shop.add(
        agent(), query("SELECT customer FROM orders WHERE id = :id", SqlParameter(name="id", type="integer"))
    )

    answer = await world.egress.call(agent(), HttpCall(method="GET", url="", query_of=SqlRef("q", {"id": 2})))

    assert json.loads(answer.body)["rows"] == [{"customer": "bob"}]
    with pytest.raises(MuelleError):
        await world.egress.call(agent(), HttpCall(method="GET", url="", query_of=SqlRef("q", {"id": "2"})))


@pytest.mark.parametrize(
    ("sql", "names"),
    [
        ("SELECT :a, :b, :a", ["a", "b", "a"]),
        ("SELECT ':a', \":b\", x::int, $$:c$$, $t$:d$t$ -- :e\n /* :f */ , :g", ["g"]),
        ("SELECT 'it''s :a', :b", ["b"]),
    ],
)
def test_parameters_are_found_where_they_are_ones(sql: str, names: list[str]) -> None:
    assert list(names_in(sql)) == names


def test_parameters_become_numbers() -> None:
    assert numbered("SELECT :b, ':a', :a::int, :b", ["a", "b"]) == "SELECT $2, ':a', $1::int, $2"


async def test_what_is_registered_is_kept_by_tenant(memory_or_database: Database | None) -> None:
    store = SqlQueries(memory_or_database) if memory_or_database else MemoryQueries()
    tenant, draft = agent().tenant, SqlDatabaseDraft(id=SHOP, kind="sqlite", path="shop.db")
    await store.add_database(SqlDatabase(tenant=tenant, draft=draft))
    await store.add_query(Query(tenant=tenant, draft=query(ORDERS, *BY)))

    assert [each.draft for each in await store.databases(tenant)] == [draft]
    assert [each.draft for each in await store.queries(tenant)] == [query(ORDERS, *BY)]
    assert (await store.databases(OTHER), await store.queries(OTHER)) == ([], [])
    await store.remove_query(tenant, QueryId("q"))
    await store.remove_database(tenant, SHOP)
    assert (await store.databases(tenant), await store.queries(tenant)) == ([], [])
