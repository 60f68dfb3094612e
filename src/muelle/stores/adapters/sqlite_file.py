"""One SQLite file: opening it, writing a batch of commits to it, and naming what went wrong. Blocking; for threads."""

import os
import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path

from muelle.core import MuelleError
from muelle.stores.batch import in_order, merged
from muelle.stores.errors import (
    ConstraintViolated,
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseFailed,
    DatabaseNotWritable,
    DiskFull,
    StatementRefused,
)
from muelle.stores.model import Row, SqlValue, Statement
from muelle.stores.settings import StoresSettings

Commits = Sequence[Sequence[Statement]]

# By SQLite's primary result code (https://sqlite.org/rescode.html). What is listed fails all callers alike.
_SHARED: dict[int, type[MuelleError]] = {
    sqlite3.SQLITE_BUSY: DatabaseBusy,
    sqlite3.SQLITE_LOCKED: DatabaseBusy,
    sqlite3.SQLITE_FULL: DiskFull,
    sqlite3.SQLITE_CORRUPT: DatabaseCorrupt,
    sqlite3.SQLITE_NOTADB: DatabaseCorrupt,
    sqlite3.SQLITE_CANTOPEN: DatabaseNotWritable,
    sqlite3.SQLITE_READONLY: DatabaseNotWritable,
    sqlite3.SQLITE_PERM: DatabaseNotWritable,
    sqlite3.SQLITE_IOERR: DatabaseFailed,
}
# What the driver raises, and what Python does where a value does not fit (a large number, half a character).
_FAULTS = (sqlite3.Error, OverflowError, ValueError, TypeError)
_RETRY_SECONDS = 0.005  # SQLite's busy handler is not asked while the journal mode changes, so we ask again ourselves
_PRIMARY = 0xFF
PAGE = 4096  # bytes; SQLite's default
_JOURNAL_BYTES = 64 << 20  # a WAL that grew past this is cut back at the next checkpoint


def open_file(path: Path, settings: StoresSettings, *, waits: bool = True) -> sqlite3.Connection:
    """Open or create the file; it is readable by its owner alone, for it holds what runs answered.

    With `waits=False` the connection gives up at once where another process writes, and leaves checkpoints to others.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _create(path)
        connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=512)
    except (OSError, sqlite3.Error) as error:
        raise DatabaseNotWritable(path=str(path), reason=str(error)) from error
    try:
        _configure(connection, settings, waits=waits)
    except sqlite3.Error as error:
        connection.close()
        raise named(error, path) from error
    return connection


def _create(path: Path) -> None:
    """Create the file for its owner alone; leave one that is there untouched.

    To open and close it here would drop every lock that this process has on it, for POSIX locks belong to processes.
    Then the next process to leave believes itself the last and deletes the WAL that this one goes on writing to
    (https://sqlite.org/howtocorrupt.html, section 2.2).
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return


def _configure(connection: sqlite3.Connection, settings: StoresSettings, *, waits: bool) -> None:
    connection.execute(f"PRAGMA busy_timeout = {int(settings.busy_seconds * 1000) if waits else 0}")
    _write_ahead(connection, settings.busy_seconds)
    is_lazy = settings.synchronous == "NORMAL" or not waits
    connection.execute(f"PRAGMA synchronous = {'NORMAL' if is_lazy else 'FULL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute(f"PRAGMA journal_size_limit = {_JOURNAL_BYTES}")
    if not waits:
        connection.execute("PRAGMA wal_autocheckpoint = 0")


def _write_ahead(connection: sqlite3.Connection, patience: float) -> None:
    deadline = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if _code(error) != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_RETRY_SECONDS)
        else:
            return


def checkpoint(connection: sqlite3.Connection) -> int:
    """Flush the WAL and move it into the file as far as nobody is disturbed; return how many pages it has."""
    _, pages, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return int(pages)


def write(connection: sqlite3.Connection, commits: Commits) -> list[MuelleError | None]:
    """Write all commits in one transaction and return for each what went wrong with it; one's fault harms no other."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        for group in merged(commits) if len(commits) > 1 else in_order(commits[0]):
            connection.executemany(group[0], group[1])
        connection.execute("COMMIT")
    except Exception as error:  # noqa: BLE001 - whatever a caller hands in must not harm the others
        roll_back(connection)
        failure = named(error)
        if len(commits) == 1 or _code(error) in _SHARED:
            return [failure] * len(commits)
        return _write_apart(connection, commits)
    return [None] * len(commits)


def _write_apart(connection: sqlite3.Connection, commits: Commits) -> list[MuelleError | None]:
    """Write each commit under a savepoint of its own; still one flush to disk."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_write_one(connection, commit) for commit in commits]
        connection.execute("COMMIT")
    except sqlite3.Error as error:
        roll_back(connection)
        return [named(error)] * len(commits)
    return outcomes


def _write_one(connection: sqlite3.Connection, commit: Sequence[Statement]) -> MuelleError | None:
    connection.execute("SAVEPOINT caller")
    try:
        for statement in in_order(commit):
            connection.executemany(statement.sql, statement.rows)
    except Exception as error:
        if _code(error) in _SHARED:
            raise
        connection.execute("ROLLBACK TO caller")
        connection.execute("RELEASE caller")
        return named(error)
    connection.execute("RELEASE caller")
    return None


def read(connection: sqlite3.Connection, sql: str, parameters: Sequence[SqlValue]) -> list[Row]:
    """Run a query and return all its rows."""
    try:
        return connection.execute(sql, parameters).fetchall()
    except _FAULTS as error:
        raise named(error) from error


def run(connection: sqlite3.Connection, sql: str, parameters: Sequence[SqlValue]) -> int:
    """Run a statement and return how many rows it touched."""
    try:
        return max(connection.execute(sql, parameters).rowcount, 0)
    except _FAULTS as error:
        raise named(error) from error


def roll_back(connection: sqlite3.Connection) -> None:
    """Roll back if a transaction is open; SQLite has done so itself after some errors, such as a full disk."""
    if connection.in_transaction:
        connection.execute("ROLLBACK")


def _code(error: BaseException) -> int:
    return getattr(error, "sqlite_errorcode", 0) & _PRIMARY


def named(error: BaseException, path: Path | None = None) -> MuelleError:
    """Return what the driver's error means; its text names tables and columns, never values."""
    shared = _SHARED.get(_code(error))
    if shared:
        return shared(reason=str(error), **({"path": str(path)} if path else {}))
    if isinstance(error, sqlite3.IntegrityError):
        kind, _, columns = str(error).partition(" constraint failed")
        return ConstraintViolated(kind=kind.lower().replace(" ", "_"), constraint=columns.lstrip(": "))
    return StatementRefused(reason=str(error) if isinstance(error, sqlite3.Error) else type(error).__name__)
