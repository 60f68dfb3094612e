"""Groups by a field, and numbers and values that stand for many."""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from muelle.packs import MISSING, Json, Limits, Missing
from muelle.workflows.operations.comparing import is_number
from muelle.workflows.operations.errors import NumberOutOfRange, WrongInput
from muelle.workflows.operations.numbers import afford_digits, bounded_number
from muelle.workflows.operations.ordering import are_comparable, rank
from muelle.workflows.operations.records import column, finder, segments
from muelle.workflows.operations.texts import afford_length, text_of

Groups = dict[str, list[Json]]
_SIMPLE: Final = frozenset({str, int, float, bool, type(None)})


def group_key(value: Json | Missing) -> str:
    """Return the key of the group of a value: text as it is, anything else as JSON; missing counts as null."""
    if type(value) is str:
        return value
    if value is MISSING:
        return "null"
    if type(value) is float and value.is_integer():
        value = int(value)
    return msgspec.json.encode(value, order="sorted").decode()


def group_rows(rows: list[Json], field: str) -> Groups:
    """Return the rows under the key of their value, keys in order of their first row."""
    path = segments(field)
    if len(path) == 1:
        raw: defaultdict[Json, list[Json]] = defaultdict(list)
        key = path[0]
        try:
            for row in rows:
                raw[row[key]].append(row)
        except (KeyError, TypeError):  # a row without the field, no object, or a value that is no key
            return _group_each(rows, field)
        if (named := _names(raw, key)) is not None:
            return named
    return _group_each(rows, field)


def _names(raw: dict[Json, list[Json]], key: str) -> Groups | None:
    """Return the groups under their texts, or None if Python takes values for one that JSON does not, or reversed."""
    if not _SIMPLE.issuperset(map(type, raw)):
        return None
    for shared in (0, 1):  # to Python, false is 0 and true is 1
        kinds = {type(row[key]) for row in raw.get(shared, ())}
        if bool in kinds and len(kinds) > 1:
            return None
    named = {group_key(value): rows for value, rows in raw.items()}
    return named if len(named) == len(raw) else None


def _group_each(rows: list[Json], field: str) -> Groups:
    groups: defaultdict[str, list[Json]] = defaultdict(list)
    find = finder(field)
    for row in rows:
        groups[group_key(find(row))].append(row)
    return dict(groups)


def numbers_of(values: Iterable[Json | Missing]) -> list[Json]:
    """Return the numbers among the values; null, text, true and what is missing do not count."""
    kept = [*values]
    if {int, float}.issuperset(map(type, kept)):
        return kept
    return [value for value in kept if is_number(value)]


def _there(values: list[Json | Missing]) -> list[Json]:
    return [value for value in values if value is not None and value is not MISSING]


def _extreme(choose: Callable[..., Json], values: list[Json | Missing]) -> Json:
    there = _there(values)
    if are_comparable(set(map(type, there))):
        return choose(there, default=None)
    return choose(there, key=rank, default=None)


def _average(numbers: list[Json], limits: Limits) -> Json:
    if not numbers:
        return None
    try:
        return bounded_number(math.fsum(numbers) / len(numbers), limits)
    except OverflowError:
        raise NumberOutOfRange from None


def _total(numbers: list[Json], limits: Limits, initial: Json = 0) -> Json:
    try:
        return bounded_number(sum(numbers, initial), limits)
    except OverflowError:
        raise NumberOutOfRange from None


def aggregate(values: list[Json | Missing], operation: str, limits: Limits) -> Json:
    """Return the count, sum, avg, min or max of the values; null where nothing counts, but a sum of 0."""
    match operation:
        case "count":
            return len(_there(values))
        case "sum":
            return _total(numbers_of(values), limits)
        case "avg" | "average":
            return _average(numbers_of(values), limits)
        case "min":
            return _extreme(min, values)
        case _:
            return _extreme(max, values)


def aggregate_rows(rows: list[Json], field: str | None, operation: str, limits: Limits) -> Json:
    """Aggregate a field of the rows; without a field, the rows themselves (count: how many they are)."""
    if field is None:
        return len(rows) if operation == "count" else aggregate(rows, operation, limits)
    return aggregate(column(rows, field), operation, limits)


def reduce_values(values: list[Json | Missing], operation: str, initial: Json | Missing, limits: Limits) -> Json:
    """Fold the values into one, starting from `initial`."""
    start = [] if initial is MISSING else [initial]
    match operation:
        case "first" | "last":
            there = [*start, *_there(values)]
            return None if not there else there[0 if operation == "first" else -1]
        case "concat":
            return _concatenate([*start, *_there(values)], limits)
        case "merge":
            return _merge([*start, *_there(values)])
        case "product":
            return _product([*numbers_of(start), *numbers_of(values)], limits)
        case "count":
            return _total([len(_there(values)), *numbers_of(start)], limits)
        case _:
            return aggregate([*start, *values], operation, limits)


def _product(numbers: list[Json], limits: Limits) -> Json:
    result: Json = 1
    for number in numbers:
        try:
            result = result * number
        except OverflowError:
            raise NumberOutOfRange from None
        afford_digits(result, limits)
    return bounded_number(result, limits)


def _concatenate(values: list[Json], limits: Limits) -> Json:
    """Join lists to a list if all are lists, and texts of all to a text otherwise."""
    if values and all(type(value) is list for value in values):
        return [item for value in values for item in value]
    texts = [*map(text_of, values)]
    afford_length(sum(map(len, texts)), limits)
    return "".join(texts)


def _merge(values: list[Json]) -> Json:
    merged: dict[str, Json] = {}
    for value in values:
        if type(value) is not dict:
            raise WrongInput("reduce with 'merge' needs objects")
        merged.update(value)
    return merged
