"""What every database adapter holds to."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from fixtures.databases import Open
from muelle.core import MuelleError
from muelle.stores import ConstraintViolated, Database, SqlValue, Statement, StatementRefused, StoresSettings
from muelle.stores.errors import DatabaseClosed, DatabaseOverloaded, TransactionTimedOut

_PUT = "INSERT INTO things (name, amount) VALUES (?, ?)"
_OPENED_WITH = StoresSettings(transaction_seconds=0.2, waiting=3)


@pytest.fixture
async def things(empty_database: Database) -> Database:
    async with empty_database.transaction() as transaction:
        await transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, amount BIGINT NOT NULL)")
    return empty_database


async def _names(database: Database) -> list[str]:
    return [row[0] for row in await database.fetch("SELECT name FROM things ORDER BY name")]


def _put(*rows: Sequence[SqlValue]) -> list[Statement]:
    return [Statement(_PUT, rows)]


async def test_what_is_committed_can_be_read(things: Database) -> None:
    await things.commit(_put(("a", 1), ("b", 2)))
    assert [tuple(row) for row in await things.fetch("SELECT * FROM things ORDER BY name")] == [("a", 1), ("b", 2)]


async def test_many_callers_at_once_are_all_served(things: Database) -> None:
    await asyncio.gather(*[things.commit(_put((f"{number:04}", number))) for number in range(500)])
    assert len(await _names(things)) == 500


async def test_a_faulty_commit_harms_nobody_else(things: Database) -> None:
    await things.commit(_put(("taken", 0)))
    commits = [_put(("a", 1)), _put(("b", 2), ("taken", 3)), _put(("c", 4))]
    outcomes = await asyncio.gather(*[things.commit(commit) for commit in commits], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ConstraintViolated, type(None)]
    assert await _names(things) == ["a", "c", "taken"]


async def test_a_violated_constraint_tells_its_kind(things: Database) -> None:
    await things.commit(_put(("a", 1)))
    with pytest.raises(ConstraintViolated) as unique:
        await things.commit(_put(("a", 2)))
    with pytest.raises(ConstraintViolated) as absent:
        await things.commit(_put(("b", None)))
    assert [unique.value.facts["kind"], absent.value.facts["kind"]] == ["unique", "not_null"]


@pytest.mark.parametrize("sql", ["INSERT INTO nowhere (name) VALUES (?)", "INSERT INTO things (", _PUT])
async def test_a_statement_that_is_not_understood_is_refused(things: Database, sql: str) -> None:
    with pytest.raises(StatementRefused):
        await things.commit([Statement(sql, [("a",)])])
    with pytest.raises(StatementRefused):
        await things.fetch("SELECT nothing FROM things")


async def test_commits_keep_the_order_in_which_they_were_queued(things: Database) -> None:
    remove = [Statement("DELETE FROM things WHERE name = ?", [("a",)])]
    done = [things.commit(_put(("a", 1))), things.commit(remove), things.commit(_put(("a", 2)))]
    await asyncio.gather(*done)
    assert [tuple(row) for row in await things.fetch("SELECT * FROM things")] == [("a", 2)]


async def test_a_caller_that_goes_away_leaves_its_commit_behind(things: Database) -> None:
    gone = things.commit(_put(("a", 1)))
    assert isinstance(gone, asyncio.Future)
    gone.cancel()
    await things.commit(_put(("b", 2)))
    assert await _names(things) == ["a", "b"]


async def test_a_transaction_commits_at_its_end(things: Database) -> None:
    async with things.transaction() as transaction:
        assert await transaction.execute(_PUT, "a", 1) == 1
        assert await transaction.execute("UPDATE things SET amount = ? WHERE name = ?", 7, "nobody") == 0
        assert len(await transaction.fetch("SELECT * FROM things")) == 1
    assert await _names(things) == ["a"]


async def test_nobody_else_sees_what_a_transaction_has_not_committed(opening: Open) -> None:
    async with opening(StoresSettings()) as database:
        await database.commit([Statement("CREATE TABLE things (name TEXT PRIMARY KEY, amount BIGINT)", [()])])
        async with database.transaction() as transaction:
            await transaction.execute(_PUT, "a", 1)
            assert await _names(database) == []


async def test_a_transaction_that_raises_leaves_nothing(things: Database) -> None:
    async def fail() -> None:
        async with things.transaction() as transaction:
            await transaction.execute(_PUT, "a", 1)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    assert await _names(things) == []


async def test_an_error_inside_a_transaction_rolls_all_of_it_back(things: Database) -> None:
    async def put_twice() -> None:
        async with things.transaction() as transaction:
            await transaction.execute(_PUT, "a", 1)
            await transaction.execute(_PUT, "a", 2)

    with pytest.raises(ConstraintViolated):
        await put_twice()
    assert await _names(things) == []


async def test_transactions_do_not_interleave(things: Database) -> None:
    await things.commit(_put(("sum", 0)))

    async def add_one() -> None:
        async with things.transaction() as transaction:
            [[amount]] = await transaction.fetch("SELECT amount FROM things WHERE name = ?", "sum")
            await asyncio.sleep(0)
            await transaction.execute("UPDATE things SET amount = ? WHERE name = ?", amount + 1, "sum")

    await asyncio.gather(*[add_one() for _ in range(20)])
    assert (await things.fetch("SELECT amount FROM things"))[0][0] == 20


async def test_transactions_and_commits_do_not_starve_each_other(things: Database) -> None:
    async def transact(number: int) -> None:
        async with things.transaction() as transaction:
            await transaction.execute(_PUT, f"t{number}", number)

    async def commit(number: int) -> None:
        await things.commit(_put((f"c{number}", number)))

    async with asyncio.timeout(20):
        await asyncio.gather(*[work(number) for number in range(30) for work in (transact, commit)])
    assert len(await _names(things)) == 60


async def test_a_cancelled_transaction_is_rolled_back_and_frees_the_database(things: Database) -> None:
    inside = asyncio.Event()

    async def hang() -> None:
        async with things.transaction() as transaction:
            await transaction.execute(_PUT, "a", 1)
            inside.set()
            await asyncio.Event().wait()

    hanging = asyncio.create_task(hang())
    await inside.wait()
    waiting = asyncio.create_task(hang())
    await asyncio.sleep(0)
    waiting.cancel()
    hanging.cancel()
    await asyncio.gather(hanging, waiting, return_exceptions=True)
    await things.commit(_put(("b", 2)))
    assert await _names(things) == ["b"]


async def test_a_transaction_ends_after_its_time(every_opening: Open) -> None:
    async def hang(database: Database) -> None:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE things (name TEXT)")
            await asyncio.Event().wait()

    async with every_opening(_OPENED_WITH) as database:
        with pytest.raises(TransactionTimedOut):
            await hang(database)
        with pytest.raises(StatementRefused):
            await database.fetch("SELECT * FROM things")


async def test_a_question_mark_in_quotes_is_no_parameter(things: Database) -> None:
    await things.commit(_put(("what?", 1), ("what", 2)))
    rows = await things.fetch("SELECT name FROM things WHERE name LIKE '%?' AND amount = ?", 1)
    assert [row[0] for row in rows] == ["what?"]


async def test_values_of_every_kind_come_back_as_they_were(empty_database: Database) -> None:
    async with empty_database.transaction() as transaction:
        await transaction.execute(
            "CREATE TABLE kinds (a TEXT, b BIGINT, c DOUBLE PRECISION, d {})".format(
                "BLOB" if empty_database.dialect == "sqlite" else "BYTEA"
            )
        )
    values = ("ñ€😀", -(2**63), 0.1, bytes(range(256)))
    insert = "INSERT INTO kinds VALUES (?, ?, ?, ?)"
    await empty_database.commit([Statement(insert, [values, (None, None, None, None)])])
    rows = await empty_database.fetch("SELECT * FROM kinds ORDER BY b")
    assert {tuple(row) for row in rows} == {values, (None, None, None, None)}


async def test_a_number_past_64_bits_is_refused_and_harms_nobody(things: Database) -> None:
    commits = [things.commit(_put(("a", 2**63))), things.commit(_put(("b", 2**63 - 1)))]
    outcomes = await asyncio.gather(*commits, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StatementRefused, type(None)]


@pytest.mark.parametrize("unfit", [None, [7], [("half a character: \ud800", 1)], [(object(), 1)], [({}, 1)]])
@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
async def test_whatever_one_caller_hands_in_harms_no_other(opening: Open, synchronous: Any, unfit: Any) -> None:
    async with opening(StoresSettings(synchronous=synchronous)) as database:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, amount BIGINT NOT NULL)")
        commits = [_put(("a", 1)), [Statement(_PUT, unfit)], _put(("b", 1))]
        outcomes = await asyncio.gather(*[database.commit(commit) for commit in commits], return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [type(None), StatementRefused, type(None)]
        with pytest.raises(StatementRefused):
            await database.commit([Statement(_PUT, unfit)])
        await database.commit(_put(("c", 1)))
    async with opening(StoresSettings()) as database:
        assert await _names(database) == ["a", "b", "c"]


async def test_a_closed_database_says_so(every_opening: Open) -> None:
    async with every_opening(StoresSettings()) as database:
        pass
    with pytest.raises(DatabaseClosed):
        database.commit(_put(("a", 1)))
    with pytest.raises(DatabaseClosed):
        await database.fetch("SELECT 1")


async def test_what_is_queued_when_the_database_closes_is_still_committed(opening: Open) -> None:
    async with opening(StoresSettings()) as database:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, amount BIGINT)")
        done = database.commit(_put(("a", 1)))
    await done
    async with opening(StoresSettings()) as database:
        assert await _names(database) == ["a"]


async def test_a_queue_that_is_full_refuses_more(opening: Open) -> None:
    async with opening(_OPENED_WITH) as database:
        queued = [database.commit(_put((name, 1))) for name in "abc"]
        with pytest.raises(DatabaseOverloaded):
            database.commit(_put(("d", 1)))
        outcomes = await asyncio.gather(*queued, return_exceptions=True)
    assert all(isinstance(outcome, MuelleError) for outcome in outcomes)  # there is no such table


async def test_relaxed_durability_keeps_the_same_promises_between_processes(opening: Open) -> None:
    async with opening(StoresSettings(synchronous="NORMAL")) as database:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE things (name TEXT PRIMARY KEY, amount BIGINT)")
        for number in range(250):  # so many that SQLite moves its log into the file in between
            await database.commit(_put((f"{number:03}", number)))
        clash = await asyncio.gather(
            *[database.commit(_put((name, 1))) for name in ("000", "new")], return_exceptions=True
        )
        assert [type(outcome) for outcome in clash] == [ConstraintViolated, type(None)]
        assert len(await _names(database)) == 251


_ONLY_IF = "INSERT INTO things (name, amount) SELECT ?, NULL WHERE NOT EXISTS (SELECT 1 FROM things WHERE name = 'key')"
_GUARD = Statement(_ONLY_IF, [("refused",)], once=True)  # violates NOT NULL unless there is a key


@pytest.mark.parametrize("others", [0, 1])
async def test_what_is_once_for_a_batch_is_run_before_all_else(things: Database, others: int) -> None:
    commits = [[*_put(("key", 1)), _GUARD], *[_put((f"other{number}", 1)) for number in range(others)]]
    outcomes = await asyncio.gather(*[things.commit(commit) for commit in commits], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConstraintViolated, *[type(None)] * others]
    assert len(await _names(things)) == others


async def test_what_is_once_and_fails_harms_none_but_those_who_asked_for_it(things: Database) -> None:
    commits = [[*_put(("a", 1)), _GUARD], _put(("b", 2)), [*_put(("c", 3)), _GUARD]]
    outcomes = await asyncio.gather(*[things.commit(commit) for commit in commits], return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [ConstraintViolated, type(None), ConstraintViolated]
    assert await _names(things) == ["b"]


async def test_what_is_once_and_holds_lets_everybody_pass(things: Database) -> None:
    await things.commit(_put(("key", 0)))
    await asyncio.gather(*[things.commit([*_put((f"{number:02}", number)), _GUARD]) for number in range(20)])
    assert len(await _names(things)) == 21


async def test_transactions_that_need_not_be_alone_rely_on_the_rows_they_change(things: Database) -> None:
    await things.commit(_put(("sum", 0)))

    async def add_one() -> None:
        async with things.transaction(alone=False) as transaction:
            await transaction.execute("UPDATE things SET amount = amount + 1 WHERE name = ?", "sum")
            await asyncio.sleep(0)

    await asyncio.gather(*[add_one() for _ in range(20)])
    assert (await things.fetch("SELECT amount FROM things"))[0][0] == 20


async def test_one_that_need_not_be_alone_is_rolled_back_like_any_other(things: Database) -> None:
    async def fail() -> None:
        async with things.transaction(alone=False) as transaction:
            await transaction.execute(_PUT, "a", 1)
            raise RuntimeError("on purpose")

    with pytest.raises(RuntimeError, match="on purpose"):
        await fail()
    assert await _names(things) == []


async def test_to_listen_where_nobody_speaks_disturbs_nobody(things: Database) -> None:
    heard: list[str] = []
    async with things.listen("a_channel", heard.append):
        await things.commit(_put(("a", 1)))
    assert await _names(things) == ["a"]
    assert [said for said in heard if said] == []
