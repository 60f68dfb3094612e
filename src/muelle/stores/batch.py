"""Joining the statements of many callers into few, without changing what they do.

Statements of different tables do not depend on each other, and equal SQL keeps its order. So a statement joins the
newest group of its table if that has the same SQL, and the result equals running the callers one after the other.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from muelle.stores.model import SqlValue, Statement

Group = tuple[str, list[Sequence[SqlValue]]]

_TARGET = re.compile(r"\s*(?:INSERT\s+INTO|UPDATE|DELETE\s+FROM)\s+(\w+)", re.IGNORECASE)
_SUBQUERY = re.compile(r"\bSELECT\b", re.IGNORECASE)


@lru_cache(maxsize=1024)
def table_of(sql: str) -> str:
    """Return the one table that a statement touches, or "" if it may touch others."""
    found = _TARGET.match(sql)
    return found[1].lower() if found and not _SUBQUERY.search(sql) else ""


def in_order(statements: Sequence[Statement]) -> list[Statement]:
    """Return one caller's statements as they are to be run where nothing is merged."""
    if not any(statement.once for statement in statements):
        return list(statements)
    return sorted(statements, key=lambda statement: not statement.once)


def merged(callers: Iterable[Sequence[Statement]]) -> list[Group]:
    """Return groups of rows by SQL, equal in effect to the callers in their order."""
    first: dict[tuple[str, tuple[SqlValue, ...]], None] = {}
    groups: list[Group] = []
    newest: dict[str, int] = {}
    barrier = 0  # no statement may move before this group
    for statements in callers:
        earliest = barrier  # nor before its own caller's previous statement: a foreign key may join the two
        for sql, rows, once in statements:
            if once:
                first.update(((sql, tuple(row)), None) for row in rows)
                continue
            table = table_of(sql)
            at = newest.get(table, -1)
            if table and at >= earliest and groups[at][0] == sql:
                groups[at][1].extend(rows)
            else:
                at = len(groups)
                groups.append((sql, list(rows)))
                newest[table] = at
                if not table:
                    barrier = at + 1
            earliest = max(barrier, at)
    return [*((sql, list[Sequence[SqlValue]]([row])) for sql, row in first), *groups] if first else groups
