"""When something is tried again, after what time, and who pays for it."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.resilience.retry import Budget, Budgets, Retry, is_repeatable, most_seconds, pause, retry_after

NOW = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
RULE = Retry(attempts=4, first_seconds=1.0, longest_seconds=10.0, factor=2.0)


@pytest.mark.parametrize(("attempt", "longest"), [(1, 1.0), (2, 2.0), (3, 4.0)])
def test_pauses_grow_and_are_anything_up_to_that(attempt: int, longest: float) -> None:
    assert [pause(RULE, attempt, chance) for chance in (0.0, 0.5, 1.0)] == [0.0, longest / 2, longest]


def test_after_the_last_attempt_it_is_given_up() -> None:
    assert (pause(RULE, 3, 0.5) is not None, pause(RULE, 4, 0.5)) == (True, None)


@given(st.integers(1, 9), st.floats(0, 1), st.none() | st.floats(0, 1000))
def test_no_pause_is_longer_than_the_longest_nor_shorter_than_asked(
    attempt: int, chance: float, asked: float | None
) -> None:
    wait = pause(Retry(attempts=10, longest_seconds=30), attempt, chance, asked)
    if asked is not None and asked > 30:
        assert wait is None
    else:
        assert wait is not None
        assert (asked or 0) <= wait <= 30


def test_what_is_asked_for_is_honoured_at_the_longest_pause_and_not_past_it() -> None:
    assert pause(RULE, 1, 0.0, 10.0) == 10.0
    assert pause(RULE, 1, 0.0, 10.1) is None


def test_all_pauses_together_are_bounded() -> None:
    assert most_seconds(RULE) == 30.0
    assert most_seconds(Retry(attempts=1)) == 0


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("7", 7.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("Sun, 01 Mar 2026 12:30:09 GMT", 9.0),
        ("Sun, 01 Mar 2026 12:30:09 -0000", 9.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("", None),
        ("9" * 5_000, 9_999_999_999.0),
    ],
)
def test_retry_after_is_read_in_seconds_and_as_a_date(text: str, seconds: float | None) -> None:
    assert retry_after(text, NOW) == seconds


@pytest.mark.parametrize(
    ("method", "own_key", "asked", "expected"),
    [
        ("GET", False, False, True),
        ("HEAD", False, False, True),
        ("POST", False, True, False),
        ("PATCH", False, True, False),
        ("POST", True, False, True),
        ("PUT", False, False, False),
        ("PUT", False, True, True),
        ("DELETE", False, False, False),
    ],
)
def test_only_what_is_safe_or_has_a_key_is_repeated(method: str, own_key: bool, asked: bool, expected: bool) -> None:  # noqa: FBT001 - a table
    assert is_repeatable(method, has_own_key=own_key, is_asked=asked) is expected


@given(st.lists(st.booleans(), max_size=300), st.integers(1, 20))
def test_repetitions_never_cost_more_than_the_budget_and_the_reserve(wants: list[bool], reserve: int) -> None:
    rule = Retry(attempts=10, budget=0.5, reserve=reserve)
    budget, calls, repetitions = Budget(rule), 0, 0
    for is_call in wants:
        if is_call:
            calls += 1
            budget.deposit(rule)
        else:
            repetitions += budget.withdraw()
        assert repetitions <= 0.5 * calls + reserve


def test_each_upstream_has_a_budget_of_its_own_and_the_oldest_are_forgotten() -> None:
    rule = Retry(reserve=1)
    budgets = Budgets(2)
    assert budgets.of("a", rule).withdraw()
    assert not budgets.of("a", rule).withdraw()
    assert budgets.of("b", rule).withdraw()
    budgets.of("c", rule)
    assert budgets.of("a", rule).tokens == 1
