"""Schedules from the command line."""

from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Muelle

HOURLY = ("--cron", "0 * * * *", "--time-zone", "Europe/Madrid")


@pytest.fixture
def hello(muelle: Muelle, document: str) -> Muelle:
    """Give a home in which a document runs each hour."""
    assert muelle("schedules", "add", "hourly", *HOURLY, "--document", document, "--input", "name=Ada").code == 0
    return muelle


def shown(muelle: Muelle, name: str = "hourly") -> dict[str, Any]:
    return dict(muelle("schedules", "show", name, "--json").json)


def test_a_schedule_says_when_it_fires_and_what_it_runs(hello: Muelle) -> None:
    schedule = shown(hello)

    assert (schedule["cron"], schedule["time_zone"], schedule["inputs"]) == (*HOURLY[1::2], {"name": "Ada"})
    assert (schedule["status"], schedule["overlap"], schedule["catch_up"]) == ("active", "allow", "last")
    assert schedule["next_at"].endswith(":00:00Z")
    assert "FormatText" in schedule["document"]


def test_a_table_has_one_line_for_each(hello: Muelle) -> None:
    told = hello("schedules", "list")

    assert told.out.splitlines()[0].split() == [
        "id",
        "status",
        "when",
        "workflow",
        "next_at",
        "last_execution",
        "problem",
    ]
    assert "hourly  active  0 * * * * Europe/Madrid" in told.out
    assert hello("schedules", "list", "--json").json["count"] == 1


def test_people_are_not_shown_the_whole_document(hello: Muelle) -> None:
    out = hello("schedules", "show", "hourly").out

    assert "FormatText" not in out
    assert "characters" in out


def test_spans_and_times_are_written_as_people_say_them(muelle: Muelle, document: str) -> None:
    rules = ("--jitter", "2m", "--deadline", "1h", "--overlap", "queue", "--catch-up", "all", "--catch-up-most", "9")
    bounds = ("--anchor", "2026-01-01T00:00Z", "--end", "2999-01-01T00:00Z")

    told = muelle("schedules", "add", "q", "--every", "15m", "--document", document, *rules, *bounds, "--json")

    assert told.json.items() >= {"every": 900, "jitter": 120, "deadline": 3600, "catch_up_most": 9}.items()
    assert (told.json["anchor"], told.json["end"]) == ("2026-01-01T00:00:00Z", "2999-01-01T00:00:00Z")
    assert muelle("schedules", "add", "once", "--at", "2h", "--document", document, "--json").json["at"]


def test_a_schedule_changes_in_parts(hello: Muelle) -> None:
    changed = hello("schedules", "update", "hourly", "--every", "1d", "--end", "2999-01-01", "--json").json
    cleared = hello("schedules", "update", "hourly", "--no-end", "--description", "Daily", "--json").json

    assert (changed["every"], changed["cron"], changed["end"]) == (86_400, None, "2999-01-01T00:00:00Z")
    assert (cleared["every"], cleared["end"], cleared["description"]) == (86_400, None, "Daily")
    assert cleared["inputs"] == {"name": "Ada"}


def test_a_schedule_is_paused_and_resumed_with_a_note(hello: Muelle) -> None:
    paused = hello("schedules", "pause", "hourly", "--note", "holidays", "--json").json
    resumed = hello("schedules", "resume", "hourly", "--json").json

    assert (paused["status"], paused["note"], paused["next_at"]) == ("paused", "holidays", None)
    assert resumed["status"] == "active"


def test_what_a_schedule_runs_can_be_run_now_and_is_in_its_history(hello: Muelle) -> None:
    run = hello("schedules", "run", "hourly", "--json").json["execution_id"]

    history = hello("schedules", "history", "hourly", "--json").json
    assert [execution["execution_id"] for execution in history["executions"]] == [run]


def test_a_schedule_acts_with_the_grants_of_an_agent(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "bot", "--preset", "operator", "--no-key")
    bot = muelle("agents", "show", "bot", "--json").json["id"]

    told = muelle("schedules", "add", "hourly", *HOURLY, "--document", document, "--as", "bot", "--json")

    assert told.json["agent_id"] == bot


def test_what_an_agent_may_not_run_it_cannot_have_run_by_the_clock(muelle: Muelle, document: str) -> None:
    muelle("agents", "add", "bot", "--no-key")
    muelle("grants", "add", "bot", "schedules:write", "*")

    assert muelle("schedules", "add", "hourly", *HOURLY, "--document", document, "--as", "bot").code == 3
    assert muelle("schedules", "add", "hourly", *HOURLY, "--workflow", "report", "--as", "bot").code == 3


def test_firings_can_be_seen_beforehand(hello: Muelle) -> None:
    ours = hello("schedules", "preview", "hourly", "--count", "2", "--json").json
    tried = hello("schedules", "preview", "--cron", "0 0 12 1 4 *", "--count", "1")

    assert ours["count"] == 2
    assert tried.out.split()[:2] == ["local", "at"]
    assert "-04-01T12:00:00" in tried.out


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("--cron", "61 * * * *"), "The field 'minute' of the cron expression is wrong: 61 is not between 0 and 59."),
        (("--cron", "@daily", "--time-zone", "Europe/Madird"), "Europe/Madrid"),
        (("--every", "soon"), "--every takes seconds or a span"),
        (("--every", "0"), "every"),
        (("--at", "yesterday"), "neither a time"),
        (("--at", "2020-01-01"), "would never fire"),
        ((), "exactly one of cron, every and at"),
        (("--cron", "@daily", "--every", "1h"), "exactly one of cron, every and at"),
        (("--cron", "@daily", "--workflow", "x"), "either"),
        (("--cron", "@daily", "--jitter", "2h"), "jitter"),
    ],
)
def test_what_is_no_schedule_ends_with_2_and_says_why(
    muelle: Muelle, document: str, wrong: tuple[str, ...], said: str
) -> None:
    told = muelle("schedules", "add", "new", "--document", document, *wrong)

    assert (told.code, told.out) == (2, "")
    assert said in told.err
    assert muelle("schedules", "list", "--json").json["count"] == 0


def test_a_document_that_is_none_ends_with_2(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "wrong.jsonl").write_text("{}")
    (tmp_path / "binary").write_bytes(b"\xff")

    for file in ("wrong.jsonl", "binary", "nowhere"):
        assert muelle("schedules", "add", "new", *HOURLY, "--document", str(tmp_path / file)).code == 2


def test_a_removed_schedule_is_gone(hello: Muelle) -> None:
    assert hello("schedules", "remove", "hourly", "--json").json == {"id": "hourly", "removed": True}
    assert hello("schedules", "show", "hourly").code == 1
