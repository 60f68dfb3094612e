import asyncio
from datetime import UTC, datetime, timedelta

from muelle.core import ManualClock, SystemClock


def test_a_clock_stands_still_until_it_is_moved() -> None:
    clock = ManualClock(datetime(2026, 3, 29, 0, 59, 59, 999_999, tzinfo=UTC))
    before = (clock.now(), clock.nanoseconds(), clock.monotonic())
    assert (clock.now(), clock.nanoseconds(), clock.monotonic()) == before
    clock.forward(hours=1, minutes=2, seconds=3.5)
    assert clock.now() - before[0] == timedelta(hours=1, minutes=2, seconds=3.5)
    assert clock.nanoseconds() - before[1] == 3_723_500_000_000


def test_now_and_nanoseconds_agree() -> None:
    clock = ManualClock(datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC))
    assert clock.now() == datetime(2026, 1, 2, 3, 4, 5, 678_901, tzinfo=UTC)
    assert datetime.fromtimestamp(0, UTC) + timedelta(microseconds=clock.nanoseconds() // 1000) == clock.now()


async def test_sleepers_wake_in_the_order_of_their_times() -> None:
    clock = ManualClock()
    woken: list[int] = []

    async def sleep(seconds: int) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    tasks = [asyncio.create_task(sleep(seconds)) for seconds in (3, 1, 2, 9)]
    await asyncio.sleep(0)
    assert clock.sleepers == 4
    clock.forward(seconds=3)
    await asyncio.gather(*tasks[:3])
    assert woken == [1, 2, 3]
    assert clock.sleepers == 1
    tasks[3].cancel()


async def test_a_sleeper_that_is_cancelled_is_forgotten() -> None:
    clock = ManualClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert clock.sleepers == 0
    clock.forward(seconds=2)


async def test_no_time_at_all_is_no_sleep() -> None:
    await ManualClock().sleep(0)
    await ManualClock().sleep(-1)


async def test_the_systems_clock_is_aware_and_moves() -> None:
    clock = SystemClock()
    first = (clock.monotonic(), clock.nanoseconds())
    await clock.sleep(0)
    assert clock.now().tzinfo is UTC
    assert clock.monotonic() >= first[0]
    assert abs(clock.now().timestamp() - first[1] / 1e9) < 60
