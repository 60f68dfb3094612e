"""Databases and queries from the command line."""

import sqlite3
from contextlib import closing

import pytest

from cli.conftest import Muelle

SQL = "SELECT id, customer FROM orders WHERE customer = :customer AND id >= COALESCE(:least, 0) ORDER BY id"


@pytest.fixture
def shop(muelle: Muelle) -> Muelle:
    folder = muelle.home / "databases"
    folder.mkdir(parents=True, mode=0o700)
    with closing(sqlite3.connect(folder / "shop.db")) as database:
        database.execute("CREATE TABLE orders (id INTEGER, customer TEXT)")
        database.execute("INSERT INTO orders VALUES (1, 'ada'), (2, 'bob'), (3, 'ada')")
        database.commit()
    (muelle.home / "muelle.toml").write_text(f'[egress]\nsqlite_folder = "{folder}"\n')
    assert muelle("databases", "add", "shop", "--sqlite", "shop.db").code == 0
    return muelle


def test_a_query_is_registered_and_run(shop: Muelle) -> None:
    parameters = ("--param", "customer:text", "--param", "least:integer?")
    added = shop(
        "queries", "add", "orders-of", "--database", "shop", "--sql", SQL, *parameters, "--max-rows", "1", "--json"
    )
    ran = shop("queries", "run", "orders-of", "--param", "customer=ada", "--json")
    people = shop("queries", "run", "orders-of", "--param", "customer=ada", "--param", "least=2")

    assert (added.code, added.json["parameters"][1]["required"]) == (0, False)
    assert (ran.json["rows"], ran.json["truncated"]) == ([{"id": 1, "customer": "ada"}], True)
    assert "3" in people.out
    assert [each["id"] for each in shop("queries", "list", "orders", "--json").json["queries"]] == ["orders-of"]
    assert shop("queries", "show", "orders-of", "--json").json["sql"] == SQL


def test_what_is_not_needed_is_removed(shop: Muelle) -> None:
    shop("queries", "add", "one", "--database", "shop", "--sql", "SELECT 1")

    assert shop("databases", "remove", "shop", "--yes").code == 1
    assert shop("queries", "remove", "one", "--yes", "--json").json == {"id": "one", "removed": True}
    assert shop("databases", "remove", "shop", "--yes").code == 0
    assert shop("databases", "list", "--json").json["databases"] == []


@pytest.mark.parametrize(
    "arguments",
    [
        ("databases", "add", "x"),
        ("databases", "add", "x", "--sqlite", "a", "--host", "h"),
        ("databases", "add", "x", "--host", "h", "--database", "d", "--user", "u", "--from-env", "NO_SUCH_VARIABLE"),
        ("queries", "add", "x", "--database", "shop"),
        ("queries", "add", "x", "--database", "shop", "--sql", "SELECT :a"),
        ("queries", "add", "x", "--database", "shop", "--sql", "SELECT :a", "--param", "a:colour"),
        ("queries", "add", "x", "--database", "shop", "--sql", "SELECT 1", "--seconds", "61"),
    ],
)
def test_what_cannot_be_is_said(shop: Muelle, arguments: tuple[str, ...]) -> None:
    told = shop(*arguments)

    assert (told.code, told.out) == (2, "")
