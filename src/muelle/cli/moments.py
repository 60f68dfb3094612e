"""Times as they are written on the command line: ISO 8601, or a span from now."""

import re
from datetime import UTC, datetime, timedelta

from muelle.cli.failures import InvalidArgument

_SPAN = re.compile(r"(\d{1,6})([smhdw])\Z")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def ago(text: str | None, now: datetime) -> datetime | None:
    """Return the time that a text names, a span reaching back from now; raise InvalidArgument."""
    return None if text is None else _moment(text, now, -1)


def ahead(text: str | None, now: datetime) -> datetime | None:
    """Return the time that a text names, a span reaching on from now; raise InvalidArgument."""
    return None if text is None else _moment(text, now, 1)


def _moment(text: str, now: datetime, direction: int) -> datetime:
    span = _SPAN.match(text)
    try:
        if span:
            return now + direction * timedelta(**{_UNITS[span[2]]: int(span[1])})
        at = datetime.fromisoformat(text)
    except (ValueError, OverflowError):
        raise InvalidArgument(f"'{text[:100]}' is neither a time as 2026-12-31T18:00Z nor a span as 30d.") from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)
