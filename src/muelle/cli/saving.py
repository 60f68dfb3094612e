"""What the commands of saved workflows share: drafts from files, and the verbs on an opened Muelle."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec

from muelle.app import App
from muelle.cli.arguments import read_bytes, read_json
from muelle.cli.failures import InvalidArgument
from muelle.identity import Principal
from muelle.rooms import saved_of
from muelle.workflows.requests import ExecuteRequest
from muelle.workflows.versions.model import AUTO, Content, Draft, Head, Release

_FILES = ("input_schema", "output_schema", "migrate_inputs")
_TEXTS = ("version", "description", "note")


def draft_of(name: str, file: str, given: dict[str, Any]) -> Draft:
    """Return what a file and options describe; the file holds a document, or what `export` wrote."""
    document = read_bytes(file)
    fields = _exported(document) or {"document": document}
    for field in _FILES:
        if given[field] is not None:
            fields[field] = read_json(given[field])
    fields |= {field: given[field] for field in _TEXTS if given[field] is not None}
    if given["tags"]:
        fields["tags"] = tuple(given["tags"])
    try:
        return Draft(**{"version": AUTO, **fields, "name": name})
    except TypeError as error:
        raise InvalidArgument(f"The file is no export of a workflow: {error}.") from None


def _exported(content: bytes) -> dict[str, Any] | None:
    """Return the fields of an exported version, or None for a document."""
    try:
        value = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None  # several messages, or no JSON: the planner says what is wrong with it
    if not isinstance(value, dict) or "workflow" not in value or "name" not in value:
        return None
    fields = {**value, "document": ExecuteRequest(workflow=value["workflow"]).document, "tags": tuple(value["tags"])}
    return {name: each for name, each in fields.items() if name not in {"workflow", "name"}}


async def exported(app: App, owner: Principal, name: str, wanted: str) -> AsyncIterator[dict[str, Any]]:
    """Yield a version as the HTTP API takes it to publish it elsewhere."""
    saved = saved_of(app).workflows
    head = (await saved.show(owner, name)).head
    yield _export(head, *await saved.version(owner, name, wanted))


def _export(head: Head, release: Release, content: Content) -> dict[str, Any]:
    return {
        "name": head.name,
        "version": release.version,
        "description": head.description,
        "tags": list(head.tags),
        "note": release.note,
        "workflow": content.document.decode("utf-8", "replace"),
        "input_schema": content.input_schema,
        "output_schema": content.output_schema,
        "migrate_inputs": msgspec.to_builtins(content.migrate_inputs) or None,
    }
