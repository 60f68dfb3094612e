"""`muelle run` and `muelle validate`: answers on stdout, everything else on stderr, and telling exit codes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.conftest import FAILING, HELLO, INVALID, Muelle

HEAVY = {
    *("fastapi", "starlette", "pydantic", "uvicorn", "uvloop", "sqlalchemy", "alembic", "aiohttp", "httpx"),
    *("rich", "prometheus_client", "structlog", "opentelemetry", "asyncpg", "cryptography"),
}


def written(folder: Path, text: str) -> str:
    path = folder / "document.jsonl"
    path.write_text(text)
    return str(path)


def process(
    home: Path, *arguments: str, stdin: str = "", python: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *python, "-m", "muelle", *arguments, "--home", str(home)]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)  # noqa: S603 - our own program


def test_a_document_is_answered_on_stdout_and_nothing_else_is_there(muelle: Muelle, document: str) -> None:
    told = muelle("run", document)

    assert (told.code, told.err) == (0, "")
    assert told.json["status"] == "success"
    assert told.json["results"] == {"hello": "YOU"}


def test_a_failed_run_is_answered_and_ends_with_1(muelle: Muelle, tmp_path: Path) -> None:
    told = muelle("run", written(tmp_path, FAILING))

    assert told.code == 1
    assert told.json["status"] == "error"


def test_a_run_that_succeeds_in_part_ends_with_1(muelle: Muelle, tmp_path: Path) -> None:
    told = muelle("run", written(tmp_path, FAILING + HELLO))

    assert told.code == 1
    assert told.json["status"] == "partial_success"


@pytest.mark.parametrize("text", [INVALID, '{"type":', "ÿ"])
def test_an_invalid_document_ends_with_2_and_says_nothing_on_stdout(muelle: Muelle, tmp_path: Path, text: str) -> None:
    told = muelle("run", written(tmp_path, text), "--json")

    assert (told.code, told.out) == (2, "")
    assert told.problem["code"] == "invalid_document"
    assert told.problem["issues"]


def test_an_invalid_document_is_explained_to_people(muelle: Muelle, tmp_path: Path) -> None:
    told = muelle("run", written(tmp_path, INVALID))

    assert told.code == 2
    assert "Did you mean 'Calculate'?" in told.err
    assert "Traceback" not in told.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("/no/such/file",),
        ("{document}", "--inputs", "/no/such/file"),
        ("{document}", "--inputs", "{document}"),
        ("{document}", "--input", "who"),
        ("{document}", "--input", "=x"),
        ("{document}", "--input", "who=\udcff"),  # how Python hands over a byte that is no UTF-8
        ("{document}", "--format", "loud"),
        ("{document}", "--no-such-option"),
        (),
    ],
)
def test_what_cannot_be_read_ends_with_2(muelle: Muelle, document: str, arguments: tuple[str, ...]) -> None:
    told = muelle("run", *(each.replace("{document}", document) for each in arguments), "--json")

    assert (told.code, told.out) == (2, "")
    assert told.problem["code"] in {"unreadable_file", "invalid_argument"}


def test_an_agent_without_grants_is_refused_with_3(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "nobody")

    told = muelle("run", document, "--as", "nobody", "--json")

    assert (told.code, told.out) == (3, "")
    assert told.problem["code"] == "workflow_refused"
    assert muelle("executions", "list", "--json").json["executions"] == []


def test_an_agent_runs_with_its_own_grants(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "bot", "--preset", "runner")

    assert muelle("run", document, "--as", "bot").code == 0
    assert muelle("executions", "list", "--agent", "bot", "--json").json["count"] == 1


def test_a_disabled_agent_is_refused_with_3(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "bot", "--preset", "runner")
    muelle("agents", "update", "bot", "--disable")

    assert muelle("run", document, "--as", "bot").code == 3


def test_an_unknown_agent_ends_with_1(muelle: Muelle, document: str) -> None:
    told = muelle("run", document, "--as", "nobody", "--json")

    assert (told.code, told.problem["code"]) == (1, "agent_not_found")


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("who=ada", "ADA"),
        ('who="ada"', "ADA"),
        ("who=a=b", "A=B"),
        ("who=@{file}.json", "FROM JSON"),
        ("who=@{file}.txt", "FROM TEXT"),
        ("who=@@ada", "@ADA"),
    ],
)
def test_an_input_is_json_or_text_or_a_file(
    muelle: Muelle, document: str, tmp_path: Path, given: str, meant: str
) -> None:
    (tmp_path / "who.json").write_text('"from json"')
    (tmp_path / "who.txt").write_text("from text")

    told = muelle("run", document, "--input", given.replace("{file}", str(tmp_path / "who")))

    assert told.json["results"]["hello"] == meant


def test_single_inputs_stand_over_those_of_a_file(muelle: Muelle, document: str, tmp_path: Path) -> None:
    (tmp_path / "inputs.json").write_text('{"who": "file", "other": 1}')

    told = muelle("run", document, "--inputs", str(tmp_path / "inputs.json"), "--input", "who=option")

    assert told.json["results"]["hello"] == "OPTION"


@pytest.mark.parametrize(("form", "parts"), [("minimal", {"data"}), ("summary", {"data", "operations"})])
def test_the_answer_can_be_shorter(muelle: Muelle, document: str, form: str, parts: set[str]) -> None:
    told = muelle("run", document, "--format", form)

    assert {"data", "operations", "results"} & told.json.keys() == parts


def test_a_document_comes_from_standard_input_too(tmp_path: Path) -> None:
    done = process(tmp_path / "home", "run", "-", stdin=HELLO)

    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["results"] == {"hello": "YOU"}


def test_running_a_document_imports_nothing_heavy(tmp_path: Path, document: str) -> None:
    done = process(tmp_path / "home", "run", document, python=("-X", "importtime"))

    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert "msgspec" in imported
    assert imported & HEAVY == set()


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path, document: str) -> None:
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "muelle", "run", document, "--home", str(tmp_path / "home")]

    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, check=False, timeout=60)  # noqa: S603 - our own program
    os.close(write)

    assert (done.returncode, done.stderr) == (1, b"")


def test_a_valid_document_is_called_so(muelle: Muelle, document: str) -> None:
    told = muelle("validate", document)

    assert (told.code, told.out) == (0, "valid\n")


def test_what_is_wrong_with_a_document_names_the_operation_and_a_remedy(muelle: Muelle, tmp_path: Path) -> None:
    told = muelle("validate", written(tmp_path, INVALID), "--json")

    issue = told.json["issues"][0]
    assert (told.code, told.json["valid"]) == (2, False)
    assert (issue["operation_id"], issue["suggestion"]) == ("odd", "Did you mean 'Calculate'?")


def test_a_document_that_lacks_only_grants_ends_with_3(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "nobody", "--grant", "workflows:validate=*")

    told = muelle("validate", document, "--as", "nobody", "--json")

    assert (told.code, {issue["code"] for issue in told.json["issues"]}) == (3, {"refused"})


def test_whoever_may_not_even_validate_is_refused(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "nobody")

    told = muelle("validate", document, "--as", "nobody", "--json")

    assert (told.code, told.out) == (3, "")


def test_validating_runs_nothing(muelle: Muelle, document: str) -> None:
    muelle("validate", document)

    assert muelle("executions", "list", "--json").json["executions"] == []
