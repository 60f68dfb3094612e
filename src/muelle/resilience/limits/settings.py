"""Settings of limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from muelle.core import Secret
from muelle.resilience.limits.errors import InvalidRate
from muelle.resilience.limits.model import RATE_NAMES, Rate, checked_rule


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentRate(Rate):
    """How often each agent, user and service may ask; what one process answers at most: no quota."""

    per_minute: int = 300_000  # in any 60 seconds; 0: no bound


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRate(Rate):
    """How often all of a tenant together may ask."""

    per_minute: int = 600_000  # in any 60 seconds; 0: no bound


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressRate(Rate):
    """How often strangers from one address may ask."""

    per_minute: int = 60_000  # in any 60 seconds; 0: no bound


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings:
    """How often each may do what, unless a rule of its own says otherwise, and who counts."""

    agent: AgentRate = field(default_factory=AgentRate)
    tenant: TenantRate = field(default_factory=TenantRate)
    address: AddressRate = field(default_factory=AddressRate)
    targets: Mapping[str, Rate] = field(default_factory=dict)  # each agent, by target: 'operation:ApiCall', 'api:crm'
    trusted_proxies: tuple[str, ...] = ()  # networks whose X-Forwarded-For tells the client's address
    ipv6_prefix: Annotated[int, Meta(ge=16, le=128)] = 64  # bits of an IPv6 address that one stranger has
    most_addresses: Annotated[int, Meta(ge=1)] = 100_000  # strangers counted one by one; more share one budget
    waiting: int = 1000  # how many may wait for their turn in this process
    waiting_each: int = 100  # how many of one principal may
    redis: Secret = field(default_factory=lambda: Secret(""))  # redis://… counts for all processes; empty: each its own
    redis_seconds: float = 0.5  # how long an answer of Redis is waited for
    redis_prefix: str = "muelle"  # what the names of keys begin with
    unreachable: Literal["refuse", "local"] = "refuse"  # what happens to principals' requests while Redis is away

    def check(self) -> None:
        """Raise InvalidRate for one that cannot be, such as a burst without a window."""
        rates = {"agent": self.agent, "tenant": self.tenant, "address": self.address}
        rates |= {f"targets.{target}": rate for target, rate in self.targets.items()}
        for place, rate in rates.items():
            try:
                checked_rule({name: getattr(rate, name) for name in RATE_NAMES}, Rate())
            except InvalidRate as error:
                setting = f"limits.{place}.{error.facts['field']}"
                raise InvalidRate(error.message, **{**error.facts, "field": setting}) from None
