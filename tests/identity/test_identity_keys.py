import logging
import re
from datetime import timedelta

import pytest

from identity.identity_world import World, memory_world
from muelle.core import redact
from muelle.identity import (
    AgentDraft,
    AuditFilter,
    DisabledAgent,
    ExpiredKey,
    IdentitySettings,
    InvalidKey,
    RevokedKey,
)

OPENING = AuditFilter(action="keys.authenticate")
MICROSECOND = timedelta(microseconds=1)


def altered(key: str) -> str:
    return key[:-1] + ("A" if key[-1] != "A" else "B")


def of_nobody(key: str) -> str:
    return f"mk_{'0' * 32}_{key[36:]}"


async def refusal(world: World, key: str) -> InvalidKey:
    with pytest.raises(InvalidKey) as refused:
        await world.identity.authenticate(key, "request_1")
    return refused.value


async def test_a_key_has_a_public_id_and_256_bits_of_secret(world: World) -> None:
    assert re.fullmatch(r"mk_[0-9a-f]{32}_[A-Za-z0-9_-]{43}", world.owner_key)
    _, another = await world.agent("bot")
    assert another[36:] != world.owner_key[36:]


async def test_a_key_opens_and_is_recalled_without_the_database(world: World) -> None:
    fresh = world.another_process()
    assert fresh.recall(world.owner_key) is None
    principal = await fresh.authenticate(world.owner_key)
    assert principal.name == "admin"
    assert fresh.recall(world.owner_key) is principal


@pytest.mark.parametrize("text", ["", "mk_", "mk_short_x", "Bearer x", "ключ", "\ud800", "mk_" + "0" * 32, "x" * 9000])
async def test_what_is_no_key_opens_nothing(world: World, text: str) -> None:
    assert world.identity.recall(text) is None
    assert (await refusal(world, text)).code == "invalid_key"


async def test_an_unknown_id_and_a_wrong_secret_cannot_be_told_apart(world: World) -> None:
    unknown = await refusal(world, of_nobody(world.owner_key))
    wrong = await refusal(world, altered(world.owner_key))
    assert type(unknown) is type(wrong) is InvalidKey
    assert unknown.problem() == wrong.problem()


async def test_a_key_opens_until_the_moment_it_expires(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("bot"))
    expires = world.clock.now() + timedelta(seconds=10)
    issued = await world.identity.keys.issue(world.owner, "bot", expires=expires)
    key = issued.text.reveal()
    await world.identity.authenticate(key)

    world.clock.forward(seconds=9.999999)
    assert world.clock.now() == expires - MICROSECOND
    assert world.identity.recall(key) is not None
    world.clock.forward(seconds=0.000001)
    assert world.identity.recall(key) is None
    assert isinstance(await refusal(world, key), ExpiredKey)


async def test_a_key_that_is_not_cached_expires_as_well(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("bot"))
    expires = world.clock.now() + timedelta(seconds=10)
    issued = await world.identity.keys.issue(world.owner, "bot", expires=expires)
    world.clock.forward(seconds=9.999999)
    await world.another_process().authenticate(issued.text.reveal())
    world.clock.forward(seconds=0.000001)
    with pytest.raises(ExpiredKey):
        await world.another_process().authenticate(issued.text.reveal())


async def test_a_revoked_key_opens_nothing_at_once(world: World) -> None:
    principal, key = await world.agent("bot")
    assert principal.key is not None
    await world.identity.keys.revoke(world.owner, "bot", principal.key)
    assert world.identity.recall(key) is None
    assert isinstance(await refusal(world, key), RevokedKey)


async def test_a_disabled_agents_keys_open_nothing_until_it_is_enabled(world: World) -> None:
    _, key = await world.agent("bot")
    await world.identity.agents.disable(world.owner, "bot")
    assert isinstance(await refusal(world, key), DisabledAgent)
    await world.identity.agents.enable(world.owner, "bot")
    assert (await world.identity.authenticate(key)).name == "bot"


@pytest.mark.parametrize("error", [ExpiredKey, RevokedKey, DisabledAgent])
def test_whoever_shows_a_bad_key_learns_only_that_it_is_invalid(error: type[InvalidKey]) -> None:
    assert error().problem() == InvalidKey().problem()
    assert error().message == InvalidKey().message
    assert str(error()) == str(InvalidKey())
    assert error.status == 401
    assert InvalidKey().problem()["code"] == "invalid_key"


async def test_the_record_has_the_cause_and_the_principal(world: World) -> None:
    principal, key = await world.agent("bot")
    assert principal.key is not None
    await world.identity.keys.revoke(world.owner, "bot", principal.key)
    await refusal(world, key)
    (act,) = await world.acts(OPENING)
    assert (act.principal, act.decision, act.detail) == (principal.id, "refused", "revoked_key")
    assert (act.resource, act.request, act.at) == (principal.key, "request_1", world.clock.now())


async def test_a_strangers_act_is_in_the_default_tenants_record(world: World) -> None:
    await refusal(world, "mk_nonsense")
    (act,) = await world.acts(OPENING)
    assert (act.principal, act.tenant, act.action, act.detail) == (None, "default", "keys.authenticate", "invalid_key")
    assert act.resource == ""


async def test_a_key_is_in_no_repr_log_or_record(world: World, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await world.identity.agents.add(world.owner, AgentDraft("bot"))
    issued = await world.identity.keys.issue(world.owner, "bot")
    key = issued.text.reveal()
    principal = await world.identity.authenticate(key)
    error = await refusal(world, altered(key))
    seen = repr([issued, principal, error, error.problem(), world.identity, await world.acts(), caplog.text])
    assert key not in seen
    assert key[36:-4] not in seen
    assert issued.key.hint == key[-4:]


async def test_a_key_that_is_named_as_a_resource_does_not_reach_the_record(world: World) -> None:
    stranger, _ = await world.agent("bot")
    with pytest.raises(Exception, match="No grant"):
        await world.identity.agents.show(stranger, world.owner_key)
    assert world.owner_key[36:] not in repr(await world.acts())
    assert redact(world.owner_key) == "***"


async def test_strangers_cannot_fill_the_record() -> None:
    world = await memory_world(IdentitySettings(strangers_per_minute=3))
    for _ in range(5):
        await refusal(world, "nonsense")
    assert len(await world.acts(OPENING)) == 3
    world.clock.forward(seconds=59.9)
    await refusal(world, "nonsense")
    assert len(await world.acts(OPENING)) == 3
    world.clock.forward(seconds=0.1)
    await refusal(world, "nonsense")
    assert (await world.acts())[0].detail == "invalid_key; 3 more before it were not recorded"


async def test_a_flood_of_strangers_hides_no_revoked_key() -> None:
    world = await memory_world(IdentitySettings(strangers_per_minute=1))
    principal, key = await world.agent("bot")
    assert principal.key is not None
    await world.identity.keys.revoke(world.owner, "bot", principal.key)
    for _ in range(3):
        await refusal(world, "nonsense")
    await refusal(world, key)
    assert sorted(act.detail for act in await world.acts(OPENING)) == ["invalid_key", "revoked_key"]


async def test_keys_are_remembered_up_to_the_limit_and_no_further() -> None:
    world = await memory_world(IdentitySettings(cache_keys=2))
    _, second = await world.agent("second")
    _, third = await world.agent("third")
    for key in (world.owner_key, second):
        await world.identity.authenticate(key)
    assert world.identity.recall(world.owner_key)  # so the second is the least recently used
    await world.identity.authenticate(third)
    known = [world.identity.recall(key) is not None for key in (world.owner_key, second, third)]
    assert known == [True, False, True]


async def test_refused_keys_are_not_remembered(world: World) -> None:
    before = len(world.identity._cache)
    for _ in range(10):
        await refusal(world, altered(world.owner_key))
    assert len(world.identity._cache) == before


async def test_a_key_is_read_again_after_the_time_that_the_settings_give(world: World) -> None:
    await world.identity.authenticate(world.owner_key)
    world.clock.forward(seconds=59.999999)
    assert world.identity.recall(world.owner_key) is not None
    world.clock.forward(seconds=0.000001)
    assert world.identity.recall(world.owner_key) is None


async def test_a_principal_acts_on_without_a_key_unless_disabled(world: World) -> None:
    bot, _ = await world.agent("bot", "runner")
    again = await world.identity.principal(bot.tenant, bot.id)
    assert again.may("workflows:run", "any")
    assert again.key is None
    await world.identity.agents.disable(world.owner, "bot")
    with pytest.raises(DisabledAgent):
        await world.identity.principal(bot.tenant, bot.id)
