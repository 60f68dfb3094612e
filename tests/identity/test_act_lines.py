"""Acts as lines of a file."""

import csv
import io
import json

import pytest

from muelle.core import AuditId, ManualClock, TenantId
from muelle.identity import Act
from muelle.identity.record.lines import COLUMNS, csv_head, csv_line, json_line
from muelle.identity.shapes import ActShape, act_shape


def shape(resource: str) -> ActShape:
    return act_shape(
        Act(
            id=AuditId("audit_1"),
            tenant=TenantId("a"),
            principal=None,
            action="runs.start",
            resource=resource,
            decision="refused",
            at=ManualClock().now(),
        )
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=cmd|"/C calc"!A0'])
def test_no_cell_of_csv_is_a_formula(text: str) -> None:
    rows = list(csv.reader(io.StringIO((csv_head() + csv_line(shape(text))).decode(), newline="")))

    assert rows[0] == list(COLUMNS)
    assert rows[1][COLUMNS.index("resource")] == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", 'quoted "text", and a comma', "two\nlines", "ñ 星", "a-b"])
def test_other_cells_are_read_back_as_they_were(text: str) -> None:
    rows = list(csv.reader(io.StringIO((csv_head() + csv_line(shape(text))).decode(), newline="")))

    assert len(rows) == 2
    assert rows[1][COLUMNS.index("resource")] == text
    assert rows[1][COLUMNS.index("agent_id")] == ""


def test_a_line_of_json_is_one_line() -> None:
    line = json_line(shape("two\nlines"))

    assert line.count(b"\n") == 1
    assert json.loads(line)["resource"] == "two\nlines"
