"""`muelle domains`."""

from cli.conftest import Muelle


def test_a_domain_is_added_listed_and_removed(muelle: Muelle) -> None:
    added = muelle("domains", "add", "Example.com", "--json").json
    assert (added["domain"], added["verified_at"], added["record"]) == ("example.com", None, "_muelle.example.com")
    assert added["value"].startswith("muelle-verification=")

    assert muelle("domains", "list", "--json").json["domains"] == [added]
    assert muelle("domains", "remove", "example.com", "--yes", "--json").json["removed"]
    assert muelle("domains", "list", "--json").json["count"] == 0


def test_what_is_no_domain_is_told_so(muelle: Muelle) -> None:
    told = muelle("domains", "add", "http://example.com", "--json")

    assert (told.code, told.problem["code"]) == (2, "invalid_domain")
