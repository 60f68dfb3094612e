"""Moments: how dates and times are read, moved and written."""

import re
from calendar import monthrange
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from muelle.packs import Json
from muelle.workflows.operations.errors import DateOutOfRange, InvalidDate, UnknownTimezone

LONGEST_FORMAT: Final = 200  # characters
_OFFSET: Final = re.compile(r"([+-])(\d\d):?(\d\d)")
_DIRECTIVE: Final = re.compile(r"%(.?)", re.DOTALL)
_DIRECTIVES: Final = frozenset("aAwdbBmyYHIpMSfzZjUWcxXGuV%")  # Python's documented ones; no widths, which pad at will
_MONTHS: Final = 12


def zone(name: str) -> tzinfo:
    """Return a time zone by its IANA name or its offset (+02:00); raise UnknownTimezone."""
    if name in ("UTC", "Z"):
        return UTC
    if offset := _OFFSET.fullmatch(name):
        sign, hours, minutes = offset.groups()
        away = timedelta(hours=int(hours), minutes=int(minutes))
        if away < timedelta(days=1):
            return timezone(away if sign == "+" else -away)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of the database, such as 'Europe'
        raise UnknownTimezone(f"Unknown timezone: {name[:100]}") from None


def parse_moment(value: Json, now: datetime, within: tzinfo) -> datetime:
    """Return the aware moment that a value means; what has no offset is taken to be in the zone `within`.

    A value is ISO 8601 text, `YYYY-MM-DD HH:MM:SS`, seconds since 1970, or an object {year, month, day, hour, minute,
    second}, where year, month and day are today's and the rest zero if absent.
    """
    if isinstance(value, str):
        moment = parse_text(value)
    elif isinstance(value, dict):
        moment = _from_parts(value, now.astimezone(within))
    elif isinstance(value, int | float) and not isinstance(value, bool):
        return _from_seconds(value)
    else:
        raise InvalidDate(f"Unsupported date format: {type(value)}")
    return moment if moment.tzinfo else moment.replace(tzinfo=within)


def parse_text(text: str) -> datetime:
    """Return the moment that ISO 8601 text means, naive if the text has no offset."""
    try:
        return datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidDate(f"Unable to parse date string: {text[:100]}") from None


def _from_seconds(seconds: float) -> datetime:
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise DateOutOfRange(seconds=str(seconds)[:100]) from None


def _from_parts(parts: dict[str, Any], today: datetime) -> datetime:
    given = {
        "year": today.year, "month": today.month, "day": today.day, "hour": 0, "minute": 0, "second": 0, **parts
    }  # fmt: skip
    if unknown := given.keys() - {"year", "month", "day", "hour", "minute", "second"}:
        raise InvalidDate("A date has year, month, day, hour, minute and second", unknown=sorted(unknown)[:10])
    try:
        return datetime(**given)  # noqa: DTZ001 - the caller knows the zone
    except (TypeError, ValueError, OverflowError) as fault:
        raise InvalidDate(f"These are no parts of a date: {fault}") from None


def move(moment: datetime, *, months: int, days: float, clock: timedelta) -> datetime:
    """Move by the calendar: months keep the day or take the month's last, days keep the wall clock, hours pass.

    A wall time that the zone's clocks skip becomes the one as much later. Raises DateOutOfRange.
    """
    try:
        shifted = _add_months(moment, months) + timedelta(days=days)
        moved = shifted.astimezone(UTC) + clock
        return moved.astimezone(moment.tzinfo)
    except (OverflowError, ValueError):
        raise DateOutOfRange from None


def move_approximately(moment: datetime, away: timedelta) -> datetime:
    """Move by a length of time at the offset that the moment has, as A2E does."""
    try:
        return moment.replace(tzinfo=timezone(moment.utcoffset() or timedelta())) + away
    except (OverflowError, ValueError):
        raise DateOutOfRange from None


def _add_months(moment: datetime, months: int) -> datetime:
    year, month = divmod(moment.year * _MONTHS + moment.month - 1 + months, _MONTHS)
    if not 1 <= year <= 9999:  # noqa: PLR2004 - the years that datetime knows
        raise DateOutOfRange(year=str(year)[:20])
    day = min(moment.day, monthrange(year, month + 1)[1])
    return moment.replace(year=year, month=month + 1, day=day)


def write_moment(moment: datetime, style: str, pattern: str | None) -> Json:
    """Return ISO 8601 text, seconds since 1970, or text in a strftime format; ISO 8601 if the format is missing."""
    if style == "timestamp":
        return moment.timestamp()
    if style == "custom" and pattern:
        if fault := format_fault(pattern):
            raise InvalidDate(fault)
        return moment.strftime(pattern)
    return moment.isoformat()


def format_fault(pattern: str) -> str | None:
    """Return why a strftime format cannot be used, or None."""
    if len(pattern) > LONGEST_FORMAT:
        return f"The format is longer than {LONGEST_FORMAT} characters"
    for directive in _DIRECTIVE.findall(pattern):
        if directive not in _DIRECTIVES or not directive:
            return (
                f"'%{directive}' is no format directive; use those of strftime, such as %Y-%m-%d %H:%M:%S, and %% for %"
            )
    return None
