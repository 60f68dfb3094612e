"""Intervals, single moments, and looking back: pure."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.schedule_world import START, at
from muelle.engine.schedules.errors import InvalidSchedule
from muelle.engine.schedules.timing import (
    LONGEST_INTERVAL,
    At,
    Cron,
    Every,
    Timing,
    checked,
    firings_between,
    last_firing,
    next_firing,
)

MICROSECOND = timedelta(microseconds=1)
TIMINGS: list[Timing] = [
    Cron("*/7 * * * *", "Europe/Madrid"),
    Cron("30 2 * * MON", "Europe/Madrid"),
    Cron("5-59/20 59 23 L * *"),
    Every(97, START + timedelta(days=3)),
    At(START + timedelta(days=9)),
]


@given(seconds=st.integers(1, 10**6), anchor=st.integers(0, 10**6), after=st.integers(0, 10**7))
def test_an_interval_fires_at_its_anchor_and_whole_intervals_later(seconds: int, anchor: int, after: int) -> None:
    timing = Every(seconds, START + timedelta(seconds=anchor))
    since = START + timedelta(seconds=after)

    found = next_firing(timing, since)

    assert found is not None
    assert found > since
    assert found >= timing.anchor
    assert (found - timing.anchor) % timedelta(seconds=seconds) == timedelta()
    assert found == timing.anchor or found - timedelta(seconds=seconds) <= since


def test_an_interval_does_not_care_about_changes_of_clocks() -> None:
    since = datetime(2026, 3, 28, 12, tzinfo=UTC)

    found = list(firings_between(Every(86_400, since), since, since + timedelta(days=3)))

    assert found == [since + timedelta(days=n) for n in range(3)]


def test_a_moment_comes_once() -> None:
    timing = At(at("03:00"))

    assert next_firing(timing, at("03:00") - MICROSECOND) == at("03:00")
    assert next_firing(timing, at("03:00")) is None


def test_firings_between_have_their_first_and_not_their_last() -> None:
    assert list(firings_between(Cron("0 * * * *"), at("01:00"), at("03:00"))) == [at("01:00"), at("02:00")]


@pytest.mark.parametrize("timing", TIMINGS, ids=repr)
@given(since=st.integers(0, 40 * 86_400), span=st.integers(0, 30 * 86_400))
def test_the_last_firing_is_the_last_of_all_that_lie_between(timing: Timing, since: int, span: int) -> None:
    begin = START + timedelta(seconds=since)
    end = begin + timedelta(seconds=span if not isinstance(timing, Every) else span // 100)

    last = None
    for last in firings_between(timing, begin, end + MICROSECOND):  # noqa: B007 - the last one is wanted
        pass

    assert last_firing(timing, begin, end) == last


def test_years_of_firings_each_second_are_looked_through_in_no_time() -> None:
    every_second = Cron("* * * * * *", "Europe/Madrid")

    assert last_firing(every_second, START, START + timedelta(days=4000)) == START + timedelta(days=4000)


@pytest.mark.parametrize("seconds", [1, LONGEST_INTERVAL])
def test_an_interval_has_1_second_to_10_years(seconds: int) -> None:
    assert checked(Every(seconds, START)) == Every(seconds, START)


@pytest.mark.parametrize("seconds", [0, -1, LONGEST_INTERVAL + 1])
def test_an_interval_past_its_bounds_is_refused(seconds: int) -> None:
    with pytest.raises(InvalidSchedule) as raised:
        checked(Every(seconds, START))

    facts: dict[str, Any] = raised.value.facts
    assert (facts["field"], facts["least"], facts["most"]) == ("every", 1, LONGEST_INTERVAL)


@pytest.mark.parametrize("moment", [datetime(2026, 1, 1), datetime(1969, 12, 31, tzinfo=UTC)])  # noqa: DTZ001 - wrong
def test_a_time_needs_a_zone_and_is_not_before_1970(moment: datetime) -> None:
    for timing, field in ((At(moment), "at"), (Every(60, moment), "anchor")):
        with pytest.raises(InvalidSchedule) as raised:
            checked(timing)
        assert raised.value.facts["field"] == field


@pytest.mark.parametrize("timing", TIMINGS, ids=repr)
def test_time_ends_before_year_10000_without_an_error(timing: Timing) -> None:
    assert next_firing(timing, datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)) is None
    assert next_firing(timing, datetime(1, 1, 1, tzinfo=UTC)) is not None
