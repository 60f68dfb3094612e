"""Policies as values: composed, changed, refused."""

import pytest

from muelle.core import Again, HttpCall
from muelle.resilience import Breaking, Caching, InvalidPolicy, Policy, PolicyChange, Retry
from muelle.resilience.policy import BreakerChange, CacheChange, RetryChange

BASE = Policy(timeout_seconds=30, retry=Retry(), breaker=Breaking(), cache=Caching())
CALL = HttpCall(method="GET", url="https://a.example/")


def test_a_change_says_only_what_is_other() -> None:
    change = PolicyChange(
        retry=RetryChange(attempts=5), breaker=BreakerChange(enabled=False), cache=CacheChange(seconds=9, obey=False)
    )
    policy = BASE.changed(change)
    assert (policy.retry, policy.breaker) == (Retry(attempts=5), Breaking(enabled=False))
    assert policy.cache == Caching(seconds=9, obey=False)
    assert BASE.changed(PolicyChange()) == BASE


def test_a_first_pause_longer_than_the_longest_is_refused() -> None:
    with pytest.raises(InvalidPolicy):
        BASE.changed(PolicyChange(retry=RetryChange(first_seconds=21)))
    assert BASE.changed(PolicyChange(retry=RetryChange(first_seconds=20))).retry.first_seconds == 20


def test_a_call_asks_for_itself_last() -> None:
    again = Again(attempts=2, first_seconds=1, longest_seconds=2, factor=3)
    policy = BASE.asked(HttpCall(method="GET", url="", again=again, cache_seconds=7, stale_if_error_seconds=8))
    assert (policy.retry.attempts, policy.retry.factor, policy.retry.budget) == (2, 3, Retry().budget)
    assert (policy.cache.seconds, policy.cache.stale_if_error_seconds) == (7, 8)
    assert BASE.asked(CALL) is BASE


def test_a_cache_that_is_switched_off_stays_off_whatever_a_call_asks() -> None:
    policy = BASE.changed(PolicyChange(cache=CacheChange(mode="off")))
    assert not policy.asked(HttpCall(method="GET", url="", cache_seconds=7)).cache.is_on


def test_all_attempts_and_pauses_together_are_bounded() -> None:
    policy = BASE.changed(PolicyChange(retry=RetryChange(attempts=3, longest_seconds=10)))
    assert (BASE.total_seconds, policy.total_seconds) == (30, 110)
