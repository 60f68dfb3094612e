"""Limits over HTTP: what every answer says, what is refused, and what an operator changes while it runs."""

import asyncio
from collections.abc import Mapping
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from doors.door_world import Doorway, is_problem, open_doorway, open_server
from doors.runs_doorway import QUICK, begun, serve_working
from muelle.doors.http.api import build_api, build_door
from muelle.doors.http.door import Door
from muelle.doors.http.keyless import Api
from muelle.identity import Identity
from resilience.redis_server import redis_server

NAMES = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit", "ratelimit-policy")
STATUS = "/api/v1/rate-limit/status"
EXECUTE = "/api/v1/workflows/execute"
ME = "/api/v1/me"


def few(**rates: str) -> dict[str, str]:
    """Return an environment with other limits: agent_per_minute='3'."""
    return {f"MUELLE__LIMITS__{name.upper().replace('_', '__', 1)}": value for name, value in rates.items()}


async def statuses(
    client: httpx.AsyncClient, path: str, times: int, headers: Mapping[str, str] | None = None
) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for _ in range(times)]


def left(answer: httpx.Response) -> int:
    return int(answer.headers["x-ratelimit-remaining"])


async def test_every_answer_says_how_things_stand(doorway: Doorway) -> None:
    owner, stranger = await doorway.owner(), await doorway.stranger()
    answers = [
        await stranger.get("/health"),
        await stranger.get(ME),
        await stranger.get("/nowhere"),
        await stranger.get(ME, headers={"x-api-key": "nonsense"}),
        await stranger.get("/health", headers={"muelle-version": "1999-01-01"}),
        await owner.get(ME),
        await owner.head(ME),
        await owner.delete(ME),
        await owner.get("/nowhere"),
        await owner.get(f"{ME}?a=1&a=2"),
        await owner.post(EXECUTE, content=b"{"),
        await owner.post(EXECUTE, json={"workflow": QUICK}),
        await owner.post(EXECUTE, content=b" " * (9 << 20)),
    ]

    for answer in answers:
        assert all(len(answer.headers.get_list(name)) == 1 for name in NAMES), answer.request
    assert {answer.status_code for answer in answers} >= {200, 400, 401, 404, 405, 413, 422}


async def test_what_is_no_http_is_told_too_and_counted() -> None:
    async with open_server() as served:
        first = await served.speak(b"NONSENSE\r\n\r\n")
        second = await served.speak(b"NONSENSE\r\n\r\n")

    assert b"\r\nx-ratelimit-remaining: 59999\r\n" in first
    assert b"\r\nx-ratelimit-remaining: 59998\r\n" in second
    assert b'\r\nratelimit-policy: "address-minute";q=60000;w=60\r\n' in first


async def test_the_answer_to_a_stream_and_to_what_was_not_changed_says_it() -> None:
    async with serve_working() as served, httpx.AsyncClient(base_url=served.url) as client:
        client.headers["x-api-key"] = served.owner_key
        run = await begun(client, QUICK)
        stream = await client.get(f"/api/v1/executions/{run}/events")
        known = await client.get("/api/versions")
        unchanged = await client.get("/api/versions", headers={"if-none-match": known.headers["etag"]})

    assert (stream.status_code, unchanged.status_code) == (200, 304)
    assert all(name in answer.headers for name in NAMES for answer in (stream, unchanged))


async def test_the_fields_are_those_of_the_draft_and_agree_with_each_other() -> None:
    async with open_doorway(environment=few(agent_per_minute="5", agent_per_day="9")) as doorway:
        answer = await (await doorway.owner()).get(ME)

    assert answer.headers["ratelimit-policy"] == (
        '"user-minute";q=5;w=60, "user-day";q=9;w=86400, "tenant-minute";q=600000;w=60'
    )
    assert answer.headers["ratelimit"].startswith('"user-minute";r=4;t=60, "user-day";r=8;t=86400, "tenant-minute";r=')
    assert (answer.headers["x-ratelimit-limit"], answer.headers["x-ratelimit-remaining"]) == ("5", "4")


@pytest.mark.parametrize("path", [ME, EXECUTE])
async def test_what_comes_too_often_is_refused_with_the_time_to_come_back(path: str) -> None:
    async with open_doorway(environment=few(agent_per_minute="3")) as doorway:
        owner = await doorway.owner()
        method = "POST" if path == EXECUTE else "GET"
        answers = [await owner.request(method, path, json={"workflow": QUICK}) for _ in range(4)]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
    refused = answers[-1]
    assert is_problem(refused)
    assert refused.json()["error"] == "Rate limit exceeded"
    assert refused.json()["violated-policies"] == ["user-minute"]
    assert 59 <= int(refused.headers["retry-after"]) <= 60
    assert f'"user-minute";r=0;t={refused.headers["retry-after"]}' in refused.headers["ratelimit"]
    assert [left(answer) for answer in answers] == [2, 1, 0, 0]


async def test_strangers_have_a_budget_for_each_address() -> None:
    async with open_doorway(environment=few(address_per_minute="2")) as doorway:
        stranger, owner = await doorway.stranger(), await doorway.owner()
        assert await statuses(stranger, "/health", 3) == [200, 200, 429]
        assert (await stranger.get(ME)).status_code == 429
        assert await statuses(owner, ME, 2) == [200, 200]  # who shows a key that opens has a budget of its own
        assert (await owner.get("/health")).status_code == 200


async def test_the_agents_of_a_tenant_share_its_budget_and_no_other_tenant_does() -> None:
    async with open_doorway(environment=few(tenant_per_minute="3")) as doorway:
        owner, bot = await doorway.owner(), await doorway.agent()
        neighbour = await doorway.neighbour()
        assert await statuses(owner, ME, 2) + await statuses(bot, ME, 2) == [200, 200, 200, 429]
        assert (await neighbour.get(ME)).status_code == 200
        refused = await bot.get(ME)

    assert refused.json()["violated-policies"] == ["tenant-minute"]


async def test_an_agent_is_shown_its_own_budget_and_its_manager_every_agent_s(doorway: Doorway) -> None:
    owner, bot = await doorway.owner(), await doorway.agent(name="bot")
    await bot.get(ME)
    own, seen = (await bot.get(STATUS)).json(), (await owner.get(STATUS, params={"agent": "bot"})).json()

    assert (own["agent"], own["backend"], own["target"]) == ("bot", "memory", "requests")
    assert own["limits"]["agent-minute"] == 300_000
    assert (own["usage"]["agent-minute"], own["remaining"]["agent-minute"]) == (2, 299_998)
    assert seen["usage"]["agent-minute"] == 2  # to look for another charges oneself
    assert (await bot.get(STATUS, params={"agent": "admin"})).status_code == 403


async def test_a_limit_is_set_for_an_agent_and_taken_away_while_it_runs(lasting: Doorway) -> None:
    owner, bot = await lasting.owner(), await lasting.agent(name="bot")
    was = await bot.get(ME)
    told = await owner.put("/api/v1/rate-limit/agents/bot", json={"per_minute": 2, "per_day": 50})
    now = [await bot.get(ME) for _ in range(2)]
    await owner.put("/api/v1/rate-limit/agents/bot", json={})
    again = await bot.get(ME)

    assert told.json() == {"of": "agent", "target": "requests", "rate": {"per_minute": 2, "per_day": 50}, "resets": 0}
    assert [answer.status_code for answer in (was, *now, again)] == [200, 200, 429, 200]
    assert again.headers["x-ratelimit-limit"] == "300000"


async def test_a_reset_gives_the_whole_budget_back(lasting: Doorway) -> None:
    owner, bot = await lasting.owner(), await lasting.agent(name="bot")
    await owner.put("/api/v1/rate-limit/agents/bot", json={"per_minute": 2})
    before = await statuses(bot, ME, 3)
    reset = await owner.post("/api/v1/rate-limit/agents/bot/reset", json={})
    after = await statuses(bot, ME, 3)

    assert (before, after) == ([200, 200, 429], [200, 200, 429])
    assert reset.json() == {"of": "agent", "target": "requests", "rate": {"per_minute": 2}, "resets": 1}


async def test_a_tenant_s_limit_is_the_operator_s_to_set_and_to_reset(lasting: Doorway) -> None:
    owner, neighbour = await lasting.owner(), await lasting.neighbour()
    await owner.put("/api/v1/rate-limit/tenants/other", json={"per_minute": 2})
    before = await statuses(neighbour, ME, 3)
    await owner.post("/api/v1/rate-limit/tenants/other/reset", json={})
    after = await neighbour.get(STATUS)

    assert before == [200, 200, 429]
    assert after.json()["rules"] == [{"of": "tenant", "target": "requests", "rate": {"per_minute": 2}, "resets": 1}]
    assert after.json()["remaining"]["tenant-minute"] == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"per_minute": -1}, "per_minute"),
        ({"per_minute": 1_000_000_001}, "per_minute"),
        ({"per_minute": 1.5}, "per_minute"),
        ({"wait_seconds": 301}, "wait_seconds"),
        ({"per_week": 1}, "per_week"),
        ({"target": "host:x", "per_minute": 1}, "target"),
    ],
)
async def test_what_is_no_rate_is_refused_by_the_name_of_its_field(
    doorway: Doorway, body: dict[str, Any], field: str
) -> None:
    answer = await (await doorway.owner()).put("/api/v1/rate-limit/agents/admin", json=body)

    assert (answer.status_code, answer.json()["field"]) == (400, field)


async def test_a_burst_needs_a_window_that_is_bounded() -> None:
    async with open_doorway(environment=few(agent_per_minute="0")) as doorway:
        owner = await doorway.owner()
        alone = await owner.put("/api/v1/rate-limit/agents/admin", json={"burst": 5})
        within = await owner.put("/api/v1/rate-limit/agents/admin", json={"burst": 5, "per_hour": 100})

    assert (alone.status_code, alone.json()["field"], within.status_code) == (400, "burst", 200)


async def test_no_more_requests_are_under_way_than_may_be() -> None:
    environment = {**few(agent_at_once="2"), "MUELLE__WORKFLOWS__SUBMISSIONS__HEARTBEAT_SECONDS": "0.05"}
    async with serve_working(environment=environment) as served, AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=served.url, headers={"x-api-key": served.owner_key})
        )
        run = await begun(client)
        first = stack.enter_async_context(client.stream("GET", f"/api/v1/executions/{run}/events"))
        stream = await first
        under_way = await client.get(ME)
        async with client.stream("GET", f"/api/v1/executions/{run}/events"):
            too_many = await client.get(ME)
        await stream.aclose()
        free = await until_answered(client)

    assert (under_way.status_code, too_many.status_code, free) == (200, 429, 200)
    assert too_many.json()["violated-policies"] == ["user-at-once"]
    assert '"user-at-once";q=2;qu="concurrent-requests"' in too_many.headers["ratelimit-policy"]


async def until_answered(client: httpx.AsyncClient) -> int:
    """Ask until it is admitted: the server sees by itself that a listener has left."""
    async with asyncio.timeout(10):
        while (answer := await client.get(ME)).status_code == 429:  # noqa: ASYNC110 - it is the server that knows
            await asyncio.sleep(0.02)
    return answer.status_code


async def test_who_may_wait_is_answered_when_its_turn_has_come(doorway: Doorway) -> None:
    owner = await doorway.owner()
    rate = {"per_minute": 6000, "burst": 1, "wait_seconds": 5}  # a token every 10 ms
    await owner.put("/api/v1/rate-limit/agents/admin", json=rate)

    assert await statuses(owner, ME, 5) == [200] * 5


async def test_what_one_process_sets_holds_in_another_after_its_next_look(tmp_path: Path) -> None:
    async with open_doorway(tmp_path) as doorway, open_doorway_beside(tmp_path) as beside:
        key = await doorway.key_of(name="bot")
        there = await beside.client(key)
        before = await statuses(there, ME, 3)
        await (await doorway.owner()).put("/api/v1/rate-limit/agents/bot", json={"per_minute": 4})
        await beside.app.identity.refresh()
        after = await statuses(there, ME, 2)

    assert (before, after) == ([200] * 3, [200, 429])


def open_doorway_beside(home: Path, environment: Mapping[str, str] | None = None) -> "Beside":
    return Beside(home, environment or {})


class Beside:
    """A second process of the same installation, which has an owner already."""

    def __init__(self, home: Path, environment: Mapping[str, str]) -> None:
        self._home = home
        self._environment = environment
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Doorway:
        from muelle.app import open_app, read_configuration  # noqa: PLC0415 - as open_doorway does it

        app = await self._stack.enter_async_context(open_app(read_configuration(None, self._environment), self._home))
        return Doorway(app, build_door(app), "", self._stack)

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()


async def test_unbounded_answers_say_nothing_of_limits() -> None:
    none = few(agent_per_minute="0", tenant_per_minute="0", address_per_minute="0")
    async with open_doorway(environment=none) as doorway:
        answers = [await (await doorway.owner()).get(ME), await (await doorway.stranger()).get("/health")]

    assert not any(name in answer.headers for name in NAMES for answer in answers)


async def test_what_needs_no_key_is_known_by_its_description(doorway: Doorway) -> None:
    api: Api = build_api(doorway.app)
    for path, methods in api.openapi()["paths"].items():
        is_open = any(operation.get("security") == [] for operation in methods.values())
        assert api.is_keyless(path.replace("{", "").replace("}", "")) == is_open, path


async def test_the_count_of_refusals_is_among_the_measurements() -> None:
    from muelle.core.prometheus import PrometheusMetrics  # noqa: PLC0415 - loads a library

    metrics = PrometheusMetrics()
    async with open_doorway(environment=few(address_per_minute="1"), metrics=metrics) as doorway:
        await statuses(await doorway.stranger(), "/health", 3)

    assert b'muelle_limits_refused_total{policy="address-minute",target="requests"} 2.0' in metrics.render()


async def test_the_description_has_the_fields_of_every_answer(doorway: Doorway) -> None:
    document = (await (await doorway.stranger()).get("/openapi.json")).json()
    described = {name.lower() for name in document["components"]["headers"]}

    assert described == set(NAMES)
    for methods in document["paths"].values():
        for operation in methods.values():
            assert all(
                described <= set(map(str.lower, answer["headers"])) for answer in operation["responses"].values()
            )


async def test_two_servers_on_one_redis_admit_the_quota_together(tmp_path: Path) -> None:
    with redis_server(tmp_path) as url:
        environment = {**few(agent_per_minute="7"), "MUELLE__LIMITS__REDIS": url}
        async with open_doorway(tmp_path, environment) as one, open_doorway_beside(tmp_path, environment) as two:
            clients = [await one.owner(), await two.client(one.owner_key)]
            answers = await asyncio.gather(*(client.get(ME) for client in clients * 8))
            status = one.app.budgets.limiter.backend

    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [429] * 9
    assert sorted(left(answer) for answer in answers if answer.status_code == 200) == list(range(7))
    assert status == "redis"


async def test_while_redis_is_away_principals_are_refused_and_strangers_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    environment = {"MUELLE__LIMITS__REDIS": "redis://127.0.0.1:1/0"}
    pytest.importorskip("redis", reason="the extra 'redis' is not installed")
    async with open_doorway(environment=environment) as doorway:
        refused = [await (await doorway.owner()).get(ME) for _ in range(3)][-1]
        healthy = await (await doorway.stranger()).get("/health")

    assert (refused.status_code, refused.json()["code"], healthy.status_code) == (503, "limits_unreachable", 200)
    assert (refused.headers["retry-after"], left(refused)) == ("1", 0)
    assert len([record for record in caplog.records if record.levelname == "ERROR"]) == 1
    assert all(name in answer.headers for name in NAMES for answer in (refused, healthy))


async def test_a_crash_while_it_is_found_out_who_asks_is_answered_as_any_other(
    doorway: Doorway, caplog: pytest.LogCaptureFixture
) -> None:
    assert isinstance(doorway.door, Door)
    app, crashing = doorway.app, cast("Identity", Crashing())
    broken = Door(build_api(app), {}, crashing, app.ids, app.metrics, app.settings.http)
    broken.gate = doorway.door.gate
    doorway.door = broken
    answer = await (await doorway.client("mk_a_b")).get(ME)

    assert (answer.status_code, is_problem(answer)) == (500, True)
    assert all(name in answer.headers for name in NAMES)
    [first, *_] = [record.exc_info for record in caplog.records if record.name == "muelle.http"]
    assert first is not None
    assert first[0] is ValueError


class Crashing:
    """An identity with a bug."""

    def recall(self, key: str) -> None:
        """Know nobody."""

    async def authenticate(self, key: str, request: str) -> None:
        del key, request
        raise ValueError
