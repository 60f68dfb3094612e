"""What every store of identities and every audit record does, the memory twins included."""

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from identity.identity_world import World
from muelle.core import AuditId, KeyId, PrincipalId, TenantId
from muelle.identity import Act, Agent, AgentDraft, AuditFilter, Grant, Key, Tenant
from muelle.identity.audit import Acts
from muelle.identity.changes import AgentAdded, Where
from muelle.identity.errors import AgentExists, GrantExists, InvalidCursor, TenantExists

ANY = AuditFilter()


def act(world: World, number: int, **parts: object) -> Act:
    values: dict[str, object] = {
        "id": AuditId(f"audit_{number:032x}"),
        "tenant": TenantId("elsewhere"),
        "principal": PrincipalId("agent_1"),
        "action": "runs.start",
        "resource": "workflow",
        "decision": "allowed",
        "at": world.clock.now() + timedelta(microseconds=number // 2),
        **parts,
    }
    return Act(**values)  # type: ignore[arg-type]  # the parts are given by name and checked by what is read back


async def test_what_is_written_is_read_back(stored: World) -> None:
    agent = await stored.identity.agents.add(
        stored.owner, AgentDraft("bot", description="línea\n星", kind="service", limits={"operations": 10, "runs": 0.5})
    )
    assert await stored.identity.agents.show(stored.owner, "bot") == agent
    expires = stored.clock.now() + timedelta(days=1, microseconds=1)
    issued = await stored.identity.keys.issue(stored.owner, "bot", expires=expires)
    assert (await stored.identity.keys.list(stored.owner, "bot")).items == (issued.key,)
    grant = await stored.identity.grants.add(stored.owner, "bot", "tools:call", "a*ñ")
    assert (await stored.identity.grants.list(stored.owner, "bot")).items == (grant,)
    added = await stored.identity.tenants.add(stored.owner, "other", name="Other & Co", addresses=["10.0.0.0/8"])
    assert await stored.identity.tenants.show(stored.owner, "other") == added.tenant


async def test_a_lookup_joins_key_agent_and_tenant(stored: World) -> None:
    bot, _ = await stored.agent("bot")
    assert bot.key is not None
    on_file = await stored.store.lookup(bot.key)
    assert on_file is not None
    assert (on_file.key.id, on_file.agent.name, on_file.tenant.id) == (bot.key, "bot", "default")
    assert len(on_file.digest) == 32
    assert await stored.store.lookup(KeyId("key_0")) is None


async def test_a_change_leaves_alone_what_it_does_not_name(stored: World) -> None:
    agent = await stored.identity.agents.add(
        stored.owner, AgentDraft("bot", description="old", limits={"operations": 1})
    )
    changed = await stored.identity.agents.update(stored.owner, "bot", description="new")
    assert (changed.description, changed.limits, changed.id) == ("new", agent.limits, agent.id)
    cleared = await stored.identity.agents.update(stored.owner, "bot", limits={})
    assert (cleared.description, cleared.limits) == ("new", {})
    tenant = await stored.identity.tenants.update(stored.owner, "default", addresses=["10.0.0.0/8"])
    assert (tenant.name, tenant.limits, tenant.addresses) == ("default", {}, ("10.0.0.0/8",))


async def test_names_are_unique_in_a_tenant_but_not_beyond(stored: World) -> None:
    await stored.identity.agents.add(stored.owner, AgentDraft("bot", preset="reader"))
    other = await stored.other_owner()
    await stored.identity.agents.add(other, AgentDraft("bot"))
    with pytest.raises(AgentExists):
        await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    with pytest.raises(TenantExists):
        await stored.identity.tenants.add(stored.owner, "other")
    with pytest.raises(GrantExists):
        await stored.identity.grants.add(stored.owner, "bot", "runs:read", "*")


async def test_of_two_who_add_the_same_name_at_once_one_wins(stored: World) -> None:
    processes = [stored.another_process() for _ in range(4)]
    outcomes = await asyncio.gather(
        *(process.agents.add(stored.owner, AgentDraft("bot")) for process in processes), return_exceptions=True
    )
    assert Counter(map(type, outcomes)) == {Agent: 1, AgentExists: 3}


async def test_a_write_that_fails_leaves_nothing_behind(stored: World) -> None:
    before = await stored.store.epoch(), await stored.acts()
    agent = await stored.identity.agents.show(stored.owner, "admin")
    fresh = Agent(
        id=PrincipalId("agent_1"),
        tenant=agent.tenant,
        name="fresh",
        kind="agent",
        description="",
        created=agent.created,
    )
    with pytest.raises(AgentExists):
        await stored.store.write([AgentAdded(fresh), AgentAdded(agent)], act(stored, 1))
    assert await stored.store.find(Agent, Where(tenant=agent.tenant, name="fresh")) == []
    assert (await stored.store.epoch(), await stored.acts()) == before


async def test_a_revoked_key_keeps_the_time_of_its_first_revocation(stored: World) -> None:
    bot, _ = await stored.agent("bot")
    assert bot.key is not None
    await stored.identity.keys.revoke(stored.owner, "bot", bot.key)
    first = stored.clock.now()
    stored.clock.forward(seconds=1)
    await stored.identity.keys.revoke(stored.owner, "bot", bot.key)
    (key,) = await stored.store.find(Key, Where(tenant=bot.tenant, principal=bot.id))
    assert key.revoked == first


async def test_a_key_of_another_agent_is_not_revoked(stored: World) -> None:
    bot, key = await stored.agent("bot")
    await stored.identity.agents.add(stored.owner, AgentDraft("other"))
    assert bot.key is not None
    with pytest.raises(Exception, match="no such key"):
        await stored.identity.keys.revoke(stored.owner, "other", bot.key)
    assert (await stored.identity.authenticate(key)).id == bot.id


async def test_a_revoked_grant_is_gone(stored: World) -> None:
    await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    grant = await stored.identity.grants.add(stored.owner, "bot", "tools:call", "x")
    await stored.identity.grants.revoke(stored.owner, "bot", grant.id)
    assert await stored.store.find(Grant, Where(tenant=grant.tenant, principal=grant.principal)) == []


async def test_pages_join_to_the_whole_list(stored: World) -> None:
    for number in range(5):
        stored.clock.forward(seconds=1)
        await stored.identity.agents.add(stored.owner, AgentDraft(f"bot-{number}"))
    names, cursor, pages = [], None, 0
    while pages == 0 or cursor:
        page = await stored.identity.agents.list(stored.owner, 3, cursor)
        names += [agent.name for agent in page.items]
        cursor, pages = page.next, pages + 1
    assert names == ["admin", *(f"bot-{number}" for number in range(5))]
    assert pages == 2


async def test_tenants_are_found_across_tenants_only_when_asked_so(stored: World) -> None:
    await stored.other_owner()
    everywhere = await stored.store.find(Tenant, Where(tenant=None, limit=10))
    assert [tenant.id for tenant in everywhere] == ["default", "other"]
    assert len(await stored.store.find(Tenant, Where(tenant=TenantId("other"), limit=10))) == 1


async def test_acts_are_read_newest_first_in_pages(stored: World) -> None:
    acts = [act(stored, number) for number in range(7)]  # pairs share their microsecond
    await stored.trail.record(acts[:4])
    await stored.trail.record(acts[4:])
    first = await stored.trail.page(TenantId("elsewhere"), ANY, 4)
    assert first.next is not None
    second = await stored.trail.page(TenantId("elsewhere"), ANY, 4, first.next)
    assert [*first.items, *second.items] == acts[::-1]
    assert second.next is None


async def test_an_act_recorded_twice_is_there_once(stored: World) -> None:
    await stored.trail.record([act(stored, 1)])
    await stored.trail.record([act(stored, 1), act(stored, 2)])
    assert len((await stored.trail.page(TenantId("elsewhere"), ANY)).items) == 2


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        (AuditFilter(principal=PrincipalId("agent_2")), [2]),
        (AuditFilter(action="runs.stop"), [4]),
        (AuditFilter(decision="refused"), [6]),
        (AuditFilter(principal=PrincipalId("agent_2"), decision="refused"), []),
    ],
)
async def test_acts_are_filtered(stored: World, where: AuditFilter, numbers: list[int]) -> None:
    await stored.trail.record(
        [
            act(stored, 0, principal=None),
            act(stored, 2, principal=PrincipalId("agent_2")),
            act(stored, 4, action="runs.stop"),
            act(stored, 6, decision="refused"),
        ]
    )
    found = await stored.trail.page(TenantId("elsewhere"), where)
    assert [int(item.id[6:], 16) for item in found.items] == numbers


async def test_since_is_included_and_until_is_not(stored: World) -> None:
    await stored.trail.record([act(stored, number) for number in (0, 2, 4, 6)])
    second, last = (act(stored, number).at for number in (2, 6))
    found = await stored.trail.page(TenantId("elsewhere"), AuditFilter(since=second, until=last))
    assert [int(item.id[6:], 16) for item in found.items] == [4, 2]


async def test_acts_of_another_tenant_are_not_read(stored: World) -> None:
    await stored.trail.record([act(stored, 1)])
    assert (await stored.trail.page(TenantId("nowhere"), ANY)).items == ()


async def test_an_act_loses_what_no_record_may_hold(stored: World) -> None:
    wild = act(stored, 1, resource="a\0\ud800" + "x" * 600, detail=f"key {stored.owner_key}", request="r" * 101)
    await stored.trail.record([wild])
    (kept,) = (await stored.trail.page(TenantId("elsewhere"), ANY)).items
    assert kept.resource == "a\ufffd?" + "x" * 497
    assert (kept.detail, kept.request) == ("key ***", "r" * 100)


STRANGE = ["", "x", "1.key_1", "-1.audit_1", "1.audit_\0", "9" * 19 + ".audit_1", "².audit_1"]


@pytest.mark.parametrize("cursor", STRANGE)
async def test_a_cursor_from_elsewhere_is_refused(stored: World, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        await stored.trail.page(TenantId("elsewhere"), ANY, 10, cursor)


@pytest.mark.parametrize("name", ["a\0b", "a\ud800"])
async def test_what_no_database_can_keep_is_not_there(stored: World, name: str) -> None:
    assert await stored.store.find(Agent, Where(tenant=stored.owner.tenant, name=name)) == []
    assert (await stored.trail.page(TenantId("elsewhere"), AuditFilter(action=name))).items == ()


async def test_a_change_and_its_act_are_one(stored: World) -> None:
    makes = Acts(stored.clock, stored.identity._registry.ids)
    refused = makes.refused(stored.owner, "agents.add", "bot")
    await stored.trail.record([refused])
    before = await stored.store.epoch()
    await stored.identity.agents.add(stored.owner, AgentDraft("bot"))
    assert await stored.store.epoch() == before + 1
    decisions = {item.decision for item in await stored.acts(AuditFilter(action="agents.add"))}
    assert decisions == {"allowed", "refused"}
