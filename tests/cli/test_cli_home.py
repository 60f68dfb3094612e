"""Muelle's folder: whose it is, and where the owner's key goes, once."""

import stat
from pathlib import Path

import pytest

from cli.conftest import Muelle


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_fresh_home_and_the_owners_key_are_for_their_owner_alone(muelle: Muelle, document: str) -> None:
    muelle("run", document)

    assert mode(muelle.home) == 0o700
    assert mode(muelle.home / "admin.key") == 0o600
    assert (muelle.home / "admin.key").read_text().startswith("mk_")


def test_a_first_start_shows_the_owners_key_to_nobody(muelle: Muelle, document: str) -> None:
    told = muelle("run", document)

    key = (muelle.home / "admin.key").read_text().strip()
    assert key not in told.out + told.err
    assert key not in muelle("audit", "export").out


def test_the_owners_key_is_made_once(muelle: Muelle, document: str) -> None:
    muelle("run", document)
    key = (muelle.home / "admin.key").read_text()

    muelle("run", document)

    assert (muelle.home / "admin.key").read_text() == key


def test_the_key_of_an_earlier_database_is_set_aside_not_lost(muelle: Muelle, document: str) -> None:
    muelle.home.mkdir(mode=0o700)
    (muelle.home / "admin.key").write_text("of another database\n")

    muelle("run", document)

    kept = [path.read_text() for path in muelle.home.glob("admin.key.*")]
    assert kept == ["of another database\n"]
    assert (muelle.home / "admin.key").read_text().startswith("mk_")


def test_a_lost_key_is_replaced_and_written_for_the_owner_alone(muelle: Muelle, document: str) -> None:
    muelle("run", document)
    old = (muelle.home / "admin.key").read_text()

    told = muelle("keys", "recover", "--json")

    new = (muelle.home / "admin.key").read_text()
    assert told.json == {"admin_key_file": str(muelle.home / "admin.key")}
    assert (new != old, new.startswith("mk_"), mode(muelle.home / "admin.key")) == (True, True, 0o600)
    assert [key["revoked_at"] is None for key in muelle("keys", "list", "admin", "--json").json["keys"]].count(
        True
    ) == 1


def test_recovering_shows_the_key_to_no_file_or_pipe(muelle: Muelle) -> None:
    told = muelle("keys", "recover")

    assert (muelle.home / "admin.key").read_text().strip() not in told.out + told.err


def test_a_vault_key_that_others_may_read_is_refused(muelle: Muelle, document: str) -> None:
    muelle("run", document)
    (muelle.home / "vault.key").chmod(0o644)

    told = muelle("run", document, "--json")

    assert (told.code, told.out, told.problem["code"]) == (1, "", "vault_key_exposed")


def test_a_home_that_is_a_file_is_refused(muelle: Muelle, document: str) -> None:
    muelle.home.write_text("")

    assert muelle("run", document).code == 2


def test_a_home_from_the_environment_that_is_a_file_is_refused(
    muelle: Muelle, document: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from muelle.cli import main  # noqa: PLC0415 - without the fixture's --home

    muelle.home.write_text("")
    monkeypatch.setenv("MUELLE_HOME", str(muelle.home))

    assert main(["run", document, "--json"]) == 1
    assert '"home_unusable"' in capsys.readouterr().err


def test_a_broken_settings_file_is_named_and_ends_with_1(muelle: Muelle, document: str) -> None:
    muelle.home.mkdir()
    (muelle.home / "muelle.toml").write_text("[htp]\nport = 1\n")

    told = muelle("run", document)

    assert (told.code, told.out) == (1, "")
    assert "htp" in told.err


def test_the_home_may_stand_before_the_command(muelle: Muelle, document: str) -> None:
    from muelle.cli import main  # noqa: PLC0415 - without the fixture's --home

    assert main(["--home", str(muelle.home), "run", document]) == 0
    assert (muelle.home / "muelle.db").exists()
