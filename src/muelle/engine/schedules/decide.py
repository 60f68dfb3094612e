"""What a schedule does now: which firings, and when to look again. Pure."""

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Literal

import msgspec

from muelle.engine.schedules.model import FiringRules, Progress, Schedule
from muelle.engine.schedules.timing import Timing, last_firing, next_firing
from muelle.engine.times import micros

GRACE = timedelta(seconds=10)  # a firing that is taken up this late counts as on time: workers are restarted, too
AGAIN = timedelta(seconds=1)  # when to look again whether the run has ended that a firing waits for
_TICK = timedelta(microseconds=1)
_ALL_BITS = 1 << 64

PassedOver = Literal["", "missed", "overlap"]


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The firings to submit, oldest first, whether to cancel the run before them first, and where that leads.

    `passed_over` says why there are firings that were due and are neither submitted nor wait.
    """

    fire: tuple[datetime, ...] = ()
    cancels: bool = False
    passed_over: PassedOver = ""
    progress: Progress


class _Due(msgspec.Struct, frozen=True):
    firings: tuple[datetime, ...]
    next_at: datetime | None
    is_missing: bool


def decide(schedule: Schedule, now: datetime, *, is_busy: bool, grace: timedelta = GRACE) -> Decision:
    """Tell what is to be done now; `is_busy` tells whether the run of the last firing goes on."""
    if schedule.paused:
        return Decision(progress=rested(schedule).progress)
    due = _due(schedule, now, grace)
    waiting = schedule.progress.waiting_at
    wanted = due.firings if waiting is None else (waiting, *due.firings)
    fire, waits = _by_overlap(schedule, wanted, is_busy=is_busy)
    is_over = len(wanted) > len(fire) + (waits is not None)
    return Decision(
        fire=fire,
        cancels=is_busy and bool(fire) and schedule.rules.overlap == "cancel",
        passed_over="overlap" if is_over else "missed" if due.is_missing else "",
        progress=msgspec.structs.replace(
            schedule.progress,
            next_at=due.next_at,
            waiting_at=waits,
            wake_at=_wake_at(schedule, due.next_at, waits, now),
        ),
    )


def started(schedule: Schedule, now: datetime) -> Schedule:
    """Return a schedule that is new, changed or resumed, with its next firing from now on; raise nothing."""
    if schedule.paused:
        return rested(schedule)
    next_at = following(schedule, now)
    return schedule.at(next_at=next_at, wake_at=_wake_at(schedule, next_at, None, now), waiting_at=None)


def rested(schedule: Schedule) -> Schedule:
    """Return a schedule that fires no more until it is started."""
    return schedule.at(next_at=None, wake_at=None, waiting_at=None)


def following(schedule: Schedule, after: datetime) -> datetime | None:
    """Return a schedule's first firing after a moment."""
    return bounded(schedule.timing, schedule.rules, after)


def bounded(timing: Timing, rules: FiringRules, after: datetime) -> datetime | None:
    """Return the first firing after a moment between the start and the end that the rules have."""
    start, end = rules.start, rules.end
    found = next_firing(timing, after if start is None else max(after, start - _TICK))
    return None if found is None or (end is not None and found >= end) else found


def upcoming(timing: Timing, rules: FiringRules, after: datetime, number: int) -> list[datetime]:
    """Return the next firings after a moment, without their jitter."""
    return list(islice(_from(timing, rules, after), number))


def _from(timing: Timing, rules: FiringRules, after: datetime) -> Iterator[datetime]:
    found = bounded(timing, rules, after)
    while found is not None:
        yield found
        found = bounded(timing, rules, found)


def due_at(schedule: Schedule, firing: datetime) -> datetime:
    """Return when a firing is to be submitted: later by a jitter that is always the same for it.

    The jitter ends before the next firing, so that none overtakes another.
    """
    if not schedule.rules.jitter:
        return firing
    longest = timedelta(seconds=schedule.rules.jitter)
    after = following(schedule, firing)
    if after is not None:
        longest = min(longest, after - firing)
    text = f"{schedule.tenant}/{schedule.id}:{micros(firing)}".encode()
    chance = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    return firing + timedelta(microseconds=longest // _TICK * chance // _ALL_BITS)


def _wake_at(schedule: Schedule, next_at: datetime | None, waits: datetime | None, now: datetime) -> datetime | None:
    due = None if next_at is None else due_at(schedule, next_at)
    if waits is None:
        return due
    return now + AGAIN if due is None else min(due, now + AGAIN)


def _due(schedule: Schedule, now: datetime, grace: timedelta) -> _Due:
    """Return the firings that are due and not given up, and the one that comes after them."""
    first = schedule.progress.next_at
    if first is None or due_at(schedule, first) > now:
        return _Due((), first, is_missing=False)
    end = schedule.rules.end
    latest = _latest(schedule, first, now if end is None else min(now, end - _TICK))
    if latest is not None and latest > first and due_at(schedule, latest) > now:
        latest = _latest(schedule, first, latest - _TICK)
    latest = latest or first  # the timing was changed below its progress: what is noted down counts
    kept, is_missing = _caught_up(schedule, first, latest, now - grace)
    return _Due(kept, following(schedule, latest), is_missing)


def _latest(schedule: Schedule, first: datetime, until: datetime) -> datetime | None:
    return last_firing(schedule.timing, first, max(first, until))


def _caught_up(
    schedule: Schedule, first: datetime, latest: datetime, late: datetime
) -> tuple[tuple[datetime, ...], bool]:
    """Return which of the firings from `first` to `latest` are to be made, and whether any is not."""
    rules = schedule.rules
    kept: list[datetime] = []
    firing: datetime | None = latest
    late_ones = 0
    while firing is not None and firing >= first:
        is_late = due_at(schedule, firing) < late
        if is_late and not _is_kept(rules.catch_up, rules.most, late_ones, len(kept)):
            return tuple(reversed(kept)), True
        late_ones += is_late
        kept.append(firing)
        firing = _latest(schedule, first, firing - _TICK) if firing > first else None
    return tuple(reversed(kept)), False


def _is_kept(catch_up: str, most: int, late: int, kept: int) -> bool:
    """Tell whether one more late firing is made: `last` makes one, and only if none is on time."""
    return (catch_up == "last" and kept == 0) or (catch_up == "all" and late < most)


def _by_overlap(
    schedule: Schedule, wanted: tuple[datetime, ...], *, is_busy: bool
) -> tuple[tuple[datetime, ...], datetime | None]:
    """Return which of the wanted firings are made now, and which one waits."""
    match schedule.rules.overlap:
        case "allow":
            return wanted, None
        case "skip":
            return (() if is_busy else wanted[:1]), None
        case "cancel":
            return wanted[-1:], None
        case "queue":
            free = 0 if is_busy else 1
            return wanted[:free], wanted[free] if len(wanted) > free else None
