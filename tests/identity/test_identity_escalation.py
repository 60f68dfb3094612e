"""Nobody gives away what they do not hold."""

import pytest

from identity.identity_world import World
from muelle.identity import AgentDraft, AuditFilter, Principal
from muelle.identity.errors import LimitNotHeld, NotHeld


@pytest.fixture
async def lead(world: World) -> Principal:
    """Add somebody who manages all agents but holds only some tools."""
    await world.identity.agents.add(world.owner, AgentDraft("lead", limits={"operations": 100}))
    await world.identity.grants.add(world.owner, "lead", "identity:manage", "*")
    await world.identity.grants.add(world.owner, "lead", "tools:call", "crm-*")
    await world.identity.agents.add(world.owner, AgentDraft("bot", limits={"operations": 50}))
    return (await world.with_key("lead"))[0]


@pytest.mark.parametrize("pattern", ["crm-*", "crm-read", "crm-*-x", "crm-"])
async def test_what_is_held_can_be_given_away(world: World, lead: Principal, pattern: str) -> None:
    grant = await world.identity.grants.add(lead, "bot", "tools:call", pattern)
    assert grant.rule.pattern == pattern


@pytest.mark.parametrize(
    ("scope", "pattern"),
    [("tools:call", "*"), ("tools:call", "crm*"), ("tools:call", "*crm-x"), ("apis:call", "crm-x"), ("*", "crm-x")],
)
async def test_what_is_not_held_cannot_be_given_away(world: World, lead: Principal, scope: str, pattern: str) -> None:
    with pytest.raises(NotHeld):
        await world.identity.grants.add(lead, "bot", scope, pattern)
    (act,) = await world.acts(AuditFilter(principal=lead.id))
    assert act.decision == "refused"
    assert act.detail.startswith("not_held")


async def test_nobody_gives_themselves_more(world: World, lead: Principal) -> None:
    with pytest.raises(NotHeld):
        await world.identity.grants.add(lead, "lead", "*", "*")


async def test_a_preset_cannot_give_what_is_not_held(world: World, lead: Principal) -> None:
    with pytest.raises(NotHeld):
        await world.identity.agents.add(lead, AgentDraft("runner", preset="runner", limits={"operations": 1}))


async def test_a_key_for_a_mightier_agent_cannot_be_had(world: World, lead: Principal) -> None:
    with pytest.raises(NotHeld):
        await world.identity.keys.issue(lead, "admin")


async def test_a_key_for_a_lesser_agent_can_be_had(world: World, lead: Principal) -> None:
    issued = await world.identity.keys.issue(lead, "bot")
    assert (await world.identity.authenticate(issued.text.reveal())).name == "bot"


async def test_a_mightier_agent_cannot_be_enabled(world: World, lead: Principal) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("runner", preset="runner"))
    await world.identity.agents.disable(world.owner, "runner")
    with pytest.raises(NotHeld):
        await world.identity.agents.enable(lead, "runner")


@pytest.mark.parametrize("limits", [{}, {"operations": 101}, {"runs": 1}])
async def test_an_agent_with_a_wider_limit_than_ones_own_cannot_be_added(
    world: World, lead: Principal, limits: dict[str, float]
) -> None:
    with pytest.raises(LimitNotHeld):
        await world.identity.agents.add(lead, AgentDraft("free", limits=limits))


async def test_an_agent_with_ones_own_limit_can_be_added(world: World, lead: Principal) -> None:
    agent = await world.identity.agents.add(lead, AgentDraft("bound", limits={"operations": 100}))
    assert agent.limits == {"operations": 100}


async def test_nobody_widens_their_own_limit(world: World, lead: Principal) -> None:
    with pytest.raises(LimitNotHeld):
        await world.identity.agents.update(lead, "lead", limits={"operations": 1000})


async def test_a_key_for_an_agent_with_a_wider_limit_cannot_be_had(world: World, lead: Principal) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("wide"))
    with pytest.raises(LimitNotHeld):
        await world.identity.keys.issue(lead, "wide")


async def test_a_tenants_limit_bounds_its_agents(world: World) -> None:
    await world.identity.tenants.update(world.owner, "default", limits={"operations": 40})
    await world.identity.agents.add(world.owner, AgentDraft("bot", limits={"operations": 400}))
    bot, _ = await world.with_key("bot")
    assert bot.limits == {"operations": 40}


async def test_whoever_manages_tenants_without_holding_everything_adds_none(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("clerk"))
    await world.identity.grants.add(world.owner, "clerk", "tenants:manage", "*")
    clerk, _ = await world.with_key("clerk")
    with pytest.raises(NotHeld):
        await world.identity.tenants.add(clerk, "third")
