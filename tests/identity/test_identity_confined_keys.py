"""Keys that are confined to a part of what their agent may do."""

import pytest

from identity.identity_world import World
from muelle.identity import Key, Principal, Rule
from muelle.identity.changes import Where
from muelle.identity.errors import NotHeld, RuleBeyondAgent, RuleOutlasts, TooManyGrants
from muelle.identity.keys import OUTLASTING
from muelle.identity.model import Rules, UnknownScope, confined

CRM = Rule("apis:call", "crm GET /*")
CONTACTS = Rule("apis:call", "crm GET /contacts/*")


async def acting(world: World, *rules: Rule) -> tuple[Principal, str]:
    """Issue a confined key of `bot`; return how its holder acts, and the key."""
    issued = await world.identity.keys.issue(world.owner, "bot", rules=rules)
    return await world.identity.authenticate(issued.text.reveal()), issued.text.reveal()


async def bot(world: World, *rules: Rule) -> None:
    await world.agent("bot")
    for rule in rules:
        await world.identity.grants.add(world.owner, "bot", rule.scope, rule.pattern)


async def test_a_confined_key_opens_what_it_is_confined_to_and_nothing_else(stored: World) -> None:
    await bot(stored, CRM, Rule("runs:read", "*"))

    holder, _ = await acting(stored, CONTACTS)

    assert holder.may("apis:call", "crm GET /contacts/7")
    assert not holder.may("apis:call", "crm GET /orders/7")
    assert not holder.may("runs:read", "x")
    [kept] = await stored.store.find(Key, Where(tenant=holder.tenant, id=holder.key))
    assert kept.rules == (CONTACTS,)


async def test_it_opens_no_more_than_its_agent_may_later(stored: World) -> None:
    await bot(stored, CRM)
    _, key = await acting(stored, CONTACTS)
    [grant] = (await stored.identity.grants.list(stored.owner, "bot")).items
    await stored.identity.grants.revoke(stored.owner, "bot", grant.id)

    assert not (await stored.identity.authenticate(key)).may("apis:call", "crm GET /contacts/7")
    await stored.identity.grants.add(stored.owner, "bot", "apis:call", "crm GET /contacts/7")
    holder = await stored.identity.authenticate(key)

    assert holder.may("apis:call", "crm GET /contacts/7")
    assert not holder.may("apis:call", "crm GET /contacts/8")


async def test_a_key_that_is_confined_to_nothing_opens_nothing(stored: World) -> None:
    await bot(stored, CRM)

    holder, _ = await acting(stored)

    assert list(holder.rules) == []


async def test_a_key_is_confined_to_what_its_agent_may_do(world: World) -> None:
    await bot(world, CONTACTS)

    for rule in (CRM, Rule("runs:read", "*")):
        with pytest.raises(RuleBeyondAgent):
            await acting(world, rule)
    with pytest.raises(UnknownScope):
        await acting(world, Rule("apis:fly", "*"))
    with pytest.raises(TooManyGrants):
        await acting(world, *[CONTACTS] * 1001)
    await acting(world, *[CONTACTS] * 1000)


@pytest.mark.parametrize("scope", sorted(OUTLASTING))
async def test_a_key_is_not_confined_to_what_goes_on_as_the_agent_after_the_request(world: World, scope: str) -> None:
    await bot(world, Rule(scope, "*"))

    with pytest.raises(RuleOutlasts):
        await acting(world, Rule(scope, "x"))


async def test_the_holder_of_a_confined_key_cannot_get_a_wider_one(world: World) -> None:
    await bot(world, CRM, Rule("identity:manage", "*"))
    holder, _ = await acting(world, CONTACTS, Rule("identity:manage", "bot"))

    with pytest.raises(NotHeld):
        await world.identity.keys.issue(holder, "bot")
    with pytest.raises(NotHeld):
        await world.identity.keys.issue(holder, "bot", rules=[CRM])
    with pytest.raises(NotHeld):
        await world.identity.grants.add(holder, "bot", CRM.scope, CRM.pattern)
    await world.identity.keys.issue(holder, "bot", rules=[CONTACTS])


async def test_a_clerk_issues_a_confined_key_of_a_mightier_agent(world: World) -> None:
    await bot(world, CRM, Rule("hosts:call", "*"))
    clerk, _ = await world.agent("clerk")
    for rule in (CONTACTS, Rule("identity:manage", "bot")):
        await world.identity.grants.add(world.owner, "clerk", rule.scope, rule.pattern)
    clerk = await world.identity.principal(clerk.tenant, clerk.id)
    with pytest.raises(NotHeld):
        await world.identity.keys.issue(clerk, "bot")

    await world.identity.keys.issue(clerk, "bot", rules=[CONTACTS])


def test_of_patterns_that_only_overlap_nothing_is_left() -> None:
    rules = confined(Rules([Rule("tools:call", "a*")]), [Rule("tools:call", "*b"), Rule("tools:call", "ab*")])

    assert list(rules) == [Rule("tools:call", "ab*")]
