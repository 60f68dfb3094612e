"""Which events a pattern means, sentence by sentence, and what is wrong with patterns that mean nothing."""

from typing import Any

import msgspec
import pytest

from muelle.workflows.triggers.conditions import LONGEST_TEXT, MOST_CONDITIONS
from muelle.workflows.triggers.errors import InvalidTrigger
from muelle.workflows.triggers.pattern import MOST_FIELDS, EventPattern, compile_pattern

EVENT = {"id": "e", "type": "order.created", "source": "/shop/eu", "subject": "orders/7", "data": {}}


def unmet(pattern: dict[str, Any], **parts: Any) -> str:
    compiled = compile_pattern(msgspec.convert(pattern, EventPattern))
    return compiled.unmet({**EVENT, **parts})


def fault_of(pattern: dict[str, Any]) -> dict[str, Any]:
    with pytest.raises(InvalidTrigger) as caught:
        compile_pattern(msgspec.convert(pattern, EventPattern))
    return caught.value.facts


@pytest.mark.parametrize(
    ("pattern", "kind", "fits"),
    [
        ("order.created", "order.created", True),
        ("order.created", "order.createdx", False),
        ("order.*", "order.created", True),
        ("order.*", "order", False),
        ("order.*", "order.created.v2", False),
        ("order.cre*", "order.created", True),
        ("*.created", "order.created", True),
        ("*", "order.created", False),
        ("order.**", "order.created.v2", True),
        ("order.**", "order", True),
        ("**", "order.created.v2", True),
        ("**.v2", "order.created.v2", True),
        ("a.**.b.**.c", "a.b.b.x.c", True),
        ("a.**.b.**.c", "a.x.c", False),
        ("**.a.**", "b.b.b", False),
    ],
)
def test_a_star_stands_within_a_segment_and_two_for_any_segments(pattern: str, kind: str, *, fits: bool) -> None:
    assert (unmet({"type": pattern}, type=kind) == "") is fits


def test_all_parts_must_hold_and_of_a_list_one() -> None:
    pattern = {"type": ["bill.*", "order.*"], "source": "/shop/*", "subject": {"prefix": "orders/"}}

    assert unmet(pattern) == ""
    assert unmet(pattern, type="mail.sent") == "/type"
    assert unmet(pattern, source="/crm") == "/source"
    assert unmet(pattern, subject="bills/7") == "/subject"


def test_an_event_without_subject_fits_only_who_says_so() -> None:
    event = {key: value for key, value in EVENT.items() if key != "subject"}
    compiled = compile_pattern(EventPattern(subject={"exists": False}))

    assert compiled.unmet(event) == ""
    assert compiled.unmet(EVENT) == "/subject"


@pytest.mark.parametrize(
    ("condition", "fitting", "other"),
    [
        (7, [7, 7.0], ["7", True, None]),
        (True, [True], [1, "true"]),
        (None, [None], [0, ""]),
        (["a", "b", 1], ["a", "b", 1.0], ["c", True]),
        ({"equals": {"a": [1]}}, [{"a": [1.0]}], [{"a": [1, 2]}]),
        ({"in": ["a", [1]]}, ["a", [1]], [1]),
        ({"prefix": "ab"}, ["ab", "abc"], ["xab", 1]),
        ({"suffix": "ab"}, ["xab"], ["abx", None]),
        ({"glob": "a*z"}, ["az", "abz"], ["za", 1]),
        ({"contains": "x"}, ["axb", ["x"], {"x": 1}], ["y", ["xx"]]),
        ({"numeric": [">", 0, "<=", 5]}, [1, 5, 0.5], [0, 5.1, "3", True]),
        ({"numeric": ["=", 5]}, [5, 5.0], [4]),
        ({"numeric": ["!=", 5]}, [4], [5, "x"]),
        ({"anything-but": "a"}, ["b", None, 1], ["a"]),
        ({"anything-but": ["a", 1]}, ["b"], ["a", 1.0]),
        ({"anything-but": {"prefix": "a"}}, ["b", 1], ["ab"]),
        ({"exists": True}, [None, 0], []),
        ([{"prefix": "a"}, {"numeric": [">", 9]}, "z"], ["ab", 10, "z"], ["b", 9]),
    ],
)
def test_a_condition_holds_for_what_it_says(condition: Any, fitting: list[Any], other: list[Any]) -> None:
    pattern = {"data": {"x/y": condition}}

    assert [value for value in fitting if unmet(pattern, data={"x": {"y": value}})] == []
    assert [value for value in other if not unmet(pattern, data={"x": {"y": value}})] == []
    assert unmet(pattern, data={"x": {}}) == "/data/x~1y"


def test_fields_are_named_by_path_into_lists_too() -> None:
    assert unmet({"data": {"items[0].sku": "a"}}, data={"items": [{"sku": "a"}]}) == ""
    assert unmet({"data": {"/items/1": {"exists": False}}}, data={"items": [1]}) == ""


def test_an_expression_is_asked_last_and_its_failure_is_a_reason() -> None:
    pattern = {"type": "order.*", "expression": "event.data.total > 100 && event.subject.startsWith('orders')"}

    assert unmet(pattern, data={"total": 101}) == ""
    assert unmet(pattern, data={"total": 100}) == "/expression"
    assert unmet(pattern, type="x", data={}) == "/type"
    assert unmet(pattern).startswith("/expression: ")


@pytest.mark.parametrize(
    ("pattern", "field"),
    [
        ({"type": []}, "/pattern/type"),
        ({"type": ["a", ""]}, "/pattern/type/1"),
        ({"type": ["a", {"prefx": "b"}]}, "/pattern/type/1/prefx"),
        ({"source": {"prefix": "a", "suffix": "b"}}, "/pattern/source"),
        ({"subject": {"prefix": ""}}, "/pattern/subject/prefix"),
        ({"data": {"a//b": 1}}, "/pattern/data/a~1~1b"),
        ({"data": {"a/b": {"numeric": [">"]}}}, "/pattern/data/a~1b/numeric"),
        ({"data": {"a": {"numeric": ["~", 1]}}}, "/pattern/data/a/numeric/0"),
        ({"data": {"a": {"numeric": [">", True]}}}, "/pattern/data/a/numeric/1"),
        ({"data": {"a": {"exists": 1}}}, "/pattern/data/a/exists"),
        ({"data": {"a": {"in": "x"}}}, "/pattern/data/a/in"),
        ({"data": {"a": [[1]]}}, "/pattern/data/a/0"),
        ({"data": {"a": {"anything-but": {"exists": True}}}}, "/pattern/data/a/anything-but"),
        ({"data": {"a": {}}}, "/pattern/data/a"),
        ({"expression": "event.data >"}, "/pattern/expression"),
        ({"expression": " "}, "/pattern/expression"),
    ],
)
def test_a_fault_is_named_by_its_place(pattern: dict[str, Any], field: str) -> None:
    assert fault_of(pattern)["field"] == field


def test_a_misspelt_operator_is_answered_with_the_nearest() -> None:
    assert "did you mean 'prefix'?" in fault_of({"source": {"prefx": "b"}})["reason"]


def test_limits_hold_at_their_number_and_not_beyond() -> None:
    fields = {f"f{number}": 1 for number in range(MOST_FIELDS)}
    values = [*range(MOST_CONDITIONS)]
    for good in ({"data": fields}, {"data": {"a": values}}, {"source": "x" * LONGEST_TEXT}):
        compile_pattern(msgspec.convert(good, EventPattern))

    assert fault_of({"data": {**fields, "more": 1}})["field"] == "/pattern/data"
    assert fault_of({"data": {"a": [*values, 0.5]}})["field"] == "/pattern/data/a"
    assert fault_of({"source": "x" * (LONGEST_TEXT + 1)})["field"] == "/pattern/source"


def test_types_without_wildcards_are_known_beforehand() -> None:
    assert compile_pattern(EventPattern(type=["a.b", "c"])).types == frozenset({"a.b", "c"})
    assert compile_pattern(EventPattern(type=["a.b", "c.*"])).types is None
    assert compile_pattern(EventPattern(type=[{"prefix": "a"}])).types is None
    assert compile_pattern(EventPattern()).types is None
