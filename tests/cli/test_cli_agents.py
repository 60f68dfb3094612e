"""Agents, keys, grants, tenants and the audit record from the command line."""

import json

import pytest

from cli.conftest import Muelle

KEY_BEGINS = "mk_"


def test_a_new_agents_key_is_all_that_stdout_holds(muelle: Muelle) -> None:
    told = muelle("agents", "add", "bot")

    assert told.code == 0
    assert told.out.startswith(KEY_BEGINS)
    assert told.out.count("\n") == 1
    assert KEY_BEGINS not in told.err


def test_a_key_is_never_shown_twice_nor_recorded(muelle: Muelle) -> None:
    secret = muelle("agents", "add", "bot").out.strip().split("_", 2)[2]

    later = [
        muelle(*arguments)
        for arguments in (
            ("agents", "show", "bot", "--json"),
            ("agents", "list", "--json"),
            ("keys", "list", "bot", "--json"),
            ("audit", "export"),
        )
    ]

    assert [told for told in later if secret in told.out + told.err] == []
    assert secret.encode() not in (muelle.home / "muelle.db").read_bytes()


def test_a_new_agent_as_json_has_its_key_and_id(muelle: Muelle) -> None:
    told = muelle("agents", "add", "bot", "--description", "for tests", "--limit", "depth=5", "--json")

    assert told.err == ""
    assert told.json["key"].startswith(KEY_BEGINS)
    assert (told.json["description"], told.json["limits"]) == ("for tests", {"depth": 5.0})


def test_an_agent_can_begin_without_a_key(muelle: Muelle) -> None:
    told = muelle("agents", "add", "bot", "--no-key", "--json")

    assert "key" not in told.json
    assert muelle("keys", "list", "bot", "--json").json["keys"] == []


def test_an_agent_begins_with_a_preset_and_further_grants(muelle: Muelle) -> None:
    muelle(
        "agents", "add", "bot", "--preset", "runner", "--grant", "hosts:call=example.com", "--grant", "workflows:run=*"
    )

    grants = muelle("agents", "show", "bot", "--json").json["grants"]
    assert [grant["pattern"] for grant in grants if grant["scope"] == "hosts:call"] == ["example.com"]
    assert [grant["scope"] for grant in grants].count("workflows:run") == 1


@pytest.mark.parametrize(
    "wrong",
    [("--grant", "hosts:cal=x"), ("--grant", "x"), ("--preset", "king"), ("--limit", "depth"), ("--limit", "a=1")],
)
def test_what_is_wrong_with_a_new_agent_is_said_before_it_is_made(muelle: Muelle, wrong: tuple[str, str]) -> None:
    told = muelle("agents", "add", "bot", *wrong)

    assert (told.code, told.out) == (2, "")
    assert muelle("agents", "show", "bot").code == 1


def test_changing_one_limit_leaves_the_others(muelle: Muelle) -> None:
    muelle("agents", "add", "bot", "--limit", "depth=5", "--limit", "operations=7")

    told = muelle("agents", "update", "bot", "--limit", "depth=6", "--unlimit", "operations", "--json")

    assert told.json["limits"] == {"depth": 6.0}


def test_a_limit_that_is_not_there_cannot_be_taken_away(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")

    assert muelle("agents", "update", "bot", "--unlimit", "depth").code == 2


def test_a_revoked_agent_is_disabled_and_has_no_open_key(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    muelle("keys", "add", "bot")

    told = muelle("agents", "revoke", "bot", "--json")

    shown = muelle("agents", "show", "bot", "--json").json
    assert len(told.json["revoked_keys"]) == 2
    assert shown["disabled"] is True
    assert [key for key in shown["keys"] if key["revoked_at"] is None] == []


def test_a_key_can_end(muelle: Muelle) -> None:
    muelle("agents", "add", "bot", "--no-key")

    told = muelle("keys", "add", "bot", "--expires", "30d", "--json")

    assert told.json["expires_at"] > told.json["created_at"]


@pytest.mark.parametrize("when", ["2001-01-01", "soon", "30", "-1d", "9999999d", "999999w"])
def test_a_key_cannot_end_in_the_past_or_at_no_time(muelle: Muelle, when: str) -> None:
    muelle("agents", "add", "bot", "--no-key")

    told = muelle("keys", "add", "bot", f"--expires={when}")

    assert (told.code, told.out) == (2, "")


def test_a_revoked_key_is_listed_as_such(muelle: Muelle) -> None:
    key = muelle("agents", "add", "bot", "--json").json["key_id"]

    muelle("keys", "revoke", "bot", key)

    assert muelle("keys", "list", "bot", "--json").json["keys"][0]["revoked_at"]


def test_a_grant_is_added_explained_and_revoked_by_what_it_says(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    muelle("grants", "add", "bot", "apis:call", "crm GET /contacts/*")

    explained = muelle("grants", "explain", "bot", "apis:call", "crm GET /contacts/1", "--json")
    muelle("grants", "revoke", "bot", "apis:call", "crm GET /contacts/*")

    assert (explained.code, explained.json["rule"]["pattern"]) == (0, "crm GET /contacts/*")
    assert muelle("grants", "list", "bot", "--json").json["grants"] == []


def test_a_grant_is_revoked_by_its_id(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    grant = muelle("grants", "add", "bot", "tools:call", "*", "--json").json["id"]

    assert muelle("grants", "revoke", "bot", grant).code == 0
    assert muelle("grants", "revoke", "bot", "tools:call", "*").code == 1


def test_what_is_not_granted_is_explained_with_3_and_the_nearest_grant(muelle: Muelle) -> None:
    muelle("agents", "add", "bot", "--grant", "apis:call=crm GET /a")

    told = muelle("grants", "explain", "bot", "apis:call", "crm GET /b", "--json")

    assert told.code == 3
    assert (told.json["allowed"], told.json["nearest"]["pattern"]) == (False, "crm GET /a")


def test_scopes_and_presets_are_listed(muelle: Muelle) -> None:
    assert "workflows:run" in muelle("grants", "scopes").out
    assert {row["preset"] for row in muelle("grants", "presets", "--json").json["presets"]} >= {"runner", "reader"}


def test_a_tenant_gets_limits_and_networks_one_by_one(muelle: Muelle) -> None:
    muelle("tenants", "update", "--limit", "depth=9", "--allow-address", "127.0.0.1/32")
    muelle("tenants", "update", "default", "--allow-address", "10.0.0.0/8")
    told = muelle("tenants", "update", "--deny-address", "127.0.0.1/32", "--json")

    assert (told.json["limits"], told.json["addresses"]) == ({"depth": 9.0}, ["10.0.0.0/8"])
    assert muelle("tenants", "show", "--json").json == told.json


@pytest.mark.parametrize("wrong", [("--deny-address", "10.0.0.0/8"), ("--allow-address", "10.0.0.1/8")])
def test_a_network_that_is_wrong_or_not_there_is_named(muelle: Muelle, wrong: tuple[str, str]) -> None:
    assert muelle("tenants", "update", *wrong).code == 2


def test_a_new_tenants_owner_has_a_key(muelle: Muelle) -> None:
    told = muelle("tenants", "add", "acme")

    assert told.out.startswith(KEY_BEGINS)
    assert "acme" in muelle("tenants", "list").out


def test_lists_go_on_where_the_page_before_ended(muelle: Muelle) -> None:
    for name in ("a", "b"):
        muelle("agents", "add", name, "--no-key")

    first = muelle("agents", "list", "--limit", "2", "--json").json
    second = muelle("agents", "list", "--limit", "2", "--cursor", first["next_cursor"], "--json").json

    assert [agent["name"] for agent in first["agents"] + second["agents"]] == ["admin", "a", "b"]
    assert second["next_cursor"] is None


def test_the_audit_record_is_filtered_and_exported(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")

    listed = muelle("audit", "list", "--action", "agents.add", "--principal", "admin", "--since", "1h", "--json")
    exported = muelle("audit", "export", "--action", "agents.add", "--decision", "allowed")

    assert [act["resource"] for act in listed.json["acts"]] == ["bot"]
    assert json.loads(exported.out)["resource"] == "bot"


def test_a_table_for_a_pipe_is_plain_and_aligned(muelle: Muelle) -> None:
    muelle("agents", "add", "a-rather-long-name", "--no-key")

    lines = muelle("agents", "list").out.splitlines()

    assert (
        len({line.index("agent" if "long" in line else "user" if "admin" in line else "kind") for line in lines}) == 1
    )
    assert "\x1b" not in "".join(lines)


def test_a_mistyped_command_is_answered_with_the_nearest(muelle: Muelle) -> None:
    told = muelle("agents", "lst", "--json")

    assert (told.code, told.out) == (2, "")
    assert "Did you mean 'list'?" in told.problem["message"]
