"""Rates, what they are charged to, and what is decided. Pure values; times are nanoseconds of a clock of their own."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache

import msgspec

from muelle.resilience.limits.errors import InvalidRate, UnknownRate

SECOND = 1_000_000_000
WINDOWS: Mapping[str, int] = {"minute": 60, "hour": 3600, "day": 86_400}  # seconds, by the name that policies have
MOST = 1_000_000_000  # of any window: far beyond what one installation answers, and exact in every backend
MOST_WAIT = 300.0  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """How often something may happen; 0 is no bound.

    `burst` tokens are refilled evenly, as many in the shortest bounded window as the window admits. `at_once` bounds
    what is under way. What is refused may wait up to `wait_seconds` for its turn instead.
    """

    per_minute: int = 0  # in any 60 seconds; 0: no bound
    per_hour: int = 0  # in any hour; 0: no bound
    per_day: int = 0  # in any 24 hours; 0: no bound
    burst: int = 0  # at the same moment, refilled evenly over the shortest window that is bounded; 0: no bound
    at_once: int = 0  # under way at the same time; 0: no bound
    wait_seconds: float = 0.0  # how long what comes too often may wait for its turn; 0: it is refused at once

    def windows(self) -> tuple[tuple[str, int, int], ...]:
        """Return name, seconds and quota of each window that is bounded, the shortest first."""
        quotas = (self.per_minute, self.per_hour, self.per_day)
        return tuple((name, WINDOWS[name], quota) for name, quota in zip(WINDOWS, quotas, strict=True) if quota)

    def with_rule(self, rule: Mapping[str, float]) -> "Rate":
        """Return the rate with what a rule names in the place of its own."""
        return _merged(self, tuple(sorted(rule.items()))) if rule else self

    @property
    def is_bound(self) -> bool:
        """Whether it bounds anything."""
        return bool(self.per_minute or self.per_hour or self.per_day or self.at_once)


RATE_NAMES = tuple(item.name for item in fields(Rate))


@lru_cache(maxsize=1024)
def _merged(rate: Rate, rule: tuple[tuple[str, float], ...]) -> Rate:
    values = {name: value if name == "wait_seconds" else int(value) for name, value in rule}
    return replace(rate, **values)  # type: ignore[arg-type] # each value is of its field's type


def checked_rule(rule: Mapping[str, float], default: Rate) -> dict[str, float]:
    """Return a rule whose names and numbers there are; raise UnknownRate or InvalidRate.

    `default` is what it is laid over: a burst needs a window, which may be the default's.
    """
    for name, value in rule.items():
        if name not in RATE_NAMES:
            raise UnknownRate(field=name[:100], known=list(RATE_NAMES))
        most = MOST_WAIT if name == "wait_seconds" else MOST
        is_whole = name == "wait_seconds" or float(value).is_integer()
        if isinstance(value, bool) or not 0 <= value <= most or not is_whole:
            raise InvalidRate(field=name, value=str(value)[:50], largest=most)
    rate = default.with_rule(rule)
    if rate.burst and not rate.windows():
        raise InvalidRate("A burst is refilled within a window, and no window is bounded.", field="burst")
    return dict(rule)


@dataclass(frozen=True, slots=True)
class Charge:
    """One budget that an act is charged to: its key, its rate, and what its policies are called in answers.

    `name` says whose it is (`agent`, `tenant`, `address`), `target` for what (`requests`, `operation:ApiCall`).
    """

    key: str
    rate: Rate
    name: str
    target: str = "requests"


class Standing(msgspec.Struct, frozen=True, gc=False):
    """How one policy stands after a decision; `window` in seconds, 0 for what is under way; `reset` in nanoseconds.

    `reset` is when the oldest that counts leaves the window: when something is to be had again.
    """

    policy: str
    quota: int
    window: int
    remaining: int
    reset: int


class Decision(msgspec.Struct, frozen=True):
    """What was decided about some charges together: all of them were admitted, or none was counted.

    `wait` is the nanoseconds after which it may be tried again; `refused` is what stood in the way, of which charge.
    `held` names places among what is under way, which are given back at the end.
    """

    standings: tuple[Standing, ...]
    wait: int = 0
    refused: Standing | None = None
    charge: Charge | None = None
    held: tuple[str, ...] = ()
    holder: str = ""

    @property
    def is_admitted(self) -> bool:
        """Whether it may go on."""
        return self.refused is None

    @property
    def retry_after(self) -> int:
        """Return whole seconds after which it may be tried again, at least one."""
        return max(1, -(-self.wait // SECOND))

    def tightest(self) -> Standing | None:
        """Return what refused, or else the standing of which least remains; None where nothing is bounded."""
        if self.refused is not None:
            return self.refused
        return min(self.standings, key=_scarcity, default=None)


def _scarcity(standing: Standing) -> tuple[int, int]:
    return standing.remaining, -standing.window
