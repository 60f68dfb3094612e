"""The page of operations and tools: what each pack brings, its fields and an example."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from muelle.packs import OperationType, Pack, ToolType, schema_of
from reference.modules import values
from reference.texts import Texts, row, table_head


def page(texts: Texts) -> list[str]:
    """Return the lines of the page."""
    packs = sorted(values(Pack), key=lambda pack: pack.name)
    lines = [f"# {texts.heading('Operations')}", ""]
    for pack in packs:
        for operation in sorted(pack.operations, key=lambda each: each.name):
            lines += _operation(operation, pack, texts)
    tools = [tool for pack in packs for tool in pack.tools]
    if tools:
        lines += [f"# {texts.heading('Tools')}", ""]
    for tool in sorted(tools, key=lambda each: each.name):
        lines += _tool(tool, texts)
    return lines


def _operation(operation: OperationType[Any], pack: Pack, texts: Texts) -> list[str]:
    effects = operation.effects if isinstance(operation.effects, str) else texts.heading("depends on the config")
    facts = (
        f"- {texts.heading('Pack')}: `{pack.name}`",
        f"- {texts.heading('Effects')}: {effects}",
        f"- {texts.heading('Permission')}: `{operation.permission}`",
    )
    lines = [f"## {operation.name}", "", texts.sentence(operation.summary), "", *facts, ""]
    lines += _fields(schema_of(operation), texts)
    if operation.example:
        example = json.dumps({operation.name: operation.example}, indent=2, ensure_ascii=False)
        lines += [f"{texts.heading('Example')}:", "", "```json", *example.split("\n"), "```", ""]
    return lines


def _tool(tool: ToolType[Any], texts: Texts) -> list[str]:
    return [f"## `{tool.name}`", "", texts.sentence(tool.description), "", *_fields(schema_of(tool), texts)]


def _fields(schema: Mapping[str, Any], texts: Texts) -> list[str]:
    fields: Mapping[str, Any] = schema.get("properties", {})
    if not fields:
        return []
    lines = table_head(*(texts.heading(name) for name in ("Field", "Type", "Default", "Meaning")))
    required = set(schema.get("required", ()))
    for name, field in fields.items():
        meaning = texts.sentence(field.get("description", ""))
        lines.append(row(f"`{name}`", f"`{_kind(field)}`", _default(name, field, required, texts), meaning))
    return [*lines, ""]


def _default(name: str, field: Mapping[str, Any], required: Iterable[str], texts: Texts) -> str:
    if name in required:
        return texts.heading("required")
    return f"`{json.dumps(field['default'])}`" if "default" in field else ""


def _kind(field: Mapping[str, Any]) -> str:
    """Return the type of a field in few words."""
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(_kind(each) for each in field["anyOf"]))
    if "enum" in field:
        return " | ".join(json.dumps(each) for each in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if field.get("type") == "array" and isinstance(field.get("items"), Mapping):
        return f"array of {_kind(field['items'])}"
    return str(field.get("type", "any"))
