"""Schemas taken out of a document, whole: with everything that they refer to, and nothing that validators could fetch.

Only keywords that are known are kept. So nothing that gives a schema another base (`$id`), makes references dynamic or
means nothing to a validator comes along. What OpenAPI 3.0 writes otherwise is written as JSON Schema 2020-12.
"""

import re
from typing import Any

import msgspec

from muelle.egress.definitions.errors import DefinitionTooLarge
from muelle.egress.definitions.reading import References

MAX_SCHEMA = 256 << 10  # bytes; a larger one is left out, and what it would check is not checked
_MAX_DEFS = 500
_MAX_DEPTH = 60

_PLAIN = frozenset(
    {
        *("type", "enum", "const", "format", "title", "description", "default", "required", "deprecated"),
        *("readOnly", "writeOnly", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
        *("minLength", "maxLength", "pattern", "minItems", "maxItems", "uniqueItems", "minContains", "maxContains"),
        *("minProperties", "maxProperties", "dependentRequired"),
    }
)
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_SINGLE = frozenset(
    {
        *("items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"),
        *("unevaluatedItems", "unevaluatedProperties"),
    }
)
_NAME = re.compile(r"[^A-Za-z0-9_.-]")


class Portable:
    """Takes schemas out of one document; `is_old` if it is OpenAPI 3.0."""

    def __init__(self, references: References, *, is_old: bool) -> None:
        self._references = references
        self._is_old = is_old

    def schema(self, node: object) -> dict[str, Any] | None:
        """Return a schema that stands alone, None if it is too large to be of use; raise InvalidDefinition."""
        taking = _Taking(self._references, is_old=self._is_old)
        try:
            whole = taking.whole(node)
        except DefinitionTooLarge:
            return None
        return whole if len(msgspec.json.encode(whole)) <= MAX_SCHEMA else None


class _Taking:
    """One schema being taken out, with the names of what it refers to."""

    def __init__(self, references: References, *, is_old: bool) -> None:
        self._references = references
        self._is_old = is_old
        self._names: dict[str, str] = {}
        self._waiting: list[str] = []

    def whole(self, node: object) -> dict[str, Any]:
        taken = self._taken(node, 0)
        defs: dict[str, Any] = {}
        while self._waiting:
            reference = self._waiting.pop()
            defs[self._names[reference]] = self._taken(self._references.target(reference), 0)
        top = taken if isinstance(taken, dict) else {} if taken else {"not": {}}
        return {**top, "$defs": defs} if defs else top

    def _named(self, reference: str) -> str:
        if reference not in self._names:
            if len(self._names) >= _MAX_DEFS:
                raise DefinitionTooLarge(limit=_MAX_DEFS)
            self._references.target(reference)  # says what is wrong with it, before it is named
            name = _NAME.sub("_", reference.rpartition("/")[2])[:60] or "root"
            taken = set(self._names.values())
            self._names[reference] = name if name not in taken else f"{name}.{len(taken)}"
            self._waiting.append(reference)
        return self._names[reference]

    def _taken(self, node: object, depth: int) -> Any:  # noqa: ANN401 - a schema: an object, true or false
        if depth > _MAX_DEPTH:
            raise DefinitionTooLarge(depth=_MAX_DEPTH)
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            return {}
        taken = self._keywords(node, depth)
        reference = node.get("$ref")
        if reference is not None:
            if not isinstance(reference, str):
                self._references.target(reference)
            taken["$ref"] = f"#/$defs/{self._named(str(reference))}"
        return _of_3_0(taken, node) if self._is_old else taken

    def _keywords(self, node: dict[str, Any], depth: int) -> dict[str, Any]:
        taken: dict[str, Any] = {}
        for keyword, value in node.items():
            if keyword in _PLAIN:
                taken[keyword] = value
            elif keyword in _MAPS and isinstance(value, dict):
                taken[keyword] = {name: self._taken(each, depth + 1) for name, each in value.items()}
            elif keyword in _LISTS and isinstance(value, list):
                taken[keyword] = [self._taken(each, depth + 1) for each in value]
            elif keyword in _SINGLE:
                taken[keyword] = self._taken(value, depth + 1)
        return taken


def _of_3_0(taken: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    """Write what OpenAPI 3.0 says of null and of bounds as JSON Schema does."""
    if "$ref" in taken:
        return {"$ref": taken["$ref"]}  # in 3.0 nothing beside a reference means anything
    for side, bound in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
        if isinstance(taken.get(bound), bool):
            is_exclusive = taken.pop(bound)
            if is_exclusive and side in taken:
                taken[bound] = taken.pop(side)
    if node.get("nullable") is True and isinstance(taken.get("type"), str):
        taken["type"] = [taken["type"], "null"]
        if isinstance(taken.get("enum"), list) and None not in taken["enum"]:
            taken["enum"] = [*taken["enum"], None]
    return taken
