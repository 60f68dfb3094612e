"""Cron expressions: what they match, where clocks are changed too, and what is said of those that are none."""

from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from engine.schedule_brute_force import firings, utc
from muelle.engine.schedules.cron import LONGEST, parse
from muelle.engine.schedules.errors import CronNeverFires, InvalidCron, UnknownTimeZone
from muelle.engine.schedules.timing import Cron, checked, firings_between, next_firing

MADRID, NEW_YORK, LORD_HOWE = "Europe/Madrid", "America/New_York", "Australia/Lord_Howe"
CHANGES = [  # the middle of what the clocks skip or repeat in 2026
    (MADRID, "2026-03-29T01:00"),
    (MADRID, "2026-10-25T01:00"),
    (NEW_YORK, "2026-03-08T07:00"),
    (NEW_YORK, "2026-11-01T06:00"),
    (LORD_HOWE, "2026-10-03T15:30"),
    (LORD_HOWE, "2026-04-04T15:00"),
]


def local(cron: str, zone: str, since: str, number: int) -> list[str]:
    """Return firings as the clocks of the zone show them."""
    found = firings_between(Cron(cron, zone), utc(since), utc(since) + timedelta(days=40_000))
    return [at.astimezone(ZoneInfo(zone)).isoformat(" ", "seconds") for at in islice(found, number)]


def days(cron: str, number: int, since: str = "2026-01-01") -> list[str]:
    return [text[:10] for text in local(cron, "UTC", since, number)]


@st.composite
def terms(draw: st.DrawFn, first: int, last: int) -> str:
    low = draw(st.integers(first, last))
    high = draw(st.integers(low, last))
    step = draw(st.integers(1, max(1, (last - first) // 2)))
    return draw(st.sampled_from(["*", "*", str(low), f"{low}-{high}", f"*/{step}", f"{low}/{step}", f"{low},{high}"]))


HOURS = st.one_of(terms(0, 23), st.sampled_from(["1", "2", "1-3", "*/2"]))
DAYS = [
    st.one_of(st.just("*"), terms(1, 31)),
    st.one_of(st.just("*"), terms(1, 12)),
    st.one_of(st.just("*"), terms(0, 6)),
]
FIVE = st.tuples(terms(0, 59), HOURS, *DAYS).map(" ".join)
SIX = st.tuples(terms(0, 59), terms(0, 59), HOURS, *DAYS).map(" ".join)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(cron=st.one_of(FIVE, SIX), change=st.sampled_from(CHANGES))
@example(cron="30 2 * * *", change=(MADRID, "2026-03-29T01:00"))
@example(cron="* 30 2 * * *", change=(MADRID, "2026-10-25T01:00"))
@example(cron="15,45 1,2 * * *", change=(LORD_HOWE, "2026-04-04T15:00"))
@example(cron="0 0 29 2 *", change=(NEW_YORK, "2026-11-01T06:00"))
@example(cron="0/1 1 * * *", change=(NEW_YORK, "2026-11-01T06:00"))  # all minutes, without a star
def test_around_every_change_of_clocks_cron_fires_as_a_walk_over_all_seconds_says(
    cron: str, change: tuple[str, str]
) -> None:
    zone, middle = change
    since, until = utc(middle) - timedelta(hours=2), utc(middle) + timedelta(hours=2)
    try:
        parse(cron)
    except CronNeverFires:
        return

    assert list(firings_between(Cron(cron, zone), since, until)) == firings(cron, zone, since, until)


@settings(max_examples=60, deadline=None)
@given(cron=st.one_of(FIVE, SIX), hours=st.integers(0, 24 * 365))
def test_far_from_any_change_cron_fires_as_the_walk_says(cron: str, hours: int) -> None:
    since = utc("2026-01-01") + timedelta(hours=hours)
    try:
        parse(cron)
    except CronNeverFires:
        return
    until = since + timedelta(hours=3)

    assert list(firings_between(Cron(cron, "UTC"), since, until)) == firings(cron, "UTC", since, until)


def test_a_skipped_time_fires_once_right_after_the_gap() -> None:
    assert local("15,30,45 2 * * *", MADRID, "2026-03-29", 2) == [
        "2026-03-29 03:00:00+02:00",
        "2026-03-30 02:15:00+02:00",
    ]


def test_a_repeated_time_fires_the_first_time_only() -> None:
    assert local("30 1 * * *", NEW_YORK, "2026-11-01", 2) == ["2026-11-01 01:30:00-04:00", "2026-11-02 01:30:00-05:00"]


def test_seconds_first_make_no_difference_to_changes_of_clocks() -> None:
    assert local("10 30 2 * * *", MADRID, "2026-03-29", 1) == ["2026-03-29 03:00:00+02:00"]
    assert local("10 30 2 * * *", MADRID, "2026-10-25", 2) == ["2026-10-25 02:30:10+02:00", "2026-10-26 02:30:10+01:00"]


@pytest.mark.parametrize(("zone", "middle"), CHANGES)
@pytest.mark.parametrize("cron", ["*/15 * * * *", "0,15,30,45 0-23 * * *", "*/15 * 1-31 * *"])
def test_every_quarter_of_an_hour_stays_so_whatever_the_clocks_do(cron: str, zone: str, middle: str) -> None:
    since = utc(middle) - timedelta(hours=6)

    found = list(firings_between(Cron(cron, zone), since, since + timedelta(hours=12)))

    assert found == [since + timedelta(minutes=15 * n) for n in range(48)]


def test_half_an_hour_on_lord_howe_is_skipped_and_repeated() -> None:
    assert local("15 2 * * *", LORD_HOWE, "2026-10-03T13:00", 1) == ["2026-10-04 02:30:00+11:00"]
    assert local("45 1 * * *", LORD_HOWE, "2026-04-04T13:00", 2) == [
        "2026-04-05 01:45:00+11:00",
        "2026-04-06 01:45:00+10:30",
    ]


def test_within_the_second_showing_of_an_hour_what_has_fired_does_not_again() -> None:
    second_showing = utc("2026-10-25T01:10")

    assert next_firing(Cron("30 2 * * *", MADRID), second_showing) == utc("2026-10-26T01:30")
    assert next_firing(Cron("*/30 2 * * *", MADRID), second_showing) == utc("2026-10-25T01:30")


def test_a_day_that_a_zone_leaves_out_is_made_up_for_right_after() -> None:
    assert local("0 12 * * *", "Pacific/Apia", "2011-12-30", 2) == [
        "2011-12-31 00:00:00+14:00",
        "2011-12-31 12:00:00+14:00",
    ]


@pytest.mark.parametrize(
    ("cron", "first"),
    [
        ("0 0 L * *", ["2026-01-31", "2026-02-28", "2026-03-31"]),
        ("0 0 L-2 * *", ["2026-01-29", "2026-02-26", "2026-03-29"]),
        ("0 0 LW * *", ["2026-01-30", "2026-02-27", "2026-03-31"]),
        ("0 0 15W * *", ["2026-01-15", "2026-02-16", "2026-03-16"]),
        ("0 0 1W * *", ["2026-01-01", "2026-02-02", "2026-03-02"]),
        ("0 0 ? * FRI#2", ["2026-01-09", "2026-02-13", "2026-03-13"]),
        ("0 0 * * 5L", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * FRIL", ["2026-01-30", "2026-02-27", "2026-03-27"]),
        ("0 0 * * 7", ["2026-01-04", "2026-01-11", "2026-01-18"]),
        ("0 0 * * FRI-SUN", ["2026-01-02", "2026-01-03", "2026-01-04"]),
        ("0 0 29 FEB *", ["2028-02-29", "2032-02-29", "2036-02-29"]),
        ("0 0 * 2 MON#5", ["2044-02-29", "2072-02-29", "2112-02-29"]),
        ("0 0 1 * MON", ["2026-01-01", "2026-01-05", "2026-01-12"]),
        ("0 0 */10 * THU", ["2026-01-01", "2026-05-21", "2026-06-11"]),
        ("@monthly", ["2026-01-01", "2026-02-01", "2026-03-01"]),
        ("@Weekly", ["2026-01-04", "2026-01-11", "2026-01-18"]),
    ],
)
def test_days_are_what_cron_says(cron: str, first: list[str]) -> None:
    assert days(cron, 3) == first


@pytest.mark.parametrize(
    ("cron", "part", "position", "hint"),
    [
        ("61 * * * *", "minute", 1, "61 is not between 0 and 59"),
        ("0 61 * * * *", "minute", 2, "61 is not between 0 and 59"),
        ("61 * * * * *", "second", 1, "61 is not between 0 and 59"),
        ("0 24 * * *", "hour", 2, "24 is not between 0 and 23"),
        ("0 0 0 * *", "day of month", 3, "0 is not between 1 and 31"),
        ("0 0 1 JAM *", "month", 4, "did you mean JAN"),
        ("0 0 * * MON#6", "day of week", 5, "#6 is not between #1 and #5"),
        ("0 0 L-31 * *", "day of month", 3, "no month has a day 31 before its last"),
        ("0 22-2 * * *", "hour", 2, "write 22-23,0-2"),
        ("*/0 * * * *", "minute", 1, "no number from 1 on"),
        ("*/90 * * * *", "minute", 1, "use an interval"),
        ("1,,2 * * * *", "minute", 1, "nothing beside a comma"),
        ("-1 * * * *", "minute", 1, "'' is no number"),
        ("٣ * * * *", "minute", 1, "is no number"),
    ],
)
def test_a_wrong_field_is_named_with_its_place_and_an_example(cron: str, part: str, position: int, hint: str) -> None:
    with pytest.raises(InvalidCron) as raised:
        parse(cron)

    facts: dict[str, Any] = raised.value.facts
    assert (facts["field"], facts["part"], facts["position"]) == ("cron", part, position)
    assert hint in raised.value.message
    assert facts["example"]


@pytest.mark.parametrize("cron", ["", "* * * *", "* * * * * * *", "@reboot", "hourly"])
def test_what_is_no_expression_is_refused_with_an_example(cron: str) -> None:
    with pytest.raises(InvalidCron) as raised:
        parse(cron)

    parse(raised.value.facts["example"])


@pytest.mark.parametrize("cron", ["0 0 30 2 *", "0 0 31 4,6,9,11 *"])
def test_a_day_that_never_comes_is_refused(cron: str) -> None:
    with pytest.raises(CronNeverFires):
        parse(cron)


def test_an_expression_may_have_256_characters_and_no_more() -> None:
    longest = ",".join(["0"] * 124)

    assert len(f"{longest} * * * *") == LONGEST - 1
    parse(f"{longest}  * * * *")
    with pytest.raises(InvalidCron, match="256"):
        parse(f"{longest}   * * * *")


@pytest.mark.parametrize(
    "zone", ["Europe/Madird", "America", "../../etc/passwd", "/etc/localtime", "", "x" * 101, "a\0b"]
)
def test_a_zone_that_there_is_not_is_refused(zone: str) -> None:
    with pytest.raises(UnknownTimeZone):
        checked(Cron("@daily", zone))


def test_a_mistyped_zone_is_answered_with_the_nearest() -> None:
    with pytest.raises(UnknownTimeZone) as raised:
        checked(Cron("@daily", "Europe/Madird"))

    assert raised.value.facts["nearest"] == [MADRID]


def test_firings_are_in_utc_and_after_the_moment_to_the_microsecond() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    daily = Cron("0 12 * * *")

    assert next_firing(daily, noon - timedelta(microseconds=1)) == noon
    assert next_firing(daily, noon) == noon + timedelta(days=1)
    assert next_firing(daily, noon + timedelta(microseconds=1)) == noon + timedelta(days=1)
