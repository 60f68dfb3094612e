"""The verbs on roles and members."""

from collections.abc import Sequence

from muelle.core import name as checked_name
from muelle.identity.changes import Change, Where
from muelle.identity.checks import checked_rule, checked_text
from muelle.identity.errors import BuiltInRole, RoleNotFound, TooManyRules
from muelle.identity.model import Page, Principal, Rule
from muelle.identity.pages import read_page
from muelle.identity.registry import ALL, Registry, Request
from muelle.identity.roles.model import (
    BUILT_IN,
    MAX_RULES,
    Membership,
    Role,
    RoleAdded,
    RoleChanged,
    RoleGiven,
    RoleRemoved,
    RoleTaken,
)

_SCOPE = "roles:manage"


class Roles:
    """Adds, changes, removes roles, which needs roles:manage on the role's name, and gives them to agents.

    Nobody gives what they do not hold: neither by a role that somebody gets, nor by a rule that a role gets.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def add(
        self, actor: Principal, role: str, rules: Sequence[tuple[str, str]], description: str = "", *, request: str = ""
    ) -> Role:
        """Add a role with rules as pairs of scope and pattern.

        Raises Refused, NotHeld, RoleExists, BuiltInRole, TooManyRules, QuotaExceeded, UnknownScope, InvalidPattern,
        InvalidName, InvalidText.
        """
        asked = await self._permitted(actor, "roles.add", role, request)
        added = Role(
            id=checked_name(role, "role"),
            tenant=actor.tenant,
            description=checked_text(description, "description"),
            rules=_checked(rules),
            created=self._registry.now(),
        )
        await self._registry.require_held(asked, added.rules)
        changes: list[Change] = [RoleAdded(added), *await self._registry.within(actor.tenant, "max_roles")]
        await self._registry.write(asked, changes, _text(added.rules))
        return added

    async def list(
        self, actor: Principal, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Role]:
        """Return the tenant's own roles by name; needs roles:manage on '*'."""
        await self._registry.permit(Request(actor=actor, action="roles.list", resource="*", id=request), _SCOPE)
        return await read_page(self._registry.store, Role, Where(tenant=actor.tenant), limit, cursor)

    async def show(self, actor: Principal, role: str, *, request: str = "") -> Role:
        """Return a role, built in or not; raise Refused or RoleNotFound."""
        asked = Request(actor=actor, action="roles.show", resource=role, id=request)
        await self._registry.permit(asked, _SCOPE)
        return await self._registry.role(actor.tenant, role)

    async def update(
        self,
        actor: Principal,
        role: str,
        *,
        rules: Sequence[tuple[str, str]] | None = None,
        description: str | None = None,
        request: str = "",
    ) -> Role:
        """Change what is not None, for all members at once; rules replace all that were there. Raises as `add`."""
        asked = await self._permitted(actor, "roles.update", role, request)
        await self._registry.role(actor.tenant, role)
        change = RoleChanged(
            tenant=actor.tenant,
            role=role,
            description=None if description is None else checked_text(description, "description"),
            rules=None if rules is None else _checked(rules),
        )
        await self._registry.require_held(asked, change.rules or ())
        await self._registry.write(asked, [change], _text(change.rules or ()))
        return await self._registry.role(actor.tenant, role)

    async def remove(self, actor: Principal, role: str, *, request: str = "") -> None:
        """Remove a role; who had it may do less from now on. Raises Refused, RoleNotFound, BuiltInRole."""
        asked = await self._permitted(actor, "roles.remove", role, request)
        await self._registry.role(actor.tenant, role)
        await self._registry.write(asked, [RoleRemoved(actor.tenant, role)])

    async def members(
        self, actor: Principal, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Membership]:
        """Return who has which role; needs identity:manage on '*'."""
        asked = Request(actor=actor, action="members.list", resource="*", id=request)
        await self._registry.permit(asked, "identity:manage")
        return await read_page(self._registry.store, Membership, Where(tenant=actor.tenant), limit, cursor)

    async def of(self, actor: Principal, agent: str, *, request: str = "") -> tuple[str, ...]:
        """Return the roles of an agent; needs identity:manage on its name."""
        asked = Request(actor=actor, action="members.show", resource=agent, id=request)
        await self._registry.permit(asked, "identity:manage")
        found = await self._registry.agent(actor.tenant, agent)
        where = Where(tenant=actor.tenant, principal=found.id, limit=ALL)
        return tuple(one.role for one in await self._registry.store.find(Membership, where))

    async def give(self, actor: Principal, agent: str, role: str, *, request: str = "") -> None:
        """Let an agent have a role, all of which the actor must hold; needs identity:manage on the agent's name.

        Raises Refused, NotHeld, AgentNotFound, RoleNotFound.
        """
        asked = Request(actor=actor, action="roles.give", resource=agent, id=request)
        await self._registry.permit(asked, "identity:manage")
        found = await self._registry.agent(actor.tenant, agent)
        given = await self._registry.role(actor.tenant, role)
        await self._registry.require_held(asked, given.rules)
        member = Membership(tenant=actor.tenant, principal=found.id, role=role)
        await self._registry.write(asked, [RoleGiven(member)], role)

    async def take(self, actor: Principal, agent: str, role: str, *, request: str = "") -> None:
        """Take a role from an agent; raise Refused, AgentNotFound, or RoleNotFound if the agent does not have it."""
        asked = Request(actor=actor, action="roles.take", resource=agent, id=request)
        await self._registry.permit(asked, "identity:manage")
        found = await self._registry.agent(actor.tenant, agent)
        where = Where(tenant=actor.tenant, principal=found.id, limit=ALL)
        if role not in [one.role for one in await self._registry.store.find(Membership, where)]:
            raise RoleNotFound(role=role[:100], agent=agent)
        await self._registry.write(asked, [RoleTaken(actor.tenant, found.id, role)], role)

    async def _permitted(self, actor: Principal, action: str, role: str, request: str) -> Request:
        asked = Request(actor=actor, action=action, resource=role, id=request)
        await self._registry.permit(asked, _SCOPE)
        if role in BUILT_IN:
            raise BuiltInRole(role=role)
        return asked


def _checked(rules: Sequence[tuple[str, str]]) -> tuple[Rule, ...]:
    if not 1 <= len(rules) <= MAX_RULES:
        raise TooManyRules(field="rules", number=len(rules), most=MAX_RULES)
    return tuple(dict.fromkeys(checked_rule(scope, pattern) for scope, pattern in rules))


def _text(rules: Sequence[Rule]) -> str:
    return "; ".join(f"{rule.scope} {rule.pattern}" for rule in rules)
