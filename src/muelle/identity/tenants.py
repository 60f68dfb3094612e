"""The verbs on tenants.

Limits and allowed addresses protect the installation from its tenants, so they belong to the operator: whoever acts in
the default tenant. Another tenant's principals may look at their own tenant, and at no other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from muelle.core import TenantId
from muelle.core import name as checked_name
from muelle.identity.agents import new_grant
from muelle.identity.changes import AgentAdded, TenantAdded, TenantChanged, Where
from muelle.identity.checks import checked_addresses, checked_limits, checked_text
from muelle.identity.keys import IssuedKey, new_key
from muelle.identity.model import DEFAULT_TENANT, OWNER, Agent, Page, Principal, Refused, Rule, Tenant
from muelle.identity.pages import read_page
from muelle.identity.registry import Registry, Request
from muelle.identity.roles.model import QUOTAS

EVERYTHING = Rule("*", "*")
_SCOPE = "tenants:manage"


@dataclass(frozen=True, slots=True)
class NewTenant:
    """A tenant, and the key of its owner."""

    tenant: Tenant
    key: IssuedKey


def new_owner(registry: Registry, tenant: TenantId) -> Agent:
    """Return the first principal of a tenant."""
    return Agent(
        id=registry.new_agent_id(),
        tenant=tenant,
        name=OWNER,
        kind="user",
        description="The owner of this tenant.",
        created=registry.now(),
    )


class Tenants:
    """Adds, shows and changes tenants; needs tenants:manage on the tenant's id, and to act in the default tenant."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._limit_names = registry.limit_names | QUOTAS.keys()

    async def add(
        self,
        actor: Principal,
        tenant: str,
        *,
        name: str = "",
        limits: Mapping[str, float] | None = None,
        addresses: Iterable[str] = (),
        request: str = "",
    ) -> NewTenant:
        """Add a tenant and its owner, who may do everything in it; the actor must hold as much.

        Raises Refused, NotHeld, TenantExists, UnknownLimit, InvalidLimit, InvalidAddress, TooManyAddresses,
        InvalidName, InvalidText.
        """
        asked = Request(actor=actor, action="tenants.add", resource=tenant, id=request)
        await self._permit_operator(asked)
        await self._registry.require_held(asked, [EVERYTHING])
        stored = Tenant(
            id=TenantId(checked_name(tenant, "tenant")),
            name=checked_text(name or tenant, "name"),
            created=self._registry.now(),
            limits=checked_limits(limits or {}, self._limit_names),
            addresses=checked_addresses(addresses),
        )
        return NewTenant(stored, await add_owned(self._registry, asked, stored))

    async def list(
        self, actor: Principal, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Tenant]:
        """Return all tenants by id; needs tenants:manage on '*'."""
        await self._permit_operator(Request(actor=actor, action="tenants.list", resource="*", id=request))
        return await read_page(self._registry.store, Tenant, Where(tenant=None), limit, cursor)

    async def show(self, actor: Principal, tenant: str, *, request: str = "") -> Tenant:
        """Return a tenant, which for others than the operator is their own; raise Refused or TenantNotFound."""
        asked = Request(actor=actor, action="tenants.show", resource=tenant, id=request)
        if tenant == actor.tenant:
            await self._registry.permit(asked, _SCOPE)
        else:
            await self._permit_operator(asked)
        return await self._registry.tenant(TenantId(tenant))

    async def update(
        self,
        actor: Principal,
        tenant: str,
        *,
        name: str | None = None,
        limits: Mapping[str, float] | None = None,
        addresses: Iterable[str] | None = None,
        request: str = "",
    ) -> Tenant:
        """Change what is not None; limits and addresses replace all that were there. Raises as `add`."""
        asked = Request(actor=actor, action="tenants.update", resource=tenant, id=request)
        await self._permit_operator(asked)
        change = TenantChanged(
            tenant=TenantId(tenant),
            name=None if name is None else checked_text(name, "name"),
            limits=None if limits is None else checked_limits(limits, self._limit_names),
            addresses=None if addresses is None else checked_addresses(addresses),
        )
        await self._registry.tenant(change.tenant)
        await self._registry.write(asked, [change])
        return await self._registry.tenant(change.tenant)

    async def _permit_operator(self, asked: Request) -> None:
        await self._registry.permit(asked, _SCOPE)
        if asked.actor.tenant != DEFAULT_TENANT:
            await self._registry.refuse(asked, Refused(scope=_SCOPE, resource=asked.resource))


async def add_owned(registry: Registry, asked: Request, tenant: Tenant) -> IssuedKey:
    """Store a tenant with an owner who may do everything in it; return the owner's key."""
    owner = new_owner(registry, tenant.id)
    issued, added = new_key(registry, owner)
    grant = new_grant(registry, owner, EVERYTHING)
    await registry.write(asked, [TenantAdded(tenant), AgentAdded(owner), grant, added])
    return issued
