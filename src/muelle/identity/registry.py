"""What all verbs of identity share: permission first, then one transaction for change and act."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NoReturn

from muelle.core import Clock, GrantId, Ids, KeyId, PrincipalId, TenantId
from muelle.identity.audit import Acts, AuditTrail
from muelle.identity.changes import Change, IdentityStore, Where
from muelle.identity.errors import AgentNotFound, LimitNotHeld, NotHeld, RoleNotFound, TenantNotFound
from muelle.identity.limiting.model import EVERYBODY, LimitRule, Rates
from muelle.identity.model import Agent, Grant, Principal, Refused, Rule, Rules, Tenant, bounded
from muelle.identity.roles.model import BUILT_IN, DESCRIPTIONS, ORIGIN, QUOTAS, Membership, Quota, Role, Within
from muelle.identity.settings import IdentitySettings

_ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)  # when what is built in was made
ALL = (1 << 31) - 1  # grants of one agent are bounded where they are added, so reading them needs no page


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """An administrative act about to be decided: who, what (`agents.add`), on which resource, in which request."""

    actor: Principal
    action: str
    resource: str
    id: str = ""


class Registry:
    """Reads and changes tenants, agents, keys and grants for principals who may."""

    def __init__(
        self,
        store: IdentityStore,
        trail: AuditTrail,
        clock: Clock,
        settings: IdentitySettings,
        limit_names: frozenset[str],
        changed: Callable[[], None],
    ) -> None:
        self.store = store
        self.trail = trail
        self.settings = settings
        self.limit_names = limit_names
        self.ids = Ids(clock)
        self.acts = Acts(clock, self.ids)
        self._clock = clock
        self._changed = changed

    def now(self) -> datetime:
        """Return the present time."""
        return self._clock.now()

    async def permit(self, request: Request, scope: str) -> None:
        """Raise Refused, and record it, unless the actor may do `scope` on the resource."""
        if not request.actor.may(scope, request.resource):
            await self.refuse(request, Refused(scope=scope, resource=request.resource))

    async def refuse(self, request: Request, error: Refused) -> NoReturn:
        """Record that the actor was refused, then raise the error."""
        facts = " ".join(f"{name}={value}" for name, value in error.facts.items())
        act = self.acts.refused(
            request.actor, request.action, request.resource, request=request.id, detail=f"{error.code} {facts}"
        )
        await self.trail.record([act])
        raise error

    async def require_held(self, request: Request, rules: Iterable[Rule]) -> None:
        """Raise NotHeld unless each rule is covered by one of the actor's own."""
        for rule in rules:
            if not request.actor.may(rule.scope, rule.pattern):
                await self.refuse(request, NotHeld(scope=rule.scope, resource=rule.pattern))

    async def require_within(self, request: Request, limits: Mapping[str, float]) -> None:
        """Raise LimitNotHeld if an agent with these limits could do more than the actor."""
        tenant = await self.tenant(request.actor.tenant)
        given = bounded(tenant.limits, limits)
        for name, largest in request.actor.limits.items():
            if given.get(name, largest + 1) > largest:
                await self.refuse(request, LimitNotHeld(field=f"limits.{name}", largest=largest))

    async def write(self, request: Request, changes: Sequence[Change], detail: str = "") -> None:
        """Make the changes and record the act in one transaction; what was cached is forgotten at once."""
        act = self.acts.allowed(request.actor, request.action, request.resource, request=request.id, detail=detail)
        try:
            await self.store.write(changes, act)
        finally:
            self._changed()  # also after an error or a cancellation: the commit may have happened all the same

    async def tenant(self, tenant: TenantId) -> Tenant:
        """Return a tenant; raise TenantNotFound."""
        found = await self.store.find(Tenant, Where(tenant=tenant))
        if not found:
            raise TenantNotFound(tenant=tenant[:100])
        return found[0]

    async def agent(self, tenant: TenantId, name: str) -> Agent:
        """Return an agent of a tenant by name; raise AgentNotFound."""
        found = await self.store.find(Agent, Where(tenant=tenant, name=name))
        if not found:
            raise AgentNotFound(agent=name[:100])
        return found[0]

    async def grants(self, agent: Agent) -> list[Grant]:
        """Return all grants of an agent, and those that its roles give: their ids are `role:NAME`."""
        where = Where(tenant=agent.tenant, principal=agent.id, limit=ALL)
        grants = await self.store.find(Grant, where)
        for member in await self.store.find(Membership, where):
            for role in await self._roles(agent.tenant, member.role):
                grants += self._given(agent, role)
        return grants

    @staticmethod
    def _given(agent: Agent, role: Role) -> list[Grant]:
        origin = GrantId(f"{ORIGIN}{role.id}")
        return [
            Grant(id=origin, tenant=agent.tenant, principal=agent.id, rule=rule, created=role.created)
            for rule in role.rules
        ]

    async def role(self, tenant: TenantId, name: str) -> Role:
        """Return a role, built in or the tenant's own; raise RoleNotFound."""
        found = await self._roles(tenant, name)
        if not found:
            raise RoleNotFound(role=name[:100])
        return found[0]

    async def _roles(self, tenant: TenantId, name: str) -> list[Role]:
        if name not in BUILT_IN:
            return await self.store.find(Role, Where(tenant=tenant, id=name))
        rules, description = BUILT_IN[name], DESCRIPTIONS[name]
        return [Role(id=name, tenant=tenant, description=description, rules=rules, created=_ALWAYS)]

    async def within(self, tenant: TenantId, quota: Quota) -> list[Within]:
        """Return the change that holds a tenant within its quota, none if it has no such quota."""
        most = (await self.tenant(tenant)).limits.get(quota)
        return [] if most is None else [Within(tenant, quota, most)]

    async def principal(self, agent: Agent, tenant: Tenant, key: KeyId | None = None) -> Principal:
        """Return an agent as it acts now."""
        return Principal(
            id=agent.id,
            kind=agent.kind,
            name=agent.name,
            tenant=agent.tenant,
            rules=Rules(grant.rule for grant in await self.grants(agent)),
            limits=bounded({name: most for name, most in tenant.limits.items() if name not in QUOTAS}, agent.limits),
            quotas={name: most for name, most in tenant.limits.items() if name in QUOTAS},
            key=key,
            rates=Rates(await self._rules(agent.tenant, agent.id), await self._rules(agent.tenant, EVERYBODY)),
        )

    async def _rules(self, tenant: TenantId, principal: PrincipalId) -> dict[str, LimitRule]:
        found = await self.store.find(LimitRule, Where(tenant=tenant, principal=principal, limit=ALL))
        return {rule.target: rule for rule in found}

    def new_agent_id(self) -> PrincipalId:
        """Return a fresh id for an agent."""
        return PrincipalId(self.ids.mint("agent"))
