"""Messages, in both dialects of A2E, become a draft: operations in order, seeds of the data model, defaults.

Flat: `{"type": "operationUpdate", "operationId": …, "operation": {…}}` and `{"type": "beginExecution", …}`.
Nested: `{"operationUpdate": {"workflowId": …, "operations": […]}}` and `{"beginExecution": {…}}`. Both may be mixed.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from muelle.workflows.issues import MOST_ISSUES, Issue, nearest, pointer
from muelle.workflows.paths import InvalidPath, Path, parse_path

_ID = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
MESSAGES = ("operationUpdate", "beginExecution", "dataModelUpdate")
_HINTS = {  # where no known word is near
    "unknown_message": f"One of: {', '.join(MESSAGES)}.",
    "unknown_field": "Leave it out.",
    "missing_field": "Add it.",
    "wrong_type": "Give a value of that kind.",
    "invalid_value": "Give one of these, or leave it out.",
    "invalid_id": "Choose one such as 'fetch-users'.",
    "path_blocked": "Seed another path.",
    "duplicate_field": "Leave one of them out.",
}
_SEED_ROOTS = ("config", "input", "workflow")
_OPTIONS = ("onError", "execution")
_FLAT = {
    "operationUpdate": ("operationId", "operation", "workflowId", "onError", "compensate"),
    "beginExecution": ("executionId", "operationOrder", "workflowId", *_OPTIONS),
    "dataModelUpdate": ("contents", "path", "workflowId"),
}
_NESTED = {
    "operationUpdate": ("workflowId", "operations", *_OPTIONS),
    "beginExecution": ("workflowId", "root", "executionId", "operationOrder", *_OPTIONS),
    "dataModelUpdate": ("workflowId", "contents", "path"),
}


@dataclass(frozen=True, slots=True)
class DraftOperation:
    """An operation as it was written, with its own `onError` and `compensate` if it has them."""

    id: str
    type: str
    config: Any
    on_error: Any
    compensate: Any = None


@dataclass(slots=True)
class Draft:
    """What the messages of a document amount to."""

    workflow: str | None = None
    execution: str | None = None
    operations: dict[str, DraftOperation] = field(default_factory=dict)
    order: list[str] | None = None
    root: str | None = None
    begins_at: tuple[str | int, ...] = ()
    on_error: Any = None
    on_error_at: tuple[str | int, ...] = ()
    is_sequential: bool = False
    seeds: dict[str, Any] = field(default_factory=dict)
    issues: list[Issue] = field(default_factory=list)

    @property
    def is_full(self) -> bool:
        """Whether no more faults will be noted."""
        return len(self.issues) >= MOST_ISSUES

    def fault(
        self,
        code: str,
        message: str,
        path: Iterable[str | int] = (),
        suggestion: str | None = None,
        operation: str | None = None,
    ) -> None:
        """Note an error."""
        if self.is_full:
            return
        at = pointer(path) or None
        hint = suggestion or _HINTS.get(code)
        self.issues.append(Issue(code=code, message=message, path=at, suggestion=hint, operation_id=operation))


def read_messages(values: Iterable[Any]) -> Draft:
    """Return the draft that the messages make; faults are noted in its issues."""
    draft = Draft()
    for number, value in enumerate(values):
        if draft.is_full:
            break
        if type(value) is not dict:
            draft.fault(
                "not_a_message", "A message is an object", (number,), "Send operationUpdate and beginExecution."
            )
        elif "type" in value:
            _flat(draft, value, number)
        else:
            _nested(draft, value, number)
    if not draft.operations and not draft.issues:
        draft.fault("no_operations", "The document has no operations", (), "Send at least one operationUpdate.")
    return draft


def _flat(draft: Draft, message: Mapping[str, Any], number: int) -> None:
    kind = message["type"]
    if type(kind) is not str or kind not in _FLAT:
        text = kind if type(kind) is str else "that is not text"
        draft.fault(
            "unknown_message", f"There is no message type '{text[:100]}'", (number, "type"), nearest(text, MESSAGES)
        )
        return
    _known_fields(draft, message, ("type", *_FLAT[kind]), (number,))
    _common(draft, message, (number,), defaults=kind == "beginExecution")
    if kind == "operationUpdate":
        _operation(draft, message.get("operationId"), message, (number,), "operationId")
    elif kind == "beginExecution":
        _begin(draft, message, (number,))
    else:
        _seed(draft, message, (number,))


def _nested(draft: Draft, message: Mapping[str, Any], number: int) -> None:
    if not message:
        draft.fault("unknown_message", "The message is empty", (number,), "Send operationUpdate and beginExecution.")
    for kind, content in message.items():
        at = (number, kind)
        if kind not in _NESTED:
            draft.fault("unknown_message", f"There is no message type {kind[:100]!r}", at, nearest(kind, MESSAGES))
        elif type(content) is not dict:
            draft.fault("wrong_type", f"'{kind}' is an object", at)
        else:
            _known_fields(draft, content, _NESTED[kind], at)
            _common(draft, content, at, defaults=True)
            _NESTED_READERS[kind](draft, content, at)


def _known_fields(draft: Draft, given: Mapping[str, Any], known: tuple[str, ...], at: tuple[str | int, ...]) -> None:
    for key in given:
        if key not in known and not draft.is_full:
            draft.fault("unknown_field", f"There is no field '{key[:100]}' here", (*at, key), nearest(key, known))


def _common(draft: Draft, content: Mapping[str, Any], at: tuple[str | int, ...], *, defaults: bool) -> None:
    workflow = content.get("workflowId")
    if type(workflow) is str and _ID.match(workflow):
        draft.workflow = workflow
    elif workflow is not None:
        draft.fault("invalid_id", "A workflowId has 1 to 100 letters, digits, '_' and '-'", (*at, "workflowId"))
    if not defaults:
        return
    if "onError" in content:
        draft.on_error, draft.on_error_at = content["onError"], (*at, "onError")
    execution = content.get("execution")
    if execution not in (None, "sequential", "overlapped"):
        draft.fault("invalid_value", "'execution' is 'sequential' or 'overlapped'", (*at, "execution"))
    draft.is_sequential = draft.is_sequential or execution == "sequential"


def _operations(draft: Draft, content: Mapping[str, Any], at: tuple[str | int, ...]) -> None:
    operations = content.get("operations")
    if type(operations) is not list:
        draft.fault("missing_field", "'operations' is a list", (*at, "operations"))
        return
    seen: set[str] = set()
    for index, item in enumerate(operations):
        place = (*at, "operations", index)
        if type(item) is not dict:
            draft.fault("wrong_type", "An operation is an object", place)
            continue
        _known_fields(draft, item, ("id", "operation", "onError", "compensate"), place)
        identity = item.get("id")
        if type(identity) is str and identity in seen:
            message = f"The id '{identity}' is used twice in one message"
            draft.fault("duplicate_id", message, (*place, "id"), "Give each operation an id of its own.", identity)
            continue
        if _operation(draft, identity, item, place, "id"):
            seen.add(str(identity))


def _operation(
    draft: Draft,
    identity: Any,  # noqa: ANN401 - unchecked
    item: Mapping[str, Any],
    at: tuple[str | int, ...],
    id_field: str,
) -> bool:
    if type(identity) is not str or not _ID.match(identity):
        message = "An operation needs an id of 1 to 100 letters, digits, '_' and '-'"
        draft.fault("missing_field" if identity is None else "invalid_id", message, (*at, id_field))
        return False
    operation = item.get("operation")
    if type(operation) is not dict or len(operation) != 1:
        message = f"Operation '{identity}' must have exactly one operation type"
        draft.fault("not_one_type", message, (*at, "operation"), 'Such as {"Wait": {"duration": 10}}.', identity)
        return True
    [(kind, config)] = operation.items()
    on_error = item.get("onError")
    if type(config) is dict and "onError" in config:
        if on_error is not None:
            draft.fault("duplicate_field", "'onError' is given twice", (*at, "onError"), None, identity)
        on_error = config["onError"]
        config = {key: value for key, value in config.items() if key != "onError"}
    draft.operations[identity] = DraftOperation(identity, kind, config, on_error, item.get("compensate"))
    return True


def _begin(draft: Draft, content: Mapping[str, Any], at: tuple[str | int, ...]) -> None:
    execution, order, root = content.get("executionId"), content.get("operationOrder"), content.get("root")
    if execution is not None:
        if type(execution) is str and _ID.match(execution):
            draft.execution = execution
        else:
            draft.fault("invalid_id", "An executionId has 1 to 100 letters, digits, '_' and '-'", (*at, "executionId"))
    if order is not None:
        if type(order) is not list or not all(type(item) is str for item in order):
            draft.fault("wrong_type", "'operationOrder' is a list of operations' ids", (*at, "operationOrder"))
        elif not order:
            hint = "Name what shall run, or leave operationOrder out: then all run, as they are defined."
            draft.fault("empty_order", "'operationOrder' names no operation", (*at, "operationOrder"), hint)
        else:
            draft.order, draft.begins_at = order, at
    if type(root) is str:
        draft.root, draft.begins_at = root, at
    elif root is not None:
        draft.fault("wrong_type", "'root' is an operation's id", (*at, "root"))


def _seed(draft: Draft, content: Mapping[str, Any], at: tuple[str | int, ...]) -> None:
    segments = _base(draft, content.get("path", "/"), (*at, "path"))
    if segments is None:
        return
    branch = draft.seeds
    for segment in segments:
        branch = branch.setdefault(segment, {})
        if type(branch) is not dict:
            draft.fault("path_blocked", f"'{content['path']}' leads through a value", (*at, "path"))
            return
    _entries(draft, content.get("contents"), branch, (*at, "contents"))
    for root, seeds in list(draft.seeds.items()):
        if root in _SEED_ROOTS and type(seeds) is dict:
            continue
        del draft.seeds[root]
        if not draft.is_full:
            message = f"Data can be seeded under {', '.join(_SEED_ROOTS)}, each of which is an object"
            draft.fault("invalid_seed", message, at, nearest(root, _SEED_ROOTS) or "Give a valueMap for 'config'.")


def _base(draft: Draft, text: Any, at: tuple[str | int, ...]) -> Path | None:  # noqa: ANN401 - unchecked
    """Return the segments of the path under which data are seeded, none for the whole, or None if it is no path."""
    if type(text) is not str:
        draft.fault("wrong_type", "'path' is a path", at, "Such as /config.")
        return None
    try:
        return () if text in {"", "/"} else parse_path(text)
    except InvalidPath as error:
        draft.fault(error.code, str(error), at, "Such as /config or /config/limits.")
        return None


def _entries(draft: Draft, contents: Any, into: dict[str, Any], at: tuple[str | int, ...]) -> None:  # noqa: ANN401 - unchecked
    if type(contents) is not list:
        draft.fault("wrong_type", "Contents are a list of {key, valueString|valueNumber|valueBoolean|valueMap}", at)
        return
    for index, entry in enumerate(contents):
        place = (*at, index)
        key = entry.get("key") if type(entry) is dict else None
        if type(key) is not str:
            draft.fault("missing_field", "An entry needs a key", (*place, "key"))
            continue
        _entry(draft, {name: value for name, value in entry.items() if name != "key"}, into, key, place)


def _entry(draft: Draft, value: Mapping[str, Any], into: dict[str, Any], key: str, at: tuple[str | int, ...]) -> None:
    match value:
        case {"valueMap": contents, **rest} if not rest:
            branch = into.get(key)
            into[key] = branch if type(branch) is dict else {}
            _entries(draft, contents, into[key], (*at, "valueMap"))
        case {"valueString": str() as text, **rest} if not rest:
            into[key] = text
        case {"valueNumber": int() | float() as number, **rest} if not rest and type(number) is not bool:
            into[key] = number
        case {"valueBoolean": bool() as truth, **rest} if not rest:
            into[key] = truth
        case {"valueArray": list() as items, **rest} if not rest:
            into[key] = items
        case _:
            message = "An entry has one of valueString, valueNumber, valueBoolean, valueMap, valueArray, of that type"
            draft.fault("wrong_type", message, at)


_NESTED_READERS = {"operationUpdate": _operations, "beginExecution": _begin, "dataModelUpdate": _seed}
