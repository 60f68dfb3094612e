"""What the routes of limits take and give. The OpenAPI document is made from these types."""

from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.identity import LimitStatus
from muelle.identity.limiting.model import EVERYBODY, REQUESTS, LimitRule
from muelle.resilience import RATE_NAMES
from muelle.resilience.limits.model import MOST, MOST_WAIT

TARGET = r"^(requests|(operation|api|tool):[A-Za-z0-9][A-Za-z0-9_.-]{0,99})$"
_SECOND = 1_000_000_000
Target = Annotated[str, Meta(pattern=TARGET, description="requests, operation:TYPE, api:ID or tool:NAME.")]
Quota = Annotated[int, Meta(ge=0, le=MOST)]


class RateShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule for one target, in place of what was set: what it does not name is as the settings have it."""

    target: Target = REQUESTS
    per_minute: Annotated[Quota | UnsetType, Meta(description="In any 60 seconds; 0 is no bound.")] = UNSET
    per_hour: Annotated[Quota | UnsetType, Meta(description="In any hour; 0 is no bound.")] = UNSET
    per_day: Annotated[Quota | UnsetType, Meta(description="In any 24 hours; 0 is no bound.")] = UNSET
    burst: Annotated[Quota | UnsetType, Meta(description="At the same moment; refilled evenly.")] = UNSET
    at_once: Annotated[Quota | UnsetType, Meta(description="Under way at the same time.")] = UNSET
    wait_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=MOST_WAIT)] | UnsetType, Meta(description="How long may be waited for a turn.")
    ] = UNSET

    def rate(self) -> dict[str, float]:
        """Return what is named."""
        return {name: value for name in RATE_NAMES if (value := getattr(self, name)) is not UNSET}


class ResetShape(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be forgotten."""

    target: Target = REQUESTS


class RuleShape(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that is kept; `resets` counts how often what was used has been forgotten."""

    of: Literal["agent", "tenant"]
    target: str
    rate: Mapping[str, float]
    resets: int


class PolicyShape(msgspec.Struct, frozen=True, kw_only=True):
    """How one policy stands; one without a window bounds what is under way."""

    name: str
    limit: int
    window_seconds: int | None
    used: int
    remaining: int
    reset_seconds: float


class LimitStatusShape(msgspec.Struct, frozen=True, kw_only=True):
    """How the budgets of an agent stand; `limits`, `usage` and `remaining` are by the names of policies."""

    agent_id: str
    agent: str
    tenant: str
    target: str
    backend: str
    limits: Mapping[str, int]
    usage: Mapping[str, int]
    remaining: Mapping[str, int]
    policies: tuple[PolicyShape, ...]
    rules: tuple[RuleShape, ...]


def rule_shape(rule: LimitRule) -> RuleShape:
    """Return a rule as it is shown."""
    of: Literal["agent", "tenant"] = "tenant" if rule.principal == EVERYBODY else "agent"
    return RuleShape(of=of, target=rule.target, rate=rule.rate, resets=rule.era)


def status_shape(status: LimitStatus) -> LimitStatusShape:
    """Return how budgets stand as it is shown."""
    of = status.of
    policies = tuple(
        PolicyShape(
            name=standing.policy,
            limit=standing.quota,
            window_seconds=standing.window or None,
            used=standing.quota - standing.remaining,
            remaining=standing.remaining,
            reset_seconds=round(standing.reset / _SECOND, 3),
        )
        for standing in status.decision.standings
    )
    return LimitStatusShape(
        agent_id=of.id,
        agent=of.name,
        tenant=of.tenant,
        target=status.target,
        backend=status.backend,
        limits={policy.name: policy.limit for policy in policies},
        usage={policy.name: policy.used for policy in policies},
        remaining={policy.name: policy.remaining for policy in policies},
        policies=policies,
        rules=tuple(map(rule_shape, status.rules)),
    )
