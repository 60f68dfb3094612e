"""The database port on SQLite in memory: the twin that every store in SQL has, and that keeps nothing."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager

from muelle.stores.adapters import sqlite_file
from muelle.stores.adapters.commits import Waiting, answer, limited
from muelle.stores.errors import DatabaseClosed
from muelle.stores.model import Dialect, Row, SqlValue, Statement
from muelle.stores.schema import migrate
from muelle.stores.settings import StoresSettings


class MemoryTransaction:
    """A transaction on the one connection."""

    __slots__ = ("_connection",)

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, *parameters: SqlValue) -> int:
        """Run a statement; return how many rows it touched."""
        return sqlite_file.run(self._connection, sql, parameters)

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run a query; return all its rows."""
        return sqlite_file.read(self._connection, sql, parameters)


class MemoryDatabase:
    """A Database with one connection, used on the loop; queries see what an open transaction has not committed yet."""

    dialect: Dialect = "sqlite"

    def __init__(self, settings: StoresSettings) -> None:
        self._connection = sqlite3.connect(":memory:", isolation_level=None, cached_statements=512)
        self._connection.execute("PRAGMA foreign_keys = ON")
        self._seconds = settings.transaction_seconds
        self._lock = asyncio.Lock()
        self._waiting: list[Waiting] = []
        self._loop = asyncio.get_running_loop()
        self._closed = False

    def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> "asyncio.Future[None]":
        """Commit with all else of this turn of the loop, or after the transaction that is open."""
        del flush
        if self._closed:
            raise DatabaseClosed
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((statements, done))
        if len(self._waiting) == 1:
            self._loop.call_soon(self._wake)
        return done

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run one query."""
        if self._closed:
            raise DatabaseClosed
        self._wake()
        return sqlite_file.read(self._connection, sql, parameters)

    @asynccontextmanager
    async def transaction(
        self, seconds: float | None = None, *, alone: bool = True
    ) -> AsyncIterator[MemoryTransaction]:
        """Begin; commit at the end of the block, roll back if it raises; raise TransactionTimedOut after `seconds`."""
        del alone
        if self._closed:
            raise DatabaseClosed
        async with self._lock:
            self._write()
            sqlite_file.run(self._connection, "BEGIN IMMEDIATE", ())
            try:
                async with limited(self._seconds if seconds is None else seconds):
                    yield MemoryTransaction(self._connection)
                sqlite_file.run(self._connection, "COMMIT", ())
            finally:
                sqlite_file.roll_back(self._connection)
                self._write()

    def observe(self, committed: Callable[[int, float], None]) -> None:
        """Tell nobody: nothing is committed for several."""
        del committed

    @asynccontextmanager
    async def listen(self, channel: str, heard: Callable[[str], None]) -> AsyncIterator[None]:
        """Hear nothing: there is nobody else."""
        del channel, heard
        yield

    def close(self) -> None:
        """Forget everything."""
        self._closed = True
        self._wake()
        self._connection.close()

    def _wake(self) -> None:
        if not self._lock.locked():
            self._write()

    def _write(self) -> None:
        if self._waiting:
            batch, self._waiting = self._waiting, []
            answer(batch, sqlite_file.write(self._connection, [statements for statements, _ in batch]))


@asynccontextmanager
async def open_memory(settings: StoresSettings = StoresSettings()) -> AsyncIterator[MemoryDatabase]:  # noqa: B008 - frozen
    """Open an empty database with the schema of this code, which ends with the block."""
    database = MemoryDatabase(settings)
    try:
        await migrate(database)
        yield database
    finally:
        database.close()
