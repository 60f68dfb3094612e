"""Wait: let time pass."""

from collections.abc import Mapping
from datetime import UTC, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.packs import Json, OperationType, Step
from muelle.workflows.operations.errors import InvalidCondition, InvalidDate, WaitTooLong
from muelle.workflows.operations.literals import literal_text
from muelle.workflows.operations.moments import parse_moment, parse_text

MILLISECONDS = 1_000


class Wait(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Wait for a time, or until one. A waiting run holds no worker and survives restarts."""

    duration: Annotated[
        Annotated[float, Meta(ge=0)] | None, Meta(description="How long, in milliseconds, within the run's time.")
    ] = None
    until: Annotated[
        str | float | None,
        Meta(
            description=(
                "Until when: ISO 8601 text (UTC if it has no offset) or seconds since 1970; what is past is not "
                "waited for."
            )
        ),
    ] = None


async def wait(config: Wait, step: Step[Any]) -> Json:
    """Return null after the wait, for which the run may leave memory; raise WaitTooLong if the run has less time."""
    seconds = _seconds(config, step)
    if seconds > step.limits.run_seconds:
        raise WaitTooLong(seconds=seconds, limit=step.limits.run_seconds)
    if seconds > 0:
        await step.rest(step.now + timedelta(seconds=seconds))
    return None


def _seconds(config: Wait, step: Step[Any]) -> float:
    if (config.duration is None) == (config.until is None):
        raise InvalidCondition("Give either 'duration' or 'until'")
    if config.duration is not None:
        return config.duration / MILLISECONDS
    return (parse_moment(config.until, step.now, UTC) - step.now).total_seconds()


def check_wait(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find none or both of duration and until, and text that is no time."""
    if (config.get("duration") is None) == (config.get("until") is None):
        return [("", "Give either 'duration' or 'until'")]
    until = literal_text(config, "until")
    try:
        if until is not None:
            parse_text(until)
    except InvalidDate as fault:
        return [("/until", fault.message)]
    return []


WAIT = OperationType(
    name="Wait",
    summary="Wait for a time, or until one.",
    config=Wait,
    perform=wait,
    effects="writes",  # what stands behind a Wait is meant to come after it
    check=check_wait,
    example={"duration": 1000},
)
