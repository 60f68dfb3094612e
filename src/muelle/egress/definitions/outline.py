"""Endpoints told within a budget of tokens: as much of each as fits, the same of all."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from muelle.egress.definitions.model import Definition, Parameter

_BYTES = 4  # of JSON to a token, on average
_DEEP, _SHALLOW = 6, 2
_BRIEF = 120
LEVELS = 5


def tokens(told: object) -> int:
    """Return about how many tokens a value is worth."""
    return -(-len(msgspec.json.encode(told)) // _BYTES)


def outlined(definitions: Sequence[tuple[str, Definition]], budget: int) -> tuple[list[dict[str, Any]], int]:
    """Return endpoints, each with its Api, in as much detail as fits, and how many did not fit at all."""
    told: list[dict[str, Any]] = []
    for level in range(LEVELS):
        told = [outline(api, definition, level) for api, definition in definitions]
        if tokens(told) <= budget:
            return told, 0
    kept: list[dict[str, Any]] = []
    left = budget - 1
    for each in told:
        left -= tokens(each) + 1
        if left < 0:
            break
        kept.append(each)
    return kept, len(told) - len(kept)


def outline(api: str, definition: Definition, level: int) -> dict[str, Any]:
    """Return an endpoint in detail (0), without its answer (1), its body in outline (2), names (3), or a line (4)."""
    told: dict[str, Any] = {"api": api, "endpoint": definition.id, "method": definition.method, "path": definition.path}
    brief = level >= LEVELS - 2
    if definition.description:
        told["description"] = definition.description[:_BRIEF] if brief else definition.description
    if level == LEVELS - 1:
        return told
    if definition.parameters:
        told["parameters"] = [_parameter(each, level) for each in definition.parameters]
    if definition.body is not None:
        told["body"] = {
            "required": definition.body.required,
            "contentType": definition.body.content_type,
            **({"schema": _schema(definition.body.schema, level)} if definition.body.schema else {}),
        }
    if level == 0 and definition.answer:
        told["answer"] = definition.answer
    return told


def _parameter(parameter: Parameter, level: int) -> Any:  # noqa: ANN401 - a name, or an object
    if level == LEVELS - 2:
        return f"{parameter.name}*" if parameter.required else parameter.name
    told: dict[str, Any] = {"name": parameter.name, "in": parameter.place, "required": parameter.required}
    if parameter.description and level < LEVELS - 3:
        told["description"] = parameter.description
    if parameter.schema:
        told["schema"] = _schema(parameter.schema, level)
    return told


def _schema(schema: Mapping[str, Any], level: int) -> Any:  # noqa: ANN401 - a schema, or an outline
    if level < LEVELS - 3:
        return schema
    return _shape(schema, schema.get("$defs") or {}, _DEEP if level == LEVELS - 3 else _SHALLOW)


def _shape(  # noqa: PLR0911 - one answer for each kind of schema
    schema: object, defs: Mapping[str, Any], depth: int
) -> Any:  # noqa: ANN401 - an outline
    """Return what a schema describes as an example would look: names and types; `*` marks what is required."""
    if not isinstance(schema, Mapping) or depth < 0:
        return "…"
    if "$ref" in schema:
        return _shape(defs.get(str(schema["$ref"]).removeprefix("#/$defs/")), defs, depth - 1)
    if "enum" in schema:
        return "|".join(str(each) for each in list(schema["enum"])[:10])
    for keyword in ("allOf", "anyOf", "oneOf"):
        if schema.get(keyword):
            return _shape(schema[keyword][0], defs, depth - 1)
    if schema.get("properties"):
        required = schema.get("required") or []
        return {
            f"{name}*" if name in required else name: _shape(each, defs, depth - 1)
            for name, each in schema["properties"].items()
        }
    if "items" in schema:
        return [_shape(schema["items"], defs, depth - 1)]
    return str(schema.get("format") or schema.get("type") or "any")
