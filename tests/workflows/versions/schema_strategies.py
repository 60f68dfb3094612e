"""Schemas of inputs at random, changes to them, and values that they mostly take."""

from functools import partial
from typing import Any

from hypothesis import strategies as some

Schema = dict[str, Any]
NAMES = some.sampled_from(["a", "b", "c", "d"])
TEXTS = some.sampled_from(["", "a", "ab", "abc", "xyz", "2026-01-02"])
NUMBERS = some.one_of(some.integers(-3, 12), some.sampled_from([0.5, 1.0, 2.5, -1.5]))
VALUES = some.recursive(
    some.one_of(some.none(), some.booleans(), NUMBERS, TEXTS),
    lambda inner: some.one_of(some.lists(inner, max_size=3), some.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=6,
)


def _with(kind: str | list[str], **optional: some.SearchStrategy[Any]) -> some.SearchStrategy[Schema]:
    return some.fixed_dictionaries({"type": some.just(kind)}, optional=optional)


STRINGS = _with(
    "string",
    minLength=some.integers(0, 3),
    maxLength=some.integers(1, 4),
    pattern=some.sampled_from(["^a", "^ab?$", "c$"]),
    format=some.just("date"),
)
INTEGERS = _with(
    "integer", minimum=some.integers(-2, 3), maximum=some.integers(2, 9), multipleOf=some.sampled_from([1, 2, 4])
)
REALS = _with(
    "number", exclusiveMinimum=some.integers(-2, 3), maximum=some.integers(2, 9), minimum=some.sampled_from([0, 0.5])
)
OTHERS: some.SearchStrategy[Schema] = some.one_of(
    some.builds(lambda values: {"enum": values}, some.lists(VALUES, min_size=1, max_size=3)),
    some.builds(lambda value: {"const": value}, TEXTS),
    some.sampled_from([{}, {"type": ["string", "null"]}, {"type": "boolean"}, {"type": "null"}, {"minLength": 2}]),
)


def _objects(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Schema]:
    return _with(
        "object",
        properties=some.dictionaries(NAMES, inner, max_size=3),
        required=some.lists(NAMES, unique=True, max_size=2),
        additionalProperties=some.one_of(some.booleans(), inner),
        minProperties=some.integers(0, 2),
    )


def _containers(inner: some.SearchStrategy[Any]) -> some.SearchStrategy[Schema]:
    return some.one_of(
        _objects(inner),
        _with("array", items=inner, minItems=some.integers(0, 2), maxItems=some.integers(1, 3)),
        some.builds(lambda branches: {"anyOf": branches}, some.lists(inner, min_size=1, max_size=2)),
        some.builds(lambda branches: {"allOf": branches}, some.lists(inner, min_size=1, max_size=2)),
        some.builds(lambda branch: {"anyOf": [branch, {"type": "null"}]}, inner),
    )


SCHEMAS: some.SearchStrategy[Schema] = some.recursive(
    some.one_of(STRINGS, INTEGERS, REALS, OTHERS), _containers, max_leaves=6
)


@some.composite
def related(draw: some.DrawFn) -> tuple[Schema, Schema]:
    """Draw a schema and one that came of it by a few changes, as a new version does."""
    first = draw(SCHEMAS)
    second = first
    for _ in range(draw(some.integers(1, 3))):
        second = draw(_changed(second))
    return first, second


def _changed(schema: Schema) -> some.SearchStrategy[Schema]:
    ways: list[some.SearchStrategy[Schema]] = [SCHEMAS.map(lambda other: {**schema, **other}), some.just(schema)]
    for keyword, value in schema.items():
        ways.append(some.just({name: each for name, each in schema.items() if name != keyword}))
        if keyword in {"items", "additionalProperties"} and isinstance(value, dict):
            ways.append(_changed(value).map(partial(_with_keyword, schema, keyword)))
        if keyword == "properties" and value:
            ways += [
                _changed(each).map(partial(_with_property, schema, name))
                for name, each in value.items()
                if isinstance(each, dict)
            ]
        if isinstance(value, int) and not isinstance(value, bool):
            near = some.integers(abs(value - 1), abs(value - 1) + 2)
            ways.append(near.map(partial(_with_number, schema, keyword)))
    return some.one_of(ways)


def _with_keyword(schema: Schema, keyword: str, value: Any) -> Schema:
    return {**schema, keyword: value}


def _with_number(schema: Schema, keyword: str, value: int) -> Schema:
    return {**schema, keyword: value or 1}


def _with_property(schema: Schema, name: str, value: Any) -> Schema:
    return {**schema, "properties": {**schema["properties"], name: value}}


def values_for(schema: Any) -> some.SearchStrategy[Any]:
    """Return values that a schema mostly takes, and some that it does not."""
    if not isinstance(schema, dict):
        return VALUES
    for keyword in ("anyOf", "allOf"):
        if keyword in schema:
            return some.one_of([VALUES, *map(values_for, schema[keyword])])
    if "enum" in schema or "const" in schema:
        return some.sampled_from(schema.get("enum") or [schema["const"]])
    match schema.get("type"):
        case "object":
            others = values_for(schema.get("additionalProperties", True))
            named = {name: values_for(each) for name, each in schema.get("properties", {}).items()}
            needed = {name: named.pop(name, others) for name in schema.get("required", ())}
            further = {name: others for name in "abcd" if name not in named and name not in needed}
            return some.fixed_dictionaries(needed, optional={**named, **further})
        case "array":
            return some.lists(values_for(schema.get("items", True)), max_size=3)
    return {"string": TEXTS, "integer": NUMBERS, "number": NUMBERS}.get(str(schema.get("type")), VALUES)
