"""What counts, in memory and in Redis: the same answers to the same questions."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from muelle.core import ManualClock, SystemClock, read_settings
from muelle.identity import Budgets
from muelle.resilience import InvalidTarget, LimitsSettings
from muelle.resilience.limits import Counts, InvalidRate, MemoryCounts, UnknownRate, checked_rule
from muelle.resilience.limits.model import MOST, MOST_WAIT, RATE_NAMES, Rate
from muelle.resilience.limits.opening import open_limits
from resilience.limits.limit_world import Recorded, admitted, charge
from resilience.redis_server import redis_server


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("limits")) as url:
        yield url


@pytest.fixture(params=["memory", "redis"])
async def counts(request: pytest.FixtureRequest) -> AsyncIterator[Counts]:
    if request.param == "memory":
        yield MemoryCounts(SystemClock())
        return
    url = request.getfixturevalue("redis_url")
    from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - an extra

    opened = RedisCounts(url, request.node.name, 5.0)
    yield opened
    await opened.close()


async def test_the_quota_is_admitted_and_not_one_more(counts: Counts) -> None:
    assert await admitted(counts, charge(per_minute=5), of=8) == 5


async def test_a_large_quota_is_admitted_and_not_one_more(counts: Counts) -> None:
    assert await admitted(counts, charge(per_minute=1500), of=1520) == 1500


async def test_the_smallest_of_several_windows_holds(counts: Counts) -> None:
    assert await admitted(counts, charge(per_minute=9, per_hour=4, per_day=6), of=9) == 4


async def test_a_burst_is_bounded_before_its_window_is(counts: Counts) -> None:
    assert await admitted(counts, charge(per_hour=100, burst=3), of=9) == 3


async def test_what_one_budget_refuses_no_other_is_charged(counts: Counts) -> None:
    tight, wide = charge("{t}:a", per_minute=2), charge("{t}:*", "tenant", per_minute=9)

    assert await admitted(counts, tight, wide, of=5) == 2
    assert (await counts.look([wide])).standings[0].remaining == 7


async def test_nobody_spends_the_budget_of_another_key(counts: Counts) -> None:
    assert await admitted(counts, charge("{t}:a", per_minute=2), of=5) == 2
    assert await admitted(counts, charge("{t}:b", per_minute=2), of=5) == 2


async def test_a_refusal_says_what_refused_and_when_to_come_back(counts: Counts) -> None:
    await admitted(counts, charge(per_minute=2, per_hour=9), of=2)
    refused = await counts.take([charge(per_minute=2, per_hour=9)])

    assert refused.refused is not None
    assert (refused.refused.policy, refused.refused.quota, refused.refused.remaining) == ("agent-minute", 2, 0)
    assert 59 <= refused.retry_after <= 60


async def test_looking_counts_nothing(counts: Counts) -> None:
    await admitted(counts, charge(per_minute=3), of=1)
    for _ in range(5):
        assert (await counts.look([charge(per_minute=3)])).standings[0].remaining == 2


async def test_places_under_way_are_given_back(counts: Counts) -> None:
    first = await counts.take([charge(at_once=2)])
    await counts.take([charge(at_once=2)])
    refused = await counts.take([charge(at_once=2)])
    await counts.give_back(first)

    assert refused.refused is not None
    assert refused.refused.policy == "agent-at-once"
    assert (await counts.take([charge(at_once=2)])).is_admitted


async def test_a_place_is_given_back_once(counts: Counts) -> None:
    first = await counts.take([charge(at_once=2)])
    await counts.take([charge(at_once=2)])
    await counts.give_back(first)
    if not first.holder:  # in Redis each place has a name, so that it may be given back again for nothing
        first = first.__class__(first.standings)
    await counts.give_back(first)

    assert await admitted(counts, charge(at_once=2), of=3) == 1


async def test_a_lowered_rate_counts_what_was_admitted_before(counts: Counts) -> None:
    await admitted(counts, charge(per_minute=9), of=5)

    assert await admitted(counts, charge(per_minute=6), of=5) == 1
    assert (await counts.take([charge(per_minute=3)])).refused is not None


async def test_the_oldest_admission_says_when_something_comes_back(counts: Counts) -> None:
    await counts.take([charge(per_minute=3)])
    standing = (await counts.take([charge(per_minute=3)])).standings[0]

    assert (standing.remaining, standing.window) == (1, 60)
    assert 59_000_000_000 < standing.reset <= 60_000_000_000


async def test_a_minute_later_a_minute_s_quota_is_there_again() -> None:
    clock = ManualClock()
    counts = MemoryCounts(clock)
    await admitted(counts, charge(per_minute=3), of=3)
    clock.forward(seconds=59.9)
    early = await admitted(counts, charge(per_minute=3), of=3)
    clock.forward(seconds=0.1)

    assert (early, await admitted(counts, charge(per_minute=3), of=4)) == (0, 3)


async def test_hour_and_day_are_kept_that_long() -> None:
    clock = ManualClock()
    counts = MemoryCounts(clock)
    await admitted(counts, charge(per_day=3), of=3)
    clock.forward(hours=23, minutes=59)
    early = await admitted(counts, charge(per_day=3), of=3)
    clock.forward(minutes=1)

    assert (early, await admitted(counts, charge(per_day=3), of=4)) == (0, 3)


async def test_budgets_that_count_nothing_any_more_are_forgotten() -> None:
    clock = ManualClock()
    counts = MemoryCounts(clock)
    for index in range(100):
        await counts.take([charge(f"a:{index}", "address", per_minute=3)])
    clock.forward(minutes=2)
    for _ in range(60):
        await counts.take([charge("a:x", "address", per_minute=300)])

    assert len(counts) == 1


async def test_more_addresses_than_are_counted_share_one_budget() -> None:
    counts = MemoryCounts(ManualClock(), most_addresses=3)
    fresh = [await counts.take([charge(f"a:{index}", "address", per_minute=2)]) for index in range(6)]

    assert [decision.is_admitted for decision in fresh] == [True] * 5 + [False]
    assert len(counts) == 4
    assert (await counts.take([charge("a:0", "address", per_minute=2)])).is_admitted  # known ones keep their own


async def test_places_of_those_who_share_a_budget_are_given_back_too() -> None:
    counts = MemoryCounts(ManualClock(), most_addresses=1)
    await counts.take([charge("a:0", "address", at_once=1)])
    shared = await counts.take([charge("a:1", "address", at_once=1)])
    await counts.give_back(shared)

    assert (await counts.take([charge("a:2", "address", at_once=1)])).is_admitted


@pytest.mark.parametrize("name", [name for name in RATE_NAMES if name not in {"burst", "wait_seconds"}])
def test_a_quota_has_bounds(name: str) -> None:
    assert checked_rule({name: MOST}, Rate()) == {name: MOST}
    for wrong in (-1, MOST + 1, 1.5, float("nan"), float("inf"), True):
        with pytest.raises(InvalidRate) as caught:
            checked_rule({name: wrong}, Rate())
        assert caught.value.facts["field"] == name


def test_a_wait_has_bounds_and_a_rate_no_other_parts() -> None:
    assert checked_rule({"wait_seconds": MOST_WAIT}, Rate())
    with pytest.raises(InvalidRate):
        checked_rule({"wait_seconds": MOST_WAIT + 1}, Rate())
    with pytest.raises(UnknownRate):
        checked_rule({"per_week": 1}, Rate())


def test_a_burst_needs_a_window() -> None:
    with pytest.raises(InvalidRate):
        checked_rule({"burst": 3}, Rate())
    assert checked_rule({"burst": 3}, Rate(per_day=5))


async def test_without_redis_in_the_settings_this_process_counts() -> None:
    async with open_limits(LimitsSettings(), ManualClock(), Recorded()) as limiter:
        assert limiter.backend == "memory"


def test_a_rate_in_the_settings_keeps_the_defaults_that_it_does_not_name() -> None:
    settings = read_settings(LimitsSettings, {"agent": {"per_day": 9}}, {})

    assert (settings.agent.per_minute, settings.agent.per_day) == (300_000, 9)


@pytest.mark.parametrize(
    ("given", "setting"),
    [
        ({"agent": {"per_minute": 0, "burst": 3}}, "limits.agent.burst"),
        ({"tenant": {"per_day": MOST + 1}}, "limits.tenant.per_day"),
        ({"targets": {"api:crm": {"wait_seconds": MOST_WAIT + 1}}}, "limits.targets.api:crm.wait_seconds"),
    ],
)
async def test_a_rate_that_cannot_be_is_told_at_the_start(given: dict[str, Any], setting: str) -> None:
    settings = read_settings(LimitsSettings, given, {})
    with pytest.raises(InvalidRate) as caught:
        async with open_limits(settings, ManualClock(), Recorded()):
            pass

    assert caught.value.facts["field"] == setting


async def test_a_target_in_the_settings_is_one_that_there_is() -> None:
    settings = LimitsSettings(targets={"host:x": Rate(per_minute=1)})
    async with open_limits(settings, ManualClock(), Recorded()) as limiter:
        with pytest.raises(InvalidTarget):
            Budgets(limiter, settings)
