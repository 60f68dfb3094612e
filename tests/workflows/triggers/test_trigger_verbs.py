"""The verbs on triggers: who may, as whom it runs, what is refused, and that all of it is on record."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from msgspec.structs import replace

from muelle.core import Forbidden, Invalid, Secret
from muelle.identity import Principal, Refused
from muelle.workflows.triggers import TriggersSettings
from muelle.workflows.triggers.clerk import NotYours
from muelle.workflows.triggers.errors import (
    DeliveryNotFound,
    InvalidPage,
    InvalidTrigger,
    TooManyTriggers,
    TriggerExists,
    TriggerNotFound,
)
from muelle.workflows.triggers.model import LONGEST_OVERLAP, Challenge, TriggerDraft, Webhook
from muelle.workflows.triggers.pattern import EventPattern
from muelle.workflows.triggers.schemes import GenericScheme, GithubScheme
from workflows.triggers.trigger_world import DRAFT, HOOK, ORDERS, World, open_world

WRITES: dict[str, Callable[[World, Principal], Awaitable[Any]]] = {
    "triggers.add": lambda world, actor: world.triggers.add(actor, replace(DRAFT, name="orders")),
    "triggers.update": lambda world, actor: world.triggers.update(actor, "orders", DRAFT),
    "triggers.enable": lambda world, actor: world.triggers.enable(actor, "orders"),
    "triggers.disable": lambda world, actor: world.triggers.disable(actor, "orders"),
    "triggers.remove": lambda world, actor: world.triggers.remove(actor, "orders"),
    "triggers.rotate": lambda world, actor: world.triggers.rotate(actor, "orders", 60),
    "triggers.replay": lambda world, actor: world.triggers.replay(actor, "orders", "delivery_1"),
}
READS: list[Callable[[World, Principal], Awaitable[Any]]] = [
    lambda world, actor: world.triggers.show(actor, "orders"),
    lambda world, actor: world.triggers.test(actor, "orders", {}),
    lambda world, actor: world.triggers.deliveries(actor, "orders"),
]


@pytest.mark.parametrize("action", WRITES)
async def test_who_may_not_write_is_refused_and_that_is_recorded(world: World, action: str) -> None:
    await world.add()
    reader = await world.agent(("triggers:read", "*"), ("workflows:run", "*"))

    with pytest.raises(Refused):
        await WRITES[action](world, reader)

    acts = [(act.decision, act.principal, act.resource) for act in await world.acts(action)]
    assert ("refused", reader.id, "orders") in acts


@pytest.mark.parametrize("verb", READS)
async def test_who_may_not_see_a_trigger_finds_none(
    world: World, verb: Callable[[World, Principal], Awaitable[Any]]
) -> None:
    await world.add()
    agent = await world.agent(("triggers:read", "mail-*"))

    with pytest.raises(TriggerNotFound):
        await verb(world, agent)
    assert (await world.triggers.list(agent)).items == ()


async def test_every_change_is_recorded(world: World) -> None:
    await world.add_hook(name="orders")
    await world.triggers.rotate(world.owner, "orders", 60)
    await world.triggers.disable(world.owner, "orders")
    await world.triggers.enable(world.owner, "orders")
    await world.triggers.update(world.owner, "orders", replace(HOOK, name="orders"))
    await world.triggers.remove(world.owner, "orders")

    for action in WRITES.keys() - {"triggers.replay"}:
        assert [(act.decision, act.resource) for act in await world.acts(action)] == [("allowed", "orders")], action


async def test_a_trigger_needs_the_right_to_run_its_workflow(world: World) -> None:
    agent = await world.agent(("triggers:write", "*"), ("workflows:run", "mail"))

    with pytest.raises(Refused) as caught:
        await world.triggers.add(agent, DRAFT)

    assert caught.value.facts == {"scope": "workflows:run", "resource": "bill"}
    assert (await world.triggers.add(agent, replace(DRAFT, workflow="mail")))[0].runs_as == "bot"


async def test_a_trigger_may_run_as_an_agent_that_holds_less(world: World) -> None:
    bot = await world.agent(("workflows:run", "bill"))

    trigger = await world.add(principal="bot")
    await world.consumer([world.event()])

    assert (trigger.principal, trigger.runs_as) == (bot.id, "bot")
    assert [job.principal for job in world.engine.jobs] == [bot.id]


async def test_nobody_lets_a_trigger_run_as_who_holds_more(world: World) -> None:
    mine = [("triggers:write", "*"), ("workflows:run", "*"), ("identity:manage", "*")]
    agent = await world.agent(*mine)
    await world.agent(("workflows:run", "bill"), ("apis:call", "crm *"), name="strong")

    for name in ("strong", "admin"):
        with pytest.raises(NotYours):
            await world.triggers.add(agent, replace(DRAFT, principal=name))

    assert [act.decision for act in await world.acts("triggers.add")] == ["refused"] * 2


async def test_without_the_right_to_manage_an_agent_no_trigger_runs_as_it(world: World) -> None:
    agent = await world.agent(("triggers:write", "*"), ("workflows:run", "*"))
    await world.agent(("workflows:run", "bill"), name="weak")

    with pytest.raises(Refused):
        await world.triggers.add(agent, replace(DRAFT, principal="weak"))


@pytest.mark.parametrize("action", ["triggers.update", "triggers.enable", "triggers.replay"])
async def test_who_holds_less_than_a_triggers_principal_cannot_change_what_it_runs(world: World, action: str) -> None:
    await world.add()
    agent = await world.agent(("triggers:write", "*"), ("workflows:run", "*"))

    with pytest.raises(Forbidden):
        await WRITES[action](world, agent)
    assert (await world.triggers.disable(agent, "orders")).enabled is False


async def test_who_holds_less_may_not_make_a_secret_for_it(world: World) -> None:
    await world.add_hook()
    agent = await world.agent(("triggers:write", "*"), ("workflows:run", "*"))

    with pytest.raises(NotYours):
        await world.triggers.rotate(agent, "door", 60)


async def test_who_holds_as_much_but_may_not_manage_its_principal_cannot_enable_it(world: World) -> None:
    await world.agent(("workflows:run", "bill"))
    await world.add(principal="bot")
    peer = await world.agent(("triggers:write", "*"), ("workflows:run", "bill"), name="peer")

    with pytest.raises(NotYours) as caught:
        await world.triggers.enable(peer, "orders")

    assert caught.value.facts == {"scope": "identity:manage", "resource": "bot"}


async def test_who_holds_less_may_take_a_trigger_over_as_itself(world: World) -> None:
    await world.add()
    agent = await world.agent(("triggers:write", "*"), ("workflows:run", "*"))

    changed = await world.triggers.update(agent, "orders", replace(DRAFT, principal="bot"))

    assert changed.principal == agent.id


async def test_a_disabled_agent_is_nobody_to_run_as(world: World) -> None:
    await world.agent(("workflows:run", "bill"))
    await world.identity.agents.disable(world.owner, "bot")

    with pytest.raises(InvalidTrigger) as caught:
        await world.add(principal="bot")
    assert caught.value.facts["field"] == "/principal"


async def test_another_tenant_has_its_own_triggers(world: World) -> None:
    await world.add()
    added = await world.identity.tenants.add(world.owner, "other")
    neighbour = await world.identity.authenticate(added.key.text.reveal())

    await world.triggers.add(neighbour, DRAFT)
    await world.triggers.remove(neighbour, "orders")

    assert [each.name for each in (await world.triggers.list(world.owner)).items] == ["orders"]


async def test_names_are_unique_also_after_a_change(world: World) -> None:
    await world.add()
    await world.add(name="second")

    with pytest.raises(TriggerExists):
        await world.add()
    with pytest.raises(TriggerExists):
        await world.triggers.update(world.owner, "second", DRAFT)


async def test_a_tenant_has_as_many_triggers_as_it_may_and_no_more() -> None:
    async with open_world(TriggersSettings(most=2)) as world:
        await world.add(name="a")
        await world.add(name="b")
        with pytest.raises(TooManyTriggers):
            await world.add(name="c")


async def test_a_list_comes_in_pages_by_name(world: World) -> None:
    for name in "cab":
        await world.add(name=name)

    first = await world.triggers.list(world.owner, 2)
    second = await world.triggers.list(world.owner, 2, first.next)

    assert [each.name for each in (*first.items, *second.items)] == ["a", "b", "c"]
    assert second.next is None


@pytest.mark.parametrize(("limit", "is_taken"), [(1, True), (500, True), (0, False), (501, False)])
async def test_a_page_has_1_to_500_items(world: World, limit: int, *, is_taken: bool) -> None:
    await world.add()
    for verb in (world.triggers.list(world.owner, limit), world.triggers.deliveries(world.owner, "orders", limit)):
        if is_taken:
            await verb
        else:
            with pytest.raises(InvalidPage):
                await verb


async def test_deliveries_come_in_pages_newest_first(world: World) -> None:
    await world.add()
    await world.consumer([world.event(number) for number in range(3)])

    first = await world.triggers.deliveries(world.owner, "orders", 2)
    second = await world.triggers.deliveries(world.owner, "orders", 2, first.next)

    events = [each.event for each in (*first.items, *second.items)]
    assert sorted(events) == ["event_0", "event_1", "event_2"]
    assert second.next is None


async def test_a_trial_tells_what_would_happen_and_does_nothing(world: World) -> None:
    pattern = EventPattern(type="order.*", data={"total": {"numeric": [">", 9]}})
    await world.add(pattern=pattern, inputs={"total": "/event/data/total", "who": "/event/data/who"})

    tried = [
        await world.triggers.test(world.owner, "orders", {"type": "order.new", "data": data})
        for data in ({"total": 10, "who": "me"}, {"total": 9}, {"total": 10})
    ]

    assert (tried[0].matches, tried[0].inputs) == (True, {"total": 10, "who": "me"})
    assert (tried[1].matches, tried[1].unmet) == (False, "/data/total")
    assert tried[2].error is not None
    assert tried[2].error["code"] == "missing_data"
    assert world.engine.jobs == []
    assert await world.deliveries() == ()


@pytest.mark.parametrize(
    ("parts", "field"),
    [
        ({"name": "no spaces please"}, "name"),
        ({"name": "trigger_1"}, "/name"),
        ({"workflow": "a/b"}, "workflow"),
        ({"queue": ""}, "queue"),
        ({"version": ""}, "/version"),
        ({"version": "1\n"}, "/version"),
        ({"description": "x" * 1001}, "/description"),
        ({"description": "\0"}, "/description"),
        ({"priority": 0}, "/priority"),
        ({"priority": 6}, "/priority"),
        ({"concurrency": -1}, "/concurrency"),
        ({"concurrency": 10_001}, "/concurrency"),
        ({"pattern": EventPattern()}, "/pattern/type"),
        ({"pattern": EventPattern(type="a", data={"x": {"numeric": []}})}, "/pattern/data/x/numeric"),
        ({"inputs": {"a": "/event//b"}}, "/inputs/a"),
        ({"webhook": Webhook()}, "/webhook"),
        ({"kind": "webhook"}, "/webhook"),
        ({"kind": "webhook", "webhook": Webhook(addresses=("10.0.0.1/8",))}, "/webhook/addresses/0"),
        ({"kind": "webhook", "webhook": Webhook(challenge=Challenge(path="a//b"))}, "/webhook/challenge/path"),
        (
            {"kind": "webhook", "webhook": Webhook(scheme=GenericScheme(header="X", content="{body}{body}"))},
            "/webhook/scheme/content",
        ),
        (
            {"kind": "webhook", "webhook": Webhook(scheme=GenericScheme(header="X", timestamp_header="T"))},
            "/webhook/scheme/content",
        ),
    ],
)
async def test_what_is_wrong_with_a_trigger_is_named(world: World, parts: dict[str, Any], field: str) -> None:
    with pytest.raises(Invalid) as caught:
        await world.add(**parts)
    assert caught.value.facts["field"] == field


async def test_bounds_are_taken_at_their_ends(world: World) -> None:
    edges: list[dict[str, Any]] = [
        {"priority": 1, "concurrency": 0, "description": "x" * 1000},
        {"priority": 5, "concurrency": 10_000, "version": "x" * 100},
    ]
    for number, parts in enumerate(edges):
        await world.add(name=f"t{number}", **parts)


@pytest.mark.parametrize(
    ("scheme", "secret", "is_taken"),
    [
        (Webhook(), "whsec_" + "A" * 32, True),  # 24 bytes
        (Webhook(), "whsec_" + "A" * 28, False),
        (Webhook(), "whsec_" + "A" * 84 + "AA==", True),  # 64 bytes
        (Webhook(), "whsec_" + "A" * 88, False),
        (Webhook(), "A" * 40, False),
        (Webhook(scheme=GithubScheme()), "x" * 16, True),
        (Webhook(scheme=GithubScheme()), "x" * 15, False),
        (Webhook(scheme=GithubScheme()), "x" * 500, True),
        (Webhook(scheme=GithubScheme()), "x" * 501, False),
    ],
)
async def test_a_secret_is_one_that_the_scheme_takes(
    world: World, scheme: Webhook, secret: str, *, is_taken: bool
) -> None:
    draft = replace(HOOK, webhook=scheme)
    if is_taken:
        assert (await world.triggers.add(world.owner, draft, Secret(secret)))[1] is None
    else:
        with pytest.raises(InvalidTrigger) as caught:
            await world.triggers.add(world.owner, draft, Secret(secret))
        assert secret not in str(caught.value.problem())


@pytest.mark.parametrize(("overlap", "is_taken"), [(LONGEST_OVERLAP, True), (LONGEST_OVERLAP + 1, False), (-1, False)])
async def test_a_secret_ends_within_a_week(world: World, overlap: float, *, is_taken: bool) -> None:
    await world.add_hook()
    if is_taken:
        await world.triggers.rotate(world.owner, "door", overlap)
    else:
        with pytest.raises(InvalidTrigger):
            await world.triggers.rotate(world.owner, "door", overlap)


async def test_only_webhooks_have_a_secret(world: World) -> None:
    await world.add()
    with pytest.raises(InvalidTrigger):
        await world.triggers.rotate(world.owner, "orders", 0)


@pytest.mark.parametrize(
    "draft", [replace(HOOK, name="orders"), TriggerDraft(name="orders", workflow="w", pattern=ORDERS)]
)
async def test_neither_kind_nor_scheme_of_a_trigger_changes(world: World, draft: TriggerDraft) -> None:
    await world.add_hook(name="orders", webhook=Webhook(scheme=GithubScheme()))
    with pytest.raises(InvalidTrigger):
        await world.triggers.update(world.owner, "orders", draft)


async def test_only_dead_letters_can_be_sent_again(world: World) -> None:
    await world.add()
    await world.consumer([world.event()])
    [delivery] = await world.deliveries()

    for named in (delivery.id, "delivery_0"):
        with pytest.raises(DeliveryNotFound):
            await world.triggers.replay(world.owner, "orders", named)


async def test_what_is_removed_leaves_nothing_behind(world: World) -> None:
    trigger, secret = await world.add_hook()
    await world.call(trigger, world.signed(secret, b"{}"), b"{}")

    await world.triggers.remove(world.owner, "door")

    for table in ("triggers", "trigger_deliveries", "trigger_receipts"):
        assert await world.database.fetch(f"SELECT * FROM {table}") == []  # noqa: S608 - three tables
    assert await world.vault.get(trigger.tenant, f"trigger.{trigger.id}.1") is None
