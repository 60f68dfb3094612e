"""`muelle jobs` and `muelle runs purge`: jobs handed in, done, looked at and changed, without a server."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from cli.conftest import Muelle
from cli.test_cli_look import completed

JOB = "crm.add_notes"
GIVEN = ("--input", "query=ada", "--input", "text=hello")


class EmptyCrm(BaseHTTPRequestHandler):
    """A CRM without contacts."""

    def do_GET(self) -> None:
        body = b'{"contacts": [], "next": null}'
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def crm(muelle: Muelle, monkeypatch: pytest.MonkeyPatch) -> Iterator[Muelle]:
    """Give a home that knows where the CRM is."""
    server = HTTPServer(("127.0.0.1", 0), EmptyCrm)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    monkeypatch.setenv("MUELLE__PACKS__CRM__BASE_URL", url)
    assert muelle("tenants", "update", "default", "--allow-address", "127.0.0.0/8").code == 0
    monkeypatch.setenv("CRM_TOKEN", "the-token-of-the-crm")
    added = muelle(
        "credentials", "add", "crm-key", "--type", "bearer-token", "--for-host", url, "--from-env", "CRM_TOKEN"
    )
    assert added.code == 0, added.err
    yield muelle
    server.shutdown()
    server.server_close()
    thread.join()


def submitted(muelle: Muelle, *arguments: str) -> str:
    told = muelle("jobs", "submit", JOB, *GIVEN, *arguments)
    assert told.code == 0, told.err
    return told.out.strip()


def dead(muelle: Muelle) -> str:
    """Have a job given up: nobody has said where the CRM is."""
    assert muelle("jobs", "run", JOB, *GIVEN).code == 1
    return str(muelle("jobs", "dead", "--json").json["jobs"][0]["execution_id"])


def test_the_kinds_are_listed_with_what_they_take(muelle: Muelle) -> None:
    kinds = {kind["name"]: kind for kind in muelle("jobs", "kinds", "--json").json["kinds"]}

    assert set(kinds[JOB]["payload"]["$defs"]["AddNotes"]["properties"]) == {"query", "text"}
    assert JOB in muelle("jobs", "kinds").out


def test_an_agent_sees_the_kinds_that_it_may_hand_in(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    assert muelle("jobs", "kinds", "--as", "bot", "--json").json["kinds"] == []
    refused = muelle("jobs", "submit", JOB, *GIVEN, "--as", "bot", "--json")
    assert (refused.code, refused.problem["scope"]) == (3, "jobs:run")

    muelle("grants", "add", "bot", "jobs:run", JOB)
    assert muelle("jobs", "submit", JOB, *GIVEN, "--as", "bot").code == 0


def test_a_job_is_done_at_once_and_prints_what_it_returns(crm: Muelle) -> None:
    told = crm("jobs", "run", JOB, *GIVEN)

    assert (told.code, told.json) == (0, {"noted": 0})
    (job,) = crm("jobs", "list", "--kind", JOB, "--status", "success", "--json").json["jobs"]
    shown = crm("jobs", "show", job["execution_id"], "--json").json
    assert (shown["payload"], shown["result"]) == ({"query": "ada", "text": "hello"}, {"noted": 0})


def test_a_job_that_fails_says_why_and_is_among_the_dead(muelle: Muelle) -> None:
    told = muelle("jobs", "run", JOB, *GIVEN, "--json")

    assert (told.code, told.problem["cause"]) == (1, "crm_not_configured")
    assert "Nobody has said where the CRM is." in muelle("jobs", "dead").out


def test_a_dead_job_is_replayed_or_put_away(muelle: Muelle) -> None:
    job = dead(muelle)
    assert muelle("jobs", "replay", job, "--json").json["status"] == "queued"
    assert muelle("jobs", "replay", job, "--json").problem["code"] == "run_not_dead"
    assert muelle("jobs", "dead", "--json").json["jobs"] == []


def test_several_jobs_are_changed_at_once(muelle: Muelle) -> None:
    jobs = [submitted(muelle) for _ in range(2)]

    paused = muelle("jobs", "pause", *jobs, "--json").json["jobs"]
    resumed = muelle("jobs", "resume", *jobs, "--json").json["jobs"]

    assert [job["status"] for job in (*paused, *resumed)] == ["paused", "paused", "queued", "queued"]
    assert muelle("jobs", "cancel", jobs[0]).code == 0


def test_a_job_waits_for_its_time_and_its_keys(muelle: Muelle) -> None:
    keys = ("--rate-key", "crm", "--rate", "100/1m", "--concurrency-key", "one", "--concurrency", "1")
    job = submitted(muelle, "--at", "1h", "--deadline", "2h", "--priority", "1", *keys)

    queue = muelle("jobs", "queue", "--json").json
    assert queue["queues"] == [{"queue": "default", "state": "sleeping", "jobs": 1, "age_seconds": 0.0}]
    assert queue["workers"] == []
    assert muelle("jobs", "show", job, "--json").json["deadline"] is not None


def test_the_same_key_is_the_same_job(muelle: Muelle) -> None:
    assert submitted(muelle, "--key", "k") == submitted(muelle, "--key", "k")


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("--input", "query=1"), "payload.query"),
        (("--rate", "many"), None),
        (("--rate", "1/x", "--rate-key", "k"), None),
        (("--rate-key", "k"), "rate"),
        (("--concurrency", "1"), "concurrency_key"),
        (("--at", "tomorrow"), None),
        (("--inputs", "missing.json"), None),
    ],
)
def test_what_is_wrong_with_a_job_is_said(muelle: Muelle, arguments: tuple[str, ...], field: str | None) -> None:
    told = muelle("jobs", "submit", JOB, *GIVEN, *arguments, "--json")

    assert (told.code, told.problem.get("field")) == (2, field)


def test_a_key_is_paused_and_the_pause_ended(muelle: Muelle) -> None:
    assert muelle("jobs", "pause-key", "crm", "10m", "--json").json == {"key": "crm", "seconds": 600}
    assert "is not paused" in muelle("jobs", "pause-key", "crm", "0").err
    assert muelle("jobs", "pause-key", "crm", "soon").code == 2


def test_kinds_and_ids_are_completed(muelle: Muelle) -> None:
    job = submitted(muelle)

    assert completed(muelle.home, "muelle jobs submit crm") == [JOB]
    assert completed(muelle.home, "muelle jobs cancel run") == [job]


def test_old_runs_are_purged_and_of_one_name_if_that_is_wanted(crm: Muelle, tmp_path: Path, document: str) -> None:
    crm("jobs", "run", JOB, *GIVEN)
    assert crm("run", document).code == 0
    assert tmp_path.exists()

    assert crm("runs", "purge", "--older-than", "1d", "--yes", "--json").json == {"removed": 0}
    assert crm("runs", "purge", "--older-than", "0", "--workflow", JOB, "--yes", "--json").json == {"removed": 1}
    assert crm("runs", "purge", "--older-than", "0", "--yes").err.strip().endswith("Removed 1 runs.")
    assert crm("runs", "list", "--json").json["executions"] == []
    acts = crm("audit", "list", "--json").json["acts"]
    assert [act["detail"] for act in acts if act["action"] == "runs.purge"] == ["1 runs", "1 runs", "0 runs"]
