"""Conditions of event patterns: what a value must be, compiled to closures.

Each place of a pattern has one condition or a list of which one must hold. A plain value means equality, or what the
place takes plain text for (types: segments, source and subject: wildcards); an object has one operator:

    {"equals": any JSON}   {"in": [any JSON, …]}   {"exists": true}        {"contains": any JSON}
    {"prefix": "a"}        {"suffix": "z"}         {"glob": "a*z"}
    {"numeric": [">", 0, "<=", 5]}                 {"anything-but": value, list or one of the objects above}

What is missing fulfils only {"exists": false}; null is a value.
"""

import operator as py
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, Final

from muelle.identity import matches
from muelle.packs import MISSING, Json, Missing
from muelle.workflows.issues import pointer
from muelle.workflows.operations.comparing import contains, equal, fingerprint
from muelle.workflows.triggers.errors import InvalidTrigger

Test = Callable[[Json | Missing], bool]
OfText = Callable[[str], Test]

MOST_CONDITIONS: Final = 100  # in one place
LONGEST_TEXT: Final = 500  # characters
_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "=": py.eq,
    "!=": py.ne,
    "<": py.lt,
    "<=": py.le,
    ">": py.gt,
    ">=": py.ge,
}
_NUMBERS: Final = (int, float)
_MOST_COMPARISONS: Final = 10


def fault(place: tuple[str | int, ...], reason: str) -> InvalidTrigger:
    """Return the error for a place of a trigger."""
    return InvalidTrigger(field=pointer(place), reason=reason)


def conditions(given: Json, place: tuple[str | int, ...], of_text: OfText) -> Test:
    """Return the test that one condition, or a list of them, makes; raise InvalidTrigger."""
    if type(given) is not list:
        return condition(given, place, of_text)
    if not 1 <= len(given) <= MOST_CONDITIONS:
        raise fault(place, f"give 1 to {MOST_CONDITIONS} conditions")
    if of_text is literal and not any(type(item) in (dict, list) for item in given):
        _check_texts(given, place)
        return _member(given)
    tests = tuple(condition(item, (*place, index), of_text) for index, item in enumerate(given))
    return tests[0] if len(tests) == 1 else lambda value: any(test(value) for test in tests)


def condition(given: Json, place: tuple[str | int, ...], of_text: OfText) -> Test:
    """Return the test that one condition makes; raise InvalidTrigger."""
    if type(given) is str:
        _check_texts([given], place)
        if not given and of_text is not literal:
            raise fault(place, "an empty text, which nothing is called by")
        return of_text(given)
    if type(given) is list:
        raise fault(place, 'a list within a list; write {"equals": […]} to compare with a list')
    if type(given) is not dict:
        return literal(given)
    if len(given) != 1:
        raise fault(place, f"an object with exactly one of {', '.join(_OPERATORS)}")
    ((name, operand),) = given.items()
    make = _OPERATORS.get(name)
    if make is None:
        near = get_close_matches(name, _OPERATORS, n=1)
        hint = f"; did you mean '{near[0]}'?" if near else f"; there are {', '.join(_OPERATORS)}"
        raise fault((*place, name[:100]), f"no operator{hint}")
    return make(operand, (*place, name))


def literal(given: Json) -> Test:
    """Return the test for equality with a JSON value."""
    return lambda value: value is not MISSING and equal(value, given)


def glob(given: str) -> Test:
    """Return the test for a text in which `*` stands for any characters."""
    if "*" not in given:
        return lambda value: value == given
    return lambda value: type(value) is str and matches(given, value)


def segments(given: str) -> Test:
    """Return the test for a dotted type: `*` stands for any characters without a dot, `**` for any segments or none."""
    if "*" not in given:
        return lambda value: value == given
    parts = given.split(".")
    return lambda value: type(value) is str and _fits(parts, value.split("."))


def _fits(parts: list[str], given: list[str]) -> bool:
    """Compare segment by segment, going back to the last `**` only: linear in the product of both lengths."""
    at = index = 0
    back: tuple[int, int] | None = None
    while index < len(given):
        if at < len(parts) and parts[at] == "**":
            back = at, index
            at += 1
        elif at < len(parts) and matches(parts[at], given[index]):
            at, index = at + 1, index + 1
        elif back is not None:
            back = back[0], back[1] + 1
            at, index = back[0] + 1, back[1]
        else:
            return False
    return all(part == "**" for part in parts[at:])


def _check_texts(given: list[Json], place: tuple[str | int, ...]) -> None:
    if any(type(item) is str and len(item) > LONGEST_TEXT for item in given):
        raise fault(place, f"a text of more than {LONGEST_TEXT} characters")


def _member(given: list[Json]) -> Test:
    prints = {fingerprint(item) for item in given}
    return lambda value: value is not MISSING and fingerprint(value) in prints


def _equals(operand: Json, _: tuple[str | int, ...]) -> Test:
    return literal(operand)


def _in(operand: Json, place: tuple[str | int, ...]) -> Test:
    if type(operand) is not list or not 1 <= len(operand) <= MOST_CONDITIONS:
        raise fault(place, f"takes a list of 1 to {MOST_CONDITIONS} values")
    return _member(operand)


def _exists(operand: Json, place: tuple[str | int, ...]) -> Test:
    if type(operand) is not bool:
        raise fault(place, "takes true or false")
    return lambda value: (value is not MISSING) is operand


def _contains(operand: Json, _: tuple[str | int, ...]) -> Test:
    return lambda value: value is not MISSING and contains(value, operand)


def _text(make: OfText, operand: Json, place: tuple[str | int, ...]) -> Test:
    if type(operand) is not str or not operand:
        raise fault(place, "takes a text that is not empty")
    _check_texts([operand], place)
    return make(operand)


def _prefix(given: str) -> Test:
    return lambda value: type(value) is str and value.startswith(given)


def _suffix(given: str) -> Test:
    return lambda value: type(value) is str and value.endswith(given)


def _numeric(operand: Json, place: tuple[str | int, ...]) -> Test:
    form = 'takes comparisons such as [">", 0, "<=", 5]'
    if type(operand) is not list or len(operand) % 2 or not 0 < len(operand) <= 2 * _MOST_COMPARISONS:
        raise fault(place, form)
    pairs = []
    for index in range(0, len(operand), 2):
        sign, number = operand[index], operand[index + 1]
        if type(sign) is not str or sign not in _COMPARE:
            raise fault((*place, index), f"{form}; the signs are {' '.join(_COMPARE)}")
        if type(number) not in _NUMBERS:
            raise fault((*place, index + 1), f"{form}; this is no number")
        pairs.append((_COMPARE[sign], number))
    return lambda value: type(value) in _NUMBERS and all(compare(value, number) for compare, number in pairs)


def _anything_but(operand: Json, place: tuple[str | int, ...]) -> Test:
    items = operand if type(operand) is list else [operand]
    if any(type(item) is dict and not item.keys().isdisjoint(("anything-but", "exists")) for item in items):
        raise fault(place, "takes values, or objects with another operator than anything-but and exists")
    test = conditions(operand, place, literal)
    return lambda value: value is not MISSING and not test(value)


_OPERATORS: Final[Mapping[str, Callable[[Json, tuple[str | int, ...]], Test]]] = {
    "equals": _equals,
    "in": _in,
    "exists": _exists,
    "contains": _contains,
    "prefix": partial(_text, _prefix),
    "suffix": partial(_text, _suffix),
    "glob": partial(_text, glob),
    "numeric": _numeric,
    "anything-but": _anything_but,
}
