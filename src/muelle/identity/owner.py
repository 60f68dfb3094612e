"""The owner of the installation: the first principal, and the way back in for whoever lost the key."""

from muelle.core import PrincipalId, Secret
from muelle.identity.agents import new_grant
from muelle.identity.changes import AgentChanged, Change, KeysRevoked, Where
from muelle.identity.errors import OwnerMissing, TenantExists
from muelle.identity.keys import new_key
from muelle.identity.model import DEFAULT_TENANT, OWNER, Agent, Principal, Rules, Tenant
from muelle.identity.registry import Registry, Request
from muelle.identity.tenants import EVERYTHING, add_owned

# Who creates the owner, before there is anybody: whoever may write the database's file may do anything in it.
LOCAL = Principal(
    id=PrincipalId("local"), kind="service", name="local", tenant=DEFAULT_TENANT, rules=Rules([EVERYTHING])
)


class Owner:
    """Verbs without a key or an actor, for the process that holds the database; no door may lead here."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def ensure(self) -> str | None:
        """Create the default tenant and its owner if it is not there, and return the owner's key; else None."""
        if await self._registry.store.find(Tenant, Where(tenant=DEFAULT_TENANT)):
            return None
        asked = Request(actor=LOCAL, action="owner.create", resource=OWNER)
        tenant = Tenant(id=DEFAULT_TENANT, name=DEFAULT_TENANT, created=self._registry.now())
        try:
            issued = await add_owned(self._registry, asked, tenant)
        except TenantExists:
            return None  # another process was first, and it has the key
        return issued.text.reveal()

    async def operator(self) -> Principal:
        """Return the owner as the local command line acts: with every right, even if somebody took them away."""
        owner = await self._owner()
        tenant = await self._registry.tenant(DEFAULT_TENANT)
        return Principal(
            id=owner.id,
            kind=owner.kind,
            name=owner.name,
            tenant=owner.tenant,
            rules=Rules([EVERYTHING]),
            limits=tenant.limits,
        )

    async def replace_key(self) -> Secret:
        """Revoke all keys of the owner and return a new one; the owner is enabled and may do everything again."""
        owner = await self._owner()
        issued, added = new_key(self._registry, owner)
        changes: list[Change] = [
            KeysRevoked(owner.tenant, owner.id, None, self._registry.now()),
            AgentChanged(tenant=owner.tenant, agent=owner.id, disabled=False),
            added,
        ]
        if EVERYTHING not in [grant.rule for grant in await self._registry.grants(owner)]:
            changes.append(new_grant(self._registry, owner, EVERYTHING))
        asked = Request(actor=LOCAL, action="owner.replace_key", resource=OWNER)
        await self._registry.write(asked, changes, issued.key.id)
        return issued.text

    async def _owner(self) -> Agent:
        found = await self._registry.store.find(Agent, Where(tenant=DEFAULT_TENANT, name=OWNER))
        if not found:
            raise OwnerMissing
        return found[0]
