"""When and how often something is tried again. Pure: decides on values; the loop that waits is in `attempts`."""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final

from msgspec import Meta

SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})  # RFC 9110, section 9.2.1; TRACE is never sent
IDEMPOTENT: Final = SAFE | {"PUT", "DELETE"}  # RFC 9110, section 9.2.2
_MOST_DIGITS: Final = 10  # of a Retry-After in seconds: 300 years


Status = Annotated[int, Meta(ge=400, le=599)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """How often, and after what time, a call is made again; `budget` bounds what that costs the upstream."""

    attempts: Annotated[int, Meta(ge=1, le=10)] = 1  # in all, the first one included; 1 tries nothing again
    first_seconds: Annotated[float, Meta(le=300)] = 0.25  # the longest pause before the second attempt
    longest_seconds: Annotated[float, Meta(le=300)] = 20.0  # no pause is longer; asked for a longer one, it gives up
    factor: Annotated[float, Meta(ge=1, le=10)] = 2.0  # by which the longest pause grows with every attempt
    statuses: tuple[Status, ...] = (408, 425, 429, 500, 502, 503, 504)  # after which it is tried again
    budget: Annotated[float, Meta(le=10)] = (
        0.5  # repetitions for each call to an upstream: it bears 1.5 times the calls
    )
    reserve: Annotated[int, Meta(ge=1, le=10_000)] = 100  # repetitions that may be saved up and are there at the start


def is_repeatable(method: str, *, has_own_key: bool, is_asked: bool) -> bool:
    """Return whether a repetition does no harm: safe methods, or a key by which the upstream knows a repetition.

    PUT and DELETE, which HTTP calls idempotent, only where whoever calls asks for it: not every server keeps to it.
    """
    return method in SAFE or has_own_key or (is_asked and method in IDEMPOTENT)


def pause(rule: Retry, attempt: int, chance: float, asked: float | None = None) -> float | None:
    """Return the seconds to wait after an attempt that failed, the first being 1; None to give up.

    Full jitter: any time up to the exponential one, by `chance` from 0 up to 1, so that those who failed together do
    not come back together. What the upstream asked for is waited besides; no pause is longer than `longest_seconds`.
    """
    if attempt >= rule.attempts or (asked is not None and asked > rule.longest_seconds):
        return None
    growing = min(rule.first_seconds * rule.factor ** (attempt - 1), rule.longest_seconds)
    return min((asked or 0.0) + growing * chance, rule.longest_seconds)


def most_seconds(rule: Retry) -> float:
    """Return how long all pauses of one call can be together."""
    return rule.longest_seconds * (rule.attempts - 1)


def retry_after(text: str, now: datetime) -> float | None:
    """Return the seconds that a Retry-After asks to wait for, from a number or a date, or None."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return float(text[:_MOST_DIGITS])
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 6 ms that few processes need

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError):
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)  # RFC 5322 writes UTC as -0000: without a zone
    return max(0.0, (aware - now).total_seconds())


class Budget:
    """Tokens of one upstream: each call puts a part of one in, each repetition takes one out.

    However many calls fail, repetitions are at most `budget` times the calls, and the reserve.
    """

    __slots__ = ("_tokens",)

    def __init__(self, rule: Retry) -> None:
        self._tokens = float(rule.reserve)

    @property
    def tokens(self) -> float:
        """How many repetitions are paid for."""
        return self._tokens

    def deposit(self, rule: Retry) -> None:
        """Count a call."""
        self._tokens = min(self._tokens + rule.budget, float(rule.reserve))

    def withdraw(self) -> bool:
        """Pay for a repetition; return whether there was enough."""
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


class Budgets:
    """The budget of each upstream; of those that were not called for longest there are new ones."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, Budget] = OrderedDict()

    def of(self, upstream: Hashable, rule: Retry) -> Budget:
        """Return the budget of an upstream."""
        budget = self._known.get(upstream)
        if budget is None:
            budget = self._known[upstream] = Budget(rule)
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(upstream)
        return budget
