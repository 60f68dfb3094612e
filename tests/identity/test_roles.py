"""Roles, who has them, and quotas: on every kind of store."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from identity.identity_world import World
from muelle.identity import SCOPES, AgentDraft, Principal, Refused
from muelle.identity.errors import (
    AgentNotFound,
    BuiltInRole,
    InvalidLimit,
    NotHeld,
    QuotaExceeded,
    RoleExists,
    RoleNotFound,
    TooManyRules,
    UnknownLimit,
)
from muelle.identity.model import UnknownScope
from muelle.identity.roles.model import BUILT_IN, DESCRIPTIONS, MAX_RULES

READ_ALL = [("runs:read", "*")]


async def again(world: World, key: str) -> Principal:
    """Return how somebody acts in a process that knows nothing yet."""
    return await world.another_process().authenticate(key)


async def test_who_has_a_role_may_do_what_it_allows_and_no_more(stored: World) -> None:
    bot, key = await stored.agent("bot")
    roles = stored.identity.roles
    await roles.add(stored.owner, "clerk", [("workflows:run", "a-*"), ("runs:read", "*")], "for offices")

    await roles.give(stored.owner, "bot", "clerk")

    acting = await stored.identity.authenticate(key)
    assert acting.may("workflows:run", "a-1")
    assert not acting.may("workflows:run", "b-1")
    assert not bot.may("runs:read", "x")
    assert await roles.of(stored.owner, "bot") == ("clerk",)
    assert [(one.principal, one.role) for one in (await roles.members(stored.owner)).items] == [(bot.id, "clerk")]


async def test_a_role_that_changes_changes_for_all_who_have_it_at_once(stored: World) -> None:
    _, key = await stored.agent("bot")
    roles = stored.identity.roles
    await roles.add(stored.owner, "clerk", READ_ALL)
    await roles.give(stored.owner, "bot", "clerk")
    assert (await stored.identity.authenticate(key)).may("runs:read", "x")

    changed = await roles.update(stored.owner, "clerk", rules=[("queue:read", "*")])

    acting = await stored.identity.authenticate(key)
    assert (acting.may("runs:read", "x"), acting.may("queue:read", "*")) == (False, True)
    assert (changed.description, await roles.show(stored.owner, "clerk")) == ("", changed)
    described = await roles.update(stored.owner, "clerk", description="new")
    assert (described.description, described.rules) == ("new", changed.rules)


@pytest.mark.parametrize("way", ["take", "remove"])
async def test_a_role_that_is_taken_or_removed_allows_nothing_any_more(stored: World, way: str) -> None:
    _, key = await stored.agent("bot")
    roles = stored.identity.roles
    await roles.add(stored.owner, "clerk", READ_ALL)
    await roles.give(stored.owner, "bot", "clerk")

    await (roles.take(stored.owner, "bot", "clerk") if way == "take" else roles.remove(stored.owner, "clerk"))

    assert not (await again(stored, key)).may("runs:read", "x")
    assert await roles.of(stored.owner, "bot") == ()


async def test_a_new_role_of_an_old_name_is_not_what_old_members_have(stored: World) -> None:
    _, key = await stored.agent("bot")
    roles = stored.identity.roles
    await roles.add(stored.owner, "clerk", READ_ALL)
    await roles.give(stored.owner, "bot", "clerk")
    await roles.remove(stored.owner, "clerk")

    await roles.add(stored.owner, "clerk", [("*", "*")])

    assert not (await again(stored, key)).may("runs:read", "x")


async def test_nobody_gives_what_they_do_not_hold(stored: World) -> None:
    roles = stored.identity.roles
    manager, _ = await stored.agent("manager")
    for scope in ("identity:manage", "roles:manage", "runs:read"):
        await stored.identity.grants.add(stored.owner, "manager", scope, "*")
    manager = await stored.identity.principal(manager.tenant, manager.id)
    await roles.add(stored.owner, "mighty", [("hosts:call", "*")])

    attempts: list[Any] = [
        roles.add(manager, "own", [("hosts:call", "x")]),
        roles.update(manager, "mighty", rules=[("credentials:use", "*")]),
        roles.give(manager, "manager", "mighty"),
        roles.give(manager, "manager", "owner"),
        roles.give(manager, "manager", "admin"),
    ]
    for attempt in attempts:
        with pytest.raises(NotHeld):
            await attempt
    await roles.add(manager, "own", READ_ALL)
    await roles.give(manager, "manager", "own")


async def test_a_key_of_somebody_with_a_mighty_role_is_as_mighty(stored: World) -> None:
    await stored.agent("boss")
    await stored.identity.roles.give(stored.owner, "boss", "owner")
    manager, _ = await stored.agent("manager", preset="operator")
    with pytest.raises(NotHeld):
        await stored.identity.keys.issue(manager, "boss")
    await stored.identity.agents.disable(stored.owner, "boss")
    with pytest.raises(NotHeld):
        await stored.identity.agents.enable(manager, "boss")


async def test_who_may_not_is_refused_and_that_is_recorded(stored: World) -> None:
    bot, _ = await stored.agent("bot", preset="reader")
    roles = stored.identity.roles
    attempts: list[Any] = [
        roles.add(bot, "own", READ_ALL),
        roles.list(bot),
        roles.show(bot, "viewer"),
        roles.update(bot, "viewer", description="x"),
        roles.remove(bot, "viewer"),
        roles.members(bot),
        roles.of(bot, "bot"),
        roles.give(bot, "bot", "viewer"),
        roles.take(bot, "bot", "viewer"),
    ]
    for attempt in attempts:
        with pytest.raises(Refused):
            await attempt
    refused = [act for act in await stored.acts() if act.decision == "refused"]
    assert len(refused) == len(attempts)


async def test_roles_of_another_tenant_are_not_there(stored: World) -> None:
    roles = stored.identity.roles
    await roles.add(stored.owner, "clerk", READ_ALL)
    await stored.agent("bot")
    other = await stored.other_owner()
    for attempt in (roles.show(other, "clerk"), roles.give(other, "admin", "clerk")):
        with pytest.raises(RoleNotFound):
            await attempt
    with pytest.raises(AgentNotFound):
        await roles.give(other, "bot", "viewer")
    assert (await roles.list(other)).items == ()
    assert (await roles.members(other)).items == ()
    await roles.add(other, "clerk", READ_ALL)
    await roles.remove(other, "clerk")
    assert (await roles.show(stored.owner, "clerk")).rules


async def test_mistakes_are_named(stored: World) -> None:
    roles = stored.identity.roles
    await roles.add(stored.owner, "clerk", READ_ALL)
    await stored.agent("bot")
    mistakes: list[tuple[type[Exception], Any]] = [
        (RoleExists, roles.add(stored.owner, "clerk", READ_ALL)),
        (BuiltInRole, roles.add(stored.owner, "viewer", READ_ALL)),
        (BuiltInRole, roles.update(stored.owner, "owner", description="x")),
        (BuiltInRole, roles.remove(stored.owner, "admin")),
        (UnknownScope, roles.add(stored.owner, "new", [("runs:raed", "*")])),
        (TooManyRules, roles.add(stored.owner, "new", [])),
        (RoleNotFound, roles.remove(stored.owner, "none")),
        (RoleNotFound, roles.give(stored.owner, "bot", "none")),
        (RoleNotFound, roles.take(stored.owner, "bot", "clerk")),
    ]
    for kind, attempt in mistakes:
        with pytest.raises(kind):
            await attempt


async def test_a_role_has_so_many_rules_and_not_one_more(world: World) -> None:
    roles = world.identity.roles
    rules = [("runs:read", str(number)) for number in range(MAX_RULES)]
    assert len((await roles.add(world.owner, "full", rules)).rules) == MAX_RULES
    with pytest.raises(TooManyRules):
        await roles.add(world.owner, "over", [*rules, ("runs:read", "*")])


async def test_to_give_a_role_twice_is_to_give_it_once(stored: World) -> None:
    await stored.agent("bot")
    for _ in range(2):
        await stored.identity.roles.give(stored.owner, "bot", "viewer")
    assert await stored.identity.roles.of(stored.owner, "bot") == ("viewer",)


def test_built_in_roles_name_only_scopes_that_there_are() -> None:
    scopes = {rule.scope for rules in BUILT_IN.values() for rule in rules}
    assert scopes <= {*SCOPES, "*"}
    assert BUILT_IN.keys() == DESCRIPTIONS.keys()


async def test_an_explanation_says_where_the_rule_comes_from(stored: World) -> None:
    await stored.agent("bot")
    granted = await stored.identity.grants.add(stored.owner, "bot", "tools:call", "a*")
    await stored.identity.roles.give(stored.owner, "bot", "viewer")
    explain = stored.identity.grants.explain

    by_grant = await explain(stored.owner, "bot", "tools:call", "abc")
    by_role = await explain(stored.owner, "bot", "queue:read", "*")
    near = await explain(stored.owner, "bot", "tools:call", "b")
    nothing = await explain(stored.owner, "bot", "hosts:call", "b")

    assert (by_grant.allowed, by_grant.origin) == (True, granted.id)
    assert (by_role.allowed, by_role.origin) == (True, "role:viewer")
    assert (near.allowed, near.nearest, near.origin) == (False, granted.rule, granted.id)
    assert (nothing.allowed, nothing.nearest, nothing.origin) == (False, None, "")


@pytest.mark.parametrize("quota", ["max_agents", "max_keys", "max_roles"])
async def test_a_tenant_has_as_many_as_its_quota_and_not_one_more(stored: World, quota: str) -> None:
    other = await stored.other_owner()  # who has one agent and one key
    await stored.identity.tenants.update(stored.owner, "other", limits={quota: 3})
    adds: dict[str, Callable[[int], Awaitable[Any]]] = {
        "max_agents": lambda number: stored.identity.agents.add(other, AgentDraft(f"a{number}")),
        "max_keys": lambda _: stored.identity.keys.issue(other, "admin"),
        "max_roles": lambda number: stored.identity.roles.add(other, f"r{number}", READ_ALL),
    }
    add = adds[quota]
    for number in range(3 if quota == "max_roles" else 2):
        await add(number)
    with pytest.raises(QuotaExceeded):
        await add(9)
    await stored.identity.agents.add(stored.owner, AgentDraft("elsewhere"))  # whose quota it is not


async def test_a_quota_is_not_exceeded_by_many_at_once(stored: World) -> None:
    other = await stored.other_owner()
    await stored.identity.tenants.update(stored.owner, "other", limits={"max_agents": 3})
    attempts = [stored.identity.agents.add(other, AgentDraft(f"a{number}")) for number in range(6)]
    outcomes = await asyncio.gather(*attempts, return_exceptions=True)
    assert sum(isinstance(outcome, QuotaExceeded) for outcome in outcomes) == 4
    assert len((await stored.identity.agents.list(other)).items) == 3


async def test_a_revoked_key_counts_no_more(stored: World) -> None:
    other = await stored.other_owner()
    await stored.identity.tenants.update(stored.owner, "other", limits={"max_keys": 2})
    issued = await stored.identity.keys.issue(other, "admin")
    await stored.identity.keys.revoke(other, "admin", issued.key.id)
    await stored.identity.keys.issue(other, "admin")


async def test_quotas_are_the_operators_and_no_limits_of_agents(stored: World) -> None:
    other = await stored.other_owner()
    with pytest.raises(Refused):
        await stored.identity.tenants.update(other, "other", limits={"max_agents": 100})
    with pytest.raises(UnknownLimit):
        await stored.identity.agents.add(stored.owner, AgentDraft("bot", limits={"max_agents": 1}))
    with pytest.raises(InvalidLimit):
        await stored.identity.tenants.update(stored.owner, "other", limits={"max_agents": 0})
    await stored.identity.tenants.update(stored.owner, "default", limits={"max_agents": 50, "runs": 2})
    bot, _ = await stored.agent("bot")
    assert bot.limits == {"runs": 2}
