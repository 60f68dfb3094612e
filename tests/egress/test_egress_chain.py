"""Calls through the whole chain, against a real server: repeated, held back, kept, each as its policy says."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import pytest

from egress.egress_world import EVERYTHING, World, agent, open_world, reply, world_with
from muelle.core import Again, Attempt, CredentialRef, HttpCall
from muelle.egress import ApiId, EgressSettings
from muelle.egress.errors import ApiNotFound, BreakerNotFound, CallRefused
from muelle.egress.policies import Clearing
from muelle.identity import Refused, Rule
from muelle.resilience import Breaking, Caching, InvalidPolicy, PolicyChange, Retry, StoreSettings
from muelle.resilience.errors import BreakerOpen
from muelle.resilience.policy import BreakerChange, CacheChange, RetryChange

QUICK = Retry(attempts=4, first_seconds=0, longest_seconds=0)
AGAIN = Again(attempts=4, first_seconds=0, longest_seconds=0, factor=1)
KEY = {"authorization": CredentialRef("key")}


def one_by_one(answers: Iterable[bytes]) -> Any:
    left = iter(answers)
    return lambda _: next(left)


async def test_by_default_nothing_is_repeated_nor_kept(world: World) -> None:
    world.server.answers("/x", one_by_one([reply(503), reply(200, b"1"), reply(200, b"2")]))
    statuses = [(await world.get(world.server.url("/x"))).status for _ in range(3)]
    assert (statuses, len(world.server.seen)) == ([503, 200, 200], 3)


async def test_what_fails_for_now_is_repeated_and_each_attempt_is_told() -> None:
    noted: list[Attempt] = []
    async with world_with(retry=QUICK) as world:
        world.server.answers("/x", one_by_one([reply(503), reply(429, Retry_After="0"), reply(200, b"1")]))
        answer = await world.get(world.server.url("/x"), on_attempt=noted.append)
    assert (answer.status, answer.attempts, [one.outcome for one in noted]) == (200, 3, ["503", "429"])


@pytest.mark.parametrize(
    ("call", "sent"),
    [
        ({}, 1),
        ({"again": AGAIN}, 1),
        ({"idempotency_key": "mine"}, 4),
        ({"idempotency_key": "muelle-run-1"}, 1),
        ({"idempotency_key": "muelle-run-1", "again": AGAIN}, 1),
    ],
)
async def test_what_is_not_safe_is_repeated_only_with_a_key_of_its_own(call: dict[str, Any], sent: int) -> None:
    async with world_with(retry=QUICK) as world:
        world.server.answers("/x", reply(503))
        await world.post(world.server.url("/x"), **call)
        assert len(world.server.seen) == sent


async def test_a_call_that_hangs_is_ended_and_repeated() -> None:
    async def hang() -> AsyncIterator[bytes]:
        await asyncio.Event().wait()
        yield b""

    async with world_with(retry=QUICK) as world:
        world.server.answers("/x", one_by_one([hang(), reply(200)]))  # type: ignore[list-item] # a handler may stream
        await world.get(world.server.url("/warm"))  # loads the client, which takes longer than this call may
        answer = await world.get(world.server.url("/x"), timeout=0.2)
    assert (answer.status, answer.attempts) == (200, 2)


async def test_no_call_lasts_longer_than_its_agent_may_call_whatever_it_repeats() -> None:
    async with world_with(retry=Retry(attempts=10, first_seconds=5, longest_seconds=5)) as world:
        world.server.answers("/x", reply(503, Retry_After="2"))
        answer = await world.get(world.server.url("/x"), by=agent(call_seconds=2))
        assert (answer.status, answer.attempts) == (503, 1)


async def test_an_api_has_a_policy_of_its_own(world: World) -> None:
    await world.api(
        "crm", "/crm", policy=PolicyChange(retry=RetryChange(attempts=3, first_seconds=0, longest_seconds=0))
    )
    world.server.answers("/crm/x", reply(503))
    world.server.answers("/other", reply(503))
    await world.get(world.server.url("/crm/x"))
    await world.get(world.server.url("/other"))
    assert [seen.path for seen in world.server.seen] == ["/crm/x"] * 3 + ["/other"]


async def test_an_operation_has_a_policy_by_its_type() -> None:
    change = PolicyChange(cache=CacheChange(seconds=60))
    async with world_with(operations={"ApiCall": change}) as world:
        url = world.server.url("/x")
        kept = [(await world.get(url, operation=name)).cached for name in ("ApiCall", "ApiCall", "CallTool")]
    assert kept == [False, True, False]


async def test_a_policy_that_cannot_be_is_refused(world: World) -> None:
    with pytest.raises(InvalidPolicy):
        await world.api(policy=PolicyChange(retry=RetryChange(first_seconds=21)))


async def test_an_upstream_that_fails_is_left_alone_and_others_are_not() -> None:
    async with world_with(breaker=Breaking(error_rate=0.5, min_calls=3)) as world:
        await world.api("crm", "/crm")
        world.server.answers("/crm/x", reply(500))
        for _ in range(3):
            await world.get(world.server.url("/crm/x"))
        with pytest.raises(BreakerOpen):
            await world.get(world.server.url("/crm/x"))
        assert (await world.get(world.server.url("/other"))).status == 200
        [crm, host] = world.egress.policies.breakers(agent())
        assert [(view.upstream, view.standing.state) for view in (crm, host)] == [
            ("crm", "open"),
            (f"127.0.0.1:{world.server.port}", "closed"),
        ]


async def test_a_breaker_can_be_closed_by_whoever_manages_the_api() -> None:
    async with world_with(breaker=Breaking(error_rate=0.5, min_calls=1)) as world:
        api = await world.api("crm", "/crm")
        world.server.answers("/crm/x", one_by_one([reply(500), reply(200)]))
        await world.get(world.server.url("/crm/x"))
        with pytest.raises(Refused):
            await world.egress.policies.reset(agent(Rule("apis:call", "*")), api.id)
        await world.egress.policies.reset(agent(), api.id)
        assert (await world.get(world.server.url("/crm/x"))).status == 200
        with pytest.raises(BreakerNotFound):
            await world.egress.policies.reset(agent(), ApiId("none"))


async def test_who_may_not_call_an_api_sees_neither_its_policy_nor_its_breaker(world: World) -> None:
    api = await world.api("crm", "/crm")
    await world.get(world.server.url("/crm/x"))
    nobody = agent(Rule("runs:read", "*"))
    assert world.egress.policies.breakers(nobody) == []
    with pytest.raises(ApiNotFound):
        await world.egress.policies.show(nobody, api.id)


async def test_what_changes_a_resource_takes_its_kept_answers_away(world: World) -> None:
    url = world.server.url("/x")
    states = []
    for method in ("GET", "GET", "POST", "GET"):
        call = HttpCall(method=method, url=url, cache_seconds=60 if method == "GET" else None)
        states.append((await world.egress.call(agent(), call)).cached)
    assert states == [False, True, False, False]


async def test_a_change_that_failed_takes_nothing_away(world: World) -> None:
    url = world.server.url("/x")
    await world.get(url, cache_seconds=60)
    world.server.answers("/x", reply(409))
    await world.post(url)
    assert (await world.get(url, cache_seconds=60)).cached


@pytest.mark.parametrize(
    ("clearing", "left"),
    [
        (Clearing(), [False, False]),
        (Clearing(api="crm"), [False, True]),
        (Clearing(tags=["b"]), [True, False]),
        (Clearing(tags=["none"]), [True, True]),
    ],
)
async def test_kept_answers_are_thrown_away_by_api_by_tag_or_all(
    world: World, clearing: Clearing, left: list[bool]
) -> None:
    await world.api("crm", "/crm")
    calls = {world.server.url("/crm/x"): ("a",), world.server.url("/y"): ("b",)}
    for url, tags in calls.items():
        await world.get(url, cache_seconds=60, cache_tags=tags)
    dropped = await world.egress.policies.clear(agent(), clearing)
    assert [(await world.get(url, cache_seconds=60, cache_tags=tags)).cached for url, tags in calls.items()] == left
    assert dropped == left.count(False)


async def test_kept_answers_are_thrown_away_by_url_whatever_the_query(world: World) -> None:
    for query in ("a", "b"):
        await world.get(world.server.url("/x"), cache_seconds=60, query={"q": query})
    assert await world.egress.policies.clear(agent(), Clearing(url=world.server.url("/x"))) == 2


async def test_who_may_not_clear_clears_nothing_and_is_recorded(world: World) -> None:
    await world.api("crm", "/crm")
    await world.get(world.server.url("/crm/x"), cache_seconds=60)
    for clearing in (Clearing(), Clearing(api="crm", tags=["a"]), Clearing(api="other")):
        with pytest.raises(Refused):
            await world.egress.policies.clear(agent(Rule("cache:clear", "crm")), clearing)
    assert await world.egress.policies.clear(agent(Rule("cache:clear", "crm")), Clearing(api="crm")) == 1


async def test_a_kept_answer_says_how_old_it_is_and_where_it_comes_from(world: World) -> None:
    await world.get(world.server.url("/x"), cache_seconds=60, query={"a": 1})
    world.clock.forward(seconds=7)
    kept = await world.get(world.server.url("/x"), cache_seconds=60, query={"a": 1})
    assert (kept.headers["age"], kept.headers["cache-status"]) == ("7", "muelle; hit")
    assert kept.url == world.server.url("/x?a=1")


async def test_redirects_are_judged_each_time_and_never_kept(world: World) -> None:
    world.server.answers("/from", reply(301, location="/to", cache_control="max-age=60"))
    for _ in range(2):
        await world.get(world.server.url("/from"), cache_seconds=60)
    assert [seen.path for seen in world.server.seen] == ["/from", "/to", "/from"]


async def test_a_thousand_calls_at_once_are_made_once(world: World) -> None:
    url = world.server.url("/x")
    answers = await asyncio.gather(*(world.get(url, cache_seconds=60) for _ in range(1000)))
    assert (len(world.server.seen), {answer.body for answer in answers}) == (1, {b'{"ok":true}'})


async def test_a_kept_answer_in_a_file_serves_the_next_process(tmp_path: Any) -> None:
    settings = EgressSettings(store=StoreSettings(kind="disk"))
    async with open_world(settings, home=tmp_path) as world:
        first = await world.get(world.server.url("/x"), cache_seconds=60)
        again = await world.get(world.server.url("/x"), cache_seconds=60)
    assert (first.cached, again.cached, (tmp_path / "cache" / "answers.db").exists()) == (False, True, True)


async def test_shared_by_the_tenant_an_answer_is_given_to_whoever_may_make_the_same_call() -> None:
    async with world_with(cache=Caching(seconds=60, share="tenant")) as world:
        world.server.answers("/x", reply(200, b"1", cache_control="public, max-age=60"))
        await world.credential()
        url = world.server.url("/x")
        others = agent(*EVERYTHING, name="other"), agent(Rule("hosts:call", "*"), name="third")
        assert [
            (await world.get(url, headers=KEY)).cached,
            (await world.get(url, by=others[0], headers=KEY)).cached,
        ] == [
            False,
            True,
        ]
        with pytest.raises(CallRefused):
            await world.get(url, by=others[1], headers=KEY)
        assert not (await world.get(url, by=others[1])).cached


async def test_calls_go_on_where_breakers_are_switched_off_for_an_api(world: World) -> None:
    off = PolicyChange(breaker=BreakerChange(enabled=False))
    await world.api("crm", "/crm", policy=off)
    world.server.answers("/crm/x", reply(500))
    for _ in range(60):
        assert (await world.get(world.server.url("/crm/x"))).status == 500
