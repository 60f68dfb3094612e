"""The compiled matcher against a naive one that interprets the pattern anew each time, over generated cases."""

import operator
import re
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from muelle.workflows.triggers.pattern import EventPattern, compile_pattern

ABSENT = object()
WORDS = st.sampled_from(["a", "b", "ab", "ba", "aba", ""])
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(-2, 2), st.sampled_from([0.0, 1.0, 1.5]), WORDS)
VALUES = st.one_of(SCALARS, st.lists(SCALARS, max_size=2), st.dictionaries(st.sampled_from("ab"), SCALARS, max_size=2))
SIGNS = {"=": operator.eq, "!=": operator.ne, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
NUMERIC = st.lists(st.tuples(st.sampled_from([*SIGNS]), st.sampled_from([-1, 0, 1, 1.5])), min_size=1, max_size=3)
PATTERNED = st.text("ab*", max_size=4)

SIMPLE = st.one_of(
    st.builds(lambda value: {"equals": value}, VALUES),
    st.builds(lambda values: {"in": values}, st.lists(VALUES, min_size=1, max_size=3)),
    st.builds(lambda text: {"prefix": text}, st.sampled_from(["a", "ab"])),
    st.builds(lambda text: {"suffix": text}, st.sampled_from(["a", "ba"])),
    st.builds(lambda text: {"glob": f"a{text}"}, PATTERNED),
    st.builds(lambda value: {"contains": value}, SCALARS),
    st.builds(lambda pairs: {"numeric": [part for pair in pairs for part in pair]}, NUMERIC),
)
CONDITION = st.one_of(
    SCALARS,
    SIMPLE,
    st.builds(lambda there: {"exists": there}, st.booleans()),
    st.builds(
        lambda inner: {"anything-but": inner}, st.one_of(SCALARS, SIMPLE, st.lists(SCALARS, min_size=1, max_size=3))
    ),
)
CONDITIONS = st.one_of(CONDITION, st.lists(CONDITION, min_size=1, max_size=3))
TYPES = st.lists(st.sampled_from(["a", "b", "*", "**", "a*"]), min_size=1, max_size=5).map(".".join)


def same(left: Any, right: Any) -> bool:
    """Compare as JSON does, by writing both with one kind of number."""
    return written(left) == written(right)


def written(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return repr(value)
    if isinstance(value, int | float):
        return repr(float(value))
    if isinstance(value, list):
        return f"[{','.join(map(written, value))}]"
    return "{" + ",".join(sorted(f"{key}:{written(item)}" for key, item in value.items())) + "}"


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def holds(value: Any, condition: Any) -> bool:
    if isinstance(condition, list):
        return any(holds(value, each) for each in condition)
    if not isinstance(condition, dict):
        return value is not ABSENT and same(value, condition)
    ((name, operand),) = condition.items()
    if name == "exists":
        return bool((value is not ABSENT) == operand)
    return value is not ABSENT and holds_operator(value, name, operand)


def holds_operator(value: Any, name: str, operand: Any) -> bool:
    readings: dict[str, Callable[[], bool]] = {
        "equals": lambda: same(value, operand),
        "in": lambda: any(same(value, each) for each in operand),
        "prefix": lambda: isinstance(value, str) and value[: len(operand)] == operand,
        "suffix": lambda: isinstance(value, str) and value[-len(operand) :] == operand,
        "glob": lambda: isinstance(value, str) and globs(operand, value),
        "numeric": lambda: is_number(value) and compares(value, operand),
        "contains": lambda: holds_part(value, operand),
        "anything-but": lambda: not holds(value, operand),
    }
    return readings[name]()


def globs(pattern: str, text: str) -> bool:
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), text, re.DOTALL) is not None


def compares(value: float, comparisons: list[Any]) -> bool:
    pairs = zip(comparisons[::2], comparisons[1::2], strict=True)
    return all(SIGNS[sign](value, number) for sign, number in pairs)


def holds_part(value: Any, part: Any) -> bool:
    if isinstance(value, list):
        return any(same(item, part) for item in value)
    if isinstance(value, str | dict):
        return isinstance(part, str) and part in value
    return is_number(value) and isinstance(part, str) and part in str(value)


def type_fits(pattern: list[str], given_type: list[str]) -> bool:
    if not pattern:
        return not given_type
    head, *rest = pattern
    if head == "**":
        return any(type_fits(rest, given_type[index:]) for index in range(len(given_type) + 1))
    if not given_type:
        return False
    return globs(head, given_type[0]) and type_fits(rest, given_type[1:])


@given(CONDITIONS, st.one_of(VALUES, st.just(ABSENT)))
def test_conditions_hold_as_a_naive_reading_says(conditions: Any, value: Any) -> None:
    event = {"type": "t", "data": {} if value is ABSENT else {"x": value}}
    compiled = compile_pattern(msgspec.convert({"data": {"x": conditions}}, EventPattern))

    assert (compiled.unmet(event) == "") == holds(value, conditions)


@given(TYPES, st.lists(st.sampled_from(["a", "b", "aa", "ab"]), min_size=1, max_size=6))
def test_types_fit_as_a_naive_reading_says(pattern: str, given_type: list[str]) -> None:
    compiled = compile_pattern(EventPattern(type=pattern))
    fits = compiled.unmet({"type": ".".join(given_type), "data": {}}) == ""

    assert fits == type_fits(pattern.split("."), given_type)


@given(st.dictionaries(st.sampled_from("xyz"), CONDITIONS, max_size=3), st.dictionaries(st.sampled_from("xyz"), VALUES))
def test_all_fields_must_hold(conditions: dict[str, Any], data: dict[str, Any]) -> None:
    compiled = compile_pattern(msgspec.convert({"type": "**", "data": conditions}, EventPattern))
    expected = all(holds(data.get(name, ABSENT), condition) for name, condition in conditions.items())

    assert (compiled.unmet({"type": "t", "data": data}) == "") == expected
