"""How much work a schema makes a validator do, before it is given any: a short one can ask for 2**40 steps.

At one place of a value a validator walks the schema and all that `allOf`, `anyOf`, references and the like bring in;
the walk's length is bounded. How often a member of the value is then looked at by different parts of the schema is its
factor: each level of the value may multiply the work by it, so it bounds how deep a value may be.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

MAX_WALK = 10_000  # steps at one place
MAX_WORK = 1_000_000
_HERE_LISTS = ("allOf", "anyOf", "oneOf")
_HERE = ("not", "if", "then", "else")
_MEMBERS = ("items", "additionalProperties", "contains", "propertyNames", "unevaluatedItems", "unevaluatedProperties")


class TooHeavy(Exception):
    """The walk is longer than any honest schema's."""


def factor_of(schema: Mapping[str, Any]) -> int | None:
    """Return how often a member of a value may be looked at, None if the schema is too heavy to be used."""
    budget = _Budget()
    try:
        return max((_factor(schema, node, budget) for node in _nodes(schema)), default=1)
    except (TooHeavy, RecursionError):
        return None


def is_bearable(factor: int, value: object) -> bool:
    """Tell whether a value may be checked by a schema of that factor."""
    return factor <= 1 or factor ** _depth(value) <= MAX_WORK


def _depth(value: object) -> int:
    deepest, waiting = 0, [(value, 0)]
    while waiting:
        node, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(node, Mapping):
            waiting += [(each, depth + 1) for each in node.values()]
        elif isinstance(node, list | tuple):
            waiting += [(each, depth + 1) for each in node]
    return deepest


class _Budget:
    """The steps that are left for all walks together."""

    def __init__(self) -> None:
        self.left = MAX_WALK * 20

    def take(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise TooHeavy


def _nodes(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every schema that stands in a schema, itself too."""
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, Mapping):
            yield node
            waiting += [*_here(node), *(each for _, each in _members(node)), *(node.get("$defs") or {}).values()]


def _here(node: Mapping[str, Any]) -> Iterator[Any]:
    for keyword in _HERE_LISTS:
        yield from node.get(keyword) or ()
    for keyword in _HERE:
        if keyword in node:
            yield node[keyword]
    yield from (node.get("dependentSchemas") or {}).values()


def _members(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from (node.get("properties") or {}).items()
    yield from (("*", each) for each in (node.get("patternProperties") or {}).values())
    yield from (("*", node[keyword]) for keyword in _MEMBERS if keyword in node)
    yield from (("*", each) for each in node.get("prefixItems") or ())


def _factor(whole: Mapping[str, Any], start: Mapping[str, Any], budget: _Budget) -> int:
    counts: Counter[str] = Counter()
    steps = 0
    waiting: list[tuple[Any, tuple[str, ...]]] = [(start, ())]
    while waiting:
        node, trail = waiting.pop()
        steps += 1
        budget.take()
        if steps > MAX_WALK:
            raise TooHeavy
        if not isinstance(node, Mapping):
            continue
        counts.update(name for name, _ in _members(node))
        waiting += [(each, trail) for each in _here(node)]
        reference = node.get("$ref")
        if isinstance(reference, str) and reference not in trail:
            name = reference.removeprefix("#/$defs/")
            waiting.append((whole.get("$defs", {}).get(name), (*trail, reference)))
    named = max((count for name, count in counts.items() if name != "*"), default=0)
    return max(1, named + counts["*"])
