"""What the HTTP routes of policies, breakers and the cache give."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from muelle.egress.policies import BreakerView, CacheView, PolicyView
from muelle.resilience import ORDER, Breaking, Caching, Rate, Retry


class LimitShape(msgspec.Struct, frozen=True, kw_only=True):
    """A budget that calls are charged to; 0 is no bound."""

    name: Annotated[str, Meta(description="Whose budget it is: the caller's own, or its tenant's.")]
    target: str
    rate: Rate


class PolicyShape(msgspec.Struct, frozen=True, kw_only=True):
    """The policy that holds for calls; `order` is what a call passes, from the outside in."""

    api: str | None
    operation: str | None
    order: tuple[str, ...]
    timeout_seconds: float
    total_seconds: Annotated[float, Meta(description="Attempts and pauses in all, within egress.max_timeout_seconds.")]
    limits: Annotated[tuple[LimitShape, ...], Meta(description="What the caller's calls are charged to.")]
    retry: Retry
    breaker: Breaking
    cache: Caching


class BreakerShape(msgspec.Struct, frozen=True, kw_only=True):
    """A breaker as it stands in this process; counts are those of its window."""

    upstream: Annotated[str, Meta(description="An Api's id, or a host that no Api describes.")]
    kind: Literal["api", "host"]
    state: Literal["closed", "open", "half-open"]
    calls: int
    errors: int
    slow: int
    held_back: Annotated[int, Meta(description="Calls that it held back in all.")]
    opened: Annotated[int, Meta(description="How often it opened.")]
    retry_after: Annotated[float, Meta(description="Seconds until a call is let through to see; 0 if one is now.")]


class BreakerList(msgspec.Struct, frozen=True, kw_only=True):
    """The breakers of this process."""

    breakers: tuple[BreakerShape, ...]
    count: int


class FillShape(msgspec.Struct, frozen=True, kw_only=True):
    """How full the store of answers is."""

    answers: int
    bytes: int
    most_bytes: int
    evicted: int


class CacheShape(msgspec.Struct, frozen=True, kw_only=True):
    """How the cache does: how often each came about for the tenant's calls in this process."""

    store: Literal["memory", "disk", "redis"]
    hits: int
    stale: Annotated[int, Meta(description="Given though stale, as policy allows.")]
    revalidated: Annotated[int, Meta(description="The Api said that the kept answer still holds.")]
    shared: Annotated[int, Meta(description="Answered by the same call of somebody else at the same time.")]
    misses: int
    fill: Annotated[FillShape | None, Meta(description="Only for the tenant that runs Muelle.")]


class Cleared(msgspec.Struct, frozen=True, kw_only=True):
    """How many kept answers were thrown away."""

    dropped: int


def policy_shape(view: PolicyView, api: str | None, operation: str) -> PolicyShape:
    """Return a policy as it is shown."""
    policy = view.policy
    return PolicyShape(
        api=api,
        operation=operation or None,
        order=ORDER,
        timeout_seconds=policy.timeout_seconds,
        total_seconds=policy.total_seconds,
        limits=tuple(LimitShape(name=one.name, target=one.target, rate=one.rate) for one in view.limits),
        retry=policy.retry,
        breaker=policy.breaker,
        cache=policy.cache,
    )


def breaker_shape(view: BreakerView) -> BreakerShape:
    """Return a breaker as it is shown."""
    standing = view.standing
    return BreakerShape(
        upstream=view.upstream,
        kind="api" if view.is_api else "host",
        state=standing.state,
        calls=standing.calls,
        errors=standing.errors,
        slow=standing.slow,
        held_back=standing.held_back,
        opened=standing.opened,
        retry_after=round(standing.retry_after, 3),
    )


def cache_shape(view: CacheView) -> CacheShape:
    """Return how the cache does, as it is shown."""
    fill = view.fill
    return CacheShape(
        store=view.kind,
        hits=view.counts.get("hit", 0),
        stale=view.counts.get("stale", 0),
        revalidated=view.counts.get("revalidated", 0),
        shared=view.counts.get("shared", 0),
        misses=view.counts.get("miss", 0),
        fill=None
        if fill is None
        else FillShape(answers=fill.answers, bytes=fill.bytes, most_bytes=fill.most_bytes, evicted=fill.evicted),
    )
