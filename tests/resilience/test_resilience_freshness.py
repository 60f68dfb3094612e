"""What HTTP lets be kept, and for how long: a table from RFC 9111 and RFC 5861."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.resilience.caching.freshness import (
    Term,
    age_at_arrival,
    asked_age,
    confirms,
    directives,
    keepable_headers,
    may_ask,
    refreshed,
    term,
    validators,
)
from muelle.resilience.caching.model import Caching, Kept

ASKED = Caching(seconds=60)
HEADERS = Caching(mode="headers")
SHARED = Caching(seconds=60, share="tenant")
DATE = "Sun, 01 Mar 2026 12:00:00 GMT"


def fresh(rule: Caching, status: int = 200, *, authorized: bool = False, **headers: str) -> float | None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    found = term(status, named, rule, has_authorization=authorized)
    return None if found is None else found.fresh


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("max-age=60", {"max-age": "60"}),
        ('private="set-cookie", Max-Age="7"', {"private": "set-cookie", "max-age": "7"}),
        ("no-store,  , no-cache", {"no-store": None, "no-cache": None}),
        ("max-age=10, max-age=5", {"max-age": "5"}),
        ("", {}),
        ("=,=", {}),
        ("@junk, max-age=3", {"max-age": "3"}),
    ],
)
def test_directives_are_read_as_they_are_written(text: str, expected: Mapping[str, str | None]) -> None:
    assert directives(text) == expected


@given(st.text(max_size=200))
def test_no_text_breaks_the_reading_of_directives(text: str) -> None:
    assert len(directives(text)) <= 64


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 60),
        ({"cache-control": "max-age=10"}, 10),
        ({"cache-control": "max-age=100"}, 100),  # the rule's own limit is put on when it is looked up
        ({"cache-control": "max-age=soon"}, 0),
        ({"cache-control": "no-store"}, None),
        ({"cache-control": "no-cache"}, 0),
        ({"cache-control": "private"}, 60),
        ({"expires": "Sun, 01 Mar 2026 12:00:30 GMT", "date": DATE}, 30),
        ({"expires": "0", "date": DATE}, 0),
        ({"expires": "Sun, 01 Mar 2026 12:00:30 GMT", "date": DATE, "cache-control": "max-age=5"}, 5),
        ({"vary": "*"}, None),
        ({"vary": "Accept-Language"}, 60),
        ({"content-range": "bytes 0-1/2"}, None),
    ],
)
def test_an_answer_says_how_long_it_is_fresh(headers: dict[str, str], seconds: float | None) -> None:
    found = term(200, headers, ASKED, has_authorization=False)
    assert (None if found is None else found.fresh) == seconds


@pytest.mark.parametrize(
    ("status", "alone", "told"),
    [(200, 60, 9), (204, 60, 9), (404, None, 9), (301, None, None), (206, None, None), (500, None, None)],
)
def test_failures_are_kept_only_if_the_answer_says_so(status: int, alone: float | None, told: float | None) -> None:
    assert (fresh(ASKED, status), fresh(ASKED, status, cache_control="max-age=9")) == (alone, told)


def test_without_being_asked_only_what_says_so_is_kept() -> None:
    assert (fresh(HEADERS), fresh(HEADERS, cache_control="max-age=9")) == (None, 9)


def test_an_api_may_be_told_not_to_obey() -> None:
    assert fresh(Caching(seconds=60, obey=False), cache_control="no-store, max-age=0") == 60


@pytest.mark.parametrize(
    ("control", "authorized", "seconds"),
    [
        ("private", False, None),
        ("s-maxage=5, max-age=50", False, 5),
        ("max-age=50", True, None),
        ("max-age=50, public", True, 50),
        ("max-age=50, must-revalidate", True, 50),
    ],
)
def test_agents_share_only_what_is_meant_for_many(control: str, authorized: bool, seconds: float | None) -> None:  # noqa: FBT001 - a table
    assert fresh(SHARED, authorized=authorized, cache_control=control) == seconds


@pytest.mark.parametrize(
    ("control", "rule", "expected"),
    [
        ("max-age=1, stale-while-revalidate=5, stale-if-error=9", ASKED, (5, 9)),
        ("max-age=1, stale-if-error=9, must-revalidate", ASKED, (0, 0)),
        ("max-age=1", Caching(seconds=60, stale_if_error_seconds=7), (0, 7)),
        ("max-age=1, stale-if-error=9", Caching(seconds=60, stale_if_error_seconds=0), (0, 0)),
    ],
)
def test_how_long_an_answer_does_that_is_stale(control: str, rule: Caching, expected: tuple[float, float]) -> None:
    found = term(200, {"cache-control": control}, rule, has_authorization=False)
    assert found is not None
    assert (found.stale_while_revalidate, found.stale_if_error) == expected


@pytest.mark.parametrize(
    ("method", "headers", "expected"),
    [
        ("GET", {}, True),
        ("HEAD", {}, True),
        ("POST", {}, False),
        ("OPTIONS", {}, False),
        ("GET", {"range": "bytes=0-1"}, False),
        ("GET", {"if-none-match": '"a"'}, False),
        ("GET", {"cache-control": "no-store"}, False),
    ],
)
def test_the_cache_has_no_part_in_what_the_caller_handles_itself(
    method: str,
    headers: dict[str, str],
    expected: bool,  # noqa: FBT001 - a table
) -> None:
    assert may_ask(method, headers) is expected


@pytest.mark.parametrize(
    ("headers", "age"),
    [
        ({}, None),
        ({"cache-control": "no-cache"}, 0),
        ({"cache-control": "max-age=5"}, 5),
        ({"cache-control": "min-fresh=5"}, 0),
        ({"pragma": "no-cache"}, 0),
        ({"pragma": "no-cache", "cache-control": "max-age=5"}, 5),
    ],
)
def test_a_request_says_how_old_an_answer_it_takes(headers: dict[str, str], age: float | None) -> None:
    assert asked_age(headers) == age


def test_an_answer_is_as_old_as_its_date_its_age_or_its_journey_say() -> None:
    arrived = 1_772_366_400.0  # DATE
    assert age_at_arrival({}, 0, 2) == 2
    assert age_at_arrival({"age": "5"}, arrived, arrived + 2) == 7
    assert age_at_arrival({"date": DATE}, arrived + 30, arrived + 31) == 31
    assert age_at_arrival({"date": DATE, "age": "junk"}, arrived - 60, arrived - 60) == 0


def kept(**headers: str) -> Kept:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Kept(200, named, b"", 0, 0, 0, (), 0)


def test_whether_an_answer_still_holds_is_asked_by_its_validators() -> None:
    asking = validators(kept(etag='"a"', last_modified=DATE))
    assert asking == {"if-none-match": '"a"', "if-modified-since": DATE}
    assert validators(kept()) == {}


def test_a_304_for_another_version_confirms_nothing() -> None:
    assert confirms(kept(etag='"a"'), {"etag": 'W/"a"'})
    assert not confirms(kept(etag='"a"'), {"etag": '"b"'})
    assert not confirms(kept(last_modified=DATE), {"last-modified": "Sun, 01 Mar 2026 13:00:00 GMT"})


def test_a_304_renews_headers_but_not_what_frames_the_body() -> None:
    told = {"cache-control": "max-age=9", "content-type": "text/evil", "content-length": "0", "set-cookie": "a=b"}
    assert refreshed({"content-type": "text/plain"}, told) == {
        "content-type": "text/plain",
        "cache-control": "max-age=9",
    }


def test_what_is_meant_for_one_client_is_not_kept() -> None:
    assert keepable_headers({"set-cookie": "a=b", "age": "3", "etag": '"x"'}) == {"etag": '"x"'}


def test_a_term_is_a_value() -> None:
    assert term(200, {}, ASKED, has_authorization=False) == Term(60, 0, 0)
