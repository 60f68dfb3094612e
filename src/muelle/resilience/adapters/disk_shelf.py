"""Answers in a SQLite file, which outlives the process and may be shared by several on one machine."""

import asyncio
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from muelle.core import Clock, Metrics
from muelle.resilience.caching.model import BYTES, EVICTIONS, Fill, Kept
from muelle.resilience.errors import CacheUnreachable

T = TypeVar("T")

_SCHEMA: Final = """
PRAGMA journal_mode = WAL;
PRAGMA synchronous = OFF;
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, used INTEGER NOT NULL, weight INTEGER NOT NULL, expires REAL NOT NULL, kept BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS answers_by_use ON answers (used);
CREATE TABLE IF NOT EXISTS tags (
    tag TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (tag, key)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tags_by_key ON tags (key);
CREATE TABLE IF NOT EXISTS marks (tag TEXT PRIMARY KEY, mark INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, amount INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO totals VALUES ('bytes', 0), ('drops', 0);
"""
_MOST_MARKS: Final = 10_000
_BUSY_SECONDS: Final = 2.0
_EVICTED_AT_ONCE: Final = 64
_TOUCH: Final = 1_000_000_000  # nanoseconds: once a second is often enough to know what was used last
_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final = msgspec.msgpack.Decoder(Kept)


class DiskShelf:
    """A bounded file of answers, for its owner alone. Nothing in it is ever executed: it is MessagePack of one type."""

    def __init__(self, path: Path, most_bytes: int, entry_bytes: int, clock: Clock, metrics: Metrics) -> None:
        self._path = path
        self._most_bytes = most_bytes
        self._entry_bytes = min(entry_bytes, most_bytes)
        self._clock = clock
        self._metrics = metrics
        self._lock = threading.Lock()
        self._database: sqlite3.Connection | None = None
        self._evicted = 0

    async def get(self, key: str) -> Kept | None:
        """Return an answer, or None."""
        return await self._run(lambda database: self._get(database, key))

    def _get(self, database: sqlite3.Connection, key: str) -> Kept | None:
        now = self._clock.nanoseconds()
        row = database.execute("SELECT kept, used, expires FROM answers WHERE key = ?", (key,)).fetchone()
        if row is None or row[2] < now / 1e9:
            return None
        if now - row[1] > _TOUCH:
            database.execute("UPDATE answers SET used = ? WHERE key = ?", (now, key))
        try:
            return _DECODER.decode(row[0])
        except msgspec.MsgspecError:
            self._forget(database, [key])  # of another version, or damaged
            return None

    async def marks(self, tags: Sequence[str]) -> Sequence[int]:
        """Return the number of the last drop of each tag."""
        return await self._run(lambda database: _marks(database, tags))

    async def put(self, key: str, kept: Kept, marks: Sequence[int]) -> None:
        """Keep an answer, unless one of its tags was dropped since `marks` were read."""
        await self._run(lambda database: self._put(database, key, kept, marks))

    def _put(self, database: sqlite3.Connection, key: str, kept: Kept, marks: Sequence[int]) -> None:
        drops, *known = _marks(database, kept.tags)
        if drops - marks[0] > _MOST_MARKS or known != list(marks[1:]):
            return
        self._forget(database, [key])
        weight = kept.weight + len(key)
        if weight > self._entry_bytes:
            return
        row = (key, self._clock.nanoseconds(), weight, kept.expires, _ENCODE(kept))
        database.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?)", row)
        database.executemany("INSERT OR IGNORE INTO tags VALUES (?, ?)", [(tag, key) for tag in kept.tags])
        total = _add(database, "bytes", weight)
        while total > self._most_bytes:
            total = self._evict(database)
        self._metrics.gauge(BYTES, total)

    def _evict(self, database: sqlite3.Connection) -> int:
        oldest = "SELECT key FROM answers ORDER BY used LIMIT ?"
        keys = [row[0] for row in database.execute(oldest, (_EVICTED_AT_ONCE,))]
        total = _add(database, "bytes", 0)
        for key in keys:
            if total <= self._most_bytes:
                break
            self._forget(database, [key])
            self._evicted += 1
            self._metrics.count(EVICTIONS)
            total = _add(database, "bytes", 0)
        return total if keys else 0

    async def drop(self, keys: Iterable[str] = (), tags: Iterable[str] = ()) -> int:
        """Throw answers away; return how many there were."""
        wanted, named = list(keys), list(tags)
        return await self._run(lambda database: self._drop(database, wanted, named))

    def _drop(self, database: sqlite3.Connection, keys: list[str], tags: list[str]) -> int:
        wanted = set(keys)
        for tag in tags:
            mark = _add(database, "drops", 1)
            database.execute("INSERT OR REPLACE INTO marks VALUES (?, ?)", (tag, mark))
            wanted |= {row[0] for row in database.execute("SELECT key FROM tags WHERE tag = ?", (tag,))}
        if tags:
            database.execute("DELETE FROM marks WHERE mark <= ?", (_add(database, "drops", 0) - _MOST_MARKS,))
        return self._forget(database, wanted)

    def _forget(self, database: sqlite3.Connection, keys: Iterable[str]) -> int:
        dropped = 0
        for key in keys:
            row = database.execute("SELECT weight FROM answers WHERE key = ?", (key,)).fetchone()
            if row is not None:
                database.execute("DELETE FROM answers WHERE key = ?", (key,))
                database.execute("DELETE FROM tags WHERE key = ?", (key,))
                _add(database, "bytes", -row[0])
                dropped += 1
        return dropped

    async def fill(self) -> Fill:
        """Return how full it is; what was evicted is this process's count."""

        def read(database: sqlite3.Connection) -> Fill:
            (answers,) = database.execute("SELECT count(*) FROM answers").fetchone()
            return Fill(answers, _add(database, "bytes", 0), self._most_bytes, self._evicted)

        return await self._run(read)

    async def close(self) -> None:
        """Close the file."""
        with self._lock:
            database, self._database = self._database, None
        if database is not None:
            await asyncio.to_thread(database.close)

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.to_thread(self._worked, work)

    def _worked(self, work: Callable[[sqlite3.Connection], T]) -> T:
        try:
            with self._transaction() as database:
                return work(database)
        except (sqlite3.Error, OSError) as error:
            raise CacheUnreachable(reason=type(error).__name__) from error

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            if self._database is None:
                self._database = self._open()
            database = self._database
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
            except BaseException:
                database.execute("ROLLBACK")
                raise
            database.execute("COMMIT")

    def _open(self) -> sqlite3.Connection:
        self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        database = sqlite3.connect(self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
        database.executescript(_SCHEMA)
        return database


def _marks(database: sqlite3.Connection, tags: Sequence[str]) -> list[int]:
    found = [database.execute("SELECT mark FROM marks WHERE tag = ?", (tag,)).fetchone() for tag in tags]
    return [_add(database, "drops", 0), *(row[0] if row else 0 for row in found)]


def _add(database: sqlite3.Connection, name: str, amount: int) -> int:
    if amount:
        database.execute("UPDATE totals SET amount = amount + ? WHERE name = ?", (amount, name))
    (total,) = database.execute("SELECT amount FROM totals WHERE name = ?", (name,)).fetchone()
    return int(total)
