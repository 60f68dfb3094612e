"""From wall-clock times to instants, where clocks are changed too.

As Debian's cron has it:

- An expression that fires at given times of the day fires once for each: at the first instant at which the clock
  shows the time or has passed it. What the clock skips fires right after the gap; what it repeats, the first time.
- An expression that fires every so often fires whenever the clock shows a matching time, and so stays regular.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo
from difflib import get_close_matches
from functools import lru_cache

import msgspec

from muelle.engine.schedules.errors import UnknownTimeZone

_SECOND = timedelta(seconds=1)
_LONGEST = 100
_UNREADABLE = (KeyError, ValueError, OSError)  # not there, no name of a zone, a folder: zoneinfo raises each

After = Callable[[datetime], datetime | None]


@lru_cache(maxsize=512)
def zone_of(name: str) -> tzinfo:
    """Return a time zone by its IANA name; raise UnknownTimeZone."""
    if name == "UTC":
        return UTC
    import zoneinfo  # noqa: PLC0415 - loads in 5 ms, and UTC does without

    try:
        if len(name) > _LONGEST:
            raise KeyError(name)
        return zoneinfo.ZoneInfo(name)
    except _UNREADABLE:
        near = get_close_matches(name[:_LONGEST], zoneinfo.available_timezones(), n=1)
        raise UnknownTimeZone(field="time_zone", value=name[:_LONGEST], nearest=near) from None


class Shift(msgspec.Struct, frozen=True):
    """A change of clocks: they skip, or show twice, the wall-clock times from `begin` up to `end`."""

    at: datetime
    begin: datetime
    end: datetime
    is_gap: bool
    before: timedelta
    after: timedelta


def shift_of(wall: datetime, zone: tzinfo) -> Shift | None:
    """Return the change of clocks that skips or repeats a wall-clock time, or None: it is there once."""
    before = wall.replace(tzinfo=zone, fold=0).utcoffset() or timedelta()
    after = wall.replace(tzinfo=zone, fold=1).utcoffset() or timedelta()
    if before == after:
        return None
    at = _change(wall - max(before, after), wall - min(before, after), zone, after)
    begin, end = sorted((at + before, at + after))
    return Shift(at.replace(tzinfo=UTC), begin, end, after > before, before, after)


def _change(low: datetime, high: datetime, zone: tzinfo, after: timedelta) -> datetime:
    """Return the first second in UTC, after `low` and up to `high`, that has the offset `after`."""
    while high - low > _SECOND:
        middle = low + (high - low) // 2 // _SECOND * _SECOND
        has_changed = middle.replace(tzinfo=UTC).astimezone(zone).utcoffset() == after
        low, high = (low, middle) if has_changed else (middle, high)
    return high


def next_at_times(after: After, since: datetime, zone: tzinfo) -> datetime | None:
    """Return the first instant after `since` of times of the day; `after` gives the next wall-clock time."""
    here = since.replace(microsecond=0).astimezone(zone)
    wall = here.replace(tzinfo=None, fold=0)
    if here.fold and (shift := shift_of(wall, zone)):
        wall = shift.end - _SECOND  # these times have been shown before
    while (found := after(wall)) is not None:
        shift = shift_of(found, zone)
        at = shift.at if shift and shift.is_gap else _instant(found, zone)
        if at > since:
            return at
        wall = found
    return None


def next_regularly(after: After, since: datetime, zone: tzinfo) -> datetime | None:
    """Return the first instant after `since` at which the clock shows a time that matches."""
    here = since.replace(microsecond=0).astimezone(zone)
    wall, is_again = here.replace(tzinfo=None, fold=0), bool(here.fold)
    repeated = shift_of(wall, zone)
    while (found := after(wall)) is not None:
        if repeated and found < repeated.end:
            return (found - (repeated.after if is_again else repeated.before)).replace(tzinfo=UTC)
        if repeated and not is_again:  # the clock goes back before it comes to this time
            wall, is_again = repeated.begin - _SECOND, True
            continue
        shift = shift_of(found, zone)
        if not shift or not shift.is_gap:
            return _instant(found, zone)
        wall = shift.end - _SECOND
        repeated = None
    return None


def _instant(wall: datetime, zone: tzinfo) -> datetime:
    return wall.replace(tzinfo=zone).astimezone(UTC)
