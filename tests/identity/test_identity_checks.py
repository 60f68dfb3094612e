"""Bad input gets an error that names the field; every limit is tested at the limit and one past it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from identity.identity_world import World, memory_world
from muelle.core import Invalid, MuelleError
from muelle.identity import AgentDraft, IdentitySettings
from muelle.identity.checks import checked_addresses, checked_expiry, checked_limits, checked_rule, checked_text
from muelle.identity.errors import TooManyGrants

NOW = datetime(2026, 1, 1, tzinfo=UTC)
KNOWN = frozenset({"operations"})
NETWORKS = [f"10.{number}.0.0/16" for number in range(101)]


def error_of(check: Callable[[], Any]) -> MuelleError:
    with pytest.raises(MuelleError) as raised:
        check()
    return raised.value


@pytest.mark.parametrize(
    ("check", "code", "field"),
    [
        (lambda: checked_rule("tool:call", "x"), "unknown_scope", "scope"),
        (lambda: checked_rule("tools:call", ""), "invalid_resource_pattern", "pattern"),
        (lambda: checked_rule("tools:call", "x" * 501), "invalid_resource_pattern", "pattern"),
        (lambda: checked_rule("tools:call", "a\0b"), "invalid_resource_pattern", "pattern"),
        (lambda: checked_rule("tools:call", "a\ud800"), "invalid_resource_pattern", "pattern"),
        (lambda: checked_text("x" * 1001, "description"), "invalid_text", "description"),
        (lambda: checked_text("a\nb", "name"), "invalid_text", "name"),
        (lambda: checked_text("a\x7fb", "name"), "invalid_text", "name"),
        (lambda: checked_limits({"operation": 1}, KNOWN), "unknown_limit", "limits.operation"),
        (lambda: checked_limits({"operations": 0}, KNOWN), "invalid_limit_value", "limits.operations"),
        (lambda: checked_limits({"operations": -1}, KNOWN), "invalid_limit_value", "limits.operations"),
        (lambda: checked_limits({"operations": float("nan")}, KNOWN), "invalid_limit_value", "limits.operations"),
        (lambda: checked_limits({"operations": float("inf")}, KNOWN), "invalid_limit_value", "limits.operations"),
        (lambda: checked_limits({"operations": True}, KNOWN), "invalid_limit_value", "limits.operations"),
        (lambda: checked_addresses(["10.0.0.0/8", "home"]), "invalid_address", "addresses[1]"),
        (lambda: checked_addresses(["10.0.0.1/8"]), "invalid_address", "addresses[0]"),
        (lambda: checked_addresses(NETWORKS), "too_many_addresses", "addresses"),
        (lambda: checked_expiry(NOW, NOW), "invalid_expiry", "expires"),
        (lambda: checked_expiry(NOW.replace(tzinfo=None), NOW), "invalid_expiry", "expires"),
    ],
)
def test_bad_input_names_its_field(check: Callable[[], Any], code: str, field: str) -> None:
    error = error_of(check)
    assert (error.code, error.facts["field"]) == (code, field)
    assert error.suggestions


def test_what_is_just_within_the_limits_is_taken() -> None:
    assert checked_rule("*", "x" * 500).pattern == "x" * 500
    assert checked_text("x" * 1000, "description") == "x" * 1000
    assert checked_text("a\n\tb", "description", lines=True) == "a\n\tb"
    assert checked_limits({"operations": 0.5}, KNOWN) == {"operations": 0.5}
    assert len(checked_addresses(NETWORKS[:100])) == 100
    assert checked_expiry(NOW + timedelta(microseconds=1), NOW) is not None
    assert checked_expiry(None, NOW) is None


def test_a_wrong_name_brings_the_nearest_right_one() -> None:
    assert error_of(lambda: checked_rule("tool:call", "x")).facts["nearest"] == ["tools:call"]
    assert error_of(lambda: checked_limits({"operation": 1}, KNOWN)).facts["nearest"] == ["operations"]
    assert error_of(lambda: checked_addresses(["10.0.0.1/8"])).facts["nearest"] == "10.0.0.0/8"


def test_addresses_are_written_in_one_way() -> None:
    given = ["10.0.0.5", "10.0.0.5/32", "FD00:0::/8"]
    assert checked_addresses(given) == ("10.0.0.5/32", "fd00::/8")


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "no spaces"}, "invalid_name"),
        ({"name": "x" * 101}, "invalid_name"),
        ({"name": "admin"}, "agent_exists"),
        ({"preset": "runer"}, "unknown_preset"),
        ({"kind": "robot"}, "unknown_kind"),
        ({"limits": {"operations": 0}}, "invalid_limit_value"),
        ({"description": "\0"}, "invalid_text"),
    ],
)
async def test_an_agent_is_added_whole_or_not_at_all(world: World, change: dict[str, Any], code: str) -> None:
    with pytest.raises(MuelleError) as raised:
        await world.identity.agents.add(world.owner, AgentDraft(**{"name": "bot", **change}))
    assert raised.value.code == code
    assert len((await world.identity.agents.list(world.owner)).items) == 1


async def test_an_agent_has_as_many_grants_as_the_settings_give_and_no_more() -> None:
    world = await memory_world(IdentitySettings(max_grants=2))
    await world.identity.agents.add(world.owner, AgentDraft("bot"))
    for tool in ("a", "b"):
        await world.identity.grants.add(world.owner, "bot", "tools:call", tool)
    with pytest.raises(TooManyGrants):
        await world.identity.grants.add(world.owner, "bot", "tools:call", "c")


async def test_the_same_grant_twice_is_a_conflict(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("bot", preset="runner"))
    with pytest.raises(MuelleError, match="that grant already"):
        await world.identity.grants.add(world.owner, "bot", "workflows:run", "*")


@pytest.mark.parametrize("limit", [0, 501])
async def test_a_page_out_of_bounds_is_refused(world: World, limit: int) -> None:
    for verb in (world.identity.agents.list, world.identity.tenants.list):
        with pytest.raises(Invalid) as raised:
            await verb(world.owner, limit)
        assert raised.value.facts == {"field": "limit", "value": limit, "largest": 500}


@pytest.mark.parametrize("limit", [1, 500])
async def test_the_smallest_and_the_largest_page_are_given(world: World, limit: int) -> None:
    assert (await world.identity.agents.list(world.owner, limit)).items


@pytest.mark.parametrize("cursor", ["a\0", "x" * 151])
async def test_a_strange_cursor_is_refused(world: World, cursor: str) -> None:
    with pytest.raises(Invalid) as raised:
        await world.identity.agents.list(world.owner, 10, cursor)
    assert raised.value.facts["field"] == "cursor"


async def test_what_is_not_there_is_named(world: World) -> None:
    codes = []
    for attempt in (
        world.identity.agents.show(world.owner, "nobody"),
        world.identity.keys.revoke(world.owner, "admin", "key_0"),
        world.identity.grants.revoke(world.owner, "admin", "grant_0"),
        world.identity.tenants.update(world.owner, "nowhere", name="x"),
    ):
        with pytest.raises(MuelleError) as raised:
            await attempt
        codes.append(raised.value.code)
    assert codes == ["agent_not_found", "key_not_found", "grant_not_found", "tenant_not_found"]
