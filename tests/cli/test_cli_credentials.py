"""Versions, ends and the master key of credentials from the command line."""

from pathlib import Path

import pytest

from cli.conftest import Muelle

SECRET = "s3cret-of-the-crm"
ADD = ("credentials", "add", "k", "--for-host", "crm.example.com", "--from-env", "CRM_TOKEN")


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CRM_TOKEN", SECRET)
    monkeypatch.setenv("NEW_TOKEN", "another-s3cret-of-it")


def test_a_secret_is_rotated_with_a_grace_and_an_end(muelle: Muelle) -> None:
    muelle(*ADD)

    told = muelle(
        "credentials", "rotate", "k", "--grace", "1h", "--expires", "90d", "--from-env", "NEW_TOKEN", "--json"
    )

    assert (told.code, told.json["version"], told.json["status"]) == (0, 2, "valid")
    assert told.json["previous_until"] < told.json["expires_at"]
    assert "s3cret" not in told.out + told.err
    assert [act["action"] for act in muelle("audit", "list", "--json").json["acts"]][:2] == [
        "credentials.rotate",
        "credentials.add",
    ]


@pytest.mark.parametrize("wrong", [("--grace", "31d"), ("--grace", "soon"), ("--expires", "2020-01-01")])
def test_a_rotation_that_cannot_be_changes_nothing(muelle: Muelle, wrong: tuple[str, str]) -> None:
    muelle(*ADD)

    told = muelle("credentials", "rotate", "k", *wrong, "--from-env", "NEW_TOKEN")

    assert told.code == 2
    assert muelle("credentials", "show", "k", "--json").json["version"] == 1


def test_an_end_is_set_and_taken_away(muelle: Muelle) -> None:
    muelle(*ADD, "--expires", "3d")

    soon = muelle("credentials", "show", "k", "--json").json
    doctor = muelle("doctor", "--json").json["checks"]
    never = muelle("credentials", "update", "k", "--expires", "never", "--json").json

    assert (soon["status"], never["status"], never["expires_at"]) == ("expiring", "valid", None)
    (finding,) = [check for check in doctor if check["check"] == "credentials"]
    assert (finding["status"], "default/k" in finding["text"]) == ("warn", True)
    (after,) = [check for check in muelle("doctor", "--json").json["checks"] if check["check"] == "credentials"]
    assert after["status"] == "ok"


def test_a_type_has_its_options(muelle: Muelle) -> None:
    signs = ("--type", "hmac", "--option", 'parts=["timestamp","body"]', "--option", "encoding=base64")

    told = muelle(*ADD, *signs, "--json")
    wrong = muelle("credentials", "update", "k", "--option", "encoding=base32")

    assert told.json["options"] == {"parts": ["timestamp", "body"], "encoding": "base64"}
    assert wrong.code == 2


def test_a_credential_can_be_kept_elsewhere(muelle: Muelle) -> None:
    there = muelle("credentials", "add", "k", "--for-host", "crm.example.com", "--elsewhere", "--json")
    both = muelle(*ADD, "--elsewhere")

    assert (there.code, there.json["id"], both.code) == (0, "k", 2)


def test_the_master_key_is_changed_by_a_command(muelle: Muelle) -> None:
    muelle(*ADD)
    before = (muelle.home / "vault.key").read_text()

    told = muelle("credentials", "rekey", "--yes", "--json")

    assert (told.code, told.json) == (0, {"data_keys": 1, "secrets": 0, "resumed": False})
    assert (muelle.home / "vault.key").read_text() != before
    assert Path(muelle.home / "vault.key").stat().st_mode & 0o77 == 0
    assert muelle("credentials", "rotate", "k", "--from-env", "NEW_TOKEN").code == 0
    assert "credentials.rekey" in muelle("audit", "list", "--json").out


def test_a_half_changed_master_key_is_found_and_ended(muelle: Muelle) -> None:
    muelle(*ADD)
    waiting = muelle.home / "vault.key.next"
    waiting.write_text("ab" * 32)
    waiting.chmod(0o600)

    (finding,) = [check for check in muelle("doctor", "--json").json["checks"] if check["check"] == "rekey"]
    told = muelle("credentials", "rekey", "--yes", "--json")

    assert (finding["status"], told.json["resumed"]) == ("warn", True)
    assert (muelle.home / "vault.key").read_text() == "ab" * 32
