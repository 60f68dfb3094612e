"""Settings of limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from muelle.core import Secret
from muelle.resilience.limits.model import Rate

_AGENT = Rate(per_minute=300_000)  # what one process answers at most: a bound on runaways, no quota
_TENANT = Rate(per_minute=600_000)
_ADDRESS = Rate(per_minute=60_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitsSettings:
    """How often each may do what, unless a rule of its own says otherwise, and who counts."""

    agent: Rate = field(default_factory=lambda: _AGENT)  # each agent, user and service, for requests
    tenant: Rate = field(default_factory=lambda: _TENANT)  # each tenant, for the requests of all in it together
    address: Rate = field(default_factory=lambda: _ADDRESS)  # each address that strangers come from
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
