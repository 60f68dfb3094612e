"""The verbs on limits: what holds, what is used, what is to hold from now on."""

from collections.abc import Mapping
from dataclasses import dataclass

from muelle.core import PrincipalId, TenantId
from muelle.identity.changes import Where
from muelle.identity.errors import LimitNotHeld
from muelle.identity.limiting.budgets import Budgets
from muelle.identity.limiting.model import EVERYBODY, REQUESTS, LimitReset, LimitRule, LimitSet, checked_target
from muelle.identity.model import DEFAULT_TENANT, Agent, Principal, Refused, Tenant
from muelle.identity.registry import ALL, Registry, Request
from muelle.resilience import Charge, Decision, Rate, checked_rule

_UNBOUND = Rate()


@dataclass(frozen=True, slots=True)
class LimitStatus:
    """How the budgets of a principal stand, `of` whose they are; `rules` are those kept for it and its tenant."""

    of: Agent
    target: str
    charges: tuple[Charge, ...]
    decision: Decision
    rules: tuple[LimitRule, ...]
    backend: str


class Limits:
    """Shows, sets and resets limits. Agents' belong to who manages them; tenants' to the operator.

    Who is bound by a rule of its own can neither exceed it for others or itself, nor have its count forgotten.
    """

    def __init__(self, registry: Registry, budgets: Budgets) -> None:
        self._registry = registry
        self._budgets = budgets

    async def status(
        self, actor: Principal, agent: str | None = None, target: str = REQUESTS, *, request: str = ""
    ) -> LimitStatus:
        """Return how the budgets of an agent stand, the actor's own for None; its own are shown to everybody.

        Raises Refused, AgentNotFound, InvalidTarget or LimitsUnreachable.
        """
        checked_target(target)
        principal, found = await self._seen(actor, agent, request)
        charges = self._budgets.charges(principal, target)
        decision = await self._budgets.limiter.look(charges)
        rules = (*principal.rates.own.values(), *principal.rates.tenant.values())
        return LimitStatus(found, target, charges, decision, rules, self._budgets.limiter.backend)

    async def set_agent(
        self, actor: Principal, agent: str, rate: Mapping[str, float], *, target: str = REQUESTS, request: str = ""
    ) -> LimitRule:
        """Let this rule hold for an agent from now on; an empty one takes away what was set. Effective in a second.

        Raises Refused, AgentNotFound, LimitNotHeld, InvalidTarget, UnknownRate, InvalidRate.
        """
        asked = Request(actor=actor, action="limits.set", resource=agent, id=request)
        await self._registry.permit(asked, "identity:manage")
        found = await self._registry.agent(actor.tenant, agent)
        default = self._budgets.settings.agent if target == REQUESTS else self._default(target)
        rule = _rule(found.tenant, found.id, target, checked_rule(rate, default))
        await self._require_held(asked, rule, default)
        return await self._set(asked, rule)

    async def set_tenant(
        self, actor: Principal, tenant: str, rate: Mapping[str, float], *, target: str = REQUESTS, request: str = ""
    ) -> LimitRule:
        """Let this rule hold for all in a tenant together; the operator's alone. Raises as `set_agent`."""
        asked = Request(actor=actor, action="limits.set", resource=f"tenant {tenant}", id=request)
        found = await self._tenant(asked, tenant)
        default = self._budgets.settings.tenant if target == REQUESTS else _UNBOUND
        return await self._set(asked, _rule(found.id, EVERYBODY, target, checked_rule(rate, default)))

    async def reset_agent(
        self, actor: Principal, agent: str, *, target: str = REQUESTS, request: str = ""
    ) -> LimitRule:
        """Forget what an agent has used. Raises Refused, AgentNotFound, LimitNotHeld or InvalidTarget."""
        asked = Request(actor=actor, action="limits.reset", resource=agent, id=request)
        await self._registry.permit(asked, "identity:manage")
        found = await self._registry.agent(actor.tenant, agent)
        rule = _rule(found.tenant, found.id, target, {})
        if actor.rates.own.get(target):
            await self._registry.refuse(asked, LimitNotHeld(field=target))
        return await self._changed(asked, rule, LimitReset(rule))

    async def reset_tenant(
        self, actor: Principal, tenant: str, *, target: str = REQUESTS, request: str = ""
    ) -> LimitRule:
        """Forget what all in a tenant have used together; the operator's alone. Raises as `reset_agent`."""
        asked = Request(actor=actor, action="limits.reset", resource=f"tenant {tenant}", id=request)
        found = await self._tenant(asked, tenant)
        rule = _rule(found.id, EVERYBODY, target, {})
        return await self._changed(asked, rule, LimitReset(rule))

    async def _seen(self, actor: Principal, agent: str | None, request: str) -> tuple[Principal, Agent]:
        registry = self._registry
        if agent is None:
            found = (await registry.store.find(Agent, Where(tenant=actor.tenant, id=actor.id)))[0]
        else:
            if agent != actor.name:
                asked = Request(actor=actor, action="limits.status", resource=agent, id=request)
                await registry.permit(asked, "identity:manage")
            found = await registry.agent(actor.tenant, agent)
        return await registry.principal(found, await registry.tenant(actor.tenant)), found

    async def _tenant(self, asked: Request, tenant: str) -> Tenant:
        await self._registry.permit(
            Request(actor=asked.actor, action=asked.action, resource=tenant, id=asked.id), "tenants:manage"
        )
        if asked.actor.tenant != DEFAULT_TENANT:
            await self._registry.refuse(asked, Refused(scope="tenants:manage", resource=tenant))
        return await self._registry.tenant(TenantId(tenant))

    def _default(self, target: str) -> Rate:
        return self._budgets.settings.targets.get(target, _UNBOUND)

    async def _require_held(self, asked: Request, rule: LimitRule, default: Rate) -> None:
        """Raise LimitNotHeld if the actor is bound by a rule of its own and the new one lets through more."""
        own = asked.actor.rates.own.get(rule.target)
        if own is None:
            return
        held, given = default.with_rule(own.rate), default.with_rule(rule.rate)
        for name in own.rate:
            most, wanted = getattr(held, name), getattr(given, name)
            if most and name != "wait_seconds" and (not wanted or wanted > most):
                await self._registry.refuse(asked, LimitNotHeld(field=name, largest=most))

    async def _set(self, asked: Request, rule: LimitRule) -> LimitRule:
        return await self._changed(asked, rule, LimitSet(rule))

    async def _changed(self, asked: Request, rule: LimitRule, change: LimitSet | LimitReset) -> LimitRule:
        parts = " ".join(f"{name}={value:g}" for name, value in rule.rate.items())
        await self._registry.write(asked, [change], f"{rule.target} {parts}".rstrip())
        found = await self._registry.store.find(LimitRule, Where(tenant=rule.tenant, id=rule.id, limit=ALL))
        return found[0]


def _rule(tenant: TenantId, principal: PrincipalId, target: str, rate: Mapping[str, float]) -> LimitRule:
    return LimitRule(tenant=tenant, principal=principal, target=checked_target(target), rate=rate)
