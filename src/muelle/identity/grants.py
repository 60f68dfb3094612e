"""The verbs on grants."""

from dataclasses import replace

from muelle.core import GrantId
from muelle.identity.agents import new_grant
from muelle.identity.changes import GrantRevoked, Where
from muelle.identity.checks import checked_rule, checked_scope
from muelle.identity.errors import GrantNotFound, TooManyGrants
from muelle.identity.model import Agent, Explanation, Grant, Page, Rules, explain_rules
from muelle.identity.model import Principal as Actor
from muelle.identity.pages import read_page
from muelle.identity.registry import Registry, Request


class Grants:
    """Adds, lists, explains and revokes grants in the actor's tenant; needs identity:manage on the agent's name."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def add(self, actor: Actor, agent: str, scope: str, pattern: str, *, request: str = "") -> Grant:
        """Let an agent do `scope` on what `pattern` covers, if one of the actor's own grants covers all of that.

        Raises Refused, NotHeld, AgentNotFound, GrantExists, TooManyGrants, UnknownScope, InvalidPattern.
        """
        asked = Request(actor=actor, action="grants.add", resource=agent, id=request)
        found = await self._permitted(asked)
        rule = checked_rule(scope, pattern)
        await self._registry.require_held(asked, [rule])
        await self._require_room(found)
        added = new_grant(self._registry, found, rule)
        await self._registry.write(asked, [added], f"{scope} {pattern}")
        return added.grant

    async def list(
        self, actor: Actor, agent: str, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Grant]:
        """Return the agent's grants, oldest first; raise Refused, AgentNotFound, InvalidPage, InvalidCursor."""
        found = await self._permitted(Request(actor=actor, action="grants.list", resource=agent, id=request))
        return await read_page(
            self._registry.store, Grant, Where(tenant=actor.tenant, principal=found.id), limit, cursor
        )

    async def revoke(self, actor: Actor, agent: str, grant: str, *, request: str = "") -> None:
        """Take a grant away; raise Refused, AgentNotFound, GrantNotFound."""
        asked = Request(actor=actor, action="grants.revoke", resource=agent, id=request)
        found = await self._permitted(asked)
        stored = await self._registry.store.find(Grant, Where(tenant=actor.tenant, principal=found.id, id=grant))
        if not stored:
            raise GrantNotFound(agent=agent, grant=grant[:100])
        rule = stored[0].rule
        change = GrantRevoked(actor.tenant, GrantId(grant))
        await self._registry.write(asked, [change], f"{rule.scope} {rule.pattern}")

    async def explain(self, actor: Actor, agent: str, scope: str, resource: str, *, request: str = "") -> Explanation:
        """Tell which grant lets an agent do `scope` on `resource`, or which comes nearest."""
        asked = Request(actor=actor, action="grants.explain", resource=agent, id=request)
        found = await self._permitted(asked)
        grants = await self._registry.grants(found)
        told = explain_rules(Rules(grant.rule for grant in grants), checked_scope(scope), resource)
        origin = next((grant.id for grant in grants if grant.rule == (told.rule or told.nearest)), "")
        return replace(told, origin=origin)

    async def _permitted(self, asked: Request) -> Agent:
        await self._registry.permit(asked, "identity:manage")
        return await self._registry.agent(asked.actor.tenant, asked.resource)

    async def _require_room(self, agent: Agent) -> None:
        most = self._registry.settings.max_grants
        where = Where(tenant=agent.tenant, principal=agent.id, limit=most)
        if len(await self._registry.store.find(Grant, where)) >= most:
            raise TooManyGrants(agent=agent.name, most=most)
