"""The operators of FilterData and Conditional.

Values are compared as JSON: true is not 1, but 1 is 1.0; order exists between two numbers and between two texts, and is
false, never an error, for anything else. What is missing compares as null.
"""

import operator as py
from collections.abc import Callable
from functools import partial
from typing import Annotated, Final, Literal

import msgspec

from muelle.packs import MISSING, Json, Missing
from muelle.workflows.operations.patterns import compile_pattern

Operator = Annotated[
    Literal[
        "==", "!=", ">", "<", ">=", "<=", "in", "notIn", "contains", "startsWith", "endsWith", "matches",
        "exists", "empty", "isEmpty",
    ],
    msgspec.Meta(
        description=(
            "How to compare. '==' and '!=' compare any JSON values; '> < >= <=' two numbers or two texts (anything "
            "else "
            "is false); 'in' and 'notIn' look into the list, text or object 'value'; 'contains' looks for 'value' in a "
            "text, a list or the keys of an object; 'startsWith', 'endsWith' compare texts; 'matches' searches a text "
            "for an RE2 pattern; 'exists' is true for what is there, even null; 'empty' (or 'isEmpty') is true for "
            "what is missing, null, or an empty text, list or object."
        )
    ),
]  # fmt: skip
Test = Callable[[Json | Missing], bool]
Compare = Callable[[Json, Json], bool]

UNARY: Final = frozenset({"exists", "empty", "isEmpty"})
ORDER: Final[dict[str, Compare]] = {">": py.gt, "<": py.lt, ">=": py.ge, "<=": py.le}
_NUMBERS = (int, float)


def equal(left: Json, right: Json) -> bool:
    """Return whether two JSON values are the same, at any depth; 1 is 1.0, true is not 1."""
    if type(left) is bool or type(right) is bool:
        return left is right
    if type(left) is list:
        return type(right) is list and len(left) == len(right) and all(map(equal, left, right))
    if type(left) is dict:
        return (
            type(right) is dict
            and left.keys() == right.keys()
            and all(equal(value, right[key]) for key, value in left.items())
        )
    return bool(left == right)


def fingerprint(value: Json) -> object:
    """Return something hashable that is equal for equal JSON values, and only for those."""
    if type(value) is bool:
        return (bool, value)
    if type(value) is list:
        return (list, tuple(map(fingerprint, value)))
    if type(value) is dict:
        return (dict, frozenset((key, fingerprint(item)) for key, item in value.items()))
    return value


def is_number(value: Json) -> bool:
    """Return whether it is a JSON number; true and false are none."""
    return type(value) in _NUMBERS


def contains(whole: Json, part: Json) -> bool:
    """Return whether a text has a part, a list an item, an object a key; a number counts as its text."""
    if type(whole) is list:
        return any(equal(item, part) for item in whole)
    if type(part) is not str:
        return False
    if type(whole) in (str, dict):
        return part in whole
    return is_number(whole) and part in str(whole)


def is_empty(value: Json | Missing) -> bool:
    """Return whether there is nothing: missing, null, or an empty text, list or object."""
    return value is None or value is MISSING or (type(value) in (str, list, dict) and not value)


def _ordered(compare: Compare, right: Json) -> Test:
    if is_number(right):
        return lambda left: type(left) in _NUMBERS and compare(left, right)
    if type(right) is str:
        return lambda left: type(left) is str and compare(left, right)
    return lambda _: False


def _affix(name: str, right: Json) -> Test:
    if type(right) is not str:
        return lambda _: False
    if name == "startsWith":
        return lambda left: type(left) is str and left.startswith(right)
    return lambda left: type(left) is str and left.endswith(right)


def _membership(right: Json) -> Test:
    if type(right) is not list:
        return lambda left: contains(right, left) if type(right) in (str, dict) else False
    prints = {fingerprint(item) for item in right}
    return lambda left: fingerprint(left) in prints


def _matching(right: Json) -> Test:
    if type(right) is not str:
        return lambda _: False
    search = compile_pattern(right).search
    return lambda left: type(left) is str and search(left) is not None


def _null(value: Json | Missing) -> Json:
    return None if value is MISSING else value


def test_of(name: str, right: Json) -> Test:
    """Return the test that an operator and its value make; raise InvalidPattern if 'matches' has a bad one."""
    return _TESTS[name](right)


def _negated(make: Callable[[Json], Test]) -> Callable[[Json], Test]:
    def negation(right: Json) -> Test:
        test = make(right)
        return lambda left: not test(left)

    return negation


def _equality(right: Json) -> Test:
    return lambda left: equal(_null(left), right)


def _member(right: Json) -> Test:
    test = _membership(right)
    return lambda left: test(_null(left))


def _emptiness(right: Json) -> Test:
    return lambda left: is_empty(left) is (right is not False)


_TESTS: Final[dict[str, Callable[[Json], Test]]] = {
    **{name: partial(_ordered, compare) for name, compare in ORDER.items()},
    "==": _equality,
    "!=": _negated(_equality),
    "in": _member,
    "notIn": _negated(_member),
    "contains": lambda right: lambda left: contains(left, right),
    "startsWith": partial(_affix, "startsWith"),
    "endsWith": partial(_affix, "endsWith"),
    "matches": _matching,
    "exists": lambda right: lambda left: (left is not MISSING) is (right is not False),
    "empty": _emptiness,
    "isEmpty": _emptiness,
}
