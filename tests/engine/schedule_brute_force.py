"""When cron fires, found by walking the clock second by second: slow, and so simple that it can be believed.

It shares nothing with the code that it checks: fields are read anew here, and only `*`, lists, ranges and steps.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

_RANGES = ((0, 59), (0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_SECOND = timedelta(seconds=1)
_MARGIN = timedelta(hours=1)


def firings(expression: str, zone: str, since: datetime, until: datetime) -> list[datetime]:
    """Return the firings from `since` on and before `until`."""
    texts = expression.split()
    of_day = range(6 - len(texts), 3)  # the fields of the time of day that are written out
    texts = texts if len(texts) == 6 else ["0", *texts]
    fields = [_numbers(text, *bounds) for text, bounds in zip(texts, _RANGES, strict=True)]
    every = {place: len(range(*bounds)) + 1 for place, bounds in enumerate(_RANGES)}
    is_regular = any(texts[place].startswith("*") or len(fields[place]) == every[place] for place in of_day)
    both = texts[3].startswith("*") or texts[5].startswith("*")
    walk = (_walk if is_regular else _firsts)(zone, since - _MARGIN, until + _MARGIN)
    found = {at for wall, at in walk if _matches(fields, wall, both=both)}
    return sorted(at for at in found if since <= at < until)


@cache
def _walk(zone: str, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Return what the clock shows at every second, and that second."""
    instants = [since + n * _SECOND for n in range(int((until - since).total_seconds()))]
    return [(at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, fold=0), at) for at in instants]


@cache
def _firsts(zone: str, since: datetime, until: datetime) -> list[tuple[datetime, datetime]]:
    """Return every time of the clock, and the first second at which it shows that time or has passed it."""
    walk = iter(_walk(zone, since, until))
    shown, at = next(walk)
    wall = shown
    found: list[tuple[datetime, datetime]] = []
    while True:
        while shown < wall:
            if (following := next(walk, None)) is None:
                return found
            shown, at = following
        found.append((wall, at))
        wall += _SECOND


def _matches(fields: Sequence[set[int]], wall: datetime, *, both: bool) -> bool:
    second, minute, hour, day, month, weekday = fields
    if wall.second not in second or wall.minute not in minute or wall.hour not in hour or wall.month not in month:
        return False
    is_day, is_weekday = wall.day in day, bool({wall.isoweekday(), wall.isoweekday() % 7} & weekday)
    return is_day and is_weekday if both else is_day or is_weekday


def _numbers(text: str, first: int, last: int) -> set[int]:
    found: set[int] = set()
    for term in text.split(","):
        base, _, step = term.partition("/")
        begin, dash, end = base.partition("-")
        low = first if base == "*" else int(begin)
        high = last if base == "*" or (step and not dash) else int(end or begin)
        found.update(range(low, high + 1, int(step or 1)))
    return found


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)
