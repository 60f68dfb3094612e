"""Kept answers as a way to what one may not see, or to make others see what is wrong."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from egress.egress_world import LOCAL, OTHER, SECRET, World, agent, open_world, reply, world_with
from muelle.core import CredentialRef, Secret
from muelle.egress import Credential, CredentialDraft, CredentialId, EgressSettings
from muelle.egress.errors import AddressRefused, AnswerTooLarge, CallRefused, CredentialExpired, CredentialNotFound
from muelle.identity import Rule
from muelle.resilience import BreakerOpen, Caching, StoreSettings
from resilience.cache_world import settle

MINE = agent(name="mine")
KEY = {"authorization": CredentialRef("key")}
FRESH: dict[str, Any] = {"cache_seconds": 60}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened


def echo(seen: Any) -> bytes:
    """Answer with who asked."""
    return reply(200, str(sorted(seen.headers.items())).encode(), cache_control="public, max-age=1000000000")


@pytest.mark.parametrize(
    "other",
    [
        agent(name="other"),
        agent(Rule("hosts:call", "*"), name="other"),
        agent(name="mine", tenant=OTHER),
    ],
    ids=["another agent", "one with fewer grants", "one of that name in another tenant"],
)
async def test_what_was_kept_for_one_agent_is_given_to_no_other(world: World, other: Any) -> None:
    world.server.answers("/me", lambda seen: reply(200, seen.headers.get("x-who", "").encode()))
    await world.get(world.server.url("/me"), by=MINE, **FRESH)
    assert not (await world.get(world.server.url("/me"), by=other, **FRESH)).cached
    assert (await world.get(world.server.url("/me"), by=MINE, **FRESH)).cached


async def test_shared_by_a_tenant_nothing_goes_to_another_tenant_nor_past_a_grant() -> None:
    async with world_with(cache=Caching(seconds=60, share="tenant")) as world:
        await world.credential()
        url = world.server.url("/x")
        world.server.answers("/x", reply(200, b"1", cache_control="public, max-age=60"))
        await world.get(url, headers=KEY)
        assert not (await world.get(url, by=agent(tenant=OTHER))).cached
        for rules in [(Rule("hosts:call", "*"),), (Rule("credentials:use", "*"),)]:
            with pytest.raises(CallRefused):
                await world.get(url, by=agent(*rules, name="less"), headers=KEY)


async def test_shared_by_a_tenant_what_an_api_calls_private_stays_with_its_agent() -> None:
    async with world_with(cache=Caching(seconds=60, share="tenant")) as world:
        world.server.answers("/x", reply(200, b"1", cache_control="private, max-age=60"))
        await world.get(world.server.url("/x"), by=MINE)
        assert not (await world.get(world.server.url("/x"), by=agent(name="other"))).cached


async def test_at_the_same_time_two_agents_get_answers_of_their_own(world: World) -> None:
    async def slow() -> AsyncIterator[bytes]:
        await settle()
        yield reply(200, b"1", Connection="close")

    world.server.answers("/x", lambda _: slow())
    calls = [world.get(world.server.url("/x"), by=agent(name=name), **FRESH) for name in ("a", "b", "a", "b")]
    await asyncio.gather(*calls)
    assert len(world.server.seen) == 2


async def test_a_credential_that_was_changed_or_taken_away_opens_nothing_that_was_kept(world: World) -> None:
    kept = await world.credential()
    url = world.server.url("/x")
    await world.get(url, headers=KEY, **FRESH)
    assert (await world.get(url, headers=KEY, **FRESH)).cached
    world.clock.forward(seconds=1)
    await world.egress.credentials.update(agent(), draft(kept), Secret("another-secret"))
    assert not (await world.get(url, headers=KEY, **FRESH)).cached
    await world.egress.credentials.remove(agent(), kept.id)
    with pytest.raises(CredentialNotFound):
        await world.get(url, headers=KEY, **FRESH)


async def test_an_expired_credential_opens_nothing_that_was_kept(world: World) -> None:
    await world.credential(expires=world.clock.now() + timedelta(seconds=30))
    url = world.server.url("/x")
    await world.get(url, headers=KEY, **FRESH)
    world.clock.forward(seconds=30)
    with pytest.raises(CredentialExpired):
        await world.get(url, headers=KEY, **FRESH)


def draft(kept: Credential) -> CredentialDraft:
    return CredentialDraft(id=CredentialId(kept.id), type=kept.type, hosts=kept.hosts)


async def test_a_network_that_is_refused_now_is_refused_though_an_answer_was_kept(world: World) -> None:
    await world.get(world.server.url("/x"), **FRESH)
    world.networks.by_tenant[agent().tenant] = ()
    world.clock.forward(seconds=1)
    with pytest.raises(AddressRefused):
        await world.get(world.server.url("/x"), **FRESH)
    world.networks.by_tenant[agent().tenant] = LOCAL


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Original-URL", "Accept-Language", "Cookie", "X-HTTP-Method"])
async def test_a_header_that_changes_the_answer_poisons_nobody_elses(world: World, header: str) -> None:
    world.server.answers("/x", echo)
    poisoned = await world.get(world.server.url("/x"), headers={header: "evil.example"}, **FRESH)
    clean = await world.get(world.server.url("/x"), **FRESH)
    assert (b"evil.example" in poisoned.body, clean.cached, b"evil.example" in clean.body) == (True, False, False)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"query": {"a": "1", "b": "2"}}, {"query": {"a": "1&b=2"}}),
        ({"headers": {"x-a": "1"}}, {"query": {"x-a": "1"}}),
        ({"query": {"a": CredentialRef("key")}}, {"query": {"a": '{"credentialRef":"key"}'}}),
        ({"headers": {"x-a": "b", "x-c": "d"}}, {"headers": {"x-a": "b, x-c: d"}}),
    ],
)
async def test_calls_that_look_alike_are_not_the_same(world: World, one: Any, other: Any) -> None:
    await world.credential()
    await world.get(world.server.url("/x"), **one, **FRESH)
    assert not (await world.get(world.server.url("/x"), **other, **FRESH)).cached


async def test_what_varies_by_everything_is_never_kept(world: World) -> None:
    world.server.answers("/x", reply(200, b"1", Vary="*"))
    for _ in range(2):
        assert not (await world.get(world.server.url("/x"), **FRESH)).cached


async def test_an_api_cannot_make_its_answers_last_longer_than_was_asked(world: World) -> None:
    world.server.answers("/x", reply(200, b"1", cache_control="max-age=99999999999999999999, immutable"))
    await world.get(world.server.url("/x"), **FRESH)
    world.clock.forward(seconds=61)
    assert not (await world.get(world.server.url("/x"), **FRESH)).cached


async def test_the_answer_to_a_post_is_never_given_to_a_get_nor_to_a_post(world: World) -> None:
    world.server.answers("/x", reply(200, b"1", cache_control="public, max-age=60"))
    await world.post(world.server.url("/x"), **FRESH)
    assert not (await world.get(world.server.url("/x"), **FRESH)).cached
    assert not (await world.post(world.server.url("/x"), **FRESH)).cached


async def test_what_is_kept_holds_no_secret_and_no_cookie(tmp_path: Path) -> None:
    settings = EgressSettings(store=StoreSettings(kind="disk"))
    async with open_world(settings, home=tmp_path) as world:
        await world.credential()
        world.server.answers("/x", lambda seen: reply(200, seen.headers["authorization"].encode(), Set_Cookie="s=1"))
        await world.get(world.server.url("/x"), headers=KEY, **FRESH)
        again = await world.get(world.server.url("/x"), headers=KEY, **FRESH)
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "cache").iterdir())
    assert (again.cached, SECRET.encode() in again.body, "set-cookie" in again.headers) == (True, False, False)
    assert SECRET.encode() not in on_disk


async def test_a_store_that_was_tampered_with_executes_nothing(tmp_path: Path) -> None:
    import sqlite3  # noqa: PLC0415 - what an attacker uses

    settings = EgressSettings(store=StoreSettings(kind="disk"))
    async with open_world(settings, home=tmp_path) as world:
        await world.get(world.server.url("/x"), **FRESH)
        pickled = b"cos\nsystem\n(S'touch " + str(tmp_path / "owned").encode() + b"'\ntR."
        with sqlite3.connect(tmp_path / "cache" / "answers.db") as database:
            database.execute("UPDATE answers SET kept = ?", (pickled,))
        assert not (await world.get(world.server.url("/x"), **FRESH)).cached
    assert not (tmp_path / "owned").exists()


async def test_a_revalidation_that_answers_with_too_much_is_refused_and_keeps_nothing(world: World) -> None:
    world.server.answers("/x", reply(200, b"1", ETag='"a"', cache_control="no-cache"))
    await world.get(world.server.url("/x"), **FRESH)
    async with world_with(max_answer_bytes=100) as small:
        small.server.answers("/x", reply(200, b"1", ETag='"a"', cache_control="no-cache"))
        await small.get(small.server.url("/x"), **FRESH)
        small.server.answers("/x", reply(200, b"x" * 101))
        with pytest.raises(AnswerTooLarge):
            await small.get(small.server.url("/x"), **FRESH)


async def test_a_revalidation_that_never_ends_holds_up_nobody_who_may_have_the_stale_answer() -> None:
    async def never() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with world_with(timeout_seconds=30) as world:
        world.server.answers("/x", reply(200, b"1", cache_control="max-age=1, stale-while-revalidate=60"))
        await world.get(world.server.url("/x"), **FRESH)
        world.server.answers("/x", lambda _: never())
        world.clock.forward(seconds=2)
        for _ in range(50):
            answer = await world.get(world.server.url("/x"), **FRESH)
            assert (answer.body, answer.cached) == (b"1", True)
        await settle()
        assert len(world.server.seen) <= 2


async def test_a_304_cannot_change_what_was_kept(world: World) -> None:
    world.server.answers("/x", reply(200, b"<p>", ETag='"a"', Content_Type="text/plain", cache_control="no-cache"))
    await world.get(world.server.url("/x"), **FRESH)
    world.server.answers("/x", b'HTTP/1.1 304 X\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nETag: "a"\r\n\r\n')
    answer = await world.get(world.server.url("/x"), **FRESH)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, b"<p>", "text/plain")
    assert "set-cookie" not in answer.headers


async def test_one_tenant_cannot_shut_an_upstream_to_another() -> None:
    async with open_world() as world:
        world.server.answers("/fails", reply(500))
        for _ in range(60):
            with suppress(BreakerOpen):
                await world.get(world.server.url("/fails"))
        with pytest.raises(BreakerOpen):
            await world.get(world.server.url("/fails"))
        assert (await world.get(world.server.url("/x"), by=agent(tenant=OTHER))).status == 200
