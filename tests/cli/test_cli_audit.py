"""`muelle audit`: the record's chain from the command line."""

import csv
import io
import sqlite3

from cli.conftest import Muelle


def tampered(muelle: Muelle, sql: str) -> None:
    with sqlite3.connect(muelle.home / "muelle.db") as database:
        database.execute(sql)
    database.close()


def test_a_record_that_nobody_touched_is_whole(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    assert muelle("audit", "seal", "--json").json["sealed"] > 0

    told = muelle("audit", "verify", "--json")

    assert (told.code, told.json["whole"], told.json["tenants"][0]["unsealed"]) == (0, True, 0)
    assert "whole" in muelle("audit", "verify").err


def test_a_removed_act_is_found_and_ends_with_3(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    muelle("audit", "seal")
    tampered(muelle, "DELETE FROM identity_acts WHERE action = 'agents.add'")

    told = muelle("audit", "verify")

    assert told.code == 3
    assert "default: removed at seal 1" in told.err


def test_a_noted_head_tells_that_the_end_was_taken_off(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    muelle("audit", "seal")
    head = muelle("audit", "head").out.strip()
    assert muelle("audit", "verify", "--head", f"default={head}").code == 0
    tampered(muelle, "DELETE FROM identity_acts")
    tampered(muelle, "DELETE FROM identity_seals")

    told = muelle("audit", "verify", "--head", f"default={head}", "--json")

    assert told.code == 3
    kinds = [fault["kind"] for row in told.json["tenants"] for fault in row["found"]]
    assert kinds == ["head_lost", "seal_missing"]


def test_a_head_that_is_none_is_a_mistake_of_the_caller(muelle: Muelle) -> None:
    assert "--head" in muelle("audit", "verify", "--head", "nonsense").err
    assert "invalid_head" in muelle("audit", "verify", "--head", "default=nonsense", "--json").err


def test_an_export_as_csv_has_a_line_for_each_act(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    listed = muelle("audit", "search", "--resource", "bot", "--json").json["acts"]

    rows = list(csv.reader(io.StringIO(muelle("audit", "export", "--format", "csv", "--resource", "bot").out)))

    assert [row[0] for row in rows[1:]] == [act["id"] for act in listed]
    assert (len(listed), rows[0][0]) == (2, "id")


def test_nothing_is_cut_that_is_not_old(muelle: Muelle) -> None:
    muelle("agents", "add", "bot")
    muelle("audit", "seal")

    assert muelle("audit", "cut", "--older-than", "1d", "--yes", "--json").json == {"removed": 0}
