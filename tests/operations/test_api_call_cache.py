from typing import Any

import pytest

from operations.operations_world import FakeStep, faults, run

CALL = {"method": "GET", "url": "https://a.example/x", "outputPath": "/workflow/x"}


@pytest.mark.parametrize(
    ("cache", "seconds"), [(None, None), (False, None), (True, 300), ({}, 300), ({"ttl": 1500}, 1.5)]
)
async def test_cache_says_how_old_an_answer_may_be(cache: Any, seconds: float | None) -> None:
    step = FakeStep({})
    step.http.answer()
    await run("ApiCall", step, **CALL, cache=cache)
    assert step.http.calls[0].cache_seconds == seconds


async def test_cache_says_how_long_a_stale_answer_does_and_by_which_names_it_is_thrown_away() -> None:
    step = FakeStep({})
    step.http.answer()
    await run("ApiCall", step, **CALL, cache={"staleIfError": 60_000, "tags": ["prices"]})
    call = step.http.calls[0]
    assert (call.cache_seconds, call.stale_if_error_seconds, call.cache_tags) == (300, 60, ("prices",))


@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_only_get_and_head_may_be_cached(method: str) -> None:
    assert [place for place, _ in faults("ApiCall", **{**CALL, "method": method}, cache=True)] == ["/cache"]
