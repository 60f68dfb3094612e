"""Answers that are given again: to whom, for how long, and never without permission."""

from typing import Any

import pytest

from egress.egress_world import World, agent, open_world, reply
from muelle.core import CredentialRef
from muelle.egress import EgressSettings
from muelle.egress.errors import CallRefused
from muelle.identity import Rule
from muelle.resilience import StoreSettings


async def test_an_answer_is_given_again_while_it_is_young_enough(world: World) -> None:
    world.server.answers("/x", reply(200, b"1"))
    first = await world.get(world.server.url("/x"), cache_seconds=60)
    world.server.answers("/x", reply(200, b"2"))
    again = await world.get(world.server.url("/x"), cache_seconds=60)
    assert [(first.body, first.cached), (again.body, again.cached)] == [(b"1", False), (b"1", True)]


async def test_an_answer_is_given_again_at_the_age_that_is_allowed_and_not_past_it(world: World) -> None:
    world.server.answers("/x", reply(200, b"1"))
    await world.get(world.server.url("/x"), cache_seconds=60)
    world.clock.forward(seconds=60)
    assert (await world.get(world.server.url("/x"), cache_seconds=60)).cached
    world.clock.forward(seconds=1)
    assert not (await world.get(world.server.url("/x"), cache_seconds=60)).cached


async def test_a_call_that_does_not_ask_for_it_is_made(world: World) -> None:
    await world.get(world.server.url("/x"), cache_seconds=60)
    assert not (await world.get(world.server.url("/x"))).cached


async def test_another_principal_gets_an_answer_of_its_own(world: World) -> None:
    await world.get(world.server.url("/x"), cache_seconds=60)
    other = agent(Rule("hosts:call", "*"), name="other")
    assert not (await world.get(world.server.url("/x"), by=other, cache_seconds=60)).cached


@pytest.mark.parametrize("difference", [{"query": {"a": "1"}}, {"headers": {"x-a": "1"}}])
async def test_another_call_gets_an_answer_of_its_own(world: World, difference: Any) -> None:
    await world.get(world.server.url("/x"), cache_seconds=60)
    assert not (await world.get(world.server.url("/x"), cache_seconds=60, **difference)).cached


async def test_another_credential_gets_an_answer_of_its_own(world: World) -> None:
    for name in ("one", "two"):
        await world.credential(id=name, hosts=(world.server.url("").rstrip("/"),))
    used = [
        await world.get(world.server.url("/x"), cache_seconds=60, headers={"authorization": CredentialRef(name)})
        for name in ("one", "two", "one")
    ]
    assert [answer.cached for answer in used] == [False, False, True]


async def test_unsafe_calls_and_failures_are_not_kept(world: World) -> None:
    for _ in range(2):
        assert not (await world.post(world.server.url("/x"), cache_seconds=60)).cached
    world.server.answers("/gone", reply(410))
    for _ in range(2):
        assert not (await world.get(world.server.url("/gone"), cache_seconds=60)).cached


async def test_whoever_lost_the_permission_gets_no_kept_answer(world: World) -> None:
    await world.get(world.server.url("/x"), cache_seconds=60)
    with pytest.raises(CallRefused):
        await world.get(world.server.url("/x"), by=agent(Rule("runs:read", "*")), cache_seconds=60)


async def test_the_oldest_answers_go_when_there_is_no_room() -> None:
    async with open_world(EgressSettings(store=StoreSettings(bytes=3500))) as world:
        for path in ("/a", "/b", "/c"):
            world.server.answers(path, reply(200, b"x" * 500))
            await world.get(world.server.url(path), cache_seconds=60)
        assert [(await world.get(world.server.url(path), cache_seconds=60)).cached for path in ("/c", "/b", "/a")] == [
            True,
            True,
            False,
        ]
