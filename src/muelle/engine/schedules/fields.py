"""The fields of a cron expression: their texts become the values that match, or an error that says what is wrong."""

import re
from calendar import monthrange
from collections.abc import Iterator, Mapping
from difflib import get_close_matches

import msgspec

from muelle.engine.schedules.errors import InvalidCron

_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_WEEK = 7
_SATURDAY, _SUNDAY = 6, 7  # as date.isoweekday() counts
_LAST_BACK = re.compile(r"L(?:-(\d{1,2}))?\Z")
_NEAREST = re.compile(r"(\d{1,2})W\Z")
_LAST_WEEKDAY_OF_ITS_NAME = re.compile(r"(\w+?)L\Z")
_NTH = re.compile(r"(\w+)#(\d+)\Z")


class Field(msgspec.Struct, frozen=True):
    """One field: what it is called, which numbers it takes, which names stand for numbers, and an example."""

    name: str
    first: int
    last: int
    example: str
    names: Mapping[str, int] = {}


SECOND = Field("second", 0, 59, "30")
MINUTE = Field("minute", 0, 59, "*/15")
HOUR = Field("hour", 0, 23, "9-17")
DAY_OF_MONTH = Field("day of month", 1, 31, "1,15")
MONTH = Field("month", 1, 12, "JAN-MAR", {name: number for number, name in enumerate(_MONTHS, 1)})
DAY_OF_WEEK = Field("day of week", 0, 7, "MON-FRI", {name: number for number, name in enumerate(_DAYS)})
SIX_FIELDS = (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK)


class Days(msgspec.Struct, frozen=True):
    """Which days of a month match: by number, counted from the end, and as the weekday nearest to a number.

    `back` has 0 for the last day; `nearest` has 0 for the last weekday.
    """

    numbers: frozenset[int]
    back: frozenset[int] = frozenset()
    nearest: frozenset[int] = frozenset()

    def of(self, year: int, month: int) -> set[int]:
        """Return the days of a month."""
        first, last = monthrange(year, month)
        found = {day for day in self.numbers if day <= last}
        found |= {last - back for back in self.back if back < last}
        return found | {_nearest(day or last, first, last) for day in self.nearest if day <= last}


def _nearest(day: int, first: int, last: int) -> int:
    """Return the day from Monday to Friday that is nearest to a day, within its month, which begins on `first`."""
    weekday = (first + day - 1) % _WEEK + 1
    if weekday == _SATURDAY:
        return day - 1 if day > 1 else day + 2
    if weekday == _SUNDAY:
        return day + 1 if day < last else day - 2
    return day


class Weekdays(msgspec.Struct, frozen=True):
    """Which days of the week match, 0 being Sunday: all of them in a month, its last one, or its n-th one."""

    every: frozenset[int]
    last: frozenset[int] = frozenset()
    nth: frozenset[tuple[int, int]] = frozenset()

    def of(self, year: int, month: int) -> set[int]:
        """Return the days of a month."""
        first, last = monthrange(year, month)
        return {day for day in range(1, last + 1) if self._has((first + day) % _WEEK, day, last)}

    def _has(self, weekday: int, day: int, last: int) -> bool:
        if weekday in self.every or (weekday in self.last and day + _WEEK > last):
            return True
        return (weekday, (day - 1) // _WEEK + 1) in self.nth


class Reading:
    """The text of one field being read: knows its place in the expression, so that errors can name it."""

    def __init__(self, field: Field, text: str, position: int) -> None:
        self.field = field
        self.text = text
        self._position = position

    def fault(self, reason: str) -> InvalidCron:
        """Return the error for this field."""
        return InvalidCron(
            f"The field '{self.field.name}' of the cron expression is wrong: {reason}.",
            field="cron",
            part=self.field.name,
            position=self._position,
            value=self.text[:100],
            reason=reason,
            example=self.field.example,
        )

    def values(self) -> frozenset[int]:
        """Return the numbers of a field that has nothing but lists, ranges and steps."""
        return frozenset(number for term in self.terms() for number in self.numbers(term))

    def terms(self) -> Iterator[str]:
        """Yield what stands between commas."""
        for term in self.text.split(","):
            if not term:
                raise self.fault("there is nothing beside a comma")
            yield term

    def numbers(self, term: str) -> range:
        """Return the numbers of `*`, `N`, `A-B`, and each of them with a `/STEP`."""
        base, slash, step = term.partition("/")
        first, last = self._bounds(base, is_open=bool(slash))
        return range(first, last + 1, self._step(step) if slash else 1)

    def number(self, text: str) -> int:
        """Return the number that a text is or names."""
        if text in self.field.names:
            return self.field.names[text]
        if not (text.isascii() and text.isdigit()):
            raise self.fault(f"'{text[:20]}' is no number{self._nearest_name(text)}")
        if not self.field.first <= int(text[:9]) <= self.field.last:
            raise self.fault(f"{text[:20]} is not between {self.field.first} and {self.field.last}")
        return int(text)

    def _bounds(self, base: str, *, is_open: bool) -> tuple[int, int]:
        if base == "*":
            return self.field.first, self.field.last - (self.field is DAY_OF_WEEK)  # Sunday is there once
        begin, dash, end = base.partition("-")
        first = self.number(begin)
        if not dash:
            return first, self.field.last if is_open else first
        last = self.number(end)
        if last == 0 and self.field is DAY_OF_WEEK and first:
            last = _SUNDAY
        if last < first:
            whole = f"{begin}-{self.field.last},{self.field.first}-{end}"
            raise self.fault(f"the range {base[:20]} runs backwards; write {whole[:40]}")
        return first, last

    def _step(self, text: str) -> int:
        most = self.field.last - self.field.first
        if not (text.isascii() and text.isdigit()) or int(text[:9]) == 0:
            raise self.fault(f"the step '{text[:20]}' is no number from 1 on")
        if int(text[:9]) > most:
            raise self.fault(f"the step {text[:20]} leaves the field; for longer spans use an interval, not cron")
        return int(text)

    def _nearest_name(self, text: str) -> str:
        near = get_close_matches(text, self.field.names, n=1)
        return f"; did you mean {near[0]}" if near else ""


def read_days(reading: Reading) -> Days:
    """Return the days of a month that a field means; raise InvalidCron."""
    numbers: set[int] = set()
    back: set[int] = set()
    nearest: set[int] = set()
    for term in reading.terms():
        if term == "LW":
            nearest.add(0)
        elif found := _LAST_BACK.match(term):
            back.add(_checked_back(reading, int(found[1] or 0)))
        elif found := _NEAREST.match(term):
            nearest.add(reading.number(found[1]))
        else:
            numbers.update(reading.numbers(term))
    return Days(frozenset(numbers), frozenset(back), frozenset(nearest))


def _checked_back(reading: Reading, back: int) -> int:
    if back >= DAY_OF_MONTH.last:
        raise reading.fault(f"no month has a day {back} before its last")
    return back


def read_weekdays(reading: Reading) -> Weekdays:
    """Return the days of the week that a field means; raise InvalidCron."""
    every: set[int] = set()
    last: set[int] = set()
    nth: set[tuple[int, int]] = set()
    for term in reading.terms():
        if found := _NTH.match(term):
            nth.add((reading.number(found[1]) % _WEEK, _checked_nth(reading, found[2])))
        elif found := _LAST_WEEKDAY_OF_ITS_NAME.match(term):
            last.add(reading.number(found[1]) % _WEEK)
        else:
            every.update(number % _WEEK for number in reading.numbers(term))
    return Weekdays(frozenset(every), frozenset(last), frozenset(nth))


def _checked_nth(reading: Reading, text: str) -> int:
    if text not in {"1", "2", "3", "4", "5"}:
        raise reading.fault(f"#{text[:20]} is not between #1 and #5")
    return int(text)
