"""When an upstream is left alone, and how exactly it is tried again."""

from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from muelle.resilience.breaker import Breaker, Breakers, Breaking, Verdict

RULE = Breaking(error_rate=0.5, slow_rate=0.5, slow_seconds=2, window_seconds=10, min_calls=4, open_seconds=5, probes=2)


def called(breaker: Breaker, now: float, verdict: Verdict, seconds: float = 0.1) -> None:
    permit = breaker.ask(now)
    assert permit is not None
    breaker.tell(permit, now, verdict, seconds)


def opened(now: float = 0.0, rule: Breaking = RULE) -> Breaker:
    breaker = Breaker(rule, now)
    for _ in range(rule.min_calls):
        called(breaker, now, "bad")
    return breaker


def test_it_opens_at_the_rate_and_not_below_it() -> None:
    breaker = Breaker(RULE, 0)
    states = []
    for verdict in ("good", "good", "good", "bad", "bad", "bad"):
        called(breaker, 0, verdict)
        states.append(breaker.state)
    assert states == ["closed"] * 5 + ["open"]
    assert breaker.ask(0) is None


def test_a_few_calls_say_nothing() -> None:
    breaker = Breaker(RULE, 0)
    states = []
    for _ in range(4):
        called(breaker, 0, "bad")
        states.append(breaker.state)
    assert states == ["closed", "closed", "closed", "open"]


def test_slow_calls_open_it_too() -> None:
    breaker = Breaker(RULE, 0)
    for seconds in (2.0, 2.0, 0.1, 0.1):
        called(breaker, 0, "good", seconds)
    assert breaker.state == "open"


def test_what_is_older_than_the_window_does_not_count() -> None:
    breaker = Breaker(RULE, 0)
    for _ in range(3):
        called(breaker, 0, "bad")
    called(breaker, 11, "bad")
    assert (breaker.state, breaker.standing(11).calls) == ("closed", 1)


@pytest.mark.parametrize("verdict", ["void"])
def test_what_was_refused_here_says_nothing_about_the_upstream(verdict: Verdict) -> None:
    breaker = Breaker(RULE, 0)
    for _ in range(20):
        called(breaker, 0, verdict)
    assert breaker.standing(0).calls == 0


def test_after_a_while_exactly_so_many_probes_are_let_through() -> None:
    breaker = opened()
    assert (breaker.ask(4.9), breaker.retry_after(4)) == (None, 1)
    permits = [breaker.ask(5) for _ in range(5)]
    assert [permit is not None for permit in permits] == [True, True, False, False, False]
    assert breaker.standing(5).held_back == 4


def test_good_probes_close_it() -> None:
    breaker = opened()
    states = []
    for _ in range(2):
        called(breaker, 5, "good")
        states.append(breaker.state)
    assert states == ["half-open", "closed"]


def test_bad_probes_open_it_again_for_as_long_as_before() -> None:
    breaker = opened()
    called(breaker, 5, "bad")
    assert (breaker.state, breaker.ask(9.9), breaker.retry_after(9)) == ("open", None, 1)
    assert breaker.ask(10) is not None


def test_a_probe_that_told_nothing_is_made_again() -> None:
    breaker = opened()
    permits = [breaker.ask(5), breaker.ask(5)]
    assert breaker.ask(5) is None
    breaker.tell(permits[0] or 0, 5, "void", 0)
    assert breaker.ask(5) is not None


def test_what_was_let_through_before_says_nothing_now() -> None:
    breaker = Breaker(RULE, 0)
    early = breaker.ask(0)
    for _ in range(4):
        called(breaker, 0, "bad")
    assert breaker.ask(5) is not None  # half-open
    breaker.tell(early or 0, 5, "good", 0.1)
    assert (breaker.state, breaker.standing(5).calls) == ("half-open", 0)


def test_a_changed_rule_begins_anew_and_the_oldest_are_forgotten() -> None:
    breakers = Breakers(2)
    first = breakers.of("a", RULE, 0)
    assert breakers.of("a", replace(RULE), 0) is first
    assert breakers.of("a", replace(RULE, probes=3), 0) is not first
    for name in ("b", "c"):
        breakers.of(name, RULE, 0)
    assert [name for name, _ in breakers.standings(0)] == ["b", "c"]
    assert (breakers.reset("b"), breakers.reset("b")) == (True, False)


class Calls(RuleBasedStateMachine):
    """Calls begin and end in any order; the breaker is held to what it promises."""

    def __init__(self) -> None:
        super().__init__()
        self.breaker = Breaker(RULE, 0)
        self.now = 0.0
        self.under_way: list[tuple[int, bool]] = []
        self.opened_at: float | None = None

    @rule(seconds=st.floats(0, 4))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule()
    def begin(self) -> None:
        before = self.breaker.state
        since = self.breaker.standing(self.now).since
        permit = self.breaker.ask(self.now)
        if permit is not None:
            assert before != "open" or self.now - since >= RULE.open_seconds
            self.under_way.append((permit, self.breaker.state == "half-open"))

    @precondition(lambda self: self.under_way)
    @rule(data=st.data(), verdict=st.sampled_from(["good", "bad", "void"]), seconds=st.sampled_from([0.1, 3.0]))
    def end(self, data: st.DataObject, verdict: Verdict, seconds: float) -> None:
        permit, _ = self.under_way.pop(data.draw(st.integers(0, len(self.under_way) - 1)))
        self.breaker.tell(permit, self.now, verdict, seconds)

    @invariant()
    def never_more_probes_than_promised(self) -> None:
        if self.breaker.state == "half-open":
            turn = max((permit for permit, _ in self.under_way), default=-1)
            probes = sum(permit == turn and is_probe for permit, is_probe in self.under_way)
            assert probes + self.breaker.standing(self.now).calls <= RULE.probes

    @invariant()
    def counts_are_never_negative(self) -> None:
        standing = self.breaker.standing(self.now)
        assert 0 <= standing.errors <= standing.calls
        assert 0 <= standing.slow <= standing.calls


TestCalls = Calls.TestCase
TestCalls.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
