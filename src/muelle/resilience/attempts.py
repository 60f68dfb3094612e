"""The inner chain: an attempt under a time limit, past a breaker, made again as a retry says and its budget allows."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Final, Protocol, TypeVar

from muelle.core import Attempt, Clock, Metric, Metrics, MuelleError, TimedOut, Upstream
from muelle.resilience.breaker import Breaker, Breakers, Verdict
from muelle.resilience.errors import BreakerOpen
from muelle.resilience.policy import Policy
from muelle.resilience.retry import Budgets, pause, retry_after

RETRIES = Metric(
    "muelle_egress_retries_total", "Attempts that were followed by another, by outcome.", "counter", ("api", "outcome")
)
UNPAID = Metric("muelle_egress_retries_unpaid_total", "Repetitions that the budget did not allow.", "counter", ("api",))
HELD_BACK = Metric("muelle_breaker_held_back_total", "Calls that an open breaker held back.", "counter", ("api",))
OPEN = Metric("muelle_breaker_open", "1 while the breaker of an Api is open, 0.5 while it probes.", "gauge", ("api",))

_SERVER_ERROR: Final = 500
_NOT_IMPLEMENTED: Final = 501  # says something of the request, not of how the upstream is
_LEVELS: Final = {"closed": 0.0, "half-open": 0.5, "open": 1.0}


class Answered(Protocol):
    """What is seen of an answer."""

    @property
    def status(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""
        ...


P = TypeVar("P", bound=Answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """One request to one upstream, which `upstream` tells from all others; `host` stands in errors, `label` in metrics.

    `until` is when the call has to be over, by the monotonic clock; `note` is told of each attempt that is repeated.
    """

    upstream: Hashable
    host: str
    label: str
    policy: Policy
    is_repeatable: bool
    until: float
    note: Callable[[Attempt], None]


class Chance(Protocol):
    """Where jitter comes from."""

    def __call__(self) -> float:
        """Return a number from 0 up to 1."""
        ...


class Attempts:
    """Makes attempts; remembers the breaker and the retry budget of each upstream."""

    def __init__(self, clock: Clock, metrics: Metrics, upstreams: int, chance: Chance = random.random) -> None:
        self._clock = clock
        self._metrics = metrics
        self._chance = chance
        self.breakers = Breakers(upstreams)
        self._budgets = Budgets(upstreams)

    async def make(self, errand: Errand, send: Callable[[], Awaitable[P]]) -> tuple[P, int]:
        """Return the last answer and how many attempts were made; raise the last failure, with the fact `attempts`."""
        rule = errand.policy.retry
        budget = self._budgets.of(errand.upstream, rule)
        budget.deposit(rule)
        attempt = 0
        while True:
            attempt += 1
            began = self._clock.monotonic()
            failure: MuelleError | None = None
            try:
                answer = await self._past_breaker(errand, send)
            except MuelleError as error:
                failure = error
                wait = self._pause_after(errand, attempt, error)
            else:
                wait = self._pause(errand, attempt, answer)
            if wait is not None and not budget.withdraw():
                self._metrics.count(UNPAID, errand.label)
                wait = None
            if wait is None:
                if failure is None:
                    return answer, attempt
                if rule.attempts > 1:
                    failure.facts["attempts"] = attempt
                raise failure
            outcome = failure.code if failure is not None else str(answer.status)
            self._metrics.count(RETRIES, errand.label, outcome)
            took = self._clock.monotonic() - began
            errand.note(Attempt(number=attempt, at=self._clock.now(), outcome=outcome, took=took, wait=wait))
            await self._clock.sleep(wait)

    def _pause_after(self, errand: Errand, attempt: int, error: MuelleError) -> float | None:
        is_passing = isinstance(error, Upstream | TimedOut) and error.recoverable
        return self._granted(errand, attempt, None) if is_passing else None

    def _pause(self, errand: Errand, attempt: int, answer: Answered) -> float | None:
        if answer.status not in errand.policy.retry.statuses:
            return None
        text = answer.headers.get("retry-after")
        return self._granted(errand, attempt, retry_after(text, self._clock.now()) if text else None)

    def _granted(self, errand: Errand, attempt: int, asked: float | None) -> float | None:
        if not errand.is_repeatable:
            return None
        wait = pause(errand.policy.retry, attempt, self._chance(), asked)
        return None if wait is None or self._clock.monotonic() + wait >= errand.until else wait

    async def _past_breaker(self, errand: Errand, send: Callable[[], Awaitable[P]]) -> P:
        rule = errand.policy.breaker
        if not rule.enabled:
            return await self._in_time(errand, send)
        began = self._clock.monotonic()
        breaker = self.breakers.of(errand.upstream, rule, began)
        permit = breaker.ask(began)
        if permit is None:
            self._metrics.count(HELD_BACK, errand.label)
            raise BreakerOpen(host=errand.host, retry_after=round(breaker.retry_after(began), 3))
        verdict: Verdict = "void"
        try:
            answer = await self._in_time(errand, send)
            is_bad = answer.status >= _SERVER_ERROR and answer.status != _NOT_IMPLEMENTED
            verdict = "bad" if is_bad else "good"
        except (Upstream, TimedOut):
            verdict = "bad"
            raise
        finally:
            self._tell(errand, breaker, permit, verdict, began)
        return answer

    def _tell(self, errand: Errand, breaker: Breaker, permit: int, verdict: Verdict, began: float) -> None:
        now = self._clock.monotonic()
        before = breaker.state
        breaker.tell(permit, now, verdict, now - began)
        if breaker.state != before:
            self._metrics.gauge(OPEN, _LEVELS[breaker.state], errand.label)

    async def _in_time(self, errand: Errand, send: Callable[[], Awaitable[P]]) -> P:
        seconds = min(errand.policy.timeout_seconds, max(0.0, errand.until - self._clock.monotonic()))
        try:
            async with asyncio.timeout(seconds):
                return await send()
        except TimeoutError:
            raise TimedOut(host=errand.host, seconds=errand.policy.timeout_seconds) from None
