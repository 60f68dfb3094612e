"""Breakers: an upstream that fails or dawdles too often is left alone for a while. Pure but for `Breakers`' memory.

```
            rate of errors or slow calls reached
  closed ───────────────────────────────────────▶ open
    ▲                                              │ open_seconds
    │ all probes well                              ▼
    └────────────────────────── half-open ── exactly `probes` calls, no more
                                    └── a rate reached again: open
```
"""

from collections import OrderedDict
from collections.abc import Hashable, Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta

State = Literal["closed", "open", "half-open"]
Verdict = Literal["good", "bad", "void"]
"""How a call ended: `void` says nothing about the upstream, such as one that was cancelled or refused here."""

Rate = Annotated[float, Meta(gt=0, le=1)]
_SLICES: Final = 10  # of a window; the oldest goes as a whole


@dataclass(frozen=True, slots=True, kw_only=True)
class Breaking:
    """When calls to an upstream are held back. Rates are parts of 1, over a sliding window."""

    enabled: bool = True  # whether a breaker stands before upstreams
    error_rate: Rate = 0.6  # from which it opens: timeouts, failed connections, statuses from 500 on
    slow_rate: Rate = 0.9  # from which it opens: calls that take slow_seconds or more
    slow_seconds: Annotated[float, Meta(gt=0)] = 60.0  # from when on a call is slow
    window_seconds: Annotated[float, Meta(gt=0, le=3600)] = 30.0  # how long a call counts
    min_calls: Annotated[int, Meta(ge=1)] = 50  # fewer in the window say nothing
    open_seconds: Annotated[float, Meta(gt=0, le=3600)] = 10.0  # how long an upstream is left alone
    probes: Annotated[int, Meta(ge=1, le=1000)] = 5  # calls let through to see whether it is well again


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerStanding:
    """How a breaker stands: its state, since when (of a monotonic clock), and what is in its window."""

    state: State
    since: float
    calls: int
    errors: int
    slow: int
    held_back: int
    opened: int
    retry_after: float


class Window:
    """Counts of the last seconds: calls, errors, slow ones."""

    __slots__ = ("_slices", "_width", "calls", "errors", "slow")

    def __init__(self, seconds: float) -> None:
        self._width = seconds / _SLICES
        self._slices: OrderedDict[int, list[int]] = OrderedDict()
        self.calls = self.errors = self.slow = 0

    def forget(self, now: float) -> None:
        """Drop what is too old."""
        oldest = int(now / self._width) - _SLICES
        while self._slices and next(iter(self._slices)) <= oldest:
            _, (calls, errors, slow) = self._slices.popitem(last=False)
            self.calls -= calls
            self.errors -= errors
            self.slow -= slow

    def add(self, now: float, *, is_bad: bool, is_slow: bool) -> None:
        """Count a call."""
        self.forget(now)
        counts = self._slices.setdefault(int(now / self._width), [0, 0, 0])
        for place, amount in enumerate((1, int(is_bad), int(is_slow))):
            counts[place] += amount
        self.calls += 1
        self.errors += is_bad
        self.slow += is_slow


class Breaker:
    """One upstream's breaker. `ask` before each call, and `tell` exactly once after it what came of it."""

    __slots__ = ("_held_back", "_left", "_opened", "_rule", "_since", "_state", "_turn", "_window")

    def __init__(self, rule: Breaking, now: float) -> None:
        self._rule = rule
        self._state: State = "closed"
        self._since = now
        self._turn = 0  # of its state: what was let through in an earlier one says nothing in this one
        self._left = self._held_back = self._opened = 0
        self._window = Window(rule.window_seconds)

    @property
    def rule(self) -> Breaking:
        """What it goes by."""
        return self._rule

    @property
    def state(self) -> State:
        """How it stands as of the last call."""
        return self._state

    def ask(self, now: float) -> int | None:
        """Return a permit to call, which `tell` wants back; None if the call is held back."""
        if self._state == "open" and now - self._since >= self._rule.open_seconds:
            self._enter("half-open", now)
            self._left = self._rule.probes
        if self._state == "closed":
            return self._turn
        if self._state == "half-open" and self._left:
            self._left -= 1
            return self._turn
        self._held_back += 1
        return None

    def tell(self, permit: int, now: float, verdict: Verdict, seconds: float) -> None:
        """Say what came of a call that `ask` let through."""
        if permit != self._turn:
            return
        if verdict == "void":
            self._left += self._state == "half-open"  # a probe that told nothing is made again
            return
        self._window.add(now, is_bad=verdict == "bad", is_slow=seconds >= self._rule.slow_seconds)
        self._decide(now)

    def _decide(self, now: float) -> None:
        is_probing = self._state == "half-open"
        least = self._rule.probes if is_probing else self._rule.min_calls
        counts = self._window
        whole = max(counts.calls, least) if is_probing else counts.calls
        if counts.calls < least and not is_probing:
            return
        if counts.errors >= self._rule.error_rate * whole or counts.slow >= self._rule.slow_rate * whole:
            self._opened += 1
            self._enter("open", now)
        elif is_probing and counts.calls >= least:
            self._enter("closed", now)

    def _enter(self, state: State, now: float) -> None:
        self._state, self._since = state, now
        self._turn += 1
        self._left = 0
        self._window = Window(self._rule.window_seconds)

    def retry_after(self, now: float) -> float:
        """Return the seconds until a call may be let through; 0 if one may be now."""
        return max(0.0, self._since + self._rule.open_seconds - now) if self._state == "open" else 0.0

    def standing(self, now: float) -> BreakerStanding:
        """Return how it stands."""
        self._window.forget(now)
        counts = self._window
        return BreakerStanding(
            state=self._state,
            since=self._since,
            calls=counts.calls,
            errors=counts.errors,
            slow=counts.slow,
            held_back=self._held_back,
            opened=self._opened,
            retry_after=self.retry_after(now),
        )


class Breakers:
    """The breaker of each upstream; those of upstreams that were not called for longest are forgotten."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: OrderedDict[Hashable, Breaker] = OrderedDict()

    def of(self, upstream: Hashable, rule: Breaking, now: float) -> Breaker:
        """Return the breaker of an upstream; a new one if its rule has changed."""
        breaker = self._known.get(upstream)
        if breaker is None or (breaker.rule is not rule and breaker.rule != rule):
            breaker = self._known[upstream] = Breaker(rule, now)
        self._known.move_to_end(upstream)
        while len(self._known) > self._most:
            self._known.popitem(last=False)
        return breaker

    def standings(self, now: float) -> Iterator[tuple[Hashable, BreakerStanding]]:
        """Yield every upstream with how its breaker stands."""
        for upstream, breaker in list(self._known.items()):
            yield upstream, breaker.standing(now)

    def reset(self, upstream: Hashable) -> bool:
        """Close a breaker by forgetting it; return whether there was one."""
        return self._known.pop(upstream, None) is not None
