"""Fields of records: `name`, `a.b`, `items[0].price`, or a JSON Pointer such as `/a/b`.

Where the way leads nowhere, a key that is spelled exactly like the field counts, so that `{"a.b": 1}` has the field
`a.b`, as A2E's flat keys do. The empty field is the record itself.
"""

from collections.abc import Callable
from functools import lru_cache

from muelle.packs import MISSING, Json, Missing

Find = Callable[[Json], Json | Missing]
_LONGEST_INDEX = 10  # digits: no list has more items, and int() of many digits is slow


@lru_cache(maxsize=4096)
def segments(field: str) -> tuple[str, ...]:
    """Return the keys and indexes that a field leads along."""
    if field.startswith("/"):
        return tuple(part.replace("~1", "/").replace("~0", "~") for part in field[1:].split("/"))
    if not field:
        return ()
    parts: list[str] = []
    for part in field.split("."):
        parts += _indexed(part) if part.endswith("]") else (part,)
    return tuple(parts)


def _indexed(part: str) -> list[str]:
    """Split `items[0][1]` into its name and indexes."""
    name, *indexes = part.split("[")
    if not all(index.endswith("]") and index[:-1].isdecimal() for index in indexes):
        return [part]
    return ([name] if name else []) + [index[:-1] for index in indexes]


def follow(value: Json, path: tuple[str, ...]) -> Json | Missing:
    """Return what is at the end of `path`, or MISSING."""
    for segment in path:
        if type(value) is dict:
            value = value.get(segment, MISSING)
        elif type(value) is list and 0 <= (index := _index(segment)) < len(value):
            value = value[index]
        else:
            return MISSING
    return value


def _index(segment: str) -> int:
    return int(segment) if segment.isascii() and segment.isdecimal() and len(segment) < _LONGEST_INDEX else -1


@lru_cache(maxsize=4096)
def finder(field: str) -> Find:
    """Return a function that finds `field` in a record, or MISSING."""
    path = segments(field)
    if not path:
        return lambda record: record

    def find(record: Json) -> Json | Missing:
        found = follow(record, path)
        return record.get(field, MISSING) if found is MISSING and type(record) is dict else found

    return find


def find_field(record: Json, field: str) -> Json | Missing:
    """Return what `record` has as `field`, or MISSING."""
    return finder(field)(record)


def column(rows: list[Json], field: str) -> list[Json | Missing]:
    """Return the field of every row; MISSING where a row has none."""
    path = segments(field)
    if len(path) == 1:
        key = path[0]
        try:
            return [row[key] for row in rows]
        except (KeyError, TypeError):  # a row without the field, or that is no object: look closer
            pass
    return [*map(finder(field), rows)]
