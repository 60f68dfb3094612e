"""A person is two things that are kept: a principal, who has grants, and a user, who signs in."""

from collections.abc import Sequence
from dataclasses import dataclass

from muelle.core import TenantId
from muelle.identity.agents import new_grant
from muelle.identity.changes import AgentAdded, AgentChanged, Change, Where
from muelle.identity.errors import AgentExists
from muelle.identity.model import Agent, Principal, Rule, Rules
from muelle.identity.registry import Registry, Request
from muelle.identity.users.errors import UserExists
from muelle.identity.users.model import User
from muelle.identity.users.store import UserStore


@dataclass(frozen=True, slots=True)
class People:
    """Where both are kept."""

    registry: Registry
    users: UserStore


def new_person(registry: Registry, tenant: str, name: str, description: str = "") -> Agent:
    """Return a fresh principal for a person."""
    return Agent(
        id=registry.new_agent_id(),
        tenant=TenantId(tenant),
        name=name,
        kind="user",
        description=description,
        created=registry.now(),
    )


def as_actor(agent: Agent) -> Principal:
    """Return who makes an account for themselves, before it is there."""
    return Principal(id=agent.id, kind=agent.kind, name=agent.name, tenant=agent.tenant, rules=Rules())


async def require_free(people: People, tenant: TenantId, name: str, email: str) -> None:
    """Raise AgentExists or UserExists if a name or an address is taken."""
    if await people.registry.store.find(Agent, Where(tenant=tenant, name=name)):
        raise AgentExists(agent=name)
    if await people.users.by_email(tenant, email):
        raise UserExists(email=email)


async def keep_person(people: People, asked: Request, agent: Agent, user: User, rules: Sequence[Rule]) -> None:
    """Keep a principal with its grants, then the user that it is; raise AgentExists, UserExists.

    A crash between leaves a principal whom nobody can be: it has neither key nor password.
    """
    grants: list[Change] = [new_grant(people.registry, agent, rule) for rule in rules]
    grants += await people.registry.within(agent.tenant, "max_agents")
    await people.registry.write(asked, [AgentAdded(agent), *grants])
    try:
        await people.users.add(user)
    except UserExists:
        change = AgentChanged(tenant=agent.tenant, agent=agent.id, disabled=True)
        await people.registry.write(asked, [change], "the address was taken meanwhile")
        raise
