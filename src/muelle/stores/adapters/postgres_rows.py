"""Many rows of one statement as one statement: PostgreSQL plans and runs it once, and not for each row.

`INSERT INTO t (a, b) VALUES (?, 1)` becomes `INSERT INTO t (a, b) SELECT p.c1, 1 FROM unnest($1::text[]) AS p(c1)`, and
likewise for UPDATE and DELETE. Rows go as one array for each parameter. What does not have that form stays as it is.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

from muelle.stores.adapters.postgres_server import Connection, translated
from muelle.stores.model import SqlValue

_FEWEST = 3  # rows, below which nothing is gained
_INSERT = re.compile(r"(INSERT INTO \w+ \([^()]*\)) VALUES \(([^()]*)\)((?: ON CONFLICT [^?]*)?)\Z")
_UPDATE = re.compile(r"(UPDATE \w+ SET (?:(?! WHERE ).)+) WHERE (.+)\Z")
_DELETE = re.compile(r"(DELETE FROM \w+) WHERE (.+)\Z")
_PARAMETER = re.compile(r"'(?:[^']|'')*'|\?")
_SELECT = re.compile(r"\b(?:SELECT|RETURNING)\b")
_types: dict[str, tuple[str, ...]] = {}  # of a statement's parameters, as the server tells them


@dataclass(frozen=True, slots=True)
class Form:
    """A statement for sets: `text(source)` gives it with its source of rows; `key` is where a row's key begins."""

    text: Callable[[str], str]
    parameters: int
    key: int | None


async def write_rows(connection: Connection, sql: str, rows: Sequence[Sequence[SqlValue]]) -> None:
    """Run a statement for each row, with the effect of running them one after the other."""
    form = form_of(sql) if len(rows) >= _FEWEST else None
    if form is None or not are_apart(form, rows):
        await connection.executemany(translated(sql), rows)
        return
    await connection.execute(whole_of(sql, await types_of(connection, sql)), *zip(*rows, strict=True))


async def types_of(connection: Connection, sql: str) -> tuple[str, ...]:
    """Return the types of a statement's parameters, as the server tells them."""
    types = _types.get(sql)
    if types is None:
        prepared = await connection.prepare(translated(sql))
        types = _types[sql] = tuple(kind.name for kind in prepared.get_parameters())
    return types


def are_apart(form: Form, rows: Sequence[Sequence[SqlValue]]) -> bool:
    """Tell whether no two rows have the same key: of two updates of one row the later one would not win for sure."""
    return form.key is None or len({tuple(row[form.key :]) for row in rows}) == len(rows)


@lru_cache(maxsize=1024)
def whole_of(sql: str, types: tuple[str, ...]) -> str:
    """Return the statement for sets, whose parameters are arrays of these types."""
    form = form_of(sql)
    arrays = ", ".join(f"CAST(${number} AS {kind}[])" for number, kind in enumerate(types, 1))
    names = ", ".join(f"c{number}" for number in range(1, len(types) + 1))
    return form.text(f"unnest({arrays}) AS p({names})") if form else sql


@lru_cache(maxsize=1024)
def form_of(sql: str) -> Form | None:
    """Return a statement's form for sets, or None if it has none."""
    if _SELECT.search(sql):
        return None
    text, parameters = _numbered(sql)
    if not parameters:
        return None
    if found := _INSERT.match(text):
        head, values, tail = found.groups()
        return Form(lambda source: f"{head} SELECT {values} FROM {source}{tail}", parameters, None)  # noqa: S608 - ours
    if found := _UPDATE.match(text):
        head, where = found.groups()
        return Form(lambda source: f"{head} FROM {source} WHERE {where}", parameters, head.count("p.c"))
    if found := _DELETE.match(text):
        head, where = found.groups()
        return Form(lambda source: f"{head} USING {source} WHERE {where}", parameters, None)
    return None


def _numbered(sql: str) -> tuple[str, int]:
    """Return the SQL with `p.c1`, `p.c2`, … for its parameters, and how many there are."""
    number = 0

    def named(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] != "?":
            return found[0]
        number += 1
        return f"p.c{number}"

    return _PARAMETER.sub(named, sql), number
