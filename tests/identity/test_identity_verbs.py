"""Every verb: a principal without grants first, then the other tenant's owner, then the owner."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from identity.identity_world import Verb, World
from muelle.core import MuelleError, NotFound
from muelle.identity import AgentDraft, AuditFilter, Principal, Refused


async def revoke_key(world: World, actor: Principal) -> None:
    bot = await world.identity.agents.show(world.owner, "bot")
    keys = await world.identity.keys.list(world.owner, bot.name)
    await world.identity.keys.revoke(actor, "bot", keys.items[0].id)


async def revoke_grant(world: World, actor: Principal) -> None:
    grants = await world.identity.grants.list(world.owner, "bot")
    await world.identity.grants.revoke(actor, "bot", grants.items[0].id)


VERBS: dict[str, Verb] = {
    "agents.add": lambda world, actor: world.identity.agents.add(actor, AgentDraft("new")),
    "agents.list": lambda world, actor: world.identity.agents.list(actor),
    "agents.show": lambda world, actor: world.identity.agents.show(actor, "bot"),
    "agents.update": lambda world, actor: world.identity.agents.update(actor, "bot", description="x"),
    "agents.disable": lambda world, actor: world.identity.agents.disable(actor, "bot"),
    "agents.enable": lambda world, actor: world.identity.agents.enable(actor, "bot"),
    "keys.issue": lambda world, actor: world.identity.keys.issue(actor, "bot"),
    "keys.list": lambda world, actor: world.identity.keys.list(actor, "bot"),
    "keys.revoke": revoke_key,
    "grants.add": lambda world, actor: world.identity.grants.add(actor, "bot", "tools:call", "x"),
    "grants.list": lambda world, actor: world.identity.grants.list(actor, "bot"),
    "grants.explain": lambda world, actor: world.identity.grants.explain(actor, "bot", "tools:call", "x"),
    "grants.revoke": revoke_grant,
    "tenants.add": lambda world, actor: world.identity.tenants.add(actor, "third"),
    "tenants.list": lambda world, actor: world.identity.tenants.list(actor),
    "tenants.show": lambda world, actor: world.identity.tenants.show(actor, "default"),
    "tenants.update": lambda world, actor: world.identity.tenants.update(actor, "default", name="x"),
    "audit.read": lambda world, actor: world.identity.acts(actor, AuditFilter()),
}
CHANGES = [verb for verb in VERBS if verb.split(".")[1] in {"add", "update", "disable", "enable", "issue", "revoke"}]
ON_AGENTS = [verb for verb in VERBS if verb.split(".")[0] in {"agents", "keys", "grants"}]
OWN = {"agents.add", "agents.list", "audit.read"}  # these name nothing of another tenant


@pytest.fixture
async def peopled(world: World) -> World:
    await world.agent("bot", "runner")
    await world.agent("stranger")
    return world


async def outcome(act: Callable[[], Awaitable[Any]]) -> MuelleError | None:
    try:
        await act()
    except MuelleError as error:
        return error
    return None


@pytest.mark.parametrize("verb", VERBS)
async def test_a_principal_without_grants_is_refused_and_recorded(peopled: World, verb: str) -> None:
    stranger, _ = await peopled.with_key("stranger")
    before = await peopled.store.epoch()
    with pytest.raises(Refused):
        await VERBS[verb](peopled, stranger)
    (act,) = await peopled.acts(AuditFilter(principal=stranger.id))
    assert (act.action, act.decision) == (verb, "refused")
    assert await peopled.store.epoch() == before


@pytest.mark.parametrize("verb", [verb for verb in VERBS if verb not in OWN])
async def test_the_owner_of_another_tenant_reaches_nothing_here(peopled: World, verb: str) -> None:
    other = await peopled.other_owner()
    before = await peopled.store.epoch()
    error = await outcome(lambda: VERBS[verb](peopled, other))
    assert isinstance(error, NotFound if verb in ON_AGENTS else Refused)
    assert await peopled.store.epoch() == before


async def test_the_owner_of_another_tenant_sees_and_adds_only_there(peopled: World) -> None:
    other = await peopled.other_owner()
    added = await peopled.identity.agents.add(other, AgentDraft("bot"))
    assert added.tenant == "other"
    listed = await peopled.identity.agents.list(other)
    assert {agent.name for agent in listed.items} == {"admin", "bot"}
    acts = await peopled.identity.acts(other, AuditFilter())
    assert {act.tenant for act in acts.items} == {"other"}


@pytest.mark.parametrize("verb", VERBS)
async def test_the_owner_may_do_everything(peopled: World, verb: str) -> None:
    await VERBS[verb](peopled, peopled.owner)


@pytest.mark.parametrize("verb", CHANGES)
async def test_what_the_owner_changes_is_recorded_and_forgotten_at_once(peopled: World, verb: str) -> None:
    await peopled.identity.authenticate(peopled.owner_key)
    before = {act.id for act in await peopled.acts()}
    await VERBS[verb](peopled, peopled.owner)
    (act,) = [act for act in await peopled.acts() if act.id not in before]
    assert (act.action, act.decision, act.principal) == (verb, "allowed", peopled.owner.id)
    assert peopled.identity.recall(peopled.owner_key) is None


async def test_a_request_id_reaches_the_record(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("bot"), request="request_7")
    (act,) = await world.acts(AuditFilter(action="agents.add"))
    assert act.request == "request_7"


async def test_whoever_manages_some_agents_manages_no_others(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("lead"))
    await world.identity.grants.add(world.owner, "lead", "identity:manage", "team-*")
    lead, _ = await world.with_key("lead")
    await world.identity.agents.add(lead, AgentDraft("team-1"))
    with pytest.raises(Refused):
        await world.identity.agents.add(lead, AgentDraft("other-1"))


async def test_other_tenants_owners_see_their_own_tenant_and_cannot_change_it(world: World) -> None:
    other = await world.other_owner()
    assert (await world.identity.tenants.show(other, "other")).id == "other"
    for change in ({"limits": {"operations": 10}}, {"addresses": ["10.0.0.0/8"]}):
        with pytest.raises(Refused):
            await world.identity.tenants.update(other, "other", **change)


async def test_an_agents_grants_are_explained_from_what_is_stored(peopled: World) -> None:
    grant = await peopled.identity.grants.add(peopled.owner, "bot", "tools:call", "crm-*")
    yes = await peopled.identity.grants.explain(peopled.owner, "bot", "tools:call", "crm-read")
    no = await peopled.identity.grants.explain(peopled.owner, "bot", "tools:call", "erp-read")
    assert (yes.rule, yes.nearest) == (grant.rule, None)
    assert (no.rule, no.nearest) == (None, grant.rule)


async def test_an_agent_may_not_disable_itself(world: World) -> None:
    error = await outcome(lambda: world.identity.agents.disable(world.owner, "admin"))
    assert error is not None
    assert error.code == "self_disabled"
