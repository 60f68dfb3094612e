"""Times that a request names: as such, or as seconds from now."""

from datetime import datetime, timedelta

from muelle.workflows.requests import When
from muelle.workflows.submissions.errors import InvalidTime


def ahead(name: str, when: When | None, now: datetime, farthest: timedelta) -> datetime | None:
    """Return the time; raise InvalidTime, which names the field, unless it lies ahead and not too far."""
    if when is None:
        return None
    if isinstance(when, datetime):
        span = when - now
    elif when <= farthest.total_seconds():
        span = timedelta(seconds=when)
    else:
        raise InvalidTime(field=name, farthest=_text(now + farthest))
    if span <= timedelta():
        raise InvalidTime(field=name, now=_text(now))
    if span > farthest:
        raise InvalidTime(field=name, farthest=_text(now + farthest))
    return now + span


def _text(at: datetime) -> str:
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")
