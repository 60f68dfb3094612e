"""Several statements as one: PostgreSQL runs them in one round trip, and without a transaction around them.

`WITH s0 AS (INSERT …), s1 AS (DELETE …) SELECT 1` does all of it or nothing. Its parts see nothing of each other
(https://www.postgresql.org/docs/15/queries-with.html, 7.8.4), so only statements go together of which none touches what
another one writes; a SELECT among them has one column. While many runs go on, each round trip waits for its turn of
the loop, which takes longer than what the server does.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from muelle.stores.adapters.postgres_rows import are_apart, form_of, types_of, whole_of
from muelle.stores.adapters.postgres_server import Connection, translated
from muelle.stores.batch import Group

_TOUCHED = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|USING)\s+(\w+)", re.IGNORECASE)
_WRITES = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)
_ASKS = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_NUMBER = re.compile(r"'(?:[^']|'')*'|\$(\d+)")


class _Reach(NamedTuple):
    """What a statement writes, "" for nothing, and all tables that it names."""

    writes: str
    touches: frozenset[str]


def waves(groups: Sequence[Group]) -> list[list[Group]] | None:
    """Divide groups into as few waves as do what the groups do one after the other; None if one cannot be joined."""
    found: list[list[Group]] = []
    for group in groups:
        if not _can_join(group):
            return None
        place = len(found)
        while place and not any(_meet(group[0], other[0]) for other in found[place - 1]):
            place -= 1
        if place == len(found):
            found.append([])
        found[place].append(group)
    return found


async def write_wave(connection: Connection, wave: Sequence[Group]) -> None:
    """Run all groups of a wave as one statement."""
    shapes: list[tuple[str, tuple[str, ...] | None]] = []
    parameters: list[object] = []
    for sql, rows in wave:
        if form_of(sql) is None or len(rows) == 1:
            shapes.append((sql, None))
            parameters += rows[0]
        else:
            shapes.append((sql, await types_of(connection, sql)))
            parameters += zip(*rows, strict=True)
    await connection.execute(_joined(tuple(shapes)), *parameters)


def _can_join(group: Group) -> bool:
    sql, rows = group
    reach = _reach(sql)
    if not reach.writes and not _ASKS.match(sql):
        return False
    if len(rows) == 1:
        return True
    form = form_of(sql)
    return form is not None and are_apart(form, rows)


@lru_cache(maxsize=1024)
def _reach(sql: str) -> _Reach:
    writes = _WRITES.match(sql)
    touched = frozenset(name.lower() for name in _TOUCHED.findall(sql))
    return _Reach(writes[1].lower() if writes else "", touched)


@lru_cache(maxsize=4096)
def _meet(one: str, other: str) -> bool:
    """Tell whether one of two statements touches what the other one writes."""
    first, second = _reach(one), _reach(other)
    return first.writes in second.touches or second.writes in first.touches


@lru_cache(maxsize=1024)
def _joined(shapes: tuple[tuple[str, tuple[str, ...] | None], ...]) -> str:
    parts: list[str] = []
    asked: list[str] = []
    number = 0
    for sql, types in shapes:
        text = translated(sql) if types is None else whole_of(sql, types)
        (asked if _ASKS.match(sql) else parts).append(_shifted(text, number))
        number += len(set(_numbers(text)))
    named = ", ".join(f"s{place} AS ({part})" for place, part in enumerate(parts))
    select = "SELECT " + (", ".join(f"({question})" for question in asked) or "1")
    return f"WITH {named} {select}" if named else select


def _numbers(text: str) -> list[str]:
    return [found[1] for found in _NUMBER.finditer(text) if found[1]]


def _shifted(text: str, by: int) -> str:
    return _NUMBER.sub(lambda found: f"${int(found[1]) + by}" if found[1] else found[0], text)
