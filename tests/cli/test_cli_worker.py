"""`muelle worker`: processes that advance runs, one beside the other, and that leave nothing half done."""

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cli.test_cli_up import PATIENCE, command, eventually

PAUSE = 300  # milliseconds that a step takes
STEPS = 4
SLOW = "\n".join(
    [
        *(
            json.dumps({"type": "operationUpdate", "operationId": f"s{n}", "operation": {"Wait": {"duration": PAUSE}}})
            for n in range(STEPS)
        ),
        json.dumps(
            {"type": "beginExecution", "executionId": "e", "operationOrder": [f"s{number}" for number in range(STEPS)]}
        ),
    ]
)


@dataclass(frozen=True)
class Home:
    """A home, with the environment that says where its database is."""

    folder: Path
    environment: dict[str, str]

    def told(self, *arguments: str, code: int = 0) -> str:
        done = subprocess.run(  # noqa: S603 - our own program
            command(self.folder, *arguments),
            env={**os.environ, **self.environment},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE * 2,
        )
        assert done.returncode == code, done.stderr
        return done.stdout.strip()

    def handed_in(self, folder: Path) -> str:
        (folder / "slow.jsonl").write_text(SLOW)
        return self.told("run", "--detach", str(folder / "slow.jsonl"))

    def shown(self, run: str) -> Any:
        return json.loads(self.told("runs", "show", run, "--json"))

    @contextmanager
    def worker(self, *arguments: str) -> Iterator["subprocess.Popen[str]"]:
        """Start a worker, and end it if the block did not."""
        process = subprocess.Popen(  # noqa: S603 - our own program
            command(self.folder, "worker", *arguments),
            env={**os.environ, **self.environment},
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        try:
            for line in process.stderr:
                if line.startswith("Advancing runs of: "):
                    break
            yield process
        finally:
            if process.poll() is None:
                process.kill()
            process.communicate(timeout=PATIENCE)


@pytest.fixture(params=["sqlite", "postgresql"])
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Home:
    """Give a home on each database."""
    if request.param == "sqlite":
        return Home(tmp_path / "home", {})
    return Home(tmp_path / "home", {"MUELLE__STORES__URL": request.getfixturevalue("owner_url")})


def test_a_worker_that_is_told_to_stop_gives_back_what_another_one_goes_on_with(home: Home, tmp_path: Path) -> None:
    run = home.handed_in(tmp_path)
    with home.worker() as first:
        assert eventually(lambda: any(step["operation_id"] == "s0" for step in home.shown(run)["operations"]))
        first.send_signal(signal.SIGTERM)
        assert first.wait(PATIENCE) == 0
    left = home.shown(run)
    assert left["status"] in {"queued", "waiting"}, "the run was to be given back"

    with home.worker():
        answer = json.loads(home.told("runs", "result", run, "--wait", "20"))

    shown = home.shown(run)
    assert answer["status"] == "success"
    assert [step["operation_id"] for step in shown["operations"]] == [f"s{number}" for number in range(STEPS)]
    assert shown["operations"][0] == left["operations"][0]
    assert shown["takeovers"] == 0


def test_a_worker_that_is_killed_is_stood_in_for_by_another_one(home: Home, tmp_path: Path) -> None:
    home.environment["MUELLE__ENGINE__LEASE_SECONDS"] = "0.5"
    run = home.handed_in(tmp_path)
    with home.worker() as first:
        assert eventually(lambda: home.shown(run)["status"] == "running")
        first.kill()
    with home.worker():
        answer = json.loads(home.told("runs", "result", run, "--wait", "20"))

    assert (answer["status"], home.shown(run)["takeovers"]) == ("success", 1)


def test_two_workers_share_what_there_is_and_do_each_run_once(home: Home, tmp_path: Path) -> None:
    runs = [home.handed_in(tmp_path) for _ in range(4)]
    with home.worker("--concurrency", "2"), home.worker("--concurrency", "2"):
        answers = [json.loads(home.told("runs", "result", run, "--wait", "20")) for run in runs]

    assert [answer["status"] for answer in answers] == ["success"] * 4
    for run in runs:
        assert len(home.shown(run)["operations"]) == STEPS


def test_a_worker_takes_only_from_the_queues_that_it_is_given(home: Home, tmp_path: Path) -> None:
    run = home.handed_in(tmp_path)
    with home.worker("--queues", "others"):
        assert json.loads(home.told("runs", "result", run, "--wait", "1", "--json", code=1))["status"] == "queued"


def test_a_worker_that_has_nothing_to_do_stops_at_once(home: Home) -> None:
    with home.worker() as idle:
        idle.send_signal(signal.SIGINT)
        assert idle.wait(PATIENCE) == 0
