"""The verbs on what is around calls: policies as they hold, breakers as they stand, kept answers thrown away."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NoReturn

from muelle.egress.apis import is_visible
from muelle.egress.chain import Chain
from muelle.egress.directory import Directory
from muelle.egress.errors import ApiNotFound, BreakerNotFound
from muelle.egress.model import Api, ApiId
from muelle.egress.registry import Registry, Request
from muelle.egress.target import read_target
from muelle.identity import DEFAULT_TENANT, Budgets, Principal
from muelle.resilience import BreakerStanding, Charge, Fill, Policy

Kind = Literal["memory", "disk", "redis"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerView:
    """The breaker before an Api, or before a host that none describes."""

    upstream: str
    is_api: bool
    standing: BreakerStanding


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheView:
    """How the cache did for a tenant in this process; how full it is only for whoever runs Muelle."""

    kind: Kind
    counts: dict[str, int]
    fill: Fill | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Clearing:
    """Which kept answers to throw away: those of an Api, with one of some tags, of a URL; all of the tenant if none."""

    api: str | None = None
    tags: Sequence[str] = ()
    url: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyView:
    """The policy that holds for a caller, and what its calls are charged to."""

    policy: Policy
    limits: tuple[Charge, ...]


class Policies:
    """Shows what holds and what happens; throws kept answers away for whoever may, and records it."""

    def __init__(
        self, chain: Chain, directory: Directory, registry: Registry[Api], kind: Kind, budgets: Budgets | None
    ) -> None:
        self._chain = chain
        self._directory = directory
        self._registry = registry
        self._kind = kind
        self._budgets = budgets

    async def show(self, actor: Principal, api: ApiId | None = None, operation: str = "") -> PolicyView:
        """Return the policy of an Api, or of hosts that none describes; raise ApiNotFound."""
        listing = None if api is None else (await self._directory.listings(actor.tenant)).get(api)
        if api is not None and (listing is None or not is_visible(actor, api)):
            _missing(api)
        targets = ([f"operation:{operation}"] if operation else []) + ([f"api:{api}"] if api is not None else [])
        charges = [] if self._budgets is None else [self._budgets.charges(actor, target) for target in targets]
        limits = tuple(charge for each in charges for charge in each)
        return PolicyView(policy=self._chain.policy(listing, operation), limits=limits)

    def breakers(self, actor: Principal) -> list[BreakerView]:
        """Return the breakers before all that the actor may call, by name, as they stand in this process."""
        views = [
            BreakerView(upstream=name, is_api=is_api, standing=standing)
            for (tenant, is_api, name), standing in self._chain.standings()
            if tenant == actor.tenant and _may_see(actor, name, is_api=is_api)
        ]
        return sorted(views, key=lambda view: (not view.is_api, view.upstream))

    async def reset(self, actor: Principal, api: ApiId) -> None:
        """Close an Api's breaker; `apis:manage` on it. Raise Refused or BreakerNotFound."""
        request = Request(actor, "breakers.reset", api)
        await self._registry.permit(request, "apis:manage")
        if not self._chain.attempts.breakers.reset((actor.tenant, True, api)):
            raise BreakerNotFound(api=api[:100])
        await self._registry.record(request)

    async def cache(self, actor: Principal) -> CacheView:
        """Return how the cache does; `cache:read`. Raise Refused or CacheUnreachable."""
        actor.require("cache:read", "*")
        is_operator = actor.tenant == DEFAULT_TENANT  # how much others keep is nobody else's business
        fill = await self._chain.cache.fill() if is_operator else None
        return CacheView(kind=self._kind, counts=dict(self._chain.cache.counts(actor.tenant)), fill=fill)

    async def clear(self, actor: Principal, clearing: Clearing) -> int:
        """Throw kept answers away; `cache:clear` on the Api, or on '*'. Raise Refused, InvalidUrl, CacheUnreachable."""
        resource = clearing.api if clearing.api is not None and not clearing.tags and clearing.url is None else "*"
        request = Request(actor, "cache.clear", resource)
        await self._registry.permit(request, "cache:clear")
        url = None if clearing.url is None else read_target(clearing.url)
        dropped = await self._chain.clear(actor.tenant, api=clearing.api, tags=clearing.tags, url=url)
        await self._registry.record(request)
        return dropped


def _may_see(actor: Principal, name: str, *, is_api: bool) -> bool:
    return is_visible(actor, ApiId(name)) if is_api else actor.may("hosts:call", name)


def _missing(api: str) -> NoReturn:
    raise ApiNotFound(api=api[:100])
