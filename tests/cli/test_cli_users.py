"""Users and the keys of their tokens from the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import Muelle

ANA = ("users", "add", "ana", "--email", "ana@example.com")
BCRYPT = "$2b$04$" + "a" * 53


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("TOKENS__ALGORITHM", "EdDSA"), ("USERS__SIGN_UP", "invitation"), ("USERS__MEMORY_KIB", "8")):
        monkeypatch.setenv(f"MUELLE__IDENTITY__{name}", value)


def test_a_user_without_a_password_gets_a_token_that_alone_is_on_stdout(muelle: Muelle) -> None:
    told = muelle(*ANA, "--preset", "reader")

    assert told.code == 0
    assert told.out.startswith("mt_")
    assert told.out.count("\n") == 1
    assert "mt_" not in told.err
    assert muelle("users", "show", "ana", "--json").json["email"] == "ana@example.com"


def test_a_password_is_read_from_stdin_and_shown_nowhere(muelle: Muelle) -> None:
    command = [sys.executable, "-m", "muelle", *ANA, "--password-stdin", "--json", "--home", str(muelle.home)]

    done = subprocess.run(command, input="correct horse battery\n", capture_output=True, text=True, timeout=60)  # noqa: S603, PLW1510 - our own program, whose answer is looked at

    assert json.loads(done.stdout)["has_password"]
    assert "reset_token" not in done.stdout
    assert "horse" not in done.stdout + done.stderr
    assert b"horse" not in (muelle.home / "muelle.db").read_bytes()


def test_users_are_listed_disabled_and_enabled(muelle: Muelle) -> None:
    muelle(*ANA)

    assert muelle("users", "disable", "ana", "--json").json["disabled"]
    assert not muelle("users", "enable", "ana", "--json").json["disabled"]
    assert [user["name"] for user in muelle("users", "list", "--json").json["users"]] == ["ana"]
    assert muelle("users", "sessions", "ana", "--json").json["count"] == 0
    assert muelle("users", "sessions", "ana", "--end", "--json").json == {"name": "ana", "ended": 0}
    assert muelle("users", "reset-password", "ana", "--second-factor").out.startswith("mt_")


def test_an_invitation_lies_in_the_outbox(muelle: Muelle) -> None:
    told = muelle("users", "invite", "ana@example.com", "--preset", "reader")

    assert told.code == 0
    [letter] = (muelle.home / "outbox").glob("*.eml")
    assert "mt_" in letter.read_text()


def test_an_invitation_is_refused_where_nobody_can_sign_up(muelle: Muelle, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MUELLE__IDENTITY__USERS__SIGN_UP", "off")

    told = muelle("users", "invite", "ana@example.com", "--json")

    assert (told.code, told.problem["code"]) == (3, "sign_up_closed")


def test_users_are_imported_once_however_often(muelle: Muelle, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    people = [{"name": name, "email": f"{name}@example.com", "password_hash": BCRYPT} for name in ("ana", "ben")]
    file.write_text("\n".join(map(json.dumps, people)) + "\n\n")

    assert muelle("users", "import", str(file), "--json").json == {"added": 2, "present": 0}
    assert muelle("users", "import", str(file), "--json").json == {"added": 0, "present": 2}


def test_what_is_wrong_with_a_line_is_told_before_anybody_is_added(muelle: Muelle, tmp_path: Path) -> None:
    file = tmp_path / "users.jsonl"
    good = {"name": "ana", "email": "ana@example.com", "password_hash": BCRYPT}
    for bad in ({"email": "x"}, {"password_hash": "md5"}, {"colour": "red"}):
        file.write_text(json.dumps(good) + "\n" + json.dumps(good | {"name": "ben"} | bad))

        told = muelle("users", "import", str(file), "--json")

        assert (told.code, told.problem["line"]) == (2, 2)
    assert muelle("users", "list", "--json").json["users"] == []


def test_keys_of_tokens_are_made_and_rotated(muelle: Muelle) -> None:
    assert muelle("tokens", "keys", "--json").json["keys"] == []

    first = muelle("tokens", "rotate-keys", "--now", "--yes", "--json").json
    second = muelle("tokens", "rotate-keys", "--json").json

    listed = muelle("tokens", "keys", "--json").json["keys"]
    assert [key["id"] for key in listed] == [first["id"], second["id"]]
    assert [key["verifies_until"] is None for key in listed] == [False, True]
    assert second["signs_from"] > first["signs_from"]


def test_a_key_is_confined_on_the_command_line(muelle: Muelle) -> None:
    muelle("agents", "add", "bot", "--grant", "runs:read=*", "--no-key")

    told = muelle("keys", "add", "bot", "--only", "runs:read=x", "--json")

    assert told.json["rules"] == [{"scope": "runs:read", "pattern": "x"}]
    assert muelle("keys", "add", "bot", "--only", "audit:read=*", "--json").problem["code"] == "rule_beyond_agent"
