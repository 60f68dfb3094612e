"""Times as the journal's columns have them: microseconds since 1970 in UTC."""

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def micros(at: datetime) -> int:
    """Return the microseconds since 1970, exactly."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def moment(column: int) -> datetime:
    """Return the time, aware, in UTC."""
    return _EPOCH + timedelta(microseconds=column)
