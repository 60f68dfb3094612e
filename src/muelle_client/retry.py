"""Whether and when to try again: a pure decision, which both clients carry out."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from muelle_client.errors import ApiError, ConnectionFailed, MuelleClientError, RateLimited, TimedOut, Unavailable
from muelle_client.protocol import Request
from muelle_client.stream import Following


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """Up to `attempts` in all, with waits of `first` seconds, doubling up to `longest`, each times a chance of 0 to 1.

    Full jitter: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/. Only what may be repeated
    is: reading, validating, running with an idempotency key. `Retry-After` is waited for, unless it is over `longest`.
    """

    attempts: int = 4
    first: float = 0.2
    longest: float = 20.0
    chance: Callable[[], float] = random.random

    def __post_init__(self) -> None:
        """Refuse numbers that make no sense."""
        if self.attempts < 1 or self.first < 0 or self.longest < self.first:
            raise ValueError("attempts is at least 1, and 0 <= first <= longest")

    def wait(self, request: Request, attempt: int, failure: MuelleClientError) -> float | None:
        """Return the seconds to wait after failed attempt number `attempt` (from 1), or None to give up."""
        if not request.is_repeatable or attempt >= self.attempts:
            return None
        if not isinstance(failure, (ConnectionFailed, TimedOut, RateLimited, Unavailable)):
            return None
        asked = (failure.retry_after if isinstance(failure, ApiError) else None) or 0.0
        if asked > self.longest:
            return None
        return asked + self.chance() * min(self.longest, self.first * 2.0 ** (attempt - 1))

    def pause(self, request: Request, following: Following, failure: MuelleClientError) -> float:
        """Return the seconds to wait before a run is followed further; raise the failure to give up."""
        following.failures += 1
        wait = self.wait(request, following.failures, failure)
        if wait is None:
            raise failure
        return wait


ONCE = Retry(attempts=1)
"""Never try again."""
