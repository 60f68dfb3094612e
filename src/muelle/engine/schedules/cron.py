"""Cron expressions: which wall-clock times they match. What happens where clocks are changed is `zones`' matter.

Five fields are minute, hour, day of month, month, day of week; six have seconds first. As Debian's cron has it, day of
month and day of week must both match if one of them begins with `*`, and else it is enough that one does.

Why not a library: of the ones that are kept up, cronsim 2.8 leaves changes of clocks to chance if there are six fields
and loses half-hour ones (7 of 72 cases are not as Debian's cron has them), and croniter 7.0 is wrong in 17 of the same.
"""

from bisect import bisect_left
from datetime import MAXYEAR, datetime
from functools import lru_cache

import msgspec

from muelle.engine.schedules.errors import CronNeverFires, InvalidCron
from muelle.engine.schedules.fields import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MINUTE,
    SECOND,
    SIX_FIELDS,
    Days,
    Reading,
    Weekdays,
    read_days,
    read_weekdays,
)

LONGEST = 256  # characters
_FIVE, _SIX = 5, 6
_YEARS = 100  # a 29th of February that is a Monday's fifth comes within 40, and a century may skip one
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_EXAMPLE = "30 3 * * MON-FRI"
_SOME_YEAR = 2000
_DAYS_OF = (DAY_OF_MONTH, DAY_OF_WEEK)
_SIZES = {SECOND.name: 60, MINUTE.name: 60, HOUR.name: 24}


class Expression(msgspec.Struct, frozen=True):
    """A parsed cron expression. `is_regular`: it fires every so often, not at given times of the day."""

    seconds: tuple[int, ...]
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    months: frozenset[int]
    days: Days
    weekdays: Weekdays
    both: bool
    is_regular: bool

    def after(self, wall: datetime) -> datetime | None:
        """Return the first wall-clock time after `wall` that matches, or None if there is none for a century."""
        in_day = _next_time(self, (wall.hour, wall.minute, wall.second + 1))
        if in_day is not None and wall.day in _days(self, wall.year, wall.month):
            return datetime(wall.year, wall.month, wall.day, *in_day)  # noqa: DTZ001 - wall-clock time has no zone
        year, month, day = wall.year, wall.month, wall.day
        while year <= min(wall.year + _YEARS, MAXYEAR):
            days = _days(self, year, month)
            later = bisect_left(days, day + 1)
            if later < len(days):
                first = (self.hours[0], self.minutes[0], self.seconds[0])
                return datetime(year, month, days[later], *first)  # noqa: DTZ001 - as above
            year, month, day = (year, month + 1, 0) if month < 12 else (year + 1, 1, 0)  # noqa: PLR2004 - December
        return None


def _next_time(expression: Expression, least: tuple[int, int, int]) -> tuple[int, int, int] | None:
    """Return the first time of a day from `least` on; its minute and second may be 60."""
    hours, minutes, seconds = expression.hours, expression.minutes, expression.seconds
    hour, minute, second = least
    at = bisect_left(hours, hour)
    if at == len(hours):
        return None
    if hours[at] > hour:
        return hours[at], minutes[0], seconds[0]
    place = bisect_left(minutes, minute)
    if place < len(minutes) and minutes[place] == minute:
        spot = bisect_left(seconds, second)
        if spot < len(seconds):
            return hour, minute, seconds[spot]
        place += 1
    if place < len(minutes):
        return hour, minutes[place], seconds[0]
    return (hours[at + 1], minutes[0], seconds[0]) if at + 1 < len(hours) else None


@lru_cache(maxsize=4096)
def _days(expression: Expression, year: int, month: int) -> tuple[int, ...]:
    if month not in expression.months:
        return ()
    numbers, weekdays = expression.days.of(year, month), expression.weekdays.of(year, month)
    return tuple(sorted(numbers & weekdays if expression.both else numbers | weekdays))


@lru_cache(maxsize=1024)
def parse(text: str) -> Expression:
    """Return the expression of a text; raise InvalidCron, which names the field, or CronNeverFires."""
    second, minute, hour, day, month, weekday = _readings(text)
    is_any_day = day.text.startswith("*") or weekday.text.startswith("*")
    expression = Expression(
        seconds=tuple(sorted(second.values())),
        minutes=tuple(sorted(minute.values())),
        hours=tuple(sorted(hour.values())),
        months=month.values(),
        days=read_days(day),
        weekdays=read_weekdays(weekday),
        both=is_any_day,
        is_regular=any(map(_is_wild, (second, minute, hour))),
    )
    if expression.after(datetime(_SOME_YEAR, 1, 1)) is None:  # noqa: DTZ001 - wall-clock time has no zone
        raise CronNeverFires(field="cron", value=text)
    return expression


def _split(text: str) -> list[str]:
    if len(text) > LONGEST:
        raise InvalidCron(field="cron", reason=f"longer than {LONGEST} characters", example=_EXAMPLE)
    macro = text.strip().lower()
    if macro.startswith("@") and macro not in _MACROS:
        known = ", ".join(_MACROS)
        raise InvalidCron(field="cron", value=macro[:100], reason=f"it is none of {known}", example="@daily")
    return _MACROS.get(macro, text).upper().split()


def _readings(text: str) -> list[Reading]:
    """Return six fields, seconds first; of five, the minute is at position 1."""
    parts = _split(text)
    if len(parts) not in {_FIVE, _SIX}:
        reason = f"it has {len(parts)} fields, not 5, or 6 with seconds first"
        raise InvalidCron(field="cron", value=text[:100], reason=reason, example=_EXAMPLE)
    texts = parts if len(parts) == _SIX else ["0", *parts]
    first = 1 - (len(texts) - len(parts))
    return [
        Reading(field, "*" if part == "?" and field in _DAYS_OF else part, first + place)
        for place, (field, part) in enumerate(zip(SIX_FIELDS, texts, strict=True))
    ]


def _is_wild(reading: Reading) -> bool:
    """Tell whether a field of a time of day has `*`, or says all that `*` says."""
    return reading.text.startswith("*") or len(reading.values()) == _SIZES[reading.field.name]
