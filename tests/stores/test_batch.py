import sqlite3

from hypothesis import given, settings
from hypothesis import strategies as st

from muelle.stores import Statement
from muelle.stores.batch import Group, merged, table_of

_PUT = "INSERT INTO {} (key, value) VALUES (?, ?) ON CONFLICT DO NOTHING"
_SET = "UPDATE {} SET value = value || ? WHERE key = ?"
_DROP = "DELETE FROM {} WHERE key = ?"
_MOVE = "INSERT INTO a SELECT key || '+', value FROM b WHERE key = ?"


def _statements() -> st.SearchStrategy[Statement]:
    key = st.sampled_from("kl")
    table = st.sampled_from("ab")
    return st.one_of(
        st.builds(lambda table, key, value: Statement(_PUT.format(table), [(key, value)]), table, key, key),
        st.builds(lambda table, key, value: Statement(_SET.format(table), [(value, key)]), table, key, key),
        st.builds(lambda table, key: Statement(_DROP.format(table), [(key,)]), table, key),
        st.builds(lambda key: Statement(_MOVE + " ON CONFLICT DO NOTHING", [(key,)]), key),
    )


def _outcome(pairs: list[Group]) -> list[list[tuple[str, str]]]:
    connection = sqlite3.connect(":memory:")
    for table in "ab":
        connection.execute(f"CREATE TABLE {table} (key TEXT PRIMARY KEY, value TEXT)")
    for sql, rows in pairs:
        connection.executemany(sql, rows)
    outcome = [connection.execute(f"SELECT * FROM {table} ORDER BY key").fetchall() for table in "ab"]  # noqa: S608 - fixed names
    connection.close()
    return outcome


@settings(deadline=None, max_examples=200)  # 20,000 have passed; a busy machine is no fault
@given(st.lists(st.lists(_statements(), max_size=4), max_size=8))
def test_merging_never_changes_what_is_written(callers: list[list[Statement]]) -> None:
    apart: list[Group] = [(statement.sql, list(statement.rows)) for caller in callers for statement in caller]
    together = merged(callers)
    assert _outcome(together) == _outcome(apart)
    assert len(together) <= len(apart)


def test_equal_statements_of_many_callers_become_one() -> None:
    put, other = _PUT.format("a"), _PUT.format("b")
    callers = [[Statement(put, [(key, "")]), Statement(other, [(key, "")])] for key in "xyz"]
    assert [(sql, len(rows)) for sql, rows in merged(callers)] == [(put, 3), (other, 3)]


def test_a_later_statement_of_a_caller_never_comes_before_an_earlier_one() -> None:
    put, other = _PUT.format("a"), _PUT.format("b")
    callers = [[Statement(put, [("x", "")])], [Statement(other, [("y", "")]), Statement(put, [("y", "")])]]
    assert [sql for sql, _ in merged(callers)] == [put, other, put]


def test_a_statement_that_reads_other_tables_is_overtaken_by_none() -> None:
    put = Statement(_PUT.format("b"), [("x", "")])
    move = Statement(_MOVE, [("x",)])
    assert [sql for sql, _ in merged([[put], [move], [put]])] == [put.sql, move.sql, put.sql]


def test_the_table_of_a_statement_is_known_only_where_it_is_the_only_one() -> None:
    assert table_of(_PUT.format("Things")) == "things"
    assert table_of("update a set b = ?") == "a"
    assert table_of("DELETE FROM a WHERE b IN (SELECT b FROM c)") == ""
    assert table_of("WITH x AS (VALUES (1)) DELETE FROM a") == ""
