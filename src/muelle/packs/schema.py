"""JSON Schemas of operations and tools, for the reference page, the command line, the console and the MCP door."""

import json
from typing import Any

import msgspec

from muelle.packs.model import OperationType, ToolType

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schema_of(kind: OperationType[Any] | ToolType[Any]) -> dict[str, Any]:
    """Return the JSON Schema of an operation's config or a tool's arguments, with everything it refers to in `$defs`.

    `title` and `description` are the operation's or tool's, `examples` holds the operation's example, and `x-role`
    tells what a field means to the planner (read, soft-read, write, operation, url, literal, secret). A field whose
    type is not string also accepts a reference such as {"path": "/workflow/n"}, which the schema does not say: it
    describes the config once references are resolved. Built at each call: keep it if you need it often.
    """
    config = kind.config if isinstance(kind, OperationType) else kind.input
    schema: dict[str, Any] = {"$schema": DIALECT, **_flattened(msgspec.json.schema(config))}
    schema["title"] = kind.name if isinstance(kind, OperationType) else kind.title
    schema["description"] = kind.summary if isinstance(kind, OperationType) else kind.description
    for field in msgspec.inspect.type_info(config).fields:  # type: ignore[attr-defined] # a config is a Struct
        role = _role(field.type)
        if role:
            schema["properties"][field.encode_name]["x-role"] = role
    if isinstance(kind, OperationType) and kind.example:
        schema["examples"] = [dict(kind.example)]
    return schema


def _flattened(schema: dict[str, Any]) -> dict[str, Any]:
    """Put the definition that stands at the root there; it stays in `$defs` only if it refers to itself."""
    definitions = schema.pop("$defs")
    root = schema.pop("$ref")
    top = definitions.pop(root.removeprefix("#/$defs/"))
    if f'"{root}"' in json.dumps([top, definitions]):
        definitions[root.removeprefix("#/$defs/")] = dict(top)
    return {**top, "properties": {name: dict(each) for name, each in top.get("properties", {}).items()}} | (
        {"$defs": definitions} if definitions else {}
    )


def _role(kind: Any) -> str:  # noqa: ANN401 - any of the node types of msgspec.inspect
    """Return the role of a field's type, or of what its list or union holds."""
    if isinstance(kind, msgspec.inspect.Metadata):
        role: str = (kind.extra or {}).get("role", "")
        return role or _role(kind.type)
    inner = [getattr(kind, "item_type", None), *getattr(kind, "types", ())]
    return next((role for role in map(_role, filter(None, inner)) if role), "")
