"""What the commands of triggers share: options as a body of the HTTP API, and the verbs on an opened Muelle."""

import os
from typing import Any, TypeVar

import msgspec

from muelle.app import App
from muelle.cli.arguments import json_or_text, pair, read_bytes, read_inputs, read_json
from muelle.cli.failures import InvalidArgument, UnreadableFile
from muelle.core import Secret
from muelle.identity import Principal
from muelle.rooms import triggers_of as opened
from muelle.workflows.triggers.model import Trigger
from muelle.workflows.triggers.service import Triggers
from muelle.workflows.triggers.shapes import TriggerUpdate, updated

B = TypeVar("B")
_PLAIN = ("principal", "version", "priority", "concurrency", "queue", "description", "workflow")


def triggers_of(app: App) -> Triggers:
    """Return the verbs on triggers."""
    return opened(app).triggers


def checked(fields: dict[str, Any], kind: type[B]) -> B:
    """Return a body; raise InvalidArgument."""
    try:
        return msgspec.convert(fields, kind)
    except msgspec.ValidationError as error:
        raise InvalidArgument(f"This describes no trigger: {error}.") from None


async def updated_by(app: App, owner: Principal, name: str, given: dict[str, Any]) -> Trigger:
    """Change a trigger by what options give."""
    triggers = triggers_of(app)
    present = await triggers.show(owner, name)
    fields = body(given, present)
    if given["new_name"]:
        fields["name"] = given["new_name"]
    return await triggers.update(owner, name, updated(present, checked(fields, TriggerUpdate)))


def body(given: dict[str, Any], present: Trigger | None) -> dict[str, Any]:
    """Return the fields of a body that options give; a pattern and inputs are changed part by part."""
    fields = {name: given[name] for name in _PLAIN if given.get(name) is not None}
    if given["inputs"] is not None or given["pairs"]:
        before = present.inputs if present and present.inputs and given["inputs"] is None else {}
        fields["inputs"] = {**before, **read_inputs(given["inputs"], given["pairs"])}
    pattern = _pattern(given, msgspec.to_builtins(present.pattern) if present else {})
    if pattern is not None:
        fields["pattern"] = pattern
    hook = _webhook(given, msgspec.to_builtins(present.webhook) if present and present.webhook else None)
    if hook is not None:
        fields["webhook"] = hook
        if present is None:
            fields["kind"] = "webhook"
    return fields


def _pattern(given: dict[str, Any], before: dict[str, Any]) -> dict[str, Any] | None:
    """Return the pattern with what options say over it, or None if they say nothing."""
    pattern = read_object(given["pattern"]) if given["pattern"] else before
    lists = {"type": given["types"], "source": given["source"], "subject": given["subject"]}
    said: dict[str, Any] = {name: [*texts] for name, texts in lists.items() if texts}
    if given["where"]:
        conditions = dict(pair(text, "--where") for text in given["where"])
        present = pattern.get("data", {})
        said["data"] = {**present, **{path: json_or_text(text) for path, text in conditions.items()}}
    if given["expression"] is not None:
        said["expression"] = given["expression"]
    return {**pattern, **said} if said or given["pattern"] else None


def _webhook(given: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any] | None:
    hook = read_object(given["webhook_file"]) if given["webhook_file"] else before
    if given.get("scheme"):
        hook = {**(hook or {}), "scheme": {"scheme": given["scheme"]}}
    if given["addresses"]:
        hook = {**(hook or {}), "addresses": [*given["addresses"]]}
    return None if hook is None or hook is before else hook


def read_object(file: str) -> dict[str, Any]:
    """Return the JSON object in a file; raise UnreadableFile."""
    content = read_json(file)
    if not isinstance(content, dict):
        raise UnreadableFile(file=file, reason="not a JSON object")
    return content


def secret_of(given: dict[str, Any]) -> Secret | None:
    """Return the secret of a variable or a file, if options name one; a line break at its end is not part of it."""
    variable, file = given["from_env"], given["from_file"]
    if variable and file:
        raise InvalidArgument("Give either --from-env or --from-file.")
    if variable:
        if variable not in os.environ:
            raise InvalidArgument(f"There is no environment variable '{variable[:100]}'.", option="--from-env")
        return Secret(os.environ[variable])
    if not file:
        return None
    try:
        return Secret(read_bytes(file).decode().removesuffix("\n").removesuffix("\r"))
    except UnicodeDecodeError:
        raise UnreadableFile(file=file, reason="not UTF-8") from None
