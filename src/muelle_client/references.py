"""The small things that stand inside an operation: references, credentials, conditions, what to do on error."""

from collections.abc import Mapping
from typing import Any, Final, Literal

Transform = Literal["length", "keys", "values", "first", "last", "json", "string", "number"]
Operator = Literal[
    "==",
    "!=",
    ">",
    "<",
    ">=",
    "<=",
    "in",
    "notIn",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "exists",
    "empty",
]
OnError = Literal["stop", "continue"] | Mapping[str, Any]
"""What follows if an operation fails: `stop`, `continue`, `use_value(…)` or `go_to(…)`."""

_NOTHING: Final = object()


def ref(path: str, *, transform: Transform | None = None, default: object = _NOTHING) -> dict[str, Any]:
    """Refer to what the data model has at `path`; `default` stands in if it has nothing, else the operation fails."""
    reference: dict[str, Any] = {"path": path}
    if transform is not None:
        reference["transform"] = transform
    if default is not _NOTHING:
        reference["default"] = default
    return reference


def inline(path: str) -> str:
    """Refer to a path inside a longer text or a URL: `f"https://api.example.com/users/{inline('/workflow/id')}"`."""
    return f"{{/{path.strip('/')}}}"


def credential(credential_id: str) -> dict[str, Any]:
    """Put a credential here by its id; the server exchanges it for its value at the moment of the call."""
    return {"credentialRef": {"id": credential_id}}


def where(field: str, operator: Operator, value: object = _NOTHING) -> dict[str, Any]:
    """Return a condition on a field of each item, for `filter`; `exists` and `empty` need no value."""
    condition: dict[str, Any] = {"field": field, "operator": operator}
    return condition if value is _NOTHING else {**condition, "value": value}


def when(path: str, operator: Operator, value: object = _NOTHING) -> dict[str, Any]:
    """Return a condition on what the data model has at `path`, for `conditional`."""
    condition: dict[str, Any] = {"path": path, "operator": operator}
    return condition if value is _NOTHING else {**condition, "value": value}


def use_value(value: object) -> dict[str, Any]:
    """On error, take this value for the output and go on."""
    return {"value": value}


def go_to(*operations: str) -> dict[str, Any]:
    """On error, run these operations, which then run nowhere else."""
    return {"goto": list(operations)}
