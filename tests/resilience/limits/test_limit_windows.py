"""Windows and tokens: exact at the limit, at the edge of a window, and over any schedule."""

import pytest

from bench.door.schedules import Broken, check, check_windows
from muelle.resilience.limits.window import ENTRIES, Tokens, Window

MINUTE = 60_000_000_000


def filled(quota: int, *times: int) -> Window:
    window = Window(quota, MINUTE)
    for time in times:
        window.add(time)
    return window


def test_a_window_admits_its_quota_and_not_one_more() -> None:
    window = filled(3, 0, 0)

    assert window.room(0) == 1
    window.add(0)
    assert window.room(0) == 0


def test_what_was_admitted_comes_back_one_window_later_to_the_nanosecond() -> None:
    window = filled(2, 10, 20)

    assert window.room(10 + MINUTE - 1) == 0
    assert window.room(10 + MINUTE) == 1
    assert window.room(20 + MINUTE) == 2


def test_a_full_window_says_when_there_is_room_again() -> None:
    window = filled(2, 10, 20)

    assert (window.wait(30), window.reset(30)) == (MINUTE - 20, MINUTE - 20)
    assert filled(2, 10).wait(30) == 0


def test_a_lowered_quota_counts_what_was_admitted_before() -> None:
    window = filled(5, 1, 2, 3, 4)
    window.resize(2)

    assert window.room(5) == -2
    assert window.wait(5) == 3 + MINUTE - 5  # three have to leave before one may come


def test_a_raised_quota_holds_at_once() -> None:
    window = filled(2, 1, 2)
    window.resize(5)

    assert window.room(3) == 3


@pytest.mark.parametrize("quota", [ENTRIES, ENTRIES + 1, 1_000_000])
def test_what_a_window_keeps_is_bounded(quota: int) -> None:
    window = Window(quota, MINUTE)
    for index in range(20_000):
        now = index * (MINUTE // 10_000)
        if window.room(now) > 0:
            window.add(now)

    assert len(window) <= ENTRIES + 1


def test_of_a_large_quota_a_part_comes_back_late_by_no_more_than_a_1024th_of_the_window() -> None:
    window = Window(ENTRIES + 1, MINUTE)
    while window.room(0) > 0:
        window.add(0)

    assert window.used == ENTRIES + 1
    assert window.room(MINUTE - 1) == 0
    assert window.room(MINUTE + MINUTE // ENTRIES) == ENTRIES + 1


def test_tokens_are_refilled_evenly() -> None:
    tokens = Tokens(3, MINUTE)
    for _ in range(3):
        tokens.add(100)

    assert (tokens.room(100), tokens.wait(100), tokens.reset(100)) == (0, MINUTE // 3, MINUTE // 3)
    assert tokens.room(100 + MINUTE // 3 - 1) == 0
    assert tokens.room(100 + MINUTE // 3) == 1
    assert tokens.room(100 + MINUTE) == 3


@pytest.mark.parametrize("seed", range(4))
def test_no_schedule_exceeds_a_limit(seed: int) -> None:
    assert check(10_000, seed) == 10_000


def test_the_judge_of_schedules_finds_a_window_that_forgets_too_early() -> None:
    class Hasty(Window):
        def _leave(self, before: int) -> None:
            super()._leave(before + 2)

    with pytest.raises(Broken):
        check_windows(20_000, Hasty)


def test_the_judge_of_schedules_finds_a_window_that_refuses_without_need() -> None:
    class Mean(Window):
        def room(self, now: int) -> int:
            return super().room(now) - 1

    with pytest.raises(Broken):
        check_windows(100, Mean)
