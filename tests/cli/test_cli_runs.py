"""`muelle runs`, `muelle run --detach`: handing runs in, following and changing them, beside a worker or none."""

import json
import os
import pty
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import get_args

import pytest

from cli.conftest import FAILING, Muelle
from cli.test_cli_look import completed
from cli.test_cli_up import command
from muelle.cli.runs import STATUSES
from muelle.cli.watching import Picture
from muelle.engine import RunStatus
from muelle.workflows.submissions.streams import RunEvent

START = datetime(2026, 1, 1, tzinfo=UTC)
PATIENT = """
{"type":"operationUpdate","operationId":"first","operation":{"Wait":{"duration":1}}}
{"type":"operationUpdate","operationId":"long","operation":{"Wait":{"duration":600000}}}
{"type":"beginExecution","executionId":"e","operationOrder":["first","long"]}
"""


@pytest.fixture
def patient(tmp_path: Path) -> str:
    """Return a file with a document that takes ten minutes."""
    path = tmp_path / "patient.jsonl"
    path.write_text(PATIENT)
    return str(path)


@contextmanager
def working(home: Path) -> Iterator[None]:
    """Have a worker advance the runs of a home in a process of its own."""
    worker = subprocess.Popen(command(home, "worker"), stderr=subprocess.PIPE, text=True)  # noqa: S603 - our own program
    assert worker.stderr is not None
    try:
        assert "Advancing runs of: default" in worker.stderr.readline()
        yield
    finally:
        worker.terminate()
        worker.communicate(timeout=30)


def handed_in(muelle: Muelle, file: str, *arguments: str) -> str:
    told = muelle("run", "--detach", file, *arguments)
    assert told.code == 0, told.err
    return told.out.strip()


def test_the_statuses_to_choose_from_are_those_that_there_are() -> None:
    assert get_args(RunStatus) == STATUSES


def test_a_run_is_handed_in_done_by_a_worker_and_its_answer_is_printed(muelle: Muelle, document: str) -> None:
    run = handed_in(muelle, document)
    assert muelle("runs", "show", run, "--json").json["status"] == "queued"
    unfinished = muelle("runs", "result", run, "--json")
    assert (unfinished.code, unfinished.json) == (1, {"execution_id": run, "status": "queued"})

    with working(muelle.home):
        told = muelle("runs", "result", run, "--wait", "20")

    assert (told.code, told.json["execution_id"], told.json["results"]) == (0, run, {"hello": "YOU"})


def test_a_run_that_failed_ends_its_watching_with_1(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "failing.jsonl").write_text(FAILING)
    run = handed_in(muelle, str(tmp_path / "failing.jsonl"))

    with working(muelle.home):
        told = muelle("runs", "watch", run)

    assert told.code == 1
    kinds = [line.split("  ")[1] for line in told.out.splitlines()]
    assert [kind for kind in kinds if "ed" in kind and kind != "run.queued"] == ["operation.finished", "run.finished"]
    assert muelle("runs", "result", run).code == 1


def test_watching_for_programs_is_a_line_of_json_for_each_event(muelle: Muelle, document: str) -> None:
    run = muelle("run", document).json["execution_id"]

    told = muelle("runs", "watch", run, "--json")

    events = [json.loads(line) for line in told.out.splitlines()]
    assert (told.code, [event["event"] for event in events]) == (0, ["operation.finished", "run.finished"])
    assert [event["id"] for event in events] == [0, 1]


def test_the_same_key_is_the_same_run(muelle: Muelle, document: str) -> None:
    first = muelle("run", "--detach", document, "--key", "k", "--json").json
    second = muelle("run", "--detach", document, "--key", "k", "--json").json

    assert (first["is_new"], second) == (True, {"execution_id": first["execution_id"], "is_new": False})


def test_a_run_is_wished_for_later_and_with_a_priority(muelle: Muelle, document: str) -> None:
    run = handed_in(muelle, document, "--at", "2h", "--deadline", "3h", "--priority", "1")
    shown = muelle("runs", "show", run, "--json").json

    assert datetime.fromisoformat(shown["deadline"]) > datetime.now(UTC) + timedelta(hours=2)
    assert [
        entry["execution_id"] for entry in muelle("runs", "list", "--status", "queued", "--json").json["executions"]
    ] == [run]
    assert muelle("runs", "prioritise", run, "5", "--json").json["execution_id"] == run
    assert muelle("runs", "prioritise", run, "6").code == 2


@pytest.mark.parametrize("option", [("--priority", "1"), ("--at", "1h"), ("--deadline", "1h"), ("--key", "k")])
def test_wishes_without_detach_are_a_mistake(muelle: Muelle, document: str, option: tuple[str, str]) -> None:
    told = muelle("run", document, *option)

    assert (told.code, "goes with --detach" in told.err) == (2, True)


def test_a_run_is_paused_resumed_and_cancelled(muelle: Muelle, patient: str) -> None:
    run = handed_in(muelle, patient)

    assert muelle("runs", "resume", run, "--json").problem["code"] == "run_not_paused"
    assert muelle("runs", "pause", run, "--json").json["status"] == "paused"
    assert muelle("runs", "resume", run, "--json").json["status"] == "queued"
    assert muelle("runs", "cancel", run).code == 0
    with working(muelle.home):
        assert muelle("runs", "result", run, "--wait", "20", "--json").json["status"] == "cancelled"
    assert muelle("runs", "cancel", run, "--json").problem["code"] == "run_ended"
    assert muelle("runs", "replay", run, "--json").problem["code"] == "run_ended"


def test_a_run_is_run_again_with_other_inputs(muelle: Muelle, document: str) -> None:
    first = muelle("run", document).json["execution_id"]
    again = muelle("runs", "rerun", first, "--input", "who=them").out.strip()

    with working(muelle.home):
        told = muelle("runs", "result", again, "--wait", "20").json

    assert told["results"] == {"hello": "THEM"}
    listed = muelle("runs", "list", "--cause", f"rerun:{first}", "--kind", "workflow", "--json").json["executions"]
    assert [entry["execution_id"] for entry in listed] == [again]


def test_a_rerun_from_an_operation_that_there_is_not_names_those_that_there_are(muelle: Muelle, document: str) -> None:
    first = muelle("run", document).json["execution_id"]
    told = muelle("runs", "rerun", first, "--from", "helo", "--json")

    assert (told.code, told.problem["operations"]) == (2, ["hello"])


def test_runs_are_exported_with_their_operations(muelle: Muelle, document: str) -> None:
    run = muelle("run", document).json["execution_id"]

    whole = json.loads(muelle("runs", "export").out)
    brief = json.loads(muelle("runs", "export", "--no-operations", "--status", "success").out)

    assert (whole["execution_id"], [step["operation_id"] for step in whole["operations"]]) == (run, ["hello"])
    assert "operations" not in brief
    assert json.loads(muelle("executions", "export").out) == brief
    assert muelle("runs", "export", "--status", "dead").out == ""


def test_ids_of_runs_are_completed(muelle: Muelle, document: str) -> None:
    run = muelle("run", document).json["execution_id"]

    assert completed(muelle.home, "muelle runs watch run_") == [run]


def test_an_unknown_run_ends_with_1(muelle: Muelle) -> None:
    assert {muelle("runs", verb, "run_1").code for verb in ("show", "result", "watch", "cancel", "rerun")} == {1}


def test_on_a_terminal_a_tree_is_drawn_and_drawn_again(muelle: Muelle, document: str) -> None:
    run = muelle("run", document).json["execution_id"]
    leader, follower = pty.openpty()
    watch = subprocess.Popen(  # noqa: S603 - our own program
        command(muelle.home, "runs", "watch", run), stdout=follower, stderr=subprocess.DEVNULL
    )
    os.close(follower)
    seen = read_all(leader)

    assert watch.wait(timeout=30) == 0
    assert all(part in seen for part in ("✓", "hello", "FormatText", "success"))


def read_all(leader: int) -> str:
    """Return what is written to a terminal until nobody holds its other end."""
    seen = b""
    while True:
        try:
            seen += os.read(leader, 4096)
        except OSError:
            os.close(leader)
            return seen.decode()


def of(kind: str, **data: object) -> RunEvent:
    return RunEvent(kind, None, json.dumps(data).encode())


def finished(name: str, status: str, **more: object) -> RunEvent:
    given = {"operation_id": name, "operation_type": "Wait", "status": status, "duration_ms": 1500.0}
    return of("operation.finished", **{**given, **more})


def running() -> RunEvent:
    given = {"workflow_id": "w", "status": "running", "total_duration_ms": None, "began_at": None}
    return of("run.running", timestamp=START.isoformat(), **given)


def test_a_picture_tells_what_goes_on_for_how_long() -> None:
    picture = Picture("run_1", None)
    picture.take(running())
    picture.take(of("operation.started", operation_id="a", timestamp=START.isoformat()))
    picture.take(finished("b", "failed", error={"message": "It broke."}))

    head, first, second = picture.lines(START + timedelta(seconds=90), 10)

    assert head.endswith("w  running  1 min 30 s")
    assert first.endswith("a  1 min 30 s")
    assert "1.5 s" in second
    assert "It broke." in second


@pytest.mark.parametrize(("height", "shown"), [(4, ["a", "b", "c"]), (3, ["b", "c"]), (2, ["c"]), (1, ["c"])])
def test_what_succeeded_gives_way_where_a_picture_is_higher_than_the_terminal(height: int, shown: list[str]) -> None:
    picture = Picture("run_1", None)
    for name, status in (("a", "success"), ("b", "success"), ("c", "failed")):
        picture.take(finished(name, status))

    lines = picture.lines(START, height)[1:]

    assert [next(name for name in "abc" if f" {name}  " in line) for line in lines] == shown


def test_turns_of_a_loop_are_one_line() -> None:
    picture = Picture("run_1", None)
    for turn in range(3):
        picture.take(finished("a", "success", iteration=str(turn)))

    assert picture.lines(START, 10)[1].endswith("4.5 s  3 times")
