"""When a schedule fires: cron expressions, intervals, one moment. Pure: everything is computed from the arguments."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import assert_never

import msgspec

from muelle.engine.schedules.cron import parse
from muelle.engine.schedules.errors import InvalidSchedule
from muelle.engine.schedules.zones import next_at_times, next_regularly, zone_of

LONGEST_INTERVAL = 10 * 366 * 86_400  # seconds
_TICK = timedelta(microseconds=1)
_FIRST_STEP = timedelta(seconds=1)
_FIRST, _LAST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9990, 1, 1, tzinfo=UTC)  # zones have room before year 10000


class Cron(msgspec.Struct, frozen=True, tag="cron"):
    """Whenever the clock of a time zone shows what an expression matches."""

    expression: str
    zone: str = "UTC"


class Every(msgspec.Struct, frozen=True, tag="every"):
    """Every so many seconds, counted from an anchor; changes of clocks do not matter."""

    seconds: int
    anchor: datetime


class At(msgspec.Struct, frozen=True, tag="at"):
    """Once."""

    at: datetime


Timing = Cron | Every | At


def checked(timing: Timing) -> Timing:
    """Return a timing that can be computed; raise InvalidCron, UnknownTimeZone or InvalidSchedule."""
    match timing:
        case Cron():
            parse(timing.expression)
            zone_of(timing.zone)
        case Every():
            if not 1 <= timing.seconds <= LONGEST_INTERVAL:
                raise InvalidSchedule(field="every", value=timing.seconds, least=1, most=LONGEST_INTERVAL)
            _checked_moment(timing.anchor, "anchor")
        case At():
            _checked_moment(timing.at, "at")
        case other:
            assert_never(other)
    return timing


def _checked_moment(at: datetime, field: str) -> None:
    if at.tzinfo is None or not _FIRST <= at < _LAST:
        raise InvalidSchedule(field=field, value=at.isoformat(), reason="a time with a zone, from 1970 on")


def next_firing(timing: Timing, after: datetime) -> datetime | None:
    """Return the first firing after a moment, in UTC, or None if there is none any more."""
    after = max(after, _FIRST - _TICK)
    if after >= _LAST:
        return None
    match timing:
        case Cron():
            found = _next_of_cron(timing, after)
        case Every():
            found = _next_of_interval(timing, after)
        case At():
            found = timing.at.astimezone(UTC) if timing.at > after else None
        case other:
            assert_never(other)
    return found if found is not None and found < _LAST else None


def _next_of_cron(timing: Cron, after: datetime) -> datetime | None:
    expression, zone = parse(timing.expression), zone_of(timing.zone)
    search = next_regularly if expression.is_regular else next_at_times
    return search(expression.after, after, zone)


def _next_of_interval(timing: Every, after: datetime) -> datetime:
    """Return the anchor or what lies whole intervals after it."""
    every = timedelta(seconds=timing.seconds)
    passed = (after - timing.anchor) // every + 1
    return (timing.anchor + max(passed, 0) * every).astimezone(UTC)


def firings_between(timing: Timing, since: datetime, until: datetime) -> Iterator[datetime]:
    """Yield the firings from `since` on and before `until`, in order."""
    found = next_firing(timing, since - _TICK)
    while found is not None and found < until:
        yield found
        found = next_firing(timing, found)


def last_firing(timing: Timing, since: datetime, until: datetime) -> datetime | None:
    """Return the last firing from `since` up to and with `until`, without going through all that lie between."""
    step = _FIRST_STEP
    while True:
        begin = max(until - step, since)
        found = next_firing(timing, begin - _TICK)
        if found is not None and found <= until:
            return _last_from(timing, found, until)
        if begin == since:
            return None
        step *= 2


def _last_from(timing: Timing, found: datetime, until: datetime) -> datetime:
    """Return the last firing up to `until`, given one of them; halves what lies between at each step."""
    end = until
    while (following := next_firing(timing, found)) is not None and following <= until:
        found = following
        middle = found + (end - found) / 2
        later = next_firing(timing, middle)
        if later is not None and later <= until:
            found = later
        else:
            end = middle
    return found
