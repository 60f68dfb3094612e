"""How runs are listed: the query for a filter and a cursor, and rows as records."""

from typing import Any

from muelle.core import TenantId
from muelle.engine.cursor import read_cursor, write_cursor
from muelle.engine.model import RunFilter, RunRecord
from muelle.engine.times import micros, moment
from muelle.stores import Row

# What waits its turn is 'running' as soon as somebody holds it; to write that for each run would be a write too many.
_HELD = (
    "EXISTS (SELECT 1 FROM jobs WHERE jobs.tenant = runs.tenant AND jobs.run = runs.run AND jobs.worker IS NOT NULL)"
)
STATUS = f"CASE WHEN status IN ('queued', 'waiting', 'paused') AND {_HELD} THEN 'running' ELSE status END"
RECORD = (
    f"SELECT run, tenant, principal, workflow, plan, {STATUS}, started, finished, took, succeeded, failed, skipped, "  # noqa: S608 - a constant
    "error, kind, cause, version, began, deadline, takeovers FROM runs WHERE tenant = ?"
)
_RUN, _STARTED = 0, 6  # columns
_STANDING = ("queued", "waiting", "paused")  # unless somebody holds them: then they run
_RUNNING = (
    " AND status IN ('queued', 'waiting', 'paused', 'running') AND run IN ("
    "SELECT run FROM jobs WHERE tenant || '' = ? AND worker IS NOT NULL UNION "  # by the index of those that are held
    "SELECT run FROM runs WHERE tenant = ? AND status = 'running' AND status <> 'success')"
)


def record_of(row: Row) -> RunRecord:
    """Return a row of `RECORD` as a record; its error is still as the column has it."""
    return RunRecord(
        run=row[0],
        tenant=row[1],
        principal=row[2],
        workflow=row[3],
        plan=row[4],
        status=row[5],
        started=moment(row[6]),
        finished=None if row[7] is None else moment(row[7]),
        took=row[8],
        succeeded=row[9],
        failed=row[10],
        skipped=row[11],
        error=row[12],
        kind=row[13],
        cause=row[14],
        version=row[15],
        began=None if row[16] is None else moment(row[16]),
        deadline=None if row[17] is None else moment(row[17]),
        takeovers=row[18],
    )


def cursor_after(row: Row) -> str:
    """Return the cursor that follows a row."""
    return write_cursor(row[_STARTED], row[_RUN])


def cursor_of(record: RunRecord) -> str:
    """Return the cursor that follows a record."""
    return write_cursor(micros(record.started), record.run)


def query(tenant: TenantId, where: RunFilter, cursor: str | None) -> tuple[str, list[Any]]:
    """Return the SQL of a list and what stands between the tenant and the limit."""
    conditions: list[tuple[str, tuple[Any, ...]]] = []
    if where.status is not None:
        conditions.append(_of_status(tenant, where.status))
    for column in ("principal", "workflow", "cause", "kind"):
        if (value := getattr(where, column)) is not None:
            also = " AND cause <> ''" if column == "cause" else ""  # as the index of those with a cause has it
            conditions.append((f" AND {column} = ?{also}", (value,)))
    if where.since is not None:
        conditions.append((" AND started >= ?", (micros(where.since),)))
    if where.until is not None:
        conditions.append((" AND started < ?", (micros(where.until),)))
    if cursor is not None:
        conditions.append((" AND (started, run) < (?, ?)", read_cursor(cursor)))
    # Few runs are running: they are found by who holds them, and sorted; no index may offer the order instead.
    order = "started + 0" if where.status == "running" else "started"
    sql = RECORD + "".join(text for text, _ in conditions) + f" ORDER BY {order} DESC, run DESC LIMIT ?"
    return sql, [value for _, values in conditions for value in values]


def _of_status(tenant: TenantId, status: str) -> tuple[str, tuple[Any, ...]]:
    """Return a condition; it says again what the index of those who did not succeed says, or that is not used."""
    if status == "running":
        return _RUNNING, (tenant, tenant)
    text = " AND status = ?" if status == "success" else " AND status = ? AND status <> 'success'"
    return (f"{text} AND NOT {_HELD}" if status in _STANDING else text), (status,)
