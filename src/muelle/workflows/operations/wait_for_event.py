"""WaitForEvent: wait until something has happened."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.core import Invalid
from muelle.packs import Json, OperationType, Question, Step, WritePath
from muelle.workflows.operations.durations import Duration, check_duration, seconds_of
from muelle.workflows.operations.errors import EventNotSeen, InvalidEventPattern
from muelle.workflows.operations.literals import is_literal

if TYPE_CHECKING:
    from muelle.workflows.triggers.pattern import CompiledPattern

Clause = str | dict[str, Any] | list[str | dict[str, Any]]
_NOTHING: Final[tuple[Json, ...]] = (None, {})
_PARTS: Final = {"type": "type", "source": "source", "subject": "subject", "match": "data"}


class WaitForEvent(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Wait for an event that is raised from now on. The run holds no worker meanwhile; it is not the run's own time."""

    type: Annotated[
        Clause,
        Meta(
            description="Type of the event: 'order.*' stands for one segment, 'order.**' for any; or a list of types."
        ),
    ]
    source: Annotated[Clause | None, Meta(description="Source; '*' stands for any characters.")] = None
    subject: Annotated[Clause | None, Meta(description="Subject; '*' stands for any characters.")] = None
    match: Annotated[
        dict[str, Any],
        Meta(
            description=(
                "Conditions on the event's data by path, as triggers have them: a value, an object with one of equals, "
                "in, exists, prefix, suffix, glob, contains, numeric and anything-but, or a list of such."
            )
        ),
    ] = {}
    timeout: Duration = None
    on_timeout: Annotated[
        Literal["fail", "continue"],
        Meta(description="What no event means: a failure (event_not_seen), or the output null."),
    ] = "fail"
    output_path: Annotated[
        WritePath | None, Meta(description="Path that receives the event: id, type, source, subject, time, data.")
    ] = None


async def wait_for_event(config: WaitForEvent, step: Step[Any]) -> Json:
    """Return the event in the JSON form of CloudEvents; raise EventNotSeen or InvalidEventPattern."""
    given = {name: getattr(config, name) for name in _PARTS}
    pattern = {part: given[name] for name, part in _PARTS.items() if given[name] not in _NOTHING}
    compiled = _compiled(pattern)
    subject = next(iter(compiled.types)) if compiled.types and len(compiled.types) == 1 else ""
    seconds = seconds_of(config.timeout)
    asked = Question(kind="event", subject=subject, details={"pattern": pattern}, seconds=seconds)
    answer = await step.ask(asked)
    if answer is None and config.on_timeout == "fail":
        raise EventNotSeen(seconds=seconds)
    return answer.value if answer else None


def _compiled(pattern: Mapping[str, Json]) -> "CompiledPattern":
    # Triggers stand on operations, and only documents that wait for events need patterns.
    from muelle.workflows.triggers.pattern import EventPattern, compile_pattern  # noqa: PLC0415 - as above

    try:
        return compile_pattern(msgspec.convert(pattern, EventPattern), ())
    except Invalid as fault:
        field = str(fault.facts.get("field", ""))
        place = field.replace("/data", "/match", 1) if field.startswith("/data") else field
        raise InvalidEventPattern(field=place, reason=str(fault.facts.get("reason", fault.message))) from None


def check_wait_for_event(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a pattern that fits nothing, and a time-out that is no duration."""
    faults = check_duration(config, "timeout")
    given = {name: config.get(name) for name in _PARTS}
    pattern = {part: given[name] for name, part in _PARTS.items() if given[name] not in _NOTHING}
    settled = {part: value for part, value in pattern.items() if _is_settled(value)}
    try:
        _compiled(settled)
    except InvalidEventPattern as fault:
        faults.append((fault.facts["field"], fault.facts["reason"]))
    except msgspec.ValidationError:
        return faults  # of the wrong type: that is said already
    return faults


def _is_settled(value: Json) -> bool:
    """Return whether there is no reference in a value of a raw config."""
    if isinstance(value, list):
        return all(map(_is_settled, value))
    if isinstance(value, dict):
        return "path" not in value and all(map(_is_settled, value.values()))
    return is_literal(value)


WAIT_FOR_EVENT = OperationType(
    name="WaitForEvent",
    summary="Wait until an event is raised.",
    config=WaitForEvent,
    perform=wait_for_event,
    effects="writes",  # what stands before it is meant to have happened
    check=check_wait_for_event,
    example={
        "type": "payment.settled",
        "match": {"order": "A-17", "total": {"numeric": [">", 0]}},
        "timeout": "PT6H",
        "outputPath": "/workflow/payment",
    },
)
