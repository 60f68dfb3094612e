"""Counts in Redis: exact with many processes, and never silent while it is away."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from muelle.core import ManualClock, Secret
from muelle.resilience import Charge, Limiter, LimitsSettings, LimitsUnreachable, Rate
from muelle.resilience.limits.opening import open_limits
from resilience.limits.limit_world import Broken, Recorded, admitted, charge, limiter_on
from resilience.redis_server import redis_server

TESTS = Path(__file__).parent.parent.parent
PROCESSES = 8


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("limits")) as url:
        yield url


@pytest.fixture(scope="module")
def crowd(redis_url: str) -> Iterator["Crowd"]:
    command = [sys.executable, str(Path(__file__).parent / "redis_process.py"), redis_url]
    environment = {**os.environ, "PYTHONPATH": str(TESTS)}
    pipe = subprocess.PIPE
    processes = [
        subprocess.Popen(command, env=environment, stdin=pipe, stdout=pipe, text=True)  # noqa: S603 - our own words
        for _ in range(PROCESSES)
    ]
    yield Crowd(processes)
    for process in processes:
        process.communicate(timeout=60)


class Crowd:
    """Processes that take from one budget together."""

    def __init__(self, processes: list["subprocess.Popen[str]"]) -> None:
        self._processes = processes

    def round(self, key: str, attempts: int, quota: int, at_once: int = 0) -> list[tuple[int, int]]:
        """Return how often each was admitted, and how many of its requests were under way together at most."""
        for process in self._processes:
            assert process.stdin is not None
            process.stdin.write(f"{key} {attempts} {quota} {at_once}\n")
            process.stdin.flush()
        return [self._told(process) for process in self._processes]

    @staticmethod
    def _told(process: "subprocess.Popen[str]") -> tuple[int, int]:
        assert process.stdout is not None
        admitted, most = process.stdout.readline().split()
        return int(admitted), int(most)


@pytest.mark.parametrize("quota", [500, 1100])
def test_eight_processes_are_admitted_the_quota_together_and_not_one_more(crowd: Crowd, quota: int) -> None:
    found = crowd.round(f"exact{quota}", 160, quota)

    assert sum(number for number, _ in found) == quota


def test_eight_processes_have_no_more_under_way_than_is_allowed_to_all(crowd: Crowd) -> None:
    found = crowd.round("places", 40, 100_000, 3)

    assert max(most for _, most in found) <= 3
    assert sum(number for number, _ in found) >= PROCESSES


class Quick(Rate):
    """A rate with a window that ends within a test."""

    def windows(self) -> Any:
        return (("quick", 0.2, 4),)


async def test_a_window_that_slides_in_redis_is_never_exceeded_and_never_idle(redis_url: str) -> None:
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra

    counts = RedisCounts(redis_url, "slides", 5.0)
    charges = [Charge("{t}:a", Quick(per_minute=1), "agent")]
    admitted: list[tuple[float, float]] = []  # Redis decided at some time between the two

    async def ask(until: float) -> None:
        while (before := time.time()) < until:
            if (await counts.take(charges)).is_admitted:
                admitted.append((before, time.time()))

    end = time.time() + 1.1
    await asyncio.gather(*(ask(end) for _ in range(3)))
    await counts.close()
    admitted.sort()
    for index in range(len(admitted) - 4):
        five = admitted[index : index + 5]
        assert max(after for _, after in five) - min(before for before, _ in five) >= 0.2
    assert 12 <= len(admitted) <= 24


async def test_a_script_that_redis_forgot_is_sent_again(redis_url: str) -> None:
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra

    counts: Any = RedisCounts(redis_url, "forgot", 5.0)
    await counts.take([charge(per_minute=3)])
    await counts._server.script_flush()
    assert await admitted(counts, charge(per_minute=3), of=5) == 2
    await counts.close()


async def test_a_place_whose_holder_died_is_free_after_its_lease(redis_url: str) -> None:
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra

    counts: Any = RedisCounts(redis_url, "lease", 5.0)
    await counts.take([charge(at_once=1)])
    held = await counts._server.zrange("lease:{t}:a:held", 0, -1, withscores=True)
    await counts._server.zadd("lease:{t}:a:held", {held[0][0]: held[0][1] - 31_000_000})

    assert (await counts.take([charge(at_once=1)])).is_admitted
    await counts.close()


async def test_what_is_under_way_keeps_its_place_beyond_one_lease(redis_url: str) -> None:
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra

    counts: Any = RedisCounts(redis_url, "renewed", 5.0)
    taken = await counts.take([charge(at_once=1)])
    key = "renewed:{t}:a:held"
    before = (await counts._server.zrange(key, 0, -1, withscores=True))[0][1]
    await counts._renew.run(taken.held, [40_000_000, taken.holder])

    assert (await counts._server.zrange(key, 0, -1, withscores=True))[0][1] > before + 9_000_000
    await counts.close()


async def test_nothing_of_a_budget_is_left_in_redis_for_ever(redis_url: str) -> None:
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra

    counts: Any = RedisCounts(redis_url, "left", 5.0)
    await counts.take([charge(per_minute=3, per_day=9, burst=2, at_once=2)])
    keys = [key async for key in counts._server.scan_iter("left:*")]

    assert len(keys) == 4
    assert all([0 < await counts._server.pttl(key) <= 86_402_000 for key in keys])
    await counts.close()


async def test_redis_that_is_away_refuses_and_says_so() -> None:
    settings = LimitsSettings(redis=Secret("redis://127.0.0.1:1/0"), redis_seconds=0.5)
    pytest.importorskip("redis", reason="the extra 'redis' is not installed")
    async with open_limits(settings, ManualClock(), Recorded()) as limiter:
        with pytest.raises(LimitsUnreachable) as caught:
            await limiter.take([charge(per_minute=3)])

    assert (caught.value.status, caught.value.facts["retry_after"]) == (503, 1)
    assert "127.0.0.1" not in str(caught.value)


async def test_while_redis_is_away_it_is_told_once_and_counted_each_time(caplog: pytest.LogCaptureFixture) -> None:
    clock, metrics = ManualClock(), Recorded()
    counts = Broken(clock)
    async with limiter_on(counts, clock, metrics) as limiter:
        counts.is_away = True
        for _ in range(3):
            clock.forward(seconds=2)
            with pytest.raises(LimitsUnreachable):
                await limiter.take([charge(per_minute=3)])

    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert metrics.counted == [("muelle_limits_unreachable_total",)] * 3
    assert metrics.gauges == {"muelle_limits_reachable": 0}
    assert limiter.backend == "unreachable"


async def test_while_redis_is_away_it_is_asked_once_a_second() -> None:
    clock = ManualClock()
    counts = Broken(clock)
    async with limiter_on(counts, clock, Recorded(), unreachable="local") as limiter:
        counts.is_away = True
        await admitted_by(limiter, of=50)
        clock.forward(seconds=1)
        await admitted_by(limiter, of=50)

    assert counts.asked == 2


async def test_each_process_may_count_alone_meanwhile() -> None:
    clock = ManualClock()
    counts = Broken(clock)
    async with limiter_on(counts, clock, Recorded(), unreachable="local") as limiter:
        counts.is_away = True
        alone = await admitted_by(limiter, of=5)
        backend = limiter.backend
        counts.is_away = False
        clock.forward(seconds=1)
        together = await admitted_by(limiter, of=5)

    assert (alone, backend, together, limiter.backend) == (3, "local", 3, "redis")


async def test_strangers_are_answered_though_redis_is_away() -> None:
    clock = ManualClock()
    counts = Broken(clock)
    async with limiter_on(counts, clock, Recorded()) as limiter:
        counts.is_away = True
        decisions = [await limiter.take([charge("a:x", "address", per_minute=2)]) for _ in range(3)]

    assert [decision.is_admitted for decision in decisions] == [True, True, False]


async def test_a_place_that_this_process_gave_is_given_back_here() -> None:
    clock = ManualClock()
    counts = Broken(clock)
    async with limiter_on(counts, clock, Recorded(), unreachable="local") as limiter:
        counts.is_away = True
        taken = await limiter.take([charge(at_once=1)])
        await limiter.give_back(taken)
        assert (await limiter.take([charge(at_once=1)])).is_admitted


async def admitted_by(limiter: Limiter, of: int) -> int:
    return sum([(await limiter.take([charge(per_minute=3)])).is_admitted for _ in range(of)])


async def test_a_server_that_hangs_is_not_waited_for() -> None:
    pytest.importorskip("redis", reason="the extra 'redis' is not installed")
    accepted: list[asyncio.StreamWriter] = []
    silent = await asyncio.start_server(lambda _, writer: accepted.append(writer), "127.0.0.1", 0)
    port = silent.sockets[0].getsockname()[1]
    settings = LimitsSettings(redis=Secret(f"redis://127.0.0.1:{port}/0"), redis_seconds=0.1)
    async with open_limits(settings, ManualClock(), Recorded()) as limiter, asyncio.timeout(5):
        with pytest.raises(LimitsUnreachable):
            await limiter.take([charge(per_minute=3)])
    for writer in accepted:
        writer.close()
    silent.close()
    await silent.wait_closed()
