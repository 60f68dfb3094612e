"""Rules of limits as they are kept, on every kind of store: who may set them, and when they hold where."""

import pytest

from identity.identity_world import World
from muelle.core import NoMetrics
from muelle.identity import Agent, AgentDraft, Budgets, Identity, Limits, Principal, Refused
from muelle.identity.limiting.model import EVERYBODY
from muelle.resilience import Limiter, LimitsSettings
from muelle.resilience.limits.settings import AgentRate, TenantRate

SETTINGS = LimitsSettings(agent=AgentRate(per_minute=100), tenant=TenantRate(per_minute=1000))


def budgets_of(world: World) -> Budgets:
    return Budgets(Limiter(None, world.clock, NoMetrics(), SETTINGS), SETTINGS)


def verbs(world: World, budgets: Budgets | None = None) -> Limits:
    return Limits(world.identity.registry, budgets or budgets_of(world))


def quotas(budgets: Budgets, principal: Principal, target: str = "requests") -> dict[str, int]:
    return {charge.name: charge.rate.per_minute for charge in budgets.charges(principal, target)}


async def bot_of(world: World, identity: Identity | None = None) -> Principal:
    """Return the agent `bot` as it acts now."""
    agent = await (identity or world.identity).agents.show(world.owner, "bot")
    assert isinstance(agent, Agent)
    return await (identity or world.identity).principal(agent.tenant, agent.id)


async def test_a_rule_is_laid_over_the_defaults_and_taken_away_again(stored: World) -> None:
    await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    limits, budgets = verbs(stored), budgets_of(stored)
    before = quotas(budgets, await bot_of(stored))
    await limits.set_agent(stored.owner, "bot", {"per_hour": 9})
    bot = await bot_of(stored)
    await limits.set_agent(stored.owner, "bot", {})

    assert before == {"agent": 100, "tenant": 1000}
    assert budgets.charges(bot)[0].rate == AgentRate(per_minute=100, per_hour=9)
    assert quotas(budgets, await bot_of(stored)) == before


async def test_a_target_without_a_rule_or_a_default_costs_nothing(stored: World) -> None:
    await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    await verbs(stored).set_agent(stored.owner, "bot", {"per_minute": 3}, target="api:crm")
    bot, budgets = await bot_of(stored), budgets_of(stored)

    assert quotas(budgets, bot, "api:crm") == {"agent": 3}
    assert (budgets.bounds(bot, "api:crm"), budgets.bounds(bot, "api:other")) == (True, False)


async def test_a_reset_changes_what_is_counted_under_and_keeps_the_rule(stored: World) -> None:
    await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    limits, budgets = verbs(stored), budgets_of(stored)
    await limits.set_agent(stored.owner, "bot", {"per_minute": 3})
    before = budgets.charges(await bot_of(stored))
    rules = [await limits.reset_agent(stored.owner, "bot") for _ in range(2)]
    after = budgets.charges(await bot_of(stored))

    assert [(rule.era, rule.rate) for rule in rules] == [(1, {"per_minute": 3}), (2, {"per_minute": 3})]
    assert before[0].key != after[0].key
    assert before[1].key == after[1].key  # the tenant's stays


async def test_a_tenant_s_rule_is_set_from_the_operator_s_tenant(stored: World) -> None:
    other = await stored.other_owner()
    limits, budgets = verbs(stored), budgets_of(stored)
    rule = await limits.set_tenant(stored.owner, "other", {"per_minute": 7})
    reset = await limits.reset_tenant(stored.owner, "other")
    seen = await stored.identity.principal(other.tenant, other.id)

    assert (rule.principal, reset.era) == (EVERYBODY, 1)
    assert quotas(budgets, seen) == {"user": 100, "tenant": 7}
    assert quotas(budgets, stored.owner) == {"user": 100, "tenant": 1000}


async def test_another_process_holds_a_new_rule_after_one_tick(stored: World) -> None:
    _, key = await stored.agent("bot")
    there, budgets = stored.another_process(), budgets_of(stored)
    await there.refresh()
    before = quotas(budgets, await there.authenticate(key))
    await verbs(stored).set_agent(stored.owner, "bot", {"per_minute": 3})
    remembered = there.recall(key)
    await there.refresh()

    assert remembered is not None
    assert (before["agent"], quotas(budgets, remembered)["agent"], there.recall(key)) == (100, 100, None)
    assert quotas(budgets, await there.authenticate(key))["agent"] == 3


async def test_no_tenant_sees_or_sets_the_rules_of_another(stored: World) -> None:
    await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    await verbs(stored).set_agent(stored.owner, "bot", {"per_minute": 3})
    other = await stored.other_owner()
    with pytest.raises(Refused):
        await verbs(stored).set_tenant(other, "default", {"per_minute": 1})
    await stored.identity.agents.add(other, AgentDraft("bot"))
    namesake = await stored.identity.agents.show(other, "bot")

    assert quotas(budgets_of(stored), await stored.identity.principal(other.tenant, namesake.id))["agent"] == 100


async def test_two_principals_of_one_name_in_two_tenants_have_two_budgets(stored: World) -> None:
    other = await stored.other_owner()
    budgets = budgets_of(stored)
    keys = {charge.key for principal in (stored.owner, other) for charge in budgets.charges(principal)}

    assert len(keys) == 4
