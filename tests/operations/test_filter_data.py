"""FilterData: every operator, every form of field, and the fast forms against the operators themselves."""

import operator as py
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.core import MuelleError
from muelle.packs import Json
from muelle.workflows.operations.comparing import test_of as make_test
from muelle.workflows.operations.records import find_field
from muelle.workflows.operations.row_filters import RowTest, keep_rows
from operations.operations_world import TYPES, FakeStep, faults, perform, run


def kept(values: list[Json], operator: str, value: Json = None) -> list[Json]:
    """Filter records with these values in the field `f`; return the values that are kept."""
    rows = [{"f": item} for item in values]
    found = perform("FilterData", rows, conditions=[{"field": "f", "operator": operator, "value": value}])
    return [row["f"] for row in found]


@pytest.mark.parametrize(
    ("operator", "value", "values", "expected"),
    [
        ("==", 1, [1, 1.0, True, "1", None], [1, 1.0]),
        ("==", True, [1, True, "true"], [True]),
        ("==", None, [None, 0, ""], [None]),
        ("==", {"a": [1]}, [{"a": [1]}, {"a": [True]}, {"a": [1.0]}], [{"a": [1]}, {"a": [1.0]}]),
        ("!=", 1, [1, True, "1", None], [True, "1", None]),
        (">", 0, [1, 0, True, "5", None, [], 2.5], [1, 2.5]),
        ("<", 5, [1, False, "1", 9], [1]),
        (">=", "b", ["a", "b", 3], ["b"]),
        ("<=", 0, [0, -1, False, None], [0, -1]),
        (">", None, [1, "a", None], []),
        (">", True, [True, 2], []),
        ("in", [1, "a"], [1, True, "a", "b", [1]], [1, "a"]),
        ("in", "abc", ["b", "x", 1], ["b"]),
        ("in", {"k": 1}, ["k", "x"], ["k"]),
        ("in", [[1]], [[1], [True], 1], [[1]]),
        ("notIn", [0, None], [0, False, None, 1], [False, 1]),
        ("contains", "a", ["bar", ["a"], {"a": 1}, "x", None, 5], ["bar", ["a"], {"a": 1}]),
        ("contains", 1, [[1], [True], "1"], [[1]]),
        ("contains", "23", [1234, "x"], [1234]),
        ("startsWith", "a", ["ab", "ba", 1, None], ["ab"]),
        ("endsWith", "a", ["ab", "ba", ["a"]], ["ba"]),
        ("startsWith", 1, ["1"], []),
        ("matches", "^a+$", ["aa", "ab", 1, None, ["a"]], ["aa"]),
        ("exists", None, [None, 0], [None, 0]),
        ("exists", False, [None, 0], []),
        ("empty", None, [None, "", [], {}, 0, False, " "], [None, "", [], {}]),
        ("isEmpty", False, [None, "", 0, "x"], [0, "x"]),
    ],
)
def test_each_operator_keeps_what_it_should(
    operator: str, value: Json, values: list[Json], expected: list[Json]
) -> None:
    assert list(map(repr, kept(values, operator, value))) == list(map(repr, expected))


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("==", None, 1), ("!=", None, 0), ("==", 1, 0), ("!=", 1, 1), (">", 1, 0), ("in", [None], 1), ("notIn", [1], 1),
        ("contains", "a", 0), ("startsWith", "", 0), ("matches", "", 0), ("exists", True, 0), ("exists", False, 1),
        ("empty", True, 1),
    ],
)  # fmt: skip
def test_a_missing_field_compares_as_null(operator: str, value: Json, expected: int) -> None:
    condition = {"field": "f", "operator": operator, "value": value}
    assert len(perform("FilterData", [{"g": 1}], conditions=[condition])) == expected


@pytest.mark.parametrize("field", ["a.b[0].c", "/a/b/0/c", "a.b.0.c"])
def test_fields_are_dotted_or_pointers(field: str) -> None:
    rows = [{"a": {"b": [{"c": 5}]}}, {"a": {"b": []}}, {"a": 1}, 7, None]
    assert perform("FilterData", rows, conditions=[{"field": field, "operator": "==", "value": 5}]) == rows[:1]


def test_a_flat_key_with_a_dot_is_found() -> None:
    rows = [{"a.b": 1}, {"a": {"b": 1}}, {"a": {}}]
    assert perform("FilterData", rows, conditions=[{"field": "a.b", "operator": "==", "value": 1}]) == rows[:2]


def test_without_a_field_the_item_itself_is_compared() -> None:
    assert perform("FilterData", [1, 5, "x"], conditions=[{"operator": ">", "value": 2}]) == [5]


def test_all_conditions_or_any_of_them_must_hold() -> None:
    rows = [{"a": 1, "b": 1}, {"a": 1, "b": 2}, {"a": 2, "b": 2}]
    conditions = [{"field": "a", "operator": "==", "value": 1}, {"field": "b", "operator": "==", "value": 2}]
    assert perform("FilterData", rows, conditions=conditions) == rows[1:2]
    assert perform("FilterData", rows, conditions=conditions, match="any") == rows


def test_only_lists_are_filtered() -> None:
    with pytest.raises(MuelleError) as failure:
        perform("FilterData", {"a": 1}, conditions=[{"field": "a", "operator": "exists"}])
    assert failure.value.code == "wrong_input"


@pytest.mark.parametrize(
    ("condition", "pointer"),
    [
        ({"field": "a", "operator": "=="}, "/conditions/0/value"),
        ({"field": "a", "operator": "in", "value": 5}, "/conditions/0/value"),
        ({"field": "a", "operator": "startsWith", "value": 5}, "/conditions/0/value"),
        ({"field": "a", "operator": "matches", "value": "("}, "/conditions/0/value"),
    ],
)
def test_a_condition_that_cannot_work_is_found_before_the_run(condition: dict[str, Json], pointer: str) -> None:
    assert [found for found, _ in faults("FilterData", conditions=[condition])] == [pointer]


@pytest.mark.parametrize("value", [{"path": "/workflow/p"}, "/workflow/p", "{workflow/p}x"])
def test_a_reference_is_not_judged_before_the_run(value: Json) -> None:
    assert faults("FilterData", conditions=[{"field": "a", "operator": "matches", "value": value}]) == []


SCALARS: Any = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 3),
    st.sampled_from([0.0, 1.0, 1.5]),
    st.sampled_from(["", "a", "ab", "1"]),
)
VALUES: Any = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner)
)
ROWS: Any = st.lists(st.dictionaries(st.sampled_from(["f", "g", "f.a"]), VALUES, max_size=3) | VALUES, max_size=8)
OPERATORS: Any = st.sampled_from(
    ["==", "!=", ">", "<", ">=", "<=", "in", "notIn", "contains", "startsWith", "endsWith", "exists", "empty"]
)
TESTS: Any = st.builds(RowTest, st.sampled_from(["f", "g", "f.a", "/f/a", ""]), OPERATORS, VALUES)


@given(rows=ROWS, tests=st.lists(TESTS, min_size=1, max_size=3), any_of=st.booleans())
def test_the_fast_forms_keep_exactly_what_the_operators_keep(
    rows: list[Json], tests: list[RowTest], *, any_of: bool
) -> None:
    join = any if any_of else all
    expected = [
        row for row in rows if join(make_test(test.operator, test.value)(find_field(row, test.field)) for test in tests)
    ]
    found = keep_rows(rows, tests, any_of=any_of)
    assert len(found) == len(expected)
    assert all(map(py.is_, found, expected))


async def test_every_example_is_valid(step: FakeStep) -> None:
    import msgspec  # noqa: PLC0415 - used here only

    for kind in TYPES.values():
        msgspec.convert(dict(kind.example), kind.config)
        assert kind.example
        assert not (kind.check(kind.example) if kind.check else ())
    assert len(TYPES) == 24
    assert await run("Wait", step, duration=0) is None
