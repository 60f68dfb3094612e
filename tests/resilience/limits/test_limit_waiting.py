"""Waiting for one's turn: in order, bounded, without a thread, and never in vain."""

import asyncio
from collections.abc import Awaitable
from typing import Any

import pytest

from muelle.core import ManualClock
from muelle.resilience import Decision, LimitReached
from resilience.limits.limit_world import Recorded, charge, limiter_on

ONE: dict[str, Any] = {"per_minute": 1, "wait_seconds": 200.0}


async def settled(clock: ManualClock, sleepers: int = 1) -> None:
    """Let everything run until so many wait for the clock."""
    for _ in range(50):
        await asyncio.sleep(0)
    assert clock.sleepers == sleepers


async def test_what_comes_too_often_waits_for_its_turn() -> None:
    clock = ManualClock()
    async with limiter_on(None, clock, Recorded()) as limiter:
        await limiter.take([charge(**ONE)])
        waiting = asyncio.create_task(limiter.take([charge(**ONE)]))
        await settled(clock)
        clock.forward(seconds=59)
        await settled(clock)
        was_early = waiting.done()
        clock.forward(seconds=1)
        decision = await waiting

    assert (was_early, decision.is_admitted) == (False, True)


async def test_those_who_wait_are_served_in_the_order_of_their_coming() -> None:
    clock, order = ManualClock(), []

    async def noted(name: str, taking: Awaitable[Decision]) -> None:
        assert (await taking).is_admitted
        order.append(name)

    async with limiter_on(None, clock, Recorded()) as limiter, asyncio.TaskGroup() as group:
        await limiter.take([charge(**ONE)])
        for name in "abc":
            group.create_task(noted(name, limiter.take([charge(**ONE)])))
            await settled(clock)
        for _ in range(3):
            clock.forward(minutes=1)
            await asyncio.sleep(0)
            for _ in range(20):
                await asyncio.sleep(0)

    assert order == ["a", "b", "c"]


async def test_nobody_waits_whose_turn_comes_after_its_time() -> None:
    clock = ManualClock()
    async with limiter_on(None, clock, Recorded()) as limiter:
        rate: dict[str, Any] = {"per_minute": 1, "wait_seconds": 59.0}
        await limiter.take([charge(**rate)])
        decision = await limiter.take([charge(**rate)])

    assert (decision.is_admitted, decision.retry_after, clock.sleepers) == (False, 60, 0)


@pytest.mark.parametrize("bound", [{"waiting": 2}, {"waiting_each": 2}])
async def test_a_queue_has_an_end(bound: dict[str, int]) -> None:
    clock = ManualClock()
    async with limiter_on(None, clock, Recorded(), **bound) as limiter:
        await limiter.take([charge(**ONE)])
        waiting = [asyncio.create_task(limiter.take([charge(**ONE)])) for _ in range(2)]
        await settled(clock)
        one_more = await limiter.take([charge(**ONE)])
        for task in waiting:
            task.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)

    assert not one_more.is_admitted


async def test_who_waits_does_not_hold_up_another_principal() -> None:
    clock = ManualClock()
    async with limiter_on(None, clock, Recorded(), waiting_each=1) as limiter:
        await limiter.take([charge(**ONE)])
        waiting = asyncio.create_task(limiter.take([charge(**ONE)]))
        await settled(clock)
        other = await limiter.take([charge("{t}:b", **ONE)])
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)

    assert other.is_admitted


async def test_who_goes_away_leaves_the_queue_to_the_next() -> None:
    clock = ManualClock()
    async with limiter_on(None, clock, Recorded()) as limiter:
        await limiter.take([charge(**ONE)])
        first, second = (asyncio.create_task(limiter.take([charge(**ONE)])) for _ in range(2))
        await settled(clock)
        first.cancel()
        await settled(clock)
        clock.forward(minutes=1)
        decision = await second

    assert decision.is_admitted


async def test_a_place_that_becomes_free_is_taken_by_who_waits() -> None:
    clock = ManualClock()
    rate: dict[str, Any] = {"at_once": 1, "wait_seconds": 5.0}
    async with limiter_on(None, clock, Recorded()) as limiter:
        held = await limiter.take([charge(**rate)])
        waiting = asyncio.create_task(limiter.take([charge(**rate)]))
        await settled(clock)
        await limiter.give_back(held)
        clock.forward(seconds=0.1)
        decision = await waiting

    assert decision.is_admitted


async def test_a_refusal_names_the_policy_the_number_and_when_to_come_back() -> None:
    clock, metrics = ManualClock(), Recorded()
    async with limiter_on(None, clock, metrics) as limiter:
        await limiter.admit([charge(per_minute=1)])
        with pytest.raises(LimitReached) as caught:
            await limiter.admit([charge(per_minute=1)])

    problem = caught.value.problem()
    assert (problem["status"], problem["code"], problem["title"]) == (429, "rate_limited", "Rate limit exceeded.")
    assert (problem["retry_after"], problem["limit"], problem["window_seconds"]) == (60, 1, 60)
    assert problem["violated-policies"] == ["agent-minute"]
    assert metrics.counted == [("muelle_limits_refused_total", "agent-minute", "requests")]
