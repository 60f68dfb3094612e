"""The cache: what it gives again, what it asks about, and what it never mixes up."""

import asyncio
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muelle.core import Forbidden, MuelleError, Upstream
from muelle.resilience.caching.memory import MemoryShelf
from resilience.cache_world import World, failing, said, settle


async def test_an_answer_is_given_again_until_it_is_too_old() -> None:
    world = World()
    world.answers = [said(b"1"), said(b"2")]
    states = [await world.state()]
    world.clock.forward(seconds=60)
    states.append(await world.state())
    world.clock.forward(seconds=0.001)
    states.append(await world.state())
    assert states == ["miss", "hit", "miss"]


async def test_what_the_answer_says_counts_where_it_is_less() -> None:
    world = World()
    world.answers = [said(cache_control="max-age=5"), said()]
    await world.get()
    world.clock.forward(seconds=6)
    assert await world.state() == "miss"


async def test_a_stale_answer_that_still_holds_is_not_sent_again() -> None:
    world = World()
    world.answers = [said(b"1", etag='"a"', cache_control="max-age=5"), said(b"", 304, etag='"a"'), failing()]
    await world.get()
    world.clock.forward(seconds=6)
    again = await world.get()
    assert (again.state, again.kept and again.kept.body, world.asked) == (
        "revalidated",
        b"1",
        [{}, {"if-none-match": '"a"'}],
    )
    assert await world.state() == "hit"


async def test_a_304_that_speaks_of_another_version_is_asked_about_again() -> None:
    world = World()
    world.answers = [said(b"1", etag='"a"', cache_control="no-cache"), said(b"", 304, etag='"b"'), said(b"2")]
    await world.get()
    again = await world.get()
    assert (again.state, again.kept and again.kept.body, len(world.asked)) == ("miss", b"2", 3)


async def test_a_304_that_nobody_asked_for_is_given_as_it_is() -> None:
    world = World()
    world.answers = [said(b"", 304)]
    given_back = await world.get()
    assert (given_back.state, given_back.kept) == ("miss", None)


async def test_a_stale_answer_is_given_while_a_new_one_is_fetched() -> None:
    world = World()
    world.answers = [said(b"1", cache_control="max-age=5, stale-while-revalidate=10"), said(b"2")]
    await world.get()
    world.clock.forward(seconds=8)
    stale = await world.get()
    await settle()
    fresh = await world.get()
    assert (stale.state, stale.kept and stale.kept.body, fresh.kept and fresh.kept.body) == ("stale", b"1", b"2")
    assert len(world.asked) == 2


async def test_past_that_time_a_new_one_is_waited_for() -> None:
    world = World()
    world.answers = [said(b"1", cache_control="max-age=5, stale-while-revalidate=10"), said(b"2")]
    await world.get()
    world.clock.forward(seconds=15.1)
    assert await world.state() == "miss"


async def test_a_slow_refresh_holds_nobody_up_and_few_run_at_once() -> None:
    world = World()
    world.answers = [said(b"1", cache_control="max-age=5, stale-while-revalidate=100")]
    for key in "abcd":
        await world.get(key)
    world.clock.forward(seconds=8)
    world.gate = asyncio.Event()
    states = [await world.state(key) for key in "abcd" for _ in range(3)]
    await settle()
    assert (set(states), len(world.asked)) == ({"stale"}, 6)
    await world.cache.close()


@pytest.mark.parametrize("failure", [failing(), said(b"no", 503)])
async def test_a_stale_answer_stands_in_for_a_failing_upstream(failure: Exception) -> None:
    world = World()
    world.answers = [said(b"1", cache_control="max-age=5, stale-if-error=10"), failure]
    await world.get()
    world.clock.forward(seconds=15)
    stale = await world.get()
    assert (stale.state, stale.kept and stale.kept.body) == ("stale", b"1")
    world.clock.forward(seconds=0.1)
    if isinstance(failure, Exception):
        with pytest.raises(Upstream):
            await world.get()
    else:
        assert await world.state() == "miss"


async def test_an_answer_that_may_not_be_kept_takes_away_what_was() -> None:
    world = World()
    world.answers = [said(b"1", cache_control="no-cache"), said(b"2", cache_control="no-store"), said(b"3")]
    bodies = []
    for _ in range(3):
        found = await world.get()
        bodies.append(found.kept.body if found.kept else found.fetched and found.fetched.body)
    assert bodies == [b"1", b"2", b"3"]


async def test_what_is_kept_has_no_secret_in_it_and_whoever_fetched_gets_its_own() -> None:
    world = World()
    world.answers = [said(b"a secret")]
    first, second = await world.get(), await world.get()
    assert first.fetched is not None
    assert (first.fetched.body, second.kept and second.kept.body) == (b"a secret", b"a ***")


async def test_the_same_question_at_the_same_time_is_asked_once() -> None:
    world = World()
    world.answers, world.gate = [said()], asyncio.Event()
    asking = [asyncio.create_task(world.get()) for _ in range(1000)]
    await settle()
    world.gate.set()
    states = Counter([(await task).state for task in asking])
    assert (len(world.asked), states) == (1, {"miss": 1, "shared": 999})


async def test_what_may_not_be_kept_is_not_shared_either() -> None:
    world = World()
    world.answers, world.gate = [said(cache_control="no-store")], asyncio.Event()
    asking = [asyncio.create_task(world.get()) for _ in range(5)]
    await settle()
    world.gate.set()
    assert [(await task).state for task in asking] == ["miss"] * 5
    assert len(world.asked) == 5


async def test_all_who_wait_get_an_error_of_their_own() -> None:
    world = World()
    world.answers, world.gate = [failing()], asyncio.Event()
    asking = [asyncio.create_task(world.get()) for _ in range(3)]
    await settle()
    world.gate.set()
    errors = await asyncio.gather(*asking, return_exceptions=True)
    assert all(isinstance(error, Upstream) for error in errors)
    facts = [error.facts for error in errors if isinstance(error, MuelleError)]
    facts[0]["more"] = 1
    assert (len(world.asked), len({id(error) for error in errors}), facts[1]) == (1, 3, {"host": "a.example"})


async def test_what_concerns_only_whoever_asked_first_is_not_told_to_others() -> None:
    world = World()
    world.answers, world.gate = [Forbidden(), said()], asyncio.Event()
    asking = [asyncio.create_task(world.get()) for _ in range(2)]
    await settle()
    world.gate.set()
    first, second = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, Forbidden)
    assert not isinstance(second, BaseException)
    assert second.state == "miss"


async def test_whoever_asked_first_may_leave_and_the_others_are_served() -> None:
    world = World()
    world.answers, world.gate = [said()], asyncio.Event()
    first, second = (asyncio.create_task(world.get()) for _ in range(2))
    await settle()
    first.cancel()
    await settle()
    world.gate.set()
    assert ((await second).state, len(world.asked)) == ("shared", 1)


async def test_when_nobody_waits_any_more_the_question_is_taken_back() -> None:
    world = World()
    world.answers, world.gate = [said()], asyncio.Event()
    only = asyncio.create_task(world.get())
    await settle()
    only.cancel()
    await settle()
    world.gate.set()
    await settle()
    assert await world.state() == "miss"
    assert len(world.asked) == 2


async def test_what_was_fetched_before_it_was_thrown_away_is_not_kept_after() -> None:
    world = World()
    world.answers, world.gate = [said(b"old"), said(b"new")], asyncio.Event()
    asking = asyncio.create_task(world.get())
    await settle()
    await world.cache.drop(tags=["t:url:k"])
    world.gate.set()
    await asking
    assert (await world.get()).state == "miss"


@pytest.mark.parametrize(
    ("headers", "state"), [({"cache-control": "no-cache"}, "miss"), ({"cache-control": "max-age=9"}, "hit")]
)
async def test_a_request_may_want_a_younger_answer(headers: dict[str, str], state: str) -> None:
    world = World()
    world.answers = [said()]
    await world.get()
    world.clock.forward(seconds=9)
    assert await world.state(headers=headers) == state


async def test_hits_and_misses_are_counted_for_each_owner() -> None:
    world = World()
    world.answers = [said()]
    for _ in range(3):
        await world.get()
    assert (world.cache.counts("t"), world.cache.counts("other")) == ({"miss": 1, "hit": 2}, {})


async def test_an_answer_that_is_too_large_is_given_and_not_kept() -> None:
    world = World(MemoryShelf(10_000, 2_000))
    world.answers = [said(b"x" * 3_000)]
    assert [await world.state(), await world.state()] == ["miss", "miss"]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("abc"), st.floats(0, 40), st.sampled_from(["max-age=10", "no-cache", "", "no-store"])
        ),
        max_size=25,
    )
)
async def test_nothing_older_than_it_may_be_is_ever_given(calls: list[tuple[str, float, str]]) -> None:
    world = World()
    fetched: dict[bytes, tuple[str, float, str]] = {}
    for number, (key, wait, control) in enumerate(calls):
        world.clock.forward(seconds=wait)
        body = str(number).encode()
        world.answers = [said(body, cache_control=control)]
        asked = len(world.asked)
        found = await world.get(key)
        if len(world.asked) > asked:
            fetched[body] = (key, world.clock.monotonic(), control)
            continue
        assert found.kept is not None
        owner, at, told = fetched[found.kept.body]
        assert (owner, told) in {(key, "max-age=10"), (key, "")}
        assert world.clock.monotonic() - at <= (10 if told else 60) + 1e-6
