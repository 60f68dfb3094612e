"""APIs and credentials from the command line; a secret is never an argument and never shown."""

import json
from pathlib import Path

import pytest

from cli.conftest import Muelle

SECRET = "s3cret-of-the-crm"
A2E = {
    "apis": {
        "crm": {
            "id": "crm",
            "baseUrl": "https://crm.example.com/v2",
            "authentication": {"type": "bearer", "tokenPath": "crm"},
            "endpoints": [
                {
                    "path": "/contacts/{id}",
                    "method": "get",
                    "description": "Show one",
                    "parameters": [{"name": "id", "type": "string", "required": True}],
                    "responseSchema": {"type": "object"},
                }
            ],
        },
        "mail": {"baseUrl": "https://mail.example.com"},
    }
}


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CRM_TOKEN", SECRET)
    return "CRM_TOKEN"


def test_a_secret_comes_from_a_variable_and_is_shown_nowhere(muelle: Muelle, token: str) -> None:
    said = [
        muelle("credentials", "add", "crm-key", "--type", "bearer-token", "--for-api", "crm", "--from-env", token),
        muelle("credentials", "show", "crm-key", "--json"),
        muelle("credentials", "list", "--json"),
        muelle("audit", "export"),
    ]

    assert {told.code for told in said} == {0}
    assert [told for told in said if SECRET in told.out + told.err] == []
    assert SECRET.encode() not in b"".join(path.read_bytes() for path in muelle.home.glob("muelle.db*"))


def test_a_secret_comes_from_a_file_without_its_last_line_break(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x" * 8 + "\n")
    added = muelle("credentials", "add", "k", "--for-host", "example.com", "--from-file", str(tmp_path / "secret"))
    (tmp_path / "secret").write_text("x" * 7 + "\n")
    short = muelle("credentials", "add", "j", "--for-host", "example.com", "--from-file", str(tmp_path / "secret"))

    assert (added.code, short.code) == (0, 2)


@pytest.mark.parametrize(
    "source",
    [
        (),
        ("--from-env", "NO_SUCH_VARIABLE"),
        ("--from-file", "/no/such/file"),
        ("--from-env", "CRM_TOKEN", "--from-file", "/no/such/file"),
        ("--secret", SECRET),
        (SECRET,),
    ],
)
def test_without_one_good_source_there_is_no_credential(muelle: Muelle, token: str, source: tuple[str, ...]) -> None:
    told = muelle("credentials", "add", "k", "--for-host", "example.com", *source)

    assert (token, told.code, told.out) == ("CRM_TOKEN", 2, "")
    assert muelle("credentials", "show", "k").code == 1


def test_a_credential_changes_in_parts_and_keeps_its_secret(muelle: Muelle, token: str) -> None:
    muelle("credentials", "add", "k", "--for-host", "example.com", "--metadata", "team=1", "--from-env", token)

    told = muelle("credentials", "update", "k", "--description", "of the CRM", "--json")

    assert told.json["description"] == "of the CRM"
    assert (told.json["hosts"], told.json["metadata"]) == (["https://example.com:443"], {"team": 1})


@pytest.mark.parametrize("verb", ["revoke", "remove"])
def test_a_removed_credential_is_gone(muelle: Muelle, token: str, verb: str) -> None:
    muelle("credentials", "add", "k", "--for-host", "example.com", "--from-env", token)

    told = muelle("credentials", verb, "k", "--json")

    assert told.json == {"id": "k", "revoked": True}
    assert muelle("credentials", "list", "--json").json["credentials"] == []


def test_an_api_has_endpoints_and_a_credential(muelle: Muelle, token: str) -> None:
    muelle("credentials", "add", "k", "--for-api", "crm", "--from-env", token)

    told = muelle(
        *("apis", "add", "crm", "https://crm.example.com/v2/", "--endpoint", "get /contacts/{id} Show one"),
        *("--strict", "--credential", "k", "--header", "X-Key", "--timeout", "5", "--json"),
    )

    assert told.json["base_url"] == "https://crm.example.com/v2"
    assert told.json["credential"] == {"credential": "k", "place": "header", "name": "X-Key"}
    assert told.json["endpoints"][0] | {"parameters": []} == {
        "method": "GET",
        "path": "/contacts/{id}",
        "description": "Show one",
        "parameters": [],
        "id": "",
    }


def test_an_api_changes_in_parts(muelle: Muelle) -> None:
    muelle("apis", "add", "crm", "https://crm.example.com", "--endpoint", "GET /a", "--strict")

    told = muelle("apis", "update", "crm", "--lenient", "--base-url", "https://crm.example.com/v3", "--json")

    assert (told.json["strict"], told.json["base_url"]) == (False, "https://crm.example.com/v3")
    assert [endpoint["path"] for endpoint in told.json["endpoints"]] == ["/a"]


def test_an_apis_credential_can_be_taken_away(muelle: Muelle, token: str) -> None:
    muelle("credentials", "add", "k", "--for-api", "crm", "--from-env", token)
    muelle("apis", "add", "crm", "https://crm.example.com", "--credential", "k")

    moved = muelle("apis", "update", "crm", "--query", "key", "--json")
    bare = muelle("apis", "update", "crm", "--no-credential", "--json")

    assert moved.json["credential"] == {"credential": "k", "place": "query", "name": "key"}
    assert bare.json["credential"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        ("crm",),
        (),
        ("crm", "ftp://crm.example.com"),
        ("crm", "https://crm.example.com", "--endpoint", "FETCH /a"),
        ("crm", "https://crm.example.com", "--endpoint", "GET"),
        ("crm", "https://crm.example.com", "--strict"),
        ("crm", "https://crm.example.com", "--timeout", "0"),
        ("crm", "https://crm.example.com", "--credential", "nothing"),
        ("crm", "https://crm.example.com", "--header", "X-Key"),
        ("crm", "https://crm.example.com", "--file", "/no/such/file"),
        ("--file", "/no/such/file"),
    ],
)
def test_what_describes_no_api_ends_with_2(muelle: Muelle, wrong: tuple[str, ...]) -> None:
    told = muelle("apis", "add", *wrong)

    assert (told.code, told.out) == (2, "")
    assert muelle("apis", "list", "--json").json["apis"] == []


def test_a2es_file_of_apis_is_understood_and_what_is_left_out_is_said(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "apis.json").write_text(json.dumps(A2E))

    told = muelle("apis", "add", "--file", str(tmp_path / "apis.json"), "--json")

    assert [api["id"] for api in told.json["apis"]] == ["crm", "mail"]
    assert told.json["apis"][0]["endpoints"][0]["method"] == "GET"
    assert "'authentication' is left out" in told.err


@pytest.mark.parametrize("content", ["[]x", "[1]", '{"apis": {"a": 1}}', '{"id": "a"}', '{"id": "a", "baseUrl": 1}'])
def test_a_file_that_describes_no_api_ends_with_2(muelle: Muelle, tmp_path: Path, content: str) -> None:
    (tmp_path / "apis.json").write_text(content)

    assert muelle("apis", "add", "--file", str(tmp_path / "apis.json")).code == 2


def test_a_removed_api_is_gone(muelle: Muelle) -> None:
    muelle("apis", "add", "crm", "https://crm.example.com")

    assert muelle("apis", "revoke", "crm", "--json").json == {"id": "crm", "revoked": True}
    assert muelle("apis", "show", "crm").code == 1
