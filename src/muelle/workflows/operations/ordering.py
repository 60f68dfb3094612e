"""Sorting: stable, over many fields, with one total order over all JSON values.

The order is false, true, numbers, texts, lists, objects; null and what is missing come last, whichever the direction.
"""

from collections.abc import Sequence
from operator import itemgetter
from typing import Any, Final

from muelle.packs import MISSING, Json, Missing
from muelle.workflows.operations.records import column, segments

_NUMBERS: Final = frozenset({int, float})
_RANKS: Final = {bool: 0, int: 1, float: 1, str: 2, list: 3, dict: 4, type(None): 5, Missing: 6}
SortKey = tuple[str, bool]
"""A field, and whether it descends."""


def rank(value: Json) -> tuple[int, object]:
    """Return a key by which any JSON values can be put in order."""
    kind = type(value)
    if kind is list:
        return 3, tuple(map(rank, value))
    if kind is dict:
        return 4, tuple((key, rank(item)) for key, item in sorted(value.items()))
    return _RANKS[kind], 0 if value is None or value is MISSING else value


def are_comparable(kinds: set[type]) -> bool:
    """Return whether Python orders values of these types as JSON does."""
    return kinds <= _NUMBERS or kinds in ({str}, {bool})


def sort_rows(rows: list[Json], keys: Sequence[SortKey]) -> list[Json]:
    """Return the rows in order of the first key, then the second, and so on."""
    for field, descending in reversed(keys):
        rows = _sort_by(rows, field, descending=descending)
    return rows


def _sort_by(rows: list[Json], field: str, *, descending: bool) -> list[Json]:
    path = segments(field)
    if len(path) == 1:
        get = itemgetter(path[0])
        try:
            if are_comparable(set(map(type, map(get, rows)))):
                return sorted(rows, key=get, reverse=descending)
        except (KeyError, TypeError):  # a row without the field, or no object: look closer
            pass
    values: list[Json] = column(rows, field) if path else rows
    if not are_comparable(set(map(type, values))):
        return _sort_ranked(rows, values, descending=descending)
    places = sorted(range(len(rows)), key=values.__getitem__, reverse=descending)
    return [rows[place] for place in places]


def _sort_ranked(rows: list[Json], values: list[Json], *, descending: bool) -> list[Json]:
    ranks: list[Any] = [*map(rank, values)]
    there = [place for place, value in enumerate(values) if value is not None and value is not MISSING]
    there.sort(key=ranks.__getitem__, reverse=descending)
    null = [place for place, value in enumerate(values) if value is None]
    missing = [place for place, value in enumerate(values) if value is MISSING]
    return [rows[place] for place in (*there, *null, *missing)]
