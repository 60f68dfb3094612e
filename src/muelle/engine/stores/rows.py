"""Entries of the journal as rows of tables: which statements one append becomes."""

from collections.abc import Iterable, Sequence

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
from muelle.engine.times import micros
from muelle.stores import Dialect, SqlValue, Statement

Values = tuple[SqlValue, ...]
_Key = tuple[TenantId, RunId]

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
    "status, finished, took, succeeded, failed, skipped, error) "
    "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) "
    "ON CONFLICT (tenant, run) DO UPDATE SET status = excluded.status, finished = excluded.finished, "
    "took = excluded.took, succeeded = excluded.succeeded, failed = excluded.failed, skipped = excluded.skipped, "
    "error = excluded.error WHERE runs.finished IS NULL AND excluded.finished IS NOT NULL"
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
    "began = COALESCE(began, ?) WHERE tenant = ? AND run = ? AND finished IS NULL"
)
_LEAVE = "DELETE FROM jobs WHERE tenant = ? AND run = ?"
_CLOSE = "UPDATE waits SET state = 'closed' WHERE tenant = ? AND run = ? AND state = 'open'"
NUDGE_JOB = (
    "UPDATE jobs SET nudged = 1, state = CASE WHEN state = 'sleeping' THEN 'ready' ELSE state END "
    "WHERE tenant = ? AND run = ?"
)
_EVENT = "INSERT INTO events (id, tenant, type, source, subject, at, data) VALUES (?, ?, ?, ?, ?, ?, ?)"
_NOT_ENDED = ("running", None, None, 0, 0, 0, None)
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


class Rows:
    """Gathers the rows of one append, by statement."""

    __slots__ = ("_began", "_lease", "_past", "_rows", "_started")

    def __init__(self, lease: str | None) -> None:
        self._lease = lease
        self._rows: dict[str, list[Values]] = {}
        self._started: dict[_Key, RunStarted] = {}
        self._began: dict[_Key, int] = {}
        self._past: dict[_Key, list[Past]] = {}

    def add_all(self, entries: Iterable[Entry]) -> None:
        """Take entries in their order."""
        for entry in entries:
            self._add(entry)
        for begun in self._started.values():
            self._hold(begun)
        for (tenant, run), began in self._began.items():
            self._put(_BEGAN, (began, tenant, run))
        for (tenant, run), past in self._past.items():
            self._put(CHUNK, (tenant, run, past[0].sequence, pack_entries(past)))

    def statements(self) -> list[Statement]:
        """Return what is to be committed."""
        return [Statement(sql, rows) for sql, rows in self._rows.items()]

    def _put(self, sql: str, values: Values) -> None:
        rows = self._rows.get(sql)
        if rows is None:
            self._rows[sql] = [values]
        else:
            rows.append(values)

    def _add(self, entry: Entry) -> None:
        key = entry.tenant, entry.run
        if isinstance(entry, StepFinished):  # as most are
            self._remember(key, entry)
            return
        match entry:
            case StepBegan() | ValueKept():
                self._remember(key, entry)
            case RunStarted():
                self._started[key] = entry
            case RunFinished():
                self._end(key, entry)
            case EventRaised():
                values = entry.id, entry.tenant, entry.type, entry.source, entry.subject, micros(entry.at), entry.data
                self._put(_EVENT, values)
            case RunBegan():
                self._began[key] = micros(entry.at)
                if entry.plan:
                    self._put(_PLANNED, (entry.plan, entry.version, entry.inputs, *key))
            case WaitOpened():
                times = micros(entry.at), micros(entry.expires)
                self._put(_WAIT, (*key, entry.place, entry.kind, entry.subject, entry.body, *times))
            case RunParked():
                self._park(key, entry)

    def _remember(self, key: _Key, entry: Past) -> None:
        past = self._past.get(key)
        if past is None:
            self._past[key] = [entry]
        else:
            past.append(entry)

    def _hold(self, begun: RunStarted) -> None:
        """Write a run that goes on; if it has a lease, whoever finds its worker dead goes on with it."""
        self._put(RUN, (*_run_values(begun), *_NOT_ENDED))
        if self._lease is not None:
            at = micros(begun.at)
            self._put(_HOLD, (begun.tenant, begun.run, begun.kind, begun.priority, at, self._lease, at))

    def _end(self, key: _Key, entry: RunFinished) -> None:
        if begun := self._started.pop(key, None):
            self._put(RUN, (*_run_values(begun), *_end_values(entry)))
            return
        self._put(_END, (*_end_values(entry), self._began.pop(key, None), *key))
        if self._lease is not None:
            self._put(_LEAVE, key)
        if entry.has_waits:
            self._put(_CLOSE, key)
        if entry.parent:
            self._put(NUDGE_JOB, (entry.tenant, entry.parent))

    def _park(self, key: _Key, entry: RunParked) -> None:
        wake = micros(entry.wake) if entry.wake else 0
        self._put(_PARK_RUN, (entry.status, *key))
        self._put(_PARK_JOB, (wake, _STATES[entry.status], *key, self._lease))


def statements_of(entries: Sequence[Entry], lease: str | None) -> list[Statement]:
    """Return the statements of one append; `lease` is the worker that holds the runs, None where nobody need."""
    rows = Rows(lease)
    rows.add_all(entries)
    return rows.statements()


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
