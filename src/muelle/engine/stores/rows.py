"""Entries of the journal as rows of tables: which statements one append becomes."""

from collections.abc import Sequence

import msgspec

from muelle.core import RunId, TenantId
from muelle.engine.chunks import pack_entries
from muelle.engine.model import (
    Entry,
    EventRaised,
    Past,
    RunBegan,
    RunFinished,
    RunParked,
    RunStarted,
    StepBegan,
    StepFinished,
    ValueKept,
    WaitOpened,
)
from muelle.engine.payload import stands_for_itself
from muelle.engine.times import micros
from muelle.stores import Dialect, SqlValue, Statement

Values = tuple[SqlValue, ...]
Key = tuple[TenantId, RunId]

# A worker that is not alive violates the constraint, and all that it handed in is refused. On PostgreSQL the row stays
# locked until the commit, so that nobody can declare the worker dead while it commits.
_ALIVE = "SELECT 1 FROM workers WHERE worker = ? AND alive = 1"
FENCE = {
    "sqlite": f"INSERT INTO fences (alive) SELECT 0 WHERE NOT EXISTS ({_ALIVE})",
    "postgresql": f"INSERT INTO fences (alive) SELECT 0 WHERE NOT EXISTS ({_ALIVE} FOR SHARE)",
}
FENCE_NAME = "fence_alive"
# What is used is not removed: whoever is about to remove it looks at the row again if it was changed meanwhile.
PLAN = (
    "INSERT INTO plans (tenant, plan, document, used) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (tenant, plan) DO UPDATE SET used = excluded.used"
)
# A run that began in an earlier append ends in this one; one that has ended stays as it is.
RUN = (
    "INSERT INTO runs (tenant, run, principal, workflow, plan, inputs, started, kind, cause, version, began, deadline, "
    "status, finished, took, succeeded, failed, skipped, error, entries) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (tenant, run) DO UPDATE SET status = excluded.status, finished = excluded.finished, "
    "took = excluded.took, succeeded = excluded.succeeded, failed = excluded.failed, skipped = excluded.skipped, "
    "error = excluded.error, entries = excluded.entries "
    "WHERE runs.finished IS NULL AND excluded.finished IS NOT NULL"
)
_HOLD = (
    "INSERT INTO jobs (tenant, run, kind, queue, priority, run_at, state, worker, epoch, claimed) "
    "VALUES (?, ?, ?, 'default', ?, ?, 'ready', ?, 1, ?) ON CONFLICT DO NOTHING"
)
_BEGAN = "UPDATE runs SET began = ? WHERE tenant = ? AND run = ? AND began IS NULL"
_PLANNED = "UPDATE runs SET plan = ?, version = ?, inputs = ? WHERE tenant = ? AND run = ?"
CHUNK = "INSERT INTO journal (tenant, run, sequence, entries) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_WAIT = (
    "INSERT INTO waits (tenant, run, place, kind, subject, body, created, expires, state) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open') ON CONFLICT DO NOTHING"
)
_PARK_RUN = "UPDATE runs SET status = ? WHERE tenant = ? AND run = ? AND finished IS NULL"
# Whoever was answered or cancelled while it was about to leave memory is ready again at once.
_PARK_JOB = (
    "UPDATE jobs SET worker = NULL, claimed = NULL, run_at = ?, state = CASE WHEN nudged = 1 THEN 'ready' ELSE ? END, "
    "request = CASE WHEN request = 'pause' THEN '' ELSE request END WHERE tenant = ? AND run = ? AND worker = ?"
)
_END = (
    "UPDATE runs SET status = ?, finished = ?, took = ?, succeeded = ?, failed = ?, skipped = ?, error = ?, "
    "entries = ?, began = COALESCE(began, ?) WHERE tenant = ? AND run = ? AND finished IS NULL"
)
_LEAVE = "DELETE FROM jobs WHERE tenant = ? AND run = ?"
_CLOSE = "UPDATE waits SET state = 'closed' WHERE tenant = ? AND run = ? AND state = 'open'"
NUDGE_JOB = (
    "UPDATE jobs SET nudged = 1, state = CASE WHEN state = 'sleeping' THEN 'ready' ELSE state END "
    "WHERE tenant = ? AND run = ?"
)
_EVENT = "INSERT INTO events (id, tenant, type, source, subject, at, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
_NOT_ENDED = ("running", None, None, 0, 0, 0, None, None)
_BESIDE = 2_000  # bytes of entries that stand in the run's row: what is longer would make lists of runs slow to read
_STATES = {"waiting": "sleeping", "paused": "paused", "queued": "ready"}


def fence(dialect: Dialect, worker: str) -> Statement:
    """Return what fails a whole batch of commits if a worker has lost its lease."""
    return Statement(FENCE[dialect], [(worker,)], once=True)


def one_of(column: str, values: Sequence[str], dialect: Dialect) -> tuple[str, str]:
    """Return a condition with one parameter, and that parameter: the same text however many values there are."""
    if dialect == "sqlite":
        chosen = f"{column} IN (SELECT value FROM json_each(?))"  # noqa: S608 - a column of ours
        return chosen, msgspec.json.encode(values).decode()
    return f"{column} = ANY(string_to_array(?, ','))", ",".join(values)


class Rows(msgspec.Struct):
    """What one append becomes: statements to be committed, with the documents that its plans need.

    `is_large` tells that a payload has to be packed first; then nothing else in here counts.
    """

    statements: list[Statement]
    documents: dict[tuple[TenantId, str], bytes]
    is_large: bool = False


class _Ends(msgspec.Struct):
    started: RunStarted | None = None
    began: RunBegan | None = None
    ended: RunFinished | None = None


def rows_of(entries: Sequence[Entry], lease: str | None, limit: int) -> Rows:
    """Return the rows of one run's entries; `lease` is the worker that holds it, None where nobody need.

    Kinds are compared, the usual ones here: to match them takes twice as long, for every entry of every run.
    """
    ends = _Ends()
    rows = Rows([], {})
    past: list[Past] = []
    for entry in entries:
        if type(entry) is StepFinished:
            past.append(entry)
            if not (stands_for_itself(entry.output, limit) and stands_for_itself(entry.error, limit)):
                rows.is_large = True
        elif type(entry) is EventRaised:
            event = entry.id, entry.tenant, entry.type, entry.source, entry.subject, micros(entry.at), entry.data
            rows.statements.append(Statement(_EVENT, [event]))
        elif type(entry) is RunFinished:
            ends.ended = entry
            rows.is_large = rows.is_large or not stands_for_itself(entry.error, limit)
        elif type(entry) is RunStarted:
            ends.started = entry
            if entry.plan:
                rows.documents[entry.tenant, entry.plan] = entry.document
            rows.is_large = rows.is_large or not stands_for_itself(entry.inputs, limit)
        else:
            _take(entry, rows, ends, past, lease, limit)
    key = entries[0].tenant, entries[0].run
    chunk = pack_entries(past) if past else None
    if ends.ended is not None and chunk is not None and len(chunk) <= _BESIDE and not past[0].sequence:
        rows.statements += _at_ends(key, ends, lease, chunk)
        return rows
    rows.statements += _at_ends(key, ends, lease, None)
    if chunk is not None:
        rows.statements.append(Statement(CHUNK, [(*key, past[0].sequence, chunk)]))
    return rows


def _take(entry: Entry, rows: Rows, ends: _Ends, past: list[Past], lease: str | None, limit: int) -> None:
    """Take an entry of a kind that most runs have none of."""
    key = entry.tenant, entry.run
    match entry:
        case StepBegan():
            past.append(entry)
        case ValueKept():
            past.append(entry)
            rows.is_large = rows.is_large or not stands_for_itself(entry.value, limit)
        case RunBegan():
            ends.began = entry
            if entry.plan:
                rows.documents[entry.tenant, entry.plan] = entry.document
                rows.statements.append(Statement(_PLANNED, [(entry.plan, entry.version, entry.inputs, *key)]))
                rows.is_large = rows.is_large or not stands_for_itself(entry.inputs, limit)
        case WaitOpened():
            times = micros(entry.at), micros(entry.expires)
            row = *key, entry.place, entry.kind, entry.subject, entry.body, *times
            rows.statements.append(Statement(_WAIT, [row]))
        case RunParked():
            wake = micros(entry.wake) if entry.wake else 0
            parked = wake, _STATES[entry.status], *key, lease
            rows.statements += [Statement(_PARK_RUN, [(entry.status, *key)]), Statement(_PARK_JOB, [parked])]


def _at_ends(key: Key, ends: _Ends, lease: str | None, beside: bytes | None) -> list[Statement]:
    """Write the beginning and the end; what the run remembers stands `beside` if all of it is short, and comes now."""
    started, ended = ends.started, ends.ended
    if ended is None:
        if started is not None:
            return _going_on(started, lease)
        return [] if ends.began is None else [Statement(_BEGAN, [(micros(ends.began.at), *key)])]
    if started is not None:
        return [Statement(RUN, [(*_run_values(started), *_end_values(ended), beside)])]
    return _ending(key, ended, ends.began, lease, beside)


def _going_on(begun: RunStarted, lease: str | None) -> list[Statement]:
    """Write a run that goes on; if it has a lease, whoever finds its worker dead goes on with it."""
    statements = [Statement(RUN, [(*_run_values(begun), *_NOT_ENDED)])]
    if lease is not None:
        at = micros(begun.at)
        held = begun.tenant, begun.run, begun.kind, begun.priority, at, lease, at
        statements.append(Statement(_HOLD, [held]))
    return statements


def _ending(
    key: Key, ended: RunFinished, began: RunBegan | None, lease: str | None, beside: bytes | None
) -> list[Statement]:
    """Write the end of a run that was written before."""
    at = None if began is None else micros(began.at)
    statements = [Statement(_END, [(*_end_values(ended), beside, at, *key)])]
    if lease is not None:
        statements.append(Statement(_LEAVE, [key]))
    if ended.has_waits:
        statements.append(Statement(_CLOSE, [key]))
    if ended.parent:
        statements.append(Statement(NUDGE_JOB, [(ended.tenant, ended.parent)]))
    return statements


def _run_values(entry: RunStarted) -> Values:
    started = micros(entry.at)
    deadline = micros(entry.deadline) if entry.deadline else None
    return (
        entry.tenant,
        entry.run,
        entry.principal,
        entry.workflow,
        entry.plan,
        entry.inputs,
        started,
        entry.kind,
        entry.cause,
        entry.version,
        started,
        deadline,
    )


def _end_values(entry: RunFinished) -> Values:
    counts = entry.succeeded, entry.failed, entry.skipped
    return entry.status, micros(entry.at), entry.took, *counts, entry.error
