"""JSON Schemas of inputs and outputs: which ones there can be, and whether a value is as one says.

They are JSON Schema 2020-12 without references to elsewhere; patterns are matched in linear time, formats are checked.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec

from muelle.workflows.issues import nearest, pointer
from muelle.workflows.json_stream import is_deeper
from muelle.workflows.versions.errors import InvalidSchema, SchemaTooLarge

if TYPE_CHECKING:
    from jsonschema_rs import Draft202012Validator

Schema = Mapping[str, Any]
DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DEPTH = 32
_MOST_FAULTS = 20  # of one value: nobody reads more
_MAPS = frozenset({"properties", "$defs", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SCHEMAS = frozenset(
    {
        *("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
_PLAIN = frozenset(
    {
        *("type", "enum", "const", "multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
        *("maxLength", "minLength", "pattern", "format", "maxItems", "minItems", "uniqueItems", "maxContains"),
        *("minContains", "maxProperties", "minProperties", "required", "dependentRequired", "$ref"),
    }
)
NOTES = frozenset(
    {"$schema", "$comment", "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly"}
)
_KEYWORDS = _MAPS | _LISTS | _SCHEMAS | _PLAIN | NOTES
_COMPOSED = ("$ref", "allOf", "anyOf", "oneOf", "if", "not", "unevaluatedProperties", "patternProperties")


def read_schema(given: object, field: str, most_bytes: int) -> Schema:
    """Return a schema that can be used; raise SchemaTooLarge, or InvalidSchema that names the place in it."""
    if not isinstance(given, dict):
        raise InvalidSchema(field=field, reason="a schema is an object")
    if is_deeper(given, _DEPTH):
        raise InvalidSchema(field=field, reason=f"nested deeper than {_DEPTH} levels")
    size = len(msgspec.json.encode(given))
    if size > most_bytes:
        raise SchemaTooLarge(field=field, size=size, limit=most_bytes, setting="workflows.saved.schema_bytes")
    for at, reason in _faults(given, ()):
        raise InvalidSchema(field=field, path=pointer(at), reason=reason)
    _compiled(given, field)
    return given


def input_schema(given: object, most_bytes: int) -> Schema:
    """Return the schema of inputs as it is kept: of an object, and closed, so that a misspelt input is an error.

    What has a default may be left out. Raises as `read_schema`, also for a default that its own schema refuses.
    """
    schema = dict(read_schema(given, "input_schema", most_bytes))
    schema.setdefault("type", "object")
    if schema["type"] != "object":
        raise InvalidSchema(field="input_schema", path="/type", reason="inputs are an object")
    if not any(keyword in schema for keyword in _COMPOSED):
        schema.setdefault("additionalProperties", False)
    defaults = defaults_of(schema)
    for name, value in defaults.items():
        own = {**schema["properties"][name], "$defs": schema.get("$defs", {})}
        if next(faults_of(own, value), None):
            at = pointer(("properties", name, "default"))
            raise InvalidSchema(field="input_schema", path=at, reason="the schema beside it refuses this default")
    if "required" in schema:
        schema["required"] = [name for name in schema["required"] if name not in defaults]
    return schema


def output_schema(given: object, most_bytes: int, operations: Mapping[str, Any]) -> Schema:
    """Return the schema of results; raise as `read_schema`, also where it promises what no operation gives."""
    schema = read_schema(given, "output_schema", most_bytes)
    for name in schema.get("required", ()):
        if name not in operations:
            reason = f"there is no operation '{name[:100]}'. {nearest(name, operations) or ''}".rstrip()
            raise InvalidSchema(field="output_schema", path="/required", reason=reason)
    return schema


def defaults_of(schema: Schema) -> dict[str, Any]:
    """Return the defaults of the inputs themselves; those further inside describe and do nothing."""
    properties = schema.get("properties", {})
    return {name: each["default"] for name, each in properties.items() if isinstance(each, dict) and "default" in each}


def with_defaults(schema: Schema, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Return inputs with the defaults of those that are left out."""
    return {**defaults_of(schema), **inputs}


def faults_of(schema: Schema, value: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401 - any JSON value
    """Yield what is wrong with a value, at most 20 findings: pointer, message and where it helps a suggestion.

    No message quotes the value: it may be secret.
    """
    validator = _validator(msgspec.json.encode(schema, order="deterministic"))
    for _, error in zip(range(_MOST_FAULTS), validator.iter_errors(value), strict=False):
        place = tuple(error.instance_path)
        match error.kind.name, error.kind.as_dict():
            case "required", {"property": name}:
                yield _finding((*place, name), f"'{name}' is missing", "Give it.")
            case (("additionalProperties" | "unevaluatedProperties"), {"unexpected": names}):
                known = schema.get("properties", {}) if not place else {}
                for name in names[:_MOST_FAULTS]:
                    hint = nearest(name, known) or "Leave it out."
                    yield _finding((*place, name), f"There is no '{name[:100]}' here", hint)
            case _:
                yield _finding(place, error.message[:300], None)


def _finding(place: tuple[str | int, ...], message: str, suggestion: str | None) -> dict[str, Any]:
    hint = {"suggestion": suggestion} if suggestion else {}
    return {"severity": "error", "code": "invalid_value", "message": message, "path": pointer(place), **hint}


def _faults(schema: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:  # noqa: ANN401 - any JSON value
    """Yield keywords that are not known, and references to elsewhere: what the dialect lets pass or cannot judge."""
    if not isinstance(schema, dict):
        if not isinstance(schema, bool):
            yield at, "a schema is an object, true or false"
        return
    for keyword, value in schema.items():
        place = (*at, keyword)
        if keyword not in _KEYWORDS:
            hint = nearest(keyword, _KEYWORDS) or "Leave it out."
            yield place, f"there is no keyword '{keyword[:100]}' here. {hint}"
        elif keyword == "$schema" and value not in (DIALECT, f"{DIALECT}#"):
            yield place, f"the dialect is {DIALECT}"
        elif keyword == "$ref" and not (isinstance(value, str) and (value == "#" or value.startswith("#/"))):
            yield place, "a reference leads to the schema itself, such as #/$defs/address"
        yield from _inner(keyword, value, place)


def _inner(keyword: str, value: Any, place: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str]]:  # noqa: ANN401 - any JSON value
    if keyword in _SCHEMAS:
        yield from _faults(value, place)
    elif keyword in _MAPS and isinstance(value, dict):
        for name, each in value.items():
            yield from _faults(each, (*place, name))
    elif keyword in _LISTS and isinstance(value, list):
        for index, each in enumerate(value):
            yield from _faults(each, (*place, index))


def _compiled(schema: Schema, field: str) -> None:
    from jsonschema_rs import meta  # noqa: PLC0415 - as below

    try:
        meta.validate(dict(schema))
        _validator(msgspec.json.encode(schema, order="deterministic"))
    except ValueError as error:
        at = pointer(getattr(error, "instance_path", ()))
        raise InvalidSchema(field=field, path=at, reason=getattr(error, "message", str(error))[:300]) from None


@lru_cache(maxsize=256)
def _validator(schema: bytes) -> "Draft202012Validator":
    from jsonschema_rs import Draft202012Validator, RegexOptions  # noqa: PLC0415 - 30 ms, only where there are schemas

    return Draft202012Validator(
        msgspec.json.decode(schema),
        mask="the value",
        validate_formats=True,
        ignore_unknown_formats=False,
        offline=True,
        pattern_options=RegexOptions(),
    )
