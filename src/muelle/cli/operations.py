"""`muelle operations`: what documents can be made of."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.completing import operation_names
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.packs import OperationType, Packs


@click.command(cls=MuelleCommand)
@click.argument("name", required=False, shell_complete=operation_names)
@click.option("--schema", is_flag=True, help="Print the JSON Schema of its config.")
@click.option("--example", is_flag=True, help="Print an example: a document that is ready to run.")
@click.pass_obj
def operations(console: Console, name: str | None, *, schema: bool, example: bool) -> None:
    """List the operations that there are, or show the fields and an example of NAME."""
    from muelle.packs import schema_of  # noqa: PLC0415 - loads the operations

    packs = known_packs(console)
    if name is None:
        rows = [_row(operation, packs) for operation in packs.operations.values()]
        console.listing("operations", rows, ("name", "summary"))
        return
    operation = packs.operation(name)
    if schema:
        console.json(schema_of(operation))
    elif example:
        click.echo(_document(operation))
    elif console.is_json:
        console.json({**_row(operation, packs), "schema": schema_of(operation), "example": _messages(operation)})
    else:
        _describe(console, operation, schema_of(operation))


def known_packs(console: Console) -> "Packs":
    """Return the packs that the home's settings leave on; nothing is opened."""
    from muelle.app import read_configuration  # noqa: PLC0415 - loads the operations
    from muelle.packs import find_packs  # noqa: PLC0415 - as above
    from muelle.workflows.operations.pack import BUILT_IN  # noqa: PLC0415 - as above

    return find_packs((BUILT_IN,), read_configuration(console.home).settings.packs.disabled)


def _row(operation: "OperationType[Any]", packs: "Packs") -> dict[str, Any]:
    return {
        "name": operation.name,
        "summary": operation.summary,
        "pack": packs.operation_owners[operation.name],
        "permission": operation.permission,
    }


def _messages(operation: "OperationType[Any]") -> list[dict[str, Any]]:
    """Return a document with the operation's example alone."""
    return [
        {
            "type": "operationUpdate",
            "operationId": "example",
            "operation": {operation.name: dict(operation.example)},
        },
        {"type": "beginExecution", "executionId": "try", "operationOrder": ["example"]},
    ]


def _document(operation: "OperationType[Any]") -> bytes:
    import msgspec  # noqa: PLC0415 - loaded by now

    return msgspec.json.Encoder().encode_lines(_messages(operation)).rstrip(b"\n")


def _describe(console: Console, operation: "OperationType[Any]", schema: dict[str, Any]) -> None:
    click.echo(f"{click.style(operation.name, bold=console.is_terminal)}: {operation.summary}\n")
    required = schema.get("required", [])
    rows = [
        {
            "field": field,
            "type": kind_of(of),
            "required": "required" if field in required else _default(of),
            "meaning": of.get("description", ""),
        }
        for field, of in schema.get("properties", {}).items()
    ]
    console.listing("fields", rows, ("field", "type", "required", "meaning"))
    click.echo(f"\nExample:\n{_document(operation).decode()}")


def _default(field: dict[str, Any]) -> str:
    import msgspec  # noqa: PLC0415 - loaded by now

    return f"else {msgspec.json.encode(field['default']).decode()}" if field.get("default") is not None else ""


def kind_of(field: dict[str, Any]) -> str:
    """Return the type of a schema's field in few words."""
    if "anyOf" in field:
        return " | ".join(dict.fromkeys(kind_of(each) for each in field["anyOf"]))
    if "enum" in field:
        return " | ".join(str(each) for each in field["enum"])
    if "$ref" in field:
        return str(field["$ref"]).rpartition("/")[2]
    if field.get("type") == "array" and isinstance(field.get("items"), dict):
        return f"list of {kind_of(field['items'])}"
    return str(field.get("type", "any"))
