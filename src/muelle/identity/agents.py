"""The verbs on agents."""

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from typing import get_args

from muelle.core import GrantId
from muelle.core import name as checked_name
from muelle.identity.changes import AgentAdded, AgentChanged, Change, GrantAdded, Where
from muelle.identity.checks import checked_limits, checked_text
from muelle.identity.errors import SelfDisabled, UnknownKind
from muelle.identity.model import Agent, Grant, Kind, Page, Principal, Rule
from muelle.identity.pages import read_page
from muelle.identity.presets import preset_rules
from muelle.identity.registry import Registry, Request


@dataclass(frozen=True, slots=True)
class AgentDraft:
    """What an agent begins with; `preset` names a bundle of grants."""

    name: str
    _: KW_ONLY
    description: str = ""
    kind: Kind = "agent"
    limits: Mapping[str, float] = field(default_factory=dict)
    preset: str | None = None


def new_grant(registry: Registry, agent: Agent, rule: Rule) -> GrantAdded:
    """Return the change that lets an agent do what a rule says."""
    grant_id = GrantId(registry.ids.mint("grant"))
    return GrantAdded(Grant(id=grant_id, tenant=agent.tenant, principal=agent.id, rule=rule, created=registry.now()))


class Agents:
    """Adds, shows and changes the agents of the actor's tenant; needs identity:manage on the agent's name."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def add(self, actor: Principal, draft: AgentDraft, *, request: str = "") -> Agent:
        """Add an agent that may do what its preset says, or nothing; it has no key yet.

        Raises Refused, NotHeld, LimitNotHeld, AgentExists, UnknownPreset, UnknownKind, UnknownLimit, InvalidLimit,
        InvalidText, InvalidName.
        """
        asked = Request(actor=actor, action="agents.add", resource=draft.name, id=request)
        await self._registry.permit(asked, "identity:manage")
        agent = self._drafted(actor, draft)
        rules = preset_rules(draft.preset)
        await self._registry.require_held(asked, rules)
        await self._registry.require_within(asked, agent.limits)
        grants: list[Change] = [new_grant(self._registry, agent, rule) for rule in rules]
        grants += await self._registry.within(actor.tenant, "max_agents")
        await self._registry.write(asked, [AgentAdded(agent), *grants], f"preset {draft.preset}" if rules else "")
        return agent

    async def list(
        self, actor: Principal, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Agent]:
        """Return the tenant's agents, oldest first; needs identity:manage on '*'."""
        await self._registry.permit(
            Request(actor=actor, action="agents.list", resource="*", id=request), "identity:manage"
        )
        return await read_page(self._registry.store, Agent, Where(tenant=actor.tenant), limit, cursor)

    async def show(self, actor: Principal, name: str, *, request: str = "") -> Agent:
        """Return an agent; raise Refused or AgentNotFound."""
        asked = Request(actor=actor, action="agents.show", resource=name, id=request)
        await self._registry.permit(asked, "identity:manage")
        return await self._registry.agent(actor.tenant, name)

    async def update(
        self,
        actor: Principal,
        name: str,
        *,
        description: str | None = None,
        limits: Mapping[str, float] | None = None,
        request: str = "",
    ) -> Agent:
        """Change what is not None; `limits` replace all of the agent's. Raises as `add`, and AgentNotFound."""
        asked = Request(actor=actor, action="agents.update", resource=name, id=request)
        await self._registry.permit(asked, "identity:manage")
        if description is not None:
            checked_text(description, "description", lines=True)
        if limits is not None:
            checked_limits(limits, self._registry.limit_names)
            await self._registry.require_within(asked, limits)
        return await self._changed(asked, description=description, limits=limits)

    async def disable(self, actor: Principal, name: str, *, request: str = "") -> Agent:
        """Let all keys of an agent open nothing until it is enabled; raise Refused, AgentNotFound, SelfDisabled."""
        asked = Request(actor=actor, action="agents.disable", resource=name, id=request)
        await self._registry.permit(asked, "identity:manage")
        if name == actor.name:
            raise SelfDisabled(agent=name)
        return await self._changed(asked, disabled=True)

    async def enable(self, actor: Principal, name: str, *, request: str = "") -> Agent:
        """Let the keys of an agent open again, which gives away all that it holds.

        Raises Refused, NotHeld, AgentNotFound.
        """
        asked = Request(actor=actor, action="agents.enable", resource=name, id=request)
        await self._registry.permit(asked, "identity:manage")
        agent = await self._registry.agent(actor.tenant, name)
        await self._registry.require_held(asked, [grant.rule for grant in await self._registry.grants(agent)])
        return await self._changed(asked, disabled=False)

    async def _changed(
        self,
        asked: Request,
        *,
        description: str | None = None,
        limits: Mapping[str, float] | None = None,
        disabled: bool | None = None,
    ) -> Agent:
        agent = await self._registry.agent(asked.actor.tenant, asked.resource)
        change = AgentChanged(
            tenant=agent.tenant, agent=agent.id, description=description, limits=limits, disabled=disabled
        )
        await self._registry.write(asked, [change])
        return await self._registry.agent(asked.actor.tenant, asked.resource)

    def _drafted(self, actor: Principal, draft: AgentDraft) -> Agent:
        if draft.kind not in get_args(Kind):
            raise UnknownKind(field="kind", value=str(draft.kind)[:100], known=list(get_args(Kind)))
        return Agent(
            id=self._registry.new_agent_id(),
            tenant=actor.tenant,
            name=checked_name(draft.name),
            kind=draft.kind,
            description=checked_text(draft.description, "description", lines=True),
            created=self._registry.now(),
            limits=checked_limits(draft.limits, self._registry.limit_names),
        )
