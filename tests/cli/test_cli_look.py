"""Looking at what there is and what ran: operations, executions, settings, the doctor, completion, help."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli.conftest import FAILING, Muelle
from muelle import __version__
from muelle.cli.program import muelle as program


def completed(home: Path, words: str) -> list[str]:
    environment = {**os.environ, "_MUELLE_COMPLETE": "bash_complete", "COMP_WORDS": words, "MUELLE_HOME": str(home)}
    environment["COMP_CWORD"] = str(len(words.split(" ")) - 1)
    command = [sys.executable, "-c", "import sys; from muelle.cli import main; sys.exit(main())"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=60)  # noqa: S603 - our own program
    return [line.partition(",")[2] for line in done.stdout.splitlines() if line]


def every_command(command: click.Command, path: tuple[str, ...] = ()) -> list[tuple[str, ...]]:
    if not isinstance(command, click.Group):
        return [path]
    return [path] + [leaf for name, child in command.commands.items() for leaf in every_command(child, (*path, name))]


def test_operations_are_listed_and_one_is_shown(muelle: Muelle) -> None:
    listed = muelle("operations", "--json").json["operations"]
    shown = muelle("operations", "FilterData", "--json").json

    assert {"ApiCall", "FilterData", "Loop"} <= {operation["name"] for operation in listed}
    assert shown["schema"]["required"]
    assert "inputPath" in muelle("operations", "FilterData").out


def test_looking_at_operations_makes_no_home(muelle: Muelle) -> None:
    muelle("operations")

    assert not muelle.home.exists()


@pytest.mark.parametrize("name", ["FilterData", "GetCurrentDateTime", "Loop"])
def test_an_example_is_a_document(muelle: Muelle, name: str) -> None:
    messages = [json.loads(line) for line in muelle("operations", name, "--example").out.splitlines()]

    assert [message["type"] for message in messages] == ["operationUpdate", "beginExecution"]


def test_an_example_without_references_runs(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "example.jsonl").write_text(muelle("operations", "GetCurrentDateTime", "--example").out)

    assert muelle("run", str(tmp_path / "example.jsonl")).json["status"] == "success"


def test_an_unknown_operation_is_answered_with_the_nearest(muelle: Muelle) -> None:
    told = muelle("operations", "FilterDate", "--json")

    assert (told.code, told.out) == (2, "")
    assert "FilterData" in told.problem["nearest"]


def test_executions_are_listed_shown_and_exported(muelle: Muelle, document: str, tmp_path: Path) -> None:
    run = muelle("run", document).json["execution_id"]

    shown = muelle("executions", "show", run, "--json").json
    told = muelle("executions", "export", "--operations", "--output", str(tmp_path / "runs.jsonl"), "--json")

    assert [event["event"] for event in shown["timeline"]] == ["run.started", "operation.success", "run.success"]
    assert told.json["count"] == 1
    assert json.loads((tmp_path / "runs.jsonl").read_text())["operations"] == shown["operations"]
    assert stat.S_IMODE((tmp_path / "runs.jsonl").stat().st_mode) == 0o600


def test_an_execution_is_shown_to_people(muelle: Muelle, document: str) -> None:
    run = muelle("run", document).json["execution_id"]

    told = muelle("executions", "show", run)

    assert "operation.success" in told.out
    assert "YOU" in told.out


def test_executions_are_filtered(muelle: Muelle, document: str, tmp_path: Path) -> None:
    (tmp_path / "failing.jsonl").write_text(FAILING)
    muelle("run", document)
    muelle("run", str(tmp_path / "failing.jsonl"))

    failed = muelle("executions", "list", "--status", "error", "--json").json["executions"]
    old = muelle("executions", "list", "--until", "1h", "--json").json["executions"]

    assert ([run["status"] for run in failed], old) == (["error"], [])
    assert muelle("executions", "export").out.count("\n") == 2


@pytest.mark.parametrize("verb", [("executions", "list", "--since", "soon"), ("executions", "list", "--limit", "0")])
def test_a_filter_that_is_wrong_ends_with_2(muelle: Muelle, verb: tuple[str, ...]) -> None:
    assert muelle(*verb).code == 2


def test_an_unknown_execution_ends_with_1(muelle: Muelle) -> None:
    assert muelle("executions", "show", "run_1").code == 1


def test_an_export_that_cannot_be_written_ends_with_1(muelle: Muelle) -> None:
    told = muelle("executions", "export", "--output", "/no/such/folder/x", "--json")

    assert (told.code, told.problem["code"]) == (1, "unwritable_file")


def test_settings_are_shown_as_they_hold_and_secrets_are_masked(
    muelle: Muelle, monkeypatch: pytest.MonkeyPatch
) -> None:
    muelle.home.mkdir(mode=0o700)
    (muelle.home / "muelle.toml").write_text('[stores]\nurl = "postgresql://u:hidden@db/x"\n')
    monkeypatch.setenv("MUELLE__HTTP__PORT", "1234")

    told = muelle("settings", "--json")

    assert (told.json["http"]["port"], told.json["stores"]["url"]) == (1234, "***")
    assert "hidden" not in told.out + muelle("settings").out


def test_a_sound_installation_is_healthy(muelle: Muelle, document: str) -> None:
    muelle("run", document)

    told = muelle("doctor", "--json")

    assert [check for check in told.json["checks"] if check["status"] == "fail"] == []
    assert (told.code, told.json["healthy"]) == (0, True)


def test_the_doctor_changes_nothing(muelle: Muelle) -> None:
    assert muelle("doctor").code == 0
    assert not muelle.home.exists()


def test_the_doctor_finds_what_is_wrong_and_says_what_to_do(muelle: Muelle, document: str) -> None:
    muelle("run", document)
    (muelle.home / "admin.key").chmod(0o644)
    (muelle.home / "vault.key").write_text("damaged")
    (muelle.home / "muelle.db").write_bytes(b"no database" * 100)
    for path in muelle.home.glob("muelle.db-*"):
        path.unlink()

    told = muelle("doctor", "--json")

    failed = {check["check"]: check["remedy"] for check in told.json["checks"] if check["status"] == "fail"}
    assert told.code == 1
    assert failed.keys() == {"owner's key", "vault key", "database"}
    assert all(failed.values())


def test_the_doctor_finds_broken_settings(muelle: Muelle) -> None:
    muelle.home.mkdir(mode=0o755)
    (muelle.home / "muelle.toml").write_text("[")

    told = muelle("doctor")

    assert told.code == 1
    assert "fail  settings" in told.out
    assert "warn  home" in told.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_each_shell_gets_its_script(muelle: Muelle, shell: str) -> None:
    told = muelle("completion", shell)

    assert (told.code, "_MUELLE_COMPLETE" in told.out) == (0, True)


def test_commands_and_names_are_completed(muelle: Muelle) -> None:
    muelle("agents", "add", "botty", "--no-key")

    assert completed(muelle.home, "muelle ag") == ["agents"]
    assert completed(muelle.home, "muelle operations Filt") == ["FilterData"]
    assert completed(muelle.home, "muelle agents show bo") == ["botty"]


def test_completing_makes_no_home(tmp_path: Path) -> None:
    assert completed(tmp_path / "none", "muelle agents show b") == []
    assert not (tmp_path / "none").exists()


def test_the_version_is_told(muelle: Muelle) -> None:
    assert muelle("version", "--json").json["muelle"] == __version__


@pytest.mark.parametrize("path", every_command(program), ids=" ".join)
def test_every_command_has_help_and_takes_home_and_json(
    path: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    from muelle.cli import main  # noqa: PLC0415 - without the fixture's --home

    code = main([*path, "--help"])

    text = capsys.readouterr().out
    assert code == 0
    assert isinstance(_at(path), click.Group) or ("--home" in text and "--json" in text)
    assert (_at(path).help or "").strip().endswith(".")


def _at(path: tuple[str, ...]) -> click.Command:
    command: click.Command = program
    for name in path:
        assert isinstance(command, click.Group)
        command = command.commands[name]
    return command


@pytest.mark.parametrize(("url", "status"), [("owner_url", "ok"), ("postgres_url", "warn")])
def test_the_doctor_warns_where_policies_do_not_bind(
    muelle: Muelle, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, url: str, status: str
) -> None:
    monkeypatch.setenv("MUELLE__STORES__URL", request.getfixturevalue(url))
    muelle("agents", "list")

    checks = muelle("doctor", "--json").json["checks"]

    assert [check["status"] for check in checks if check["check"] == "database"] == [status]
