"""List comprehensions made to measure: a million rows are tested without a call for each.

A condition whose value is a text, a number, true, false or null becomes a fragment of Python that is exact for every
row on which it raises nothing. If one does raise (a field that is missing, a text where a number is compared), the next
form is tried: first one that takes a missing field for null, then the operators themselves, row by row. The source is
put together from the fixed fragments below; fields and values come in as arguments, never as source (ADR 0006).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

from muelle.packs import Json
from muelle.workflows.operations.comparing import ORDER, is_number, test_of
from muelle.workflows.operations.patterns import compile_pattern
from muelle.workflows.operations.records import finder, segments

Keep = Callable[[list[Json]], list[Json]]
_NOT_SO: Final = (KeyError, TypeError, AttributeError, IndexError)


@dataclass(frozen=True, slots=True)
class RowTest:
    """A condition on one field of a row."""

    field: str
    operator: str
    value: Json


def keep_rows(rows: list[Json], tests: Sequence[RowTest], *, any_of: bool) -> list[Json]:
    """Return the rows that pass all tests, or any of them."""
    for sparse in (False, True):
        made = _made_to_measure(tests, sparse=sparse, any_of=any_of)
        if made is not None:
            try:
                return made(rows)
            except _NOT_SO:  # a row that this form is not exact for
                continue
    return _row_by_row(rows, tests, any_of=any_of)


def _row_by_row(rows: list[Json], tests: Sequence[RowTest], *, any_of: bool) -> list[Json]:
    pairs = [(finder(test.field), test_of(test.operator, test.value)) for test in tests]
    if len(pairs) == 1:
        find, passes = pairs[0]
        return [row for row in rows if passes(find(row))]
    join = any if any_of else all
    return [row for row in rows if join(passes(find(row)) for find, passes in pairs)]


def _made_to_measure(tests: Sequence[RowTest], *, sparse: bool, any_of: bool) -> Keep | None:
    fragments: list[str] = []
    arguments: list[Json] = []
    for test in tests:
        path = segments(test.field)
        fragment = _fragment(test)
        if fragment is None or not path or (sparse and len(path) > 1):
            return None
        access, constants = _access(path, len(arguments), sparse=sparse)
        arguments += constants
        value = f"a{len(arguments)}"
        arguments.append(_constant(test))
        guard = f"{_seen(len(arguments))} is not None and " if sparse and test.operator in _GUARDED else ""
        if guard:
            name = _seen(len(arguments))
            guard, access = f"({name} := {access}) is not None and ", name
        fragments.append(f"({guard}{fragment.format(x=access, v=value, y=f'y{len(arguments)}')})")
    return _comprehension((" or " if any_of else " and ").join(fragments), len(arguments))(*arguments)


def _seen(number: int) -> str:
    return f"x{number}"


def _access(path: tuple[str, ...], first: int, *, sparse: bool) -> tuple[str, list[Json]]:
    if sparse:
        return f"row.get(a{first})", [path[0]]
    return "row" + "".join(f"[a{first + index}]" for index in range(len(path))), [*path]


@lru_cache(maxsize=256)
def _comprehension(condition: str, arguments: int) -> Callable[..., Keep]:
    names = ", ".join(f"a{index}" for index in range(arguments))
    source = f"def make({names}):\n def keep(rows):\n  return [row for row in rows if {condition}]\n return keep"
    namespace: dict[str, object] = {}
    exec(source, namespace)  # noqa: S102 - put together from the fragments of this file alone
    return cast("Callable[..., Keep]", namespace["make"])


_MEMBERSHIP: Final = {"in": "{x} in {v}", "notIn": "{x} not in {v}"}
_TEXTUAL: Final = {
    "contains": "{v} in {x}",
    "startsWith": "{x}.startswith({v})",
    "endsWith": "{x}.endswith({v})",
    "matches": "{v}({x}) is not None",
}
_NO_BOOL: Final = "{y} is not True and {y} is not False"
_GUARDED: Final = frozenset({*ORDER, "contains", "startsWith", "endsWith", "matches"})


def _fragment(test: RowTest) -> str | None:
    """Return the test as source with {x} for the field, {v} for the value, {y} for a name; None if there is none."""
    if test.operator in ("==", "!="):
        return _equality(test.operator, test.value)
    if test.operator in ORDER:
        return _order(test.operator, test.value)
    if test.operator in _MEMBERSHIP:
        return _MEMBERSHIP[test.operator] if type(test.value) is list and _is_plain(test.value) else None
    return _TEXTUAL.get(test.operator) if type(test.value) is str else None


def _equality(operator: str, value: Json) -> str | None:
    if value is None or type(value) is bool:
        return "{x} is {v}" if operator == "==" else "{x} is not {v}"
    if type(value) is not str and not is_number(value):
        return None
    if type(value) is str or value not in (0, 1):
        return f"{{x}} {operator} {{v}}"
    # Python takes true for 1 and false for 0; JSON does not.
    return (
        f"({{y}} := {{x}}) == {{v}} and {_NO_BOOL}"
        if operator == "=="
        else "({y} := {x}) != {v} or {y} is True or {y} is False"
    )


def _order(operator: str, value: Json) -> str | None:
    if type(value) is str:
        return f"{{x}} {operator} {{v}}"
    if not is_number(value):
        return None
    compare = ORDER[operator]
    if compare(True, value) or compare(False, value):  # noqa: FBT003 - these are the values in question
        return f"({{y}} := {{x}}) {operator} {{v}} and {_NO_BOOL}"
    return f"{{x}} {operator} {{v}}"


def _is_plain(values: list[Json]) -> bool:
    """Return whether membership means the same to Python as to JSON: no containers, nothing equal to true or false."""
    return all(value is None or type(value) is str or (is_number(value) and value not in (0, 1)) for value in values)


def _constant(test: RowTest) -> Json:
    if test.operator in ("in", "notIn"):
        return frozenset(test.value)
    return compile_pattern(test.value).search if test.operator == "matches" else test.value
