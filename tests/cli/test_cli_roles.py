"""`muelle roles` and `muelle grants explain`."""

from cli.conftest import Muelle


def test_a_role_is_given_explained_and_taken(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    added = muelle("roles", "add", "clerk", "--rule", "runs:read", "*", "--rule", "workflows:run", "a-*", "--json").json
    assert [rule["scope"] for rule in added["rules"]] == ["runs:read", "workflows:run"]

    assert muelle("roles", "give", "bot", "clerk", "--json").json["given"]
    told = muelle("grants", "explain", "bot", "workflows:run", "a-1", "--json")
    assert (told.code, told.json["allowed"], told.json["origin"]) == (0, True, "role:clerk")
    assert [one["role"] for one in muelle("roles", "members", "--json").json["members"]] == ["clerk"]

    muelle("roles", "take", "bot", "clerk")
    assert muelle("grants", "explain", "bot", "workflows:run", "a-1").code == 3


def test_what_is_not_allowed_says_how_it_would_be(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")

    told = muelle("grants", "explain", "bot", "runs:read", "x")

    assert told.code == 3
    assert "muelle grants add bot runs:read 'x'" in told.err


def test_built_in_roles_are_listed_before_own_ones(muelle: Muelle) -> None:
    muelle("roles", "add", "clerk", "--rule", "runs:read", "*")

    listed = muelle("roles", "list", "--json").json["roles"]

    assert [(role["name"], role["built_in"]) for role in listed] == [
        ("owner", True), ("admin", True), ("developer", True), ("operator", True), ("viewer", True), ("clerk", False),
    ]  # fmt: skip


def test_a_role_is_changed_and_removed(muelle: Muelle) -> None:
    muelle("roles", "add", "clerk", "--rule", "runs:read", "*")

    changed = muelle("roles", "update", "clerk", "--description", "for offices", "--json").json
    assert (changed["description"], len(changed["rules"])) == ("for offices", 1)

    assert muelle("roles", "remove", "clerk", "--yes", "--json").json["removed"]
    assert muelle("roles", "show", "clerk").code == 1
