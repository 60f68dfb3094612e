"""Statements that go to PostgreSQL as one do what they do one after the other."""

import asyncio
import random
import sqlite3
from collections.abc import AsyncIterator

import pytest

from muelle.stores import Database, DatabaseUnreachable, Statement
from muelle.stores.adapters.postgres import open_postgres
from muelle.stores.adapters.postgres_waves import waves
from muelle.stores.batch import merged

_PUT = "INSERT INTO {} (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_SET = "UPDATE {} SET value = value || ? WHERE key = ?"
_DROP = "DELETE FROM {} WHERE key = ?"
_COPY = "INSERT INTO a (key, value) SELECT key, value FROM b WHERE key = ? ON CONFLICT DO NOTHING"
_TABLES = "abc"
_ROUNDS = 80


@pytest.fixture
async def database(postgres_url: str) -> AsyncIterator[Database]:
    async with open_postgres(postgres_url) as opened:
        async with opened.transaction() as transaction:
            for table in _TABLES:
                await transaction.execute(f"CREATE TABLE {table} (key TEXT PRIMARY KEY, value TEXT)")
        yield opened


def _statement(dice: random.Random) -> Statement:
    table, key = dice.choice(_TABLES), dice.choice("klmn")
    match dice.randrange(4):
        case 0:
            return Statement(_SET.format(table), [(dice.choice("xyz"), key)])
        case 1:
            return Statement(_DROP.format(table), [(key,)])
        case 2:
            return Statement(_COPY, [(key,)])
        case _:
            return Statement(_PUT.format(table), [(key, dice.choice("xyz"))])


def _one_after_the_other(callers: list[list[Statement]]) -> list[list[tuple[str, str]]]:
    connection = sqlite3.connect(":memory:")
    for table in _TABLES:
        connection.execute(f"CREATE TABLE {table} (key TEXT PRIMARY KEY, value TEXT)")
    for statement in (statement for caller in callers for statement in caller):
        connection.executemany(statement.sql, statement.rows)
    found = [connection.execute(f"SELECT * FROM {table} ORDER BY key").fetchall() for table in _TABLES]  # noqa: S608 - fixed names
    connection.close()
    return found


async def _together(database: Database, callers: list[list[Statement]]) -> list[list[tuple[str, str]]]:
    for table in _TABLES:
        await database.commit([Statement(f"DELETE FROM {table} WHERE key <> ?", [("",)])])  # noqa: S608 - fixed names
    await asyncio.gather(*[database.commit(caller) for caller in callers])
    found = [await database.fetch(f"SELECT * FROM {table} ORDER BY key") for table in _TABLES]  # noqa: S608 - fixed names
    return [[(row[0], row[1]) for row in rows] for rows in found]


async def test_what_callers_hand_in_at_once_has_the_effect_of_one_after_the_other(database: Database) -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    for _ in range(_ROUNDS):
        callers = [[_statement(dice) for _ in range(dice.randrange(1, 4))] for _ in range(dice.randrange(1, 9))]
        assert await _together(database, callers) == _one_after_the_other(callers)


def test_statements_of_different_tables_go_together_and_those_of_one_table_in_their_order() -> None:
    put, drop, other = _PUT.format("a"), _DROP.format("a"), _PUT.format("b")
    callers = [[Statement(put, [("k", "")]), Statement(other, [("k", "")])], [Statement(drop, [("l",)])]]
    assert [[sql for sql, _ in wave] for wave in waves(merged(callers)) or ()] == [[put, other], [drop]]


def test_a_statement_waits_for_the_one_that_writes_what_it_reads() -> None:
    put = _PUT.format("b")
    divided = waves(merged([[Statement(put, [("k", "")]), Statement(_COPY, [("k",)])]]))
    assert [[sql for sql, _ in wave] for wave in divided or ()] == [[put], [_COPY]]


def test_two_updates_of_one_row_do_not_go_as_one_statement() -> None:
    set_ = _SET.format("a")
    assert waves(merged([[Statement(set_, [("x", "k")])], [Statement(set_, [("y", "k")])]])) is None


async def test_a_statement_that_fails_harms_no_other_that_went_with_it(database: Database) -> None:
    await database.commit([Statement(_PUT.format("a"), [("warm", "")])])
    bad = Statement("INSERT INTO b (key, value) VALUES (?, ?)", [("k", "x\0")])
    outcomes = await asyncio.gather(
        database.commit([Statement(_PUT.format("a"), [("k", "x")])]), database.commit([bad]), return_exceptions=True
    )
    assert [type(outcome).__name__ for outcome in outcomes] == ["NoneType", "StatementRefused"]
    assert [row[0] for row in await database.fetch("SELECT key FROM a ORDER BY key")] == ["k", "warm"]


async def test_a_connection_that_is_cut_in_the_middle_leaves_the_outcome_unknown(database: Database) -> None:
    await database.commit([Statement(_PUT.format("a"), [("warm", "")])])
    cut = Statement("SELECT pg_terminate_backend(pg_backend_pid()) WHERE ? = ''", [("",)])
    with pytest.raises(DatabaseUnreachable) as refused:
        await database.commit([Statement(_PUT.format("a"), [("k", "x")]), cut])
    assert refused.value.facts["outcome"] == "unknown"
    await database.commit([Statement(_PUT.format("a"), [("l", "x")])])
