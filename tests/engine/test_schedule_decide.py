"""What a schedule does now, by its rules: pure."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.schedule_world import MINUTELY, START, at, schedule
from muelle.engine.schedules.decide import AGAIN, GRACE, Decision, decide, due_at, rested, started, upcoming
from muelle.engine.schedules.model import CatchUp, Schedule
from muelle.engine.schedules.timing import At, Cron, Every

SECOND = timedelta(seconds=1)
HOURLY = Cron("0 * * * *")


def since(moment: datetime, timing: Any = MINUTELY, **fields: Any) -> Schedule:
    """Return a schedule that was started at a time."""
    return started(schedule(timing, **fields), moment)


def now(planned: Schedule, moment: datetime, *, is_busy: bool = False) -> Decision:
    return decide(planned, moment, is_busy=is_busy)


def test_nothing_is_done_before_it_is_time() -> None:
    decision = now(since(at("01:00:30")), at("01:00:59"))

    assert decision.fire == ()
    assert decision.progress.wake_at == decision.progress.next_at == at("01:01")


def test_a_firing_is_made_when_it_is_time_and_the_next_one_awaited() -> None:
    decision = now(since(at("01:00:30")), at("01:01"))

    assert decision.fire == (at("01:01"),)
    assert decision.progress.wake_at == decision.progress.next_at == at("01:02")
    assert decision.passed_over == ""


@pytest.mark.parametrize(
    ("catch_up", "fired"),
    [("none", []), ("last", ["05:00"]), ("all", ["02:00", "03:00", "04:00", "05:00"])],
)
def test_what_an_outage_missed_is_made_up_for_as_the_rule_says(catch_up: CatchUp, fired: list[str]) -> None:
    decision = now(since(at("01:30"), HOURLY, catch_up=catch_up), at("05:30"))

    assert list(decision.fire) == [at(time) for time in fired]
    assert decision.progress.next_at == at("06:00")
    assert decision.passed_over == ("" if catch_up == "all" else "missed")


@pytest.mark.parametrize("catch_up", ["none", "last"])
def test_after_an_outage_a_firing_that_is_on_time_is_the_only_one(catch_up: CatchUp) -> None:
    decision = now(since(at("01:30"), HOURLY, catch_up=catch_up), at("05:00") + GRACE)

    assert decision.fire == (at("05:00"),)


@pytest.mark.parametrize(("late", "number"), [(GRACE, 1), (GRACE + timedelta(microseconds=1), 0)])
def test_a_firing_counts_as_on_time_for_ten_seconds(late: timedelta, number: int) -> None:
    decision = now(since(at("01:30"), HOURLY, catch_up="none"), at("02:00") + late)

    assert len(decision.fire) == number


@pytest.mark.parametrize("catch_up", ["none", "last", "all"])
def test_a_loop_that_is_held_up_for_some_seconds_loses_no_firing(catch_up: CatchUp) -> None:
    decision = now(since(at("01:00"), Cron("* * * * * *"), catch_up=catch_up), at("01:00:05"))

    assert decision.fire == tuple(at("01:00") + n * SECOND for n in range(1, 6))


def test_all_is_bounded_and_keeps_the_newest() -> None:
    whole = now(since(at("01:00"), catch_up="all", most=3), at("01:03:30"))
    decision = now(since(at("01:00"), catch_up="all", most=3), at("01:05:30"))

    assert (len(whole.fire), whole.passed_over) == (3, "")
    assert decision.fire == (at("01:03"), at("01:04"), at("01:05"))
    assert decision.passed_over == "missed"


def test_years_of_an_outage_are_looked_through_at_once() -> None:
    long = since(START, Cron("* * * * * *"), catch_up="all", most=20)

    decision = now(long, START + timedelta(days=3000))

    assert len(decision.fire) == 20 + 11  # what is late, and what is on time
    assert decision.fire[-1] == START + timedelta(days=3000)


def test_a_moment_that_was_missed_is_made_up_for() -> None:
    decision = now(since(at("01:00"), At(at("02:00"))), at("09:00"))

    assert decision.fire == (at("02:00"),)
    assert decision.progress.next_at is None
    assert decision.progress.wake_at is None


def test_two_runs_at_once_are_allowed_unless_a_rule_says_no() -> None:
    assert now(since(at("01:00")), at("01:01"), is_busy=True).fire == (at("01:01"),)


def test_a_firing_is_skipped_while_the_run_before_goes_on() -> None:
    decision = now(since(at("01:00"), overlap="skip"), at("01:01"), is_busy=True)

    assert (decision.fire, decision.passed_over) == ((), "overlap")
    assert decision.progress.next_at == at("01:02")


def test_a_firing_cancels_the_run_before() -> None:
    decision = now(since(at("01:00"), overlap="cancel"), at("01:01"), is_busy=True)

    assert (decision.fire, decision.cancels) == ((at("01:01"),), True)
    assert not now(since(at("01:00"), overlap="cancel"), at("01:01")).cancels
    assert not now(since(at("01:00"), overlap="cancel"), at("01:00:30"), is_busy=True).cancels


def test_one_firing_waits_for_the_run_before_and_those_after_it_do_not() -> None:
    first = now(since(at("01:00"), overlap="queue"), at("01:01"), is_busy=True)
    waiting = since(at("01:00"), overlap="queue").with_(progress=first.progress)
    second = now(waiting, at("01:02"), is_busy=True)

    assert (first.fire, first.progress.waiting_at, first.passed_over) == ((), at("01:01"), "")
    assert first.progress.wake_at == at("01:01") + AGAIN
    assert (second.fire, second.progress.waiting_at, second.passed_over) == ((), at("01:01"), "overlap")


def test_what_waits_is_made_as_soon_as_the_run_before_has_ended() -> None:
    first = now(since(at("01:00"), overlap="queue"), at("01:01"), is_busy=True)
    waiting = since(at("01:00"), overlap="queue").with_(progress=first.progress)

    decision = now(waiting, at("01:01:20"))

    assert decision.fire == (at("01:01"),)
    assert decision.progress.waiting_at is None
    assert decision.progress.wake_at == at("01:02")


@pytest.mark.parametrize(("overlap", "fired"), [("skip", "01:01"), ("queue", "01:01"), ("cancel", "01:03")])
def test_of_several_firings_at_once_one_is_made_where_runs_must_not_overlap(overlap: str, fired: str) -> None:
    decision = now(since(at("01:00"), overlap=overlap, catch_up="all"), at("01:03"))

    assert decision.fire == (at(fired),)
    assert decision.progress.waiting_at == (at("01:02") if overlap == "queue" else None)
    assert decision.passed_over == "overlap"


def test_jitter_delays_each_firing_by_a_span_of_its_own_that_never_changes() -> None:
    planned = schedule(HOURLY, jitter=600)
    firings = upcoming(HOURLY, planned.rules, at("00:00"), 20)

    delays = [due_at(planned, firing) - firing for firing in firings]

    assert delays == [due_at(planned, firing) - firing for firing in firings]
    assert len(set(delays)) == len(delays)
    assert all(timedelta() <= delay < timedelta(seconds=600) for delay in delays)
    assert delays != [due_at(planned.with_(id="other"), firing) - firing for firing in firings]


@given(jitter=st.integers(0, 3600), seconds=st.integers(1, 4000))
def test_no_firing_is_late_past_the_next_one(jitter: int, seconds: int) -> None:
    planned = schedule(Every(seconds, START), jitter=jitter)

    assert timedelta() <= due_at(planned, START) - START <= timedelta(seconds=min(jitter, seconds))


def test_a_firing_with_jitter_is_made_when_its_jitter_is_over_and_is_then_not_late() -> None:
    planned = since(at("01:30"), HOURLY, jitter=3000, catch_up="none")
    due = due_at(planned, at("02:00"))

    assert planned.progress.wake_at == due
    assert planned.progress.next_at == at("02:00")
    assert now(planned, due - timedelta(microseconds=1)).fire == ()
    assert now(planned, due).fire == (at("02:00"),)


def test_the_start_is_included_and_the_end_is_not() -> None:
    bounds: dict[str, Any] = {"start": at("02:00"), "end": at("05:00")}

    assert upcoming(HOURLY, schedule(**bounds).rules, at("00:30"), 9) == [at("02:00"), at("03:00"), at("04:00")]
    decision = now(since(at("00:30"), HOURLY, catch_up="all", **bounds), at("09:00"))
    assert decision.fire == (at("02:00"), at("03:00"), at("04:00"))
    assert decision.progress.next_at is None


def test_an_interval_keeps_to_its_anchor_whatever_the_start_is() -> None:
    rules = schedule(start=at("01:10")).rules

    assert upcoming(Every(3600, at("00:30")), rules, at("00:00"), 2) == [at("01:30"), at("02:30")]


def test_a_paused_schedule_does_nothing() -> None:
    paused = rested(since(at("01:00")).with_(paused=True))

    decision = now(paused, at("09:00"))

    assert (decision.fire, decision.progress.next_at, decision.progress.wake_at) == ((), None, None)


@given(
    steps=st.lists(st.integers(1, 400), min_size=1, max_size=15),
    busy=st.lists(st.booleans(), min_size=15, max_size=15),
    overlap=st.sampled_from(["allow", "skip", "queue", "cancel"]),
    catch_up=st.sampled_from(["none", "last", "all"]),
    jitter=st.sampled_from([0, 7, 90]),
)
def test_whenever_one_looks_no_firing_is_made_twice_early_or_out_of_order(
    steps: list[int], busy: list[bool], overlap: str, catch_up: str, jitter: int
) -> None:
    planned = since(START, overlap=overlap, catch_up=catch_up, jitter=jitter)
    fired: list[datetime] = []
    moment = START
    for step, is_busy in zip(steps, busy, strict=False):
        moment += timedelta(seconds=step)
        decision = now(planned, moment, is_busy=is_busy)
        assert all(due_at(planned, firing) <= moment for firing in decision.fire)
        assert not (is_busy and decision.fire and overlap in {"skip", "queue"})
        fired += decision.fire
        planned = planned.with_(progress=decision.progress)
        assert decision.progress.next_at is not None
        assert due_at(planned, decision.progress.next_at) > moment

    assert fired == sorted(set(fired))
    assert catch_up != "all" or overlap != "allow" or fired == upcoming(MINUTELY, planned.rules, START, len(fired))
