"""Queries on SQLite files within the operator's folder: opened read-only, one statement, ended at its time."""

import asyncio
import sqlite3
import time
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import msgspec

from muelle.egress.queries.errors import (
    QueryDatabaseUnreachable,
    QueryFailed,
    QueryTookTooLong,
    RowsTooLarge,
)
from muelle.egress.queries.model import Order, Rows, SqlDatabaseDraft, jsonable, named

_STEPS = 1000  # of SQLite's machine between two looks at the clock
_REFUSED = frozenset({sqlite3.SQLITE_ATTACH, sqlite3.SQLITE_DETACH, sqlite3.SQLITE_PRAGMA})


async def run_sqlite(folder: Path, database: SqlDatabaseDraft, order: Order) -> Rows:
    """Run a query in a thread; raise QueryFailed, QueryTookTooLong, QueryDatabaseUnreachable or RowsTooLarge."""
    return await asyncio.to_thread(_run, _file(folder, database), database, order)


def _file(folder: Path, database: SqlDatabaseDraft) -> Path:
    """Return the file, which lies in the folder also when links are followed, and is there."""
    root = folder.resolve()
    file = (root / database.path).resolve()
    if not file.is_relative_to(root) or not file.is_file():
        raise QueryDatabaseUnreachable(database=database.id, reason="there is no such file in the operator's folder")
    return file


def _run(file: Path, database: SqlDatabaseDraft, order: Order) -> Rows:
    query = order.query
    mode = "rw" if query.writes else "ro"
    until = time.monotonic() + query.seconds
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode={mode}", uri=True, timeout=query.seconds)) as connection:
            connection.execute(f"PRAGMA query_only = {'OFF' if query.writes else 'ON'}")
            connection.set_authorizer(_authorised)
            connection.set_progress_handler(lambda: time.monotonic() > until, _STEPS)
            rows = _read(connection, order)
            connection.commit()
            return rows
    except sqlite3.OperationalError as error:
        if error.sqlite_errorname == "SQLITE_INTERRUPT":
            raise QueryTookTooLong(query=query.id, seconds=query.seconds) from None
        if error.sqlite_errorname in {"SQLITE_CANTOPEN", "SQLITE_BUSY", "SQLITE_IOERR"}:
            raise QueryDatabaseUnreachable(database=database.id, reason=error.sqlite_errorname) from None
        raise QueryFailed(query=query.id, reason=error.sqlite_errorname) from None
    except sqlite3.Error as error:
        raise QueryFailed(query=query.id, reason=getattr(error, "sqlite_errorname", type(error).__name__)) from None


def _authorised(action: int, *_: str | None) -> int:
    return sqlite3.SQLITE_DENY if action in _REFUSED else sqlite3.SQLITE_OK


def _read(connection: sqlite3.Connection, order: Order) -> Rows:
    values = {name: _bound(value) for name, value in order.values.items()}
    cursor = connection.execute(order.query.sql, values)
    columns = named([column[0] for column in cursor.description or ()])
    kept: list[dict[str, Any]] = []
    left = order.max_bytes
    for row in cursor:
        if len(kept) == order.query.max_rows:
            return Rows(columns=columns, rows=kept, count=len(kept), truncated=True)
        told = dict(zip(columns, map(jsonable, row), strict=True))
        left -= len(msgspec.json.encode(told))
        if left < 0:
            raise RowsTooLarge(query=order.query.id, limit=order.max_bytes)
        kept.append(told)
    return Rows(columns=columns, rows=kept, count=len(kept), truncated=False)


def _bound(value: Any) -> Any:  # noqa: ANN401 - what SQLite binds
    return value.isoformat() if isinstance(value, date | datetime) else value
