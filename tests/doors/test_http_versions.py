"""Which version of the HTTP API a request gets, and how it learns that one ends."""

from datetime import UTC, datetime

import httpx
import pytest

from doors.door_world import WAIT, Doorway, Served, is_problem
from muelle.core import ManualClock
from muelle.doors.http.door import Door
from muelle.doors.http.versions import API_VERSIONS, ApiVersion, Negotiation, versions_body

NEWEST = API_VERSIONS[-1].date
START = datetime(2027, 1, 1, tzinfo=UTC)
SUNSET = datetime(2027, 6, 30, tzinfo=UTC)
THREE = (
    ApiVersion(date="2026-11-20", summary="First.", deprecated=START, sunset=SUNSET),
    ApiVersion(date="2027-01-01", summary="Second.", deprecated=START),
    ApiVersion(date="2027-03-01", summary="Third."),
)


def negotiating(doorway: Doorway) -> ManualClock:
    """Let a door speak three versions; return the clock by which the first one ends."""
    clock = ManualClock(START)
    assert isinstance(doorway.door, Door)
    doorway.door.versions = Negotiation(THREE, (), clock)
    return clock


async def asked(client: httpx.AsyncClient, version: str, path: str = "/health") -> httpx.Response:
    return await client.get(path, headers={"Muelle-Version": version})


@pytest.mark.parametrize("path", ["/health", "/api/v1/capabilities", "/nowhere", "/api/v1/agents?limit=0"])
async def test_every_answer_names_its_version(doorway: Doorway, path: str) -> None:
    for client in (await doorway.owner(), await doorway.stranger()):
        assert (await client.get(path)).headers["muelle-version"] == NEWEST


async def test_a_hot_route_names_it_too(doorway: Doorway) -> None:
    owner = await doorway.owner()

    answer = await owner.post("/api/v1/workflows/execute", json={"workflow": WAIT}, headers={"Muelle-Version": NEWEST})

    assert (answer.status_code, answer.headers["muelle-version"]) == (200, NEWEST)


@pytest.mark.parametrize("version", ["2020-01-01", "2999-01-01", "latest", "", "x" * 1000, "ñ"])
async def test_an_unknown_version_is_refused_with_those_that_there_are(doorway: Doorway, version: str) -> None:
    client = await doorway.stranger()

    answer = await client.get("/health", headers=[(b"muelle-version", version.encode("latin-1"))])

    problem = answer.json()
    assert is_problem(answer)
    assert (answer.status_code, problem["code"], problem["known"]) == (400, "unknown_api_version", [NEWEST])
    assert (problem["field"], problem["newest"]) == ("Muelle-Version", NEWEST)
    assert len(problem["value"]) <= 50
    assert answer.headers["muelle-version"] == NEWEST


async def test_an_unknown_version_does_nothing(doorway: Doorway) -> None:
    owner = await doorway.owner()

    await owner.post("/api/v1/agents", json={"name": "bot"}, headers={"Muelle-Version": "1999-01-01"})

    assert (await owner.get("/api/v1/agents/bot")).status_code == 404


async def test_who_names_none_gets_the_newest(doorway: Doorway) -> None:
    negotiating(doorway)

    answer = await (await doorway.stranger()).get("/health")

    assert answer.headers["muelle-version"] == "2027-03-01"
    assert "deprecation" not in answer.headers


async def test_an_older_version_is_spoken_and_says_when_it_ends(doorway: Doorway) -> None:
    negotiating(doorway)
    client = await doorway.stranger()

    first, second = await asked(client, "2026-11-20"), await asked(client, "2027-01-01")

    assert (first.status_code, first.headers["muelle-version"]) == (200, "2026-11-20")
    assert (first.headers["deprecation"], first.headers["sunset"]) == ("@1798761600", "Wed, 30 Jun 2027 00:00:00 GMT")
    assert (second.headers["deprecation"], second.headers.get("sunset")) == ("@1798761600", None)


async def test_from_its_sunset_on_a_version_is_too_old(doorway: Doorway) -> None:
    clock = negotiating(doorway)
    client = await doorway.stranger()
    hours = int((SUNSET - START).total_seconds() // 3600)

    clock.forward(hours=hours, seconds=-1)
    assert (await asked(client, "2026-11-20")).status_code == 200
    clock.forward(seconds=1)

    answer = await asked(client, "2026-11-20")
    assert (answer.status_code, answer.json()["known"]) == (400, ["2027-01-01", "2027-03-01"])


async def test_versions_are_listed_for_everybody(doorway: Doorway) -> None:
    listed = (await (await doorway.stranger()).get("/api/versions")).json()

    assert listed["newest"] == NEWEST
    assert [each["version"] for each in listed["versions"]] == [version.date for version in API_VERSIONS]


def test_a_version_that_ends_is_listed_with_its_dates() -> None:
    first, _, last = versions_body(THREE)["versions"]

    assert (first["deprecated_at"], first["sunset_at"]) == ("2027-01-01T00:00:00Z", "2027-06-30T00:00:00Z")
    assert (last["deprecated_at"], last["sunset_at"]) == (None, None)


def test_versions_are_dates_in_order() -> None:
    dates = [version.date for version in API_VERSIONS]

    assert [datetime.strptime(date, "%Y-%m-%d").replace(tzinfo=UTC).date().isoformat() for date in dates] == dates
    assert sorted(set(dates)) == dates


async def test_what_is_no_http_is_answered_with_it_too(server: Served) -> None:
    answer = await server.speak(b"NONSENSE\r\n\r\n")

    assert f"muelle-version: {NEWEST}".encode() in answer
