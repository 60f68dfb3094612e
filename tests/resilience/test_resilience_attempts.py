"""The inner chain: attempts under a time limit, past a breaker, within a budget."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from muelle.core import Attempt, Forbidden, ManualClock, NoMetrics, TimedOut, Upstream
from muelle.resilience import Breaking, Caching, Policy, Retry
from muelle.resilience.attempts import Attempts, Errand
from muelle.resilience.errors import BreakerOpen
from resilience.cache_world import Said, failing, said, settle

RETRY = Retry(attempts=4, first_seconds=1, longest_seconds=10)


class World:
    """Attempts at an upstream that answers what a test says; `waits` are the pauses."""

    def __init__(self, retry: Retry = RETRY, breaker: Breaking | None = None, *, is_repeatable: bool = True) -> None:
        self.clock = ManualClock()
        self.attempts = Attempts(self.clock, NoMetrics(), 10, chance=lambda: 0.5)
        self.policy = Policy(timeout_seconds=5, retry=retry, breaker=breaker or Breaking(), cache=Caching())
        self.is_repeatable = is_repeatable
        self.answers: list[Said | Exception] = []
        self.sent = 0
        self.noted: list[Attempt] = []

    async def send(self) -> Said:
        self.sent += 1
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    def errand(self, until: float = 100) -> Errand:
        return Errand(
            upstream=("t", "crm"),
            host="crm.example",
            label="crm",
            policy=self.policy,
            is_repeatable=self.is_repeatable,
            until=self.clock.monotonic() + until,
            note=self.noted.append,
        )

    async def make(self, **given: Any) -> tuple[Said, int]:
        """Make the attempts, moving the clock on through each pause."""
        making = asyncio.create_task(self.attempts.make(self.errand(**given), self.send))
        while not making.done():
            await settle()
            if not making.done():
                self.clock.forward(seconds=0.5)
        return making.result()


async def test_what_fails_for_now_is_tried_again_until_it_is_well() -> None:
    world = World()
    world.answers = [said(status=503), failing(), said()]
    answer, attempts = await world.make()
    assert (answer.status, attempts) == (200, 3)
    assert [(one.number, one.outcome, one.wait) for one in world.noted] == [
        (1, "503", 0.5),
        (2, "upstream_failed", 1.0),
    ]


async def test_the_last_failure_is_given_back_and_says_how_often_it_was_tried() -> None:
    world = World()
    world.answers = [failing()]
    with pytest.raises(Upstream) as failure:
        await world.make()
    assert (world.sent, failure.value.facts["attempts"]) == (4, 4)


@pytest.mark.parametrize("answer", [said(status=400), said(status=501), Forbidden()])
async def test_what_will_not_pass_is_not_tried_again(answer: Said | Exception) -> None:
    world = World()
    world.answers = [answer]
    if isinstance(answer, Exception):
        with pytest.raises(Forbidden):
            await world.make()
    else:
        await world.make()
    assert world.sent == 1


async def test_what_is_not_safe_is_not_repeated() -> None:
    world = World(is_repeatable=False)
    world.answers = [said(status=503)]
    assert (await world.make())[1] == 1


async def test_retry_after_is_waited_for_and_too_long_a_time_is_not() -> None:
    world = World()
    soon = (world.clock.now() + timedelta(seconds=3)).strftime("%a, %d %b %Y %H:%M:%S GMT")
    world.answers = [said(status=429, retry_after=soon), said(status=503, retry_after="11")]
    answer, attempts = await world.make()
    assert (answer.status, attempts, [one.wait for one in world.noted]) == (503, 2, [3.5])


async def test_no_attempt_is_begun_that_could_not_end_in_time() -> None:
    world = World()
    world.answers = [said(status=503, retry_after="9")]
    assert (await world.make(until=9))[1] == 1


async def test_without_budget_the_failure_is_given_back() -> None:
    world = World(Retry(attempts=10, budget=0.0, reserve=2))
    world.answers = [said(status=503)]
    assert [(await world.make())[1], (await world.make())[1]] == [3, 1]


async def test_an_upstream_that_fails_too_often_is_left_alone_and_then_probed() -> None:
    world = World(Retry(attempts=1), Breaking(error_rate=0.5, min_calls=3, open_seconds=5, probes=1))
    world.answers = [said(status=500)]
    for _ in range(3):
        await world.make()
    with pytest.raises(BreakerOpen) as held:
        await world.make()
    assert (world.sent, held.value.facts) == (3, {"host": "crm.example", "retry_after": 5.0})
    world.clock.forward(seconds=5)
    world.answers = [said()]
    await world.make()
    assert [standing.state for _, standing in world.attempts.breakers.standings(0)] == ["closed"]


async def test_an_open_breaker_ends_the_repetitions_too() -> None:
    world = World(Retry(attempts=10), Breaking(error_rate=0.5, min_calls=3, open_seconds=60))
    world.answers = [said(status=500)]
    with pytest.raises(BreakerOpen):
        await world.make()
    assert world.sent == 3


async def test_a_call_that_is_given_up_gives_its_probe_back() -> None:
    world = World(Retry(attempts=1), Breaking(error_rate=0.5, min_calls=1, open_seconds=5, probes=1))
    world.answers = [said(status=500), said()]
    await world.make()
    world.clock.forward(seconds=5)

    async def never() -> Said:
        await asyncio.Event().wait()
        raise AssertionError

    probing = asyncio.create_task(world.attempts.make(world.errand(), never))
    await settle()
    with pytest.raises(BreakerOpen):
        await world.make()
    probing.cancel()
    await settle()
    assert (await world.make())[0].status == 200


async def test_an_attempt_that_hangs_is_ended_and_counts_against_the_upstream() -> None:
    world = World(Retry(attempts=1), Breaking(error_rate=0.5, min_calls=1))
    world.policy = Policy(timeout_seconds=0.01, retry=world.policy.retry, breaker=world.policy.breaker, cache=Caching())

    async def never() -> Said:
        await asyncio.Event().wait()
        raise AssertionError

    with pytest.raises(TimedOut):
        await world.attempts.make(world.errand(), never)
    assert [standing.state for _, standing in world.attempts.breakers.standings(0)] == ["open"]
