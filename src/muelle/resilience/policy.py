"""The Policy of one kind of call, as a value: composed from settings, what an Api says, and what a call asks for."""

from dataclasses import dataclass, fields, replace
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta

from muelle.core import HttpCall
from muelle.resilience.breaker import Breaking
from muelle.resilience.caching.model import Caching
from muelle.resilience.errors import InvalidPolicy
from muelle.resilience.retry import Retry, most_seconds

ORDER: Final = ("grants", "cache", "single flight", "limits", "retry", "breaker", "time limit", "guard")
"""What a call passes, from the outside in; docs/adr/0012 says why in this order."""

_LONGEST: Final = 300
_MONTH: Final = 30 * 86_400


class RetryChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a retry is other than by default; seconds."""

    attempts: Annotated[int, Meta(ge=1, le=10, description="Attempts in all, the first one included.")] | None = None
    first_seconds: (
        Annotated[float, Meta(ge=0, le=_LONGEST, description="The longest pause before the second attempt.")] | None
    ) = None
    longest_seconds: Annotated[float, Meta(ge=0, le=_LONGEST, description="No pause is longer.")] | None = None
    factor: Annotated[float, Meta(ge=1, le=10, description="By which pauses grow.")] | None = None
    statuses: (
        Annotated[
            tuple[Annotated[int, Meta(ge=400, le=599)], ...],
            Meta(max_length=100, description="Statuses after which it is tried again."),
        ]
        | None
    ) = None
    budget: Annotated[float, Meta(ge=0, le=10, description="Repetitions for each call.")] | None = None
    reserve: Annotated[int, Meta(ge=1, le=10_000, description="Repetitions that may be saved up.")] | None = None


class BreakerChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a breaker is other than by default; rates are parts of 1, times seconds."""

    enabled: bool | None = None
    error_rate: Annotated[float, Meta(gt=0, le=1, description="Of failed calls, from which it opens.")] | None = None
    slow_rate: Annotated[float, Meta(gt=0, le=1, description="Of slow calls, from which it opens.")] | None = None
    slow_seconds: Annotated[float, Meta(gt=0, description="From when on a call is slow.")] | None = None
    window_seconds: Annotated[float, Meta(gt=0, le=3600, description="How long a call counts.")] | None = None
    min_calls: Annotated[int, Meta(ge=1, description="Fewer in the window say nothing.")] | None = None
    open_seconds: Annotated[float, Meta(gt=0, le=3600, description="How long it stays open.")] | None = None
    probes: Annotated[int, Meta(ge=1, le=1000, description="Calls let through to see.")] | None = None


class CacheChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of the cache is other than by default; seconds."""

    mode: Literal["off", "asked", "headers"] | None = None
    seconds: Annotated[float, Meta(ge=0, le=_MONTH, description="Greatest age of an answer.")] | None = None
    stale_while_revalidate_seconds: (
        Annotated[float, Meta(ge=0, le=_MONTH, description="Given stale while a new one is fetched.")] | None
    ) = None
    stale_if_error_seconds: (
        Annotated[float, Meta(ge=0, le=_MONTH, description="Given stale if the Api fails.")] | None
    ) = None
    obey: Annotated[bool, Meta(description="Whether what answers say of caching counts.")] | None = None
    share: Annotated[Literal["agent", "tenant"], Meta(description="Who gets a kept answer.")] | None = None
    coalesce: Annotated[bool, Meta(description="Whether the same call at the same time is made once.")] | None = None


class PolicyChange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What of a policy is other than by default, for an Api or a type of operation."""

    retry: RetryChange | None = None
    breaker: BreakerChange | None = None
    cache: CacheChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a call is made: `timeout_seconds` for one attempt with its redirects, and the three rules around it."""

    timeout_seconds: float
    retry: Retry
    breaker: Breaking
    cache: Caching

    @property
    def total_seconds(self) -> float:
        """How long a call can take, with all attempts and pauses."""
        return self.timeout_seconds * self.retry.attempts + most_seconds(self.retry)

    def changed(self, change: PolicyChange) -> "Policy":
        """Return the policy with what a change says; raise InvalidPolicy."""
        changed = Policy(
            timeout_seconds=self.timeout_seconds,
            retry=_changed(self.retry, change.retry),
            breaker=_changed(self.breaker, change.breaker),
            cache=_changed(self.cache, change.cache),
        )
        if changed.retry.first_seconds > changed.retry.longest_seconds:
            raise InvalidPolicy(field="retry/first_seconds", reason="longer than retry/longest_seconds")
        return changed

    def asked(self, call: HttpCall) -> "Policy":
        """Return the policy with what a call itself asks for: when to try again, how old an answer may be."""
        if call.again is None and call.cache_seconds is None and call.stale_if_error_seconds is None:
            return self
        retry, cache = self.retry, self.cache
        if call.again is not None:
            retry = replace(
                retry,
                attempts=call.again.attempts,
                first_seconds=call.again.first_seconds,
                longest_seconds=call.again.longest_seconds,
                factor=call.again.factor,
            )
        if cache.mode != "off" and call.cache_seconds is not None:
            cache = replace(cache, mode="asked", seconds=call.cache_seconds)
        if call.stale_if_error_seconds is not None:
            cache = replace(cache, stale_if_error_seconds=call.stale_if_error_seconds)
        return replace(self, retry=retry, cache=cache)


_Rule = TypeVar("_Rule", Retry, Breaking, Caching)


def _changed(rule: _Rule, change: RetryChange | BreakerChange | CacheChange | None) -> _Rule:
    if change is None:
        return rule
    given: dict[str, Any] = {field.name: getattr(change, field.name) for field in fields(rule)}
    return replace(rule, **{name: value for name, value in given.items() if value is not None})
