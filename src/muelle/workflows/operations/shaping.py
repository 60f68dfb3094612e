"""Lists and records in another shape: map, select, distinct, flatten, slice, join."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Final, cast

from muelle.packs import MISSING, Json, Limits
from muelle.workflows.operations.comparing import fingerprint
from muelle.workflows.operations.errors import ResultTooLarge, WrongInput
from muelle.workflows.operations.records import column, finder, follow, segments
from muelle.workflows.operations.texts import afford_length, text_of

Renew = Callable[[list[Json]], list[Json]]
JOINED_ROW_BYTES: Final = 64  # what a row of a join counts for against the limit of the data model
_PLAIN: Final = frozenset({str, int, float, type(None)})


def rename_fields(rows: list[Json], names: Mapping[str, str]) -> list[Json]:
    """Return an object for each row with its fields under new names; null where a row has none. `names`: from, to."""
    paths = [segments(field) for field in names]
    if all(paths):
        lengths = tuple(len(path) for path in paths)
        arguments = [argument for path, to in zip(paths, names.values(), strict=True) for argument in (to, *path)]
        try:
            return _renaming(lengths)(*arguments)(rows)
        except (KeyError, TypeError, IndexError):  # a row without one of the fields, or no object: look closer
            pass
    finds = [(to, finder(field)) for field, to in names.items()]
    return [{to: _or_null(find(row)) for to, find in finds} for row in rows]


@lru_cache(maxsize=256)
def _renaming(lengths: tuple[int, ...]) -> Callable[..., Renew]:
    """Return a maker of a comprehension that copies fields of such depths; names come in as its arguments."""
    pairs, count = [], 0
    for length in lengths:
        keys = "".join(f"[a{index}]" for index in range(count + 1, count + 1 + length))
        pairs.append(f"a{count}: row{keys}")
        count += 1 + length
    names = ", ".join(f"a{index}" for index in range(count))
    source = f"def make({names}):\n def renew(rows):\n  return [{{{', '.join(pairs)}}} for row in rows]\n return renew"
    namespace: dict[str, object] = {}
    exec(source, namespace)  # noqa: S102 - numbers alone make the source
    return cast("Callable[..., Renew]", namespace["make"])


def _or_null(value: Json) -> Json:
    return None if value is MISSING else value


def pluck(rows: list[Json], field: str) -> list[Json]:
    """Return the field of every row; null where a row has none."""
    return [_or_null(value) for value in column(rows, field)]


def keep_fields(record: Json, fields: Sequence[str]) -> Json:
    """Return an object with those of the fields that the record has, under their own names."""
    found = {field: finder(field)(record) for field in fields}
    return {field: value for field, value in found.items() if value is not MISSING}


def extract(value: Json, field: str) -> Json:
    """Return what `value` has at `field`; from a list, of every item, unless the field begins with an index."""
    if type(value) is list and follow(value, segments(field)[:1]) is MISSING:
        return pluck(value, field)
    found = finder(field)(value)
    if found is MISSING:
        raise WrongInput("The data has no such field", field=field)
    return found


def distinct(rows: list[Json], field: str | None) -> list[Json]:
    """Return the first row of each value of the field, or of each row itself."""
    path = segments(field or "")
    if len(path) == 1 and (firsts := _firsts(rows, path[0])) is not None:
        return firsts
    values = rows if field is None else column(rows, field)
    marks = values if set(map(type, values)) <= _PLAIN else [*map(fingerprint, values)]
    first: dict[object, Json] = {}
    for mark, row in zip(marks, rows, strict=True):
        first.setdefault(mark, row)
    return [*first.values()]


def _firsts(rows: list[Json], key: str) -> list[Json] | None:
    """Return the first row of each value of a key, or None if a row lacks it or Python takes true for 1 in them."""
    first: dict[Json, Json] = {}
    try:
        for row in rows:
            value = row[key]
            if value not in first:
                first[value] = row
    except (KeyError, TypeError):  # a row without the field, no object, or a value that is a list or an object
        return None
    if (0 in first or 1 in first) and bool in {type(row[key]) for row in rows}:
        return None
    return [*first.values()]


def flatten(rows: list[Json], depth: int) -> list[Json]:
    """Return the items of the lists inside, `depth` levels deep."""
    for _ in range(depth):
        if list not in set(map(type, rows)):
            break
        rows = [item for row in rows for item in (row if type(row) is list else (row,))]
    return rows


def join_text(rows: list[Json], field: str | None, separator: str, limits: Limits) -> str:
    """Return the items, or their field, as one text; null and what is missing are left out."""
    values = rows if field is None else column(rows, field)
    texts = [text_of(value) for value in values if value is not None and value is not MISSING]
    afford_length(sum(map(len, texts)) + len(separator) * len(texts), limits)
    return separator.join(texts)


def join_rows(
    rows: list[Json], others: list[Json], on: tuple[str, str], limits: Limits, *, keep_all: bool
) -> list[Json]:
    """Return each row with the fields of each of the others whose key equals its own; its own fields win.

    `on` is the key's field in the rows and in the others. Null and missing keys match nothing. `keep_all` keeps rows
    that match none. Raises ResultTooLarge before anything is built if there would be too many.
    """
    if not all(type(row) is dict for row in (*rows, *others)):
        raise WrongInput("join needs lists of objects")
    matches: defaultdict[object, list[Json]] = defaultdict(list)
    for other, key in zip(others, column(others, on[1]), strict=True):
        if key is not None and key is not MISSING:
            matches[fingerprint(key)].append(other)
    found = [matches.get(fingerprint(key), []) for key in column(rows, on[0])]
    if sum(map(len, found)) * JOINED_ROW_BYTES > limits.data_bytes:
        raise ResultTooLarge("The join has too many rows", limit=limits.data_bytes // JOINED_ROW_BYTES)
    return [
        joined
        for row, partners in zip(rows, found, strict=True)
        for joined in ([_joined(row, partner) for partner in partners] or ([row] if keep_all else []))
    ]


def _joined(row: dict[str, Json], partner: dict[str, Json]) -> dict[str, Json]:
    return row | {key: value for key, value in partner.items() if key not in row}
