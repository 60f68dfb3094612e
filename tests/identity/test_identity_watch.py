import asyncio
from collections.abc import Awaitable, Callable

import pytest

from identity.identity_world import World
from muelle.core import KeyId, Unavailable
from muelle.identity import Identity, IdentitySettings, RevokedKey
from muelle.identity.changes import KeyOnFile


async def asleep(world: World) -> None:
    """Return when the watch has looked and waits for the clock."""
    while not world.clock.sleepers:  # noqa: ASYNC110 - a clock has no event for it
        await asyncio.sleep(0)


async def watched(world: World, identity: Identity, check: Callable[[], Awaitable[None]]) -> None:
    """Do `check` while `identity` watches."""
    watching = asyncio.create_task(identity.watch())
    await asleep(world)
    await check()
    watching.cancel()
    with pytest.raises(asyncio.CancelledError):
        await watching


async def test_a_key_revoked_by_another_process_is_refused_after_one_tick(stored: World) -> None:
    bot, key = await stored.agent("bot")
    server = stored.another_process()
    key_id = bot.key
    assert key_id is not None

    async def check() -> None:
        await server.authenticate(key)
        await stored.identity.keys.revoke(stored.owner, "bot", key_id)
        assert server.recall(key) is not None
        stored.clock.forward(seconds=0.5)
        await asleep(stored)
        assert server.recall(key) is None
        with pytest.raises(RevokedKey):
            await server.authenticate(key)

    await watched(stored, server, check)


async def test_a_grant_given_by_another_process_holds_after_one_tick(stored: World) -> None:
    _, key = await stored.agent("bot")
    server = stored.another_process()
    await server.authenticate(key)
    await server.refresh()
    await stored.identity.grants.add(stored.owner, "bot", "tools:call", "a*")
    await server.refresh()
    assert server.recall(key) is None
    assert (await server.authenticate(key)).may("tools:call", "ab")


async def test_what_is_cached_stays_while_nothing_changes(world: World) -> None:
    await world.identity.refresh()
    await world.identity.authenticate(world.owner_key)
    await world.identity.refresh()
    assert world.identity.recall(world.owner_key) is not None


class Unsteady:
    """A store whose epoch cannot be read."""

    def __init__(self, world: World) -> None:
        self.inner = world.store
        self.find = world.store.find
        self.lookup = world.store.lookup
        self.write = world.store.write
        self.is_down = False
        self.is_stuck = False

    async def epoch(self) -> int:
        if self.is_down:
            raise Unavailable
        if self.is_stuck:
            await asyncio.Event().wait()
        return await self.inner.epoch()


async def test_nothing_cached_is_believed_while_the_database_is_away(world: World) -> None:
    store = Unsteady(world)
    server = Identity(store, world.trail, world.clock)
    await server.refresh()
    await server.authenticate(world.owner_key)
    store.is_down = True
    await server.refresh()
    assert server.recall(world.owner_key) is None


async def test_nothing_cached_is_believed_while_the_database_does_not_answer(world: World) -> None:
    store = Unsteady(world)
    server = Identity(store, world.trail, world.clock, settings=IdentitySettings(watch_seconds=0.01))
    await server.refresh()
    await server.authenticate(world.owner_key)
    store.is_stuck = True
    await server.refresh()
    assert server.recall(world.owner_key) is None


async def test_an_outage_is_logged_once_and_its_end_believes_nothing_old(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    store = Unsteady(world)
    server = Identity(store, world.trail, world.clock)
    await server.refresh()
    store.is_down = True
    await server.refresh()
    await server.refresh()
    assert len(caplog.records) == 1
    await server.authenticate(world.owner_key)  # the lookup works again, and nobody knows since when
    store.is_down = False
    await server.refresh()
    assert server.recall(world.owner_key) is None


class Slow:
    """A store that answers a lookup with what was true before the other side changed it."""

    def __init__(self, world: World) -> None:
        self.inner = world.store
        self.find = world.store.find
        self.write = world.store.write
        self.epoch = world.store.epoch
        self.read = asyncio.Event()
        self.answer = asyncio.Event()

    async def lookup(self, key: KeyId) -> KeyOnFile | None:
        found = await self.inner.lookup(key)
        self.read.set()
        await self.answer.wait()
        return found


async def test_what_was_read_before_a_change_is_not_remembered_after_it(world: World) -> None:
    bot, key = await world.agent("bot")
    assert bot.key is not None
    store = Slow(world)
    server = Identity(store, world.trail, world.clock)
    await server.refresh()
    reading = asyncio.create_task(server.authenticate(key))
    await store.read.wait()
    await world.identity.keys.revoke(world.owner, "bot", bot.key)
    await server.refresh()
    store.answer.set()
    await reading
    assert server.recall(key) is None
