"""Random schedules of requests against a limit, and whether any stretch of time held more than the limit admits.

The judge knows nothing of how windows are kept: it looks at the times of what was admitted, and nothing else. What was
refused is judged too: with everything up to a merged entry's width before the window counted, it had to be refused.
"""

import random
from collections.abc import Iterator

from muelle.resilience.limits.window import Tokens, Window

LENGTH = 1_000_000  # nanoseconds of a window: only its proportion to the gaps between requests matters
EVENTS = 24  # requests of a schedule


class Broken(AssertionError):
    """A limit was exceeded, or something was refused for which there was room."""


def gaps(chance: random.Random, quota: int) -> Iterator[int]:
    """Yield the time from each request to the next: floods, drips, and times to the nanosecond at a window's edge."""
    mean = LENGTH / quota
    while True:
        kind = chance.random()
        if kind < 0.3:
            yield 0
        elif kind < 0.75:
            yield int(chance.random() * 2.5 * mean)
        elif kind < 0.9:
            yield chance.choice((1, LENGTH - 1, LENGTH, LENGTH + 1, LENGTH // 2))
        else:
            yield int(chance.random() * LENGTH)


def check_window(chance: random.Random, kind: type[Window] = Window) -> None:
    """Run one schedule through a window; raise Broken."""
    quota = chance.randint(1, 8)
    entries = chance.choice((2, 4, 1024))  # few, so that short schedules merge as long ones do in operation
    window = kind(quota, LENGTH, entries)
    width = 0 if quota <= entries else -(-LENGTH // entries)
    now, admitted = chance.randint(0, LENGTH), []
    times = gaps(chance, quota)
    for _ in range(EVENTS):
        now += next(times)
        if window.room(now) > 0:
            window.add(now)
            admitted.append(now)
            if len(admitted) > quota and admitted[-quota - 1] > now - LENGTH:
                raise Broken(f"{quota + 1} within {LENGTH}: {admitted[-quota - 1 :]}")
        elif len(admitted) < quota or admitted[-quota] <= now - LENGTH - width:
            raise Broken(f"refused at {now} with room: {admitted[-quota:]}")
    if len(window) > entries + 1 and quota > entries:
        raise Broken(f"{len(window)} entries are kept, of {entries}")


def check_tokens(chance: random.Random) -> None:
    """Run one schedule through a bucket of tokens; raise Broken if any stretch had more than its size and refill."""
    quota = chance.randint(1, 8)
    tokens, interval = Tokens(quota, LENGTH), -(-LENGTH // quota)
    now, admitted = chance.randint(0, LENGTH), []
    times = gaps(chance, quota)
    for _ in range(EVENTS):
        now += next(times)
        if tokens.room(now) > 0:
            tokens.add(now)
            admitted.append(now)
            for number, begun in enumerate(reversed(admitted), 1):
                if number > quota + (now - begun) // interval:
                    raise Broken(f"{number} tokens in {now - begun} of {quota}: {admitted}")
        elif tokens.wait(now) <= 0:
            raise Broken("refused without a wait")


def check_windows(number: int, kind: type[Window]) -> None:
    """Run so many schedules through windows of a kind; raise Broken."""
    for index in range(number):
        check_window(random.Random(index), kind)  # noqa: S311 - a schedule, not a secret


def check(number: int, seed: int) -> int:
    """Run so many schedules, nine of ten through windows; return how many; raise Broken with what reproduces it."""
    for index in range(number):
        chance = random.Random(f"{seed}/{index}")  # noqa: S311 - a schedule, not a secret
        try:
            (check_tokens if index % 10 == 9 else check_window)(chance)
        except Broken as error:
            raise Broken(f"schedule {seed}/{index}: {error}") from None
    return number
