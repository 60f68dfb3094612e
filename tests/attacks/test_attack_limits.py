"""Attacks on limits: spending another's budget, escaping one's own, filling memory."""

from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import pytest

from doors.door_world import Doorway, open_doorway
from muelle.doors.http.addresses import NOBODY, Addresses, InvalidProxy

ME = "/api/v1/me"
TWO = {"MUELLE__LIMITS__ADDRESS__PER_MINUTE": "2"}
THREE = {"MUELLE__LIMITS__AGENT__PER_MINUTE": "3"}
PROXIED = {**TWO, "MUELLE__LIMITS__TRUSTED_PROXIES": "127.0.0.0/8"}


async def statuses(client: httpx.AsyncClient, path: str, lines: Sequence[Mapping[str, str]]) -> list[int]:
    return [(await client.get(path, headers=headers)).status_code for headers in lines]


@pytest.mark.parametrize("name", ["x-forwarded-for", "forwarded", "x-real-ip", "cf-connecting-ip", "true-client-ip"])
async def test_a_stranger_does_not_become_another_by_a_header(name: str) -> None:
    async with open_doorway(environment=TWO) as doorway:
        lines = [{name: f"203.0.113.{index}"} for index in range(4)]
        assert await statuses(await doorway.stranger(), "/health", lines) == [200, 200, 429, 429]


@pytest.mark.parametrize("name", ["x-agent-id", "x-tenant-id", "x-user-id"])
async def test_nobody_spends_the_budget_of_whom_a_header_names(name: str) -> None:
    async with open_doorway(environment=THREE) as doorway:
        owner, bot, stranger = await doorway.owner(), await doorway.agent(name="bot"), await doorway.stranger()
        me = (await bot.get(ME)).json()["id"]
        await statuses(owner, ME, [{name: me}] * 5)
        await statuses(stranger, ME, [{name: me}] * 5)
        assert (await bot.get(ME)).status_code == 200


async def test_keys_that_open_nothing_spend_the_budget_of_their_sender_alone() -> None:
    async with open_doorway(environment=TWO) as doorway:
        owner = await doorway.owner()
        await owner.get(ME)
        wrong = [{"x-api-key": f"mk_{doorway.owner_key[3:20]}{index:030}"} for index in range(4)]
        assert await statuses(await doorway.stranger(), ME, wrong) == [401, 401, 429, 429]
        assert (await owner.get(ME)).status_code == 200


async def test_made_up_keys_do_not_get_around_the_limit_where_no_key_is_needed() -> None:
    async with open_doorway(environment=TWO) as doorway:
        made_up: list[Mapping[str, str]] = [{"authorization": f"Bearer made-up-{index}"} for index in range(4)]
        assert await statuses(await doorway.stranger(), "/health", made_up) == [200, 200, 429, 429]


async def test_what_was_meant_for_a_webhook_is_not_looked_up_nor_recorded_as_a_key() -> None:
    async with open_doorway() as doorway:
        await (await doorway.stranger()).post("/hooks/default/x", headers={"authorization": "Bearer theirs"})
        record = (await (await doorway.owner()).get("/api/v1/audit", params={"action": "keys.authenticate"})).json()

    assert record["acts"] == []


async def test_a_stranger_behind_a_trusted_proxy_is_who_the_proxy_saw() -> None:
    async with open_doorway(environment=PROXIED) as doorway:
        stranger = await doorway.stranger()
        one: list[Mapping[str, str]] = [{"x-forwarded-for": "203.0.113.7"}] * 3
        assert await statuses(stranger, "/health", one) == [200, 200, 429]
        assert await statuses(stranger, "/health", [{"x-forwarded-for": "203.0.113.8"}]) == [200]


async def test_what_a_client_wrote_to_the_left_of_a_proxy_s_word_counts_for_nothing() -> None:
    async with open_doorway(environment=PROXIED) as doorway:
        forged = [{"x-forwarded-for": f"198.51.100.{index}, 203.0.113.7"} for index in range(4)]
        assert await statuses(await doorway.stranger(), "/health", forged) == [200, 200, 429, 429]


@pytest.mark.parametrize(
    ("lines", "client"),
    [
        (["203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7:4711"], "203.0.113.7"),
        (["1.2.3.4, 203.0.113.7, 10.0.0.2"], "203.0.113.7"),
        (["1.2.3.4", "203.0.113.7"], "203.0.113.7"),
        (["203.0.113.7, nonsense, 10.0.0.2"], "10.0.0.2"),
        (["203.0.113.7, "], "10.0.0.1"),
        (["10.0.0.9, 10.0.0.2"], "10.0.0.9"),
        (["::ffff:203.0.113.7"], "203.0.113.7"),
        (["[2001:db8:1:2:3:4:5:6]:443"], "2001:db8:1:2::/64"),
        ([", ".join(["10.0.0.3"] * 40)], "10.0.0.3"),
        ([], "10.0.0.1"),
    ],
)
def test_the_client_is_the_first_hop_from_the_right_that_is_no_proxy(lines: list[str], client: str) -> None:
    addresses = Addresses(["10.0.0.0/8"])

    assert addresses.of("10.0.0.1", [(b"x-forwarded-for", line.encode()) for line in lines]) == client


def test_all_addresses_of_one_ipv6_network_are_one_stranger() -> None:
    addresses = Addresses()

    assert addresses.of("2001:db8::1", ()) == addresses.of("2001:db8::ffff:2", ()) == "2001:db8::/64"
    assert addresses.of("2001:db8:0:1::1", ()) != addresses.of("2001:db8::1", ())
    assert addresses.of("fe80::1%eth0", ()) == "fe80::/64"


def test_who_has_no_address_has_a_name() -> None:
    assert Addresses().of("", ()) == NOBODY


def test_a_trusted_proxy_is_a_network() -> None:
    for wrong in ("10.0.0.1/8", "proxy", "10.0.0.0/33"):
        with pytest.raises(InvalidProxy):
            Addresses([wrong])


async def test_strangers_without_number_do_not_fill_memory() -> None:
    environment = {**PROXIED, "MUELLE__LIMITS__MOST_ADDRESSES": "50"}
    async with open_doorway(environment=environment) as doorway:
        many: list[Mapping[str, str]] = [
            {"x-forwarded-for": f"203.0.{index // 200}.{index % 200}"} for index in range(200)
        ]
        answers = await statuses(await doorway.stranger(), "/health", many)
        kept = len(doorway.app.budgets.limiter.local)

    assert kept <= 51
    assert answers[:50] == [200] * 50
    assert answers[60:] == [429] * 140  # they share what is left


async def manager(doorway: Doorway) -> httpx.AsyncClient:
    """Return an agent that may manage agents, itself among them, and is bound by a rule."""
    owner = await doorway.owner()
    key = await doorway.key_of(("identity:manage", "*"), name="manager")
    await owner.put("/api/v1/rate-limit/agents/manager", json={"per_minute": 50})
    return await doorway.client(key)


@pytest.mark.parametrize("rate", [{}, {"per_minute": 51}, {"per_minute": 0}, {"per_hour": 10}])
async def test_who_is_bound_by_a_rule_cannot_loosen_it_for_itself_or_others(
    doorway: Doorway, rate: dict[str, Any]
) -> None:
    bound = await manager(doorway)
    await doorway.agent(name="bot")
    answers = [await bound.put(f"/api/v1/rate-limit/agents/{name}", json=rate) for name in ("manager", "bot")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(403, "limit_not_held")] * 2


async def test_who_is_bound_by_a_rule_cannot_have_its_count_forgotten(doorway: Doorway) -> None:
    bound = await manager(doorway)

    assert (await bound.post("/api/v1/rate-limit/agents/manager/reset", json={})).status_code == 403
    assert (await bound.put("/api/v1/rate-limit/agents/manager", json={"per_minute": 40})).status_code == 200


async def test_a_tenant_cannot_raise_its_own_budget(doorway: Doorway) -> None:
    neighbour = await doorway.neighbour()
    answers = [
        await neighbour.put("/api/v1/rate-limit/tenants/other", json={"per_minute": 9}),
        await neighbour.post("/api/v1/rate-limit/tenants/other/reset", json={}),
        await neighbour.put("/api/v1/rate-limit/tenants/default", json={"per_minute": 9}),
    ]

    assert [answer.status_code for answer in answers] == [403] * 3


async def test_a_new_key_or_a_changed_agent_has_no_new_budget() -> None:
    async with open_doorway(environment=THREE) as doorway:
        owner, bot = await doorway.owner(), await doorway.agent(name="bot")
        await statuses(bot, ME, [{}] * 3)
        again = (await doorway.app.identity.keys.issue(await doorway.principal(), "bot")).text.reveal()
        await owner.patch("/api/v1/agents/bot", json={"description": "new"})
        assert (await (await doorway.client(again)).get(ME)).status_code == 429


async def test_changes_of_limits_and_who_was_refused_them_are_in_the_record(doorway: Doorway) -> None:
    owner, bot = await doorway.owner(), await doorway.agent(name="bot")
    await owner.put("/api/v1/rate-limit/agents/bot", json={"per_minute": 5, "target": "api:crm"})
    await bot.put("/api/v1/rate-limit/agents/bot", json={"per_minute": 500})
    acts = (await owner.get("/api/v1/audit", params={"action": "limits.set"})).json()["acts"]

    assert [(act["decision"], act["resource"]) for act in acts] == [("refused", "bot"), ("allowed", "bot")]
    assert acts[1]["detail"] == "api:crm per_minute=5"
