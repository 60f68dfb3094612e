"""Lengths of time as documents give them: milliseconds, or ISO 8601 text."""

import re
from collections.abc import Mapping
from typing import Annotated, Final

from msgspec import Meta

from muelle.packs import Json
from muelle.workflows.operations.errors import InvalidDuration
from muelle.workflows.operations.literals import literal_text

MILLISECONDS: Final = 1_000
A_DAY: Final = 86_400.0  # seconds
_MOST_DIGITS: Final = 9
_NUMBER = rf"(\d{{1,{_MOST_DIGITS}}}(?:[.,]\d{{1,{_MOST_DIGITS}}})?)"
_ISO: Final = re.compile(
    rf"P(?!\Z)(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?!\Z)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.ASCII
)
_SECONDS: Final = (7 * A_DAY, A_DAY, 3_600.0, 60.0, 1.0)

Duration = Annotated[
    Annotated[float, Meta(gt=0)] | str | None,
    Meta(
        description=(
            "How long to wait at most: milliseconds, or an ISO 8601 duration such as PT30M or P2D, without years and "
            "months. 24 hours if absent; no longer than the setting engine.wait_days."
        )
    ),
]


def seconds_of(duration: float | str | None, usual: float = A_DAY) -> float:
    """Return a length of time in seconds; raise InvalidDuration."""
    if duration is None:
        return usual
    if not isinstance(duration, str):
        return duration / MILLISECONDS
    found = _ISO.fullmatch(duration)
    if found is None:
        raise InvalidDuration(duration=duration[:100])
    parts = zip(found.groups(), _SECONDS, strict=True)
    seconds = sum(float(number.replace(",", ".")) * unit for number, unit in parts if number)
    if not seconds:
        raise InvalidDuration("A duration is longer than nothing", duration=duration[:100])
    return seconds


def check_duration(config: Mapping[str, Json], name: str) -> list[tuple[str, str]]:
    """Find text that is no duration."""
    text = literal_text(config, name)
    try:
        seconds_of(text)
    except InvalidDuration as fault:
        return [(f"/{name}", fault.message)]
    return []
