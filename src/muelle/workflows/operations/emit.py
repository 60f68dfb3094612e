"""Emit: raise an event."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from muelle.packs import Json, OperationType, Step, WritePath
from muelle.workflows.operations.errors import EventTooLarge, InvalidEventType
from muelle.workflows.operations.literals import literal_text

OURS: Final = "muelle."
"""How the types of events begin that Muelle itself raises."""
LARGEST_EVENT: Final = 256 << 10  # bytes of data as JSON
_TYPE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]{0,199}", re.ASCII)
_ENCODE = msgspec.json.Encoder().encode


class Emit(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Raise an event that triggers and other runs can wait for. It leaves at least once, with the same id."""

    type: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=200,
            description="Type: segments of letters, digits, '-', '_' and '/' with dots between; not muelle.…",
        ),
    ]
    subject: Annotated[str, Meta(max_length=500, description="What it is about, such as an order's number.")] = ""
    data: Annotated[dict[str, Any], Meta(description="What there is to tell: an object of at most 256 KiB.")] = {}
    output_path: Annotated[WritePath | None, Meta(description="Path that receives the event's id.")] = None


async def emit(config: Emit, step: Step[Any]) -> Json:
    """Return the event's id; raise InvalidEventType or EventTooLarge."""
    if fault := _fault_of(config.type):
        raise InvalidEventType(fault, event_type=config.type)
    if len(_ENCODE(config.data)) > LARGEST_EVENT:
        raise EventTooLarge(limit=LARGEST_EVENT)
    return step.emit(config.type, config.subject, config.data)


def _fault_of(kind: str) -> str:
    if kind.lower().startswith(OURS):
        return f"Types that begin with {OURS} are Muelle's own"
    if not _TYPE.fullmatch(kind):
        return "A type is 1 to 200 letters, digits, '.', '-', '_' and '/', and begins with a letter or a digit"
    return ""


def check_emit(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a type that may not be raised."""
    text = literal_text(config, "type")
    fault = _fault_of(text) if text is not None else ""
    return [("/type", fault)] if fault else []


EMIT = OperationType(
    name="Emit",
    summary="Raise an event.",
    config=Emit,
    perform=emit,
    effects="writes",
    check=check_emit,
    example={"type": "order.paid", "subject": "A-17", "data": {"total": 1200}, "outputPath": "/workflow/event"},
)
