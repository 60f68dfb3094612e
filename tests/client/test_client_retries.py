"""What may be repeated is, with full jitter and bounds; a run is repeated only with an idempotency key."""

import httpx
import pytest

from client.client_doubles import ANSWER, Server, async_client, client, ok, problem
from muelle_client import ApiError, ConnectionFailed, MuelleClientError, RateLimited, Retry, TimedOut, Unavailable
from muelle_client.protocol import Request, retry_after

HEALTHY = ok({"status": "healthy"})
READ = Request(method="GET", path="/health")
GONE = ConnectionFailed("gone")


@pytest.mark.parametrize(
    "failure",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        problem(429),
        problem(502),
        problem(503),
        problem(504),
    ],
)
def test_reading_is_tried_again_after_a_passing_failure(failure: httpx.Response | Exception) -> None:
    server = Server([failure, failure, HEALTHY])
    with client(server) as muelle:
        assert muelle.health().is_healthy
    assert (len(server.asked), server.slept) == (3, [0.2, 0.4])


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 500, 501])
def test_a_lasting_failure_is_not_tried_again(status: int) -> None:
    server = Server([problem(status)])
    with client(server) as muelle, pytest.raises(ApiError):
        muelle.health()
    assert len(server.asked) == 1


def test_the_last_of_four_attempts_tells_its_failure() -> None:
    server = Server([problem(503)])
    with client(server) as muelle, pytest.raises(Unavailable):
        muelle.health()
    assert (len(server.asked), len(server.slept)) == (4, 3)


@pytest.mark.parametrize(
    "failure", [httpx.ConnectError("refused"), httpx.ReadTimeout("slow"), problem(503), problem(429)]
)
def test_a_run_without_an_idempotency_key_is_never_repeated(failure: httpx.Response | Exception) -> None:
    server = Server([failure])
    with client(server) as muelle, pytest.raises(MuelleClientError):
        muelle.run("{}")
    assert len(server.asked) == 1


def test_a_run_with_an_idempotency_key_is_repeated_with_the_same_key() -> None:
    server = Server([httpx.ReadTimeout("slow"), ok(ANSWER)])
    with client(server) as muelle:
        assert muelle.run("{}", idempotency_key="order-7").execution_id == "run_1"
    assert [request.headers["Idempotency-Key"] for request in server.asked] == ["order-7", "order-7"]
    assert server.asked[0].content == server.asked[1].content


def test_validating_may_be_repeated() -> None:
    server = Server([problem(503), ok({"valid": True, "issues": []})])
    with client(server) as muelle:
        assert muelle.validate("{}").valid


def test_the_server_says_how_long_to_wait() -> None:
    server = Server([problem(429, {"Retry-After": "7"}), HEALTHY])
    with client(server, Retry(chance=lambda: 0.0)) as muelle:
        muelle.health()
    assert server.slept == [7.0]


@pytest.mark.parametrize(("seconds", "attempts"), [("20", 2), ("21", 1)])
def test_a_wait_beyond_the_longest_is_left_to_the_caller(seconds: str, attempts: int) -> None:
    server = Server([problem(429, {"Retry-After": seconds}), problem(400)])
    with client(server) as muelle, pytest.raises(ApiError) as caught:
        muelle.health()
    assert len(server.asked) == attempts
    if isinstance(caught.value, RateLimited):
        assert caught.value.retry_after == 21


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "0"}, 0.0),
        ({"retry-after": "12"}, 12.0),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 10.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:27:00 GMT", "date": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.0),
        ({"retry-after": "Wed, 21 Oct 2026 07:28:10 GMT"}, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


def test_waits_double_up_to_the_longest_and_are_scaled_by_chance() -> None:
    retry = Retry(attempts=9, first=1, longest=10, chance=lambda: 0.5)
    assert [retry.wait(READ, attempt, GONE) for attempt in range(1, 7)] == [0.5, 1.0, 2.0, 4.0, 5.0, 5.0]


@pytest.mark.parametrize(("attempt", "is_over"), [(3, False), (4, True)])
def test_attempts_are_bounded(attempt: int, *, is_over: bool) -> None:
    assert (Retry(attempts=4).wait(READ, attempt, TimedOut("slow")) is None) is is_over


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"first": -1.0}, {"first": 3.0, "longest": 2.0}])
def test_a_retry_that_makes_no_sense_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="attempts is at least 1"):
        Retry(**wrong)  # type: ignore[arg-type] # wrong on purpose


async def test_the_async_client_tries_again_too() -> None:
    server = Server([httpx.ConnectError("refused"), problem(503), HEALTHY])
    async with async_client(server) as muelle:
        assert (await muelle.health()).is_healthy
    assert server.slept == [0.2, 0.4]
