"""The database port on the standard library's sqlite3: one writer that commits for everybody, and readers beside it."""

import asyncio
import logging
import sqlite3
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter

from muelle.core import MuelleError
from muelle.stores.adapters import sqlite_file
from muelle.stores.adapters.commits import Waiting, answer, limited, nobody_told
from muelle.stores.adapters.sqlite_flush import WriteAheadLog
from muelle.stores.adapters.threads import Threads
from muelle.stores.errors import DatabaseBusy, DatabaseClosed, DatabaseFailed, DatabaseOverloaded
from muelle.stores.model import Dialect, Row, SqlValue, Statement
from muelle.stores.settings import StoresSettings

_LOG = logging.getLogger(__name__)
_Connections = Threads[sqlite3.Connection]
_Outcomes = list[MuelleError | None]

# A batch of at most this many callers is written on the loop; the disk is waited for beside it (ADR 0003).
_INLINE_CALLERS = 256
# After as many batches on the loop the WAL is flushed and moved into the file, beside them. While the disk flushes it
# may let nobody append, so this must be rare: after every 200, it was felt by one request in a hundred.
_INLINE_BATCHES = 600


class SqliteTransaction:
    """A transaction on the writer's connection."""

    __slots__ = ("_writer",)

    def __init__(self, writer: _Connections) -> None:
        self._writer = writer

    async def execute(self, sql: str, *parameters: SqlValue) -> int:
        """Run a statement; return how many rows it touched."""
        return await self._writer.submit(sqlite_file.run, sql, parameters)

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run a query; return all its rows."""
        return await self._writer.submit(sqlite_file.read, sql, parameters)


class SqliteDatabase:
    """A Database in one file. Open it by `open_sqlite`; use it on the loop that opened it.

    The writer belongs to one batch of commits or to one transaction at a time; they take turns, so that neither kind
    starves the other. A commit that is awaited inside a transaction waits for that transaction, until it times out.
    """

    dialect: Dialect = "sqlite"

    def __init__(
        self,
        writer: _Connections,
        readers: _Connections,
        inline: sqlite3.Connection,
        log: Threads[WriteAheadLog],
        settings: StoresSettings,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._inline = inline
        self._log = log
        self._unflushed: list[tuple[list[Waiting], _Outcomes, float]] = []
        self._callers_unflushed = 0
        self._flushed: asyncio.Future[None] | None = None
        self._broken: DatabaseFailed | None = None
        self._inline_left = _INLINE_BATCHES
        self._wal_pages = 0
        self._most_pages = settings.wal_bytes // sqlite_file.PAGE
        self._seconds = settings.transaction_seconds
        self._most = settings.waiting
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Waiting] = []
        self._must_flush = False
        self._flushes = settings.synchronous
        self._transactions: deque[asyncio.Future[None]] = deque()
        self._taken = False
        self._closed = False
        self._committed: Callable[[int, float], None] = nobody_told

    def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> "asyncio.Future[None]":
        """Queue statements for the next group commit; await the result to know them durable."""
        if self._closed:
            raise DatabaseClosed
        if self._broken:
            raise self._broken
        if len(self._waiting) + self._callers_unflushed >= self._most:
            raise DatabaseOverloaded(waiting=self._most)
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((statements, done))
        self._must_flush = self._must_flush or flush
        if not self._taken and len(self._waiting) == 1:
            self._loop.call_soon(self._wake)  # not at once: what else is committed in this turn of the loop comes along
        return done

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run one query outside any transaction."""
        if self._closed:
            raise DatabaseClosed
        return await self._readers.submit(sqlite_file.read, sql, parameters)

    @asynccontextmanager
    async def transaction(
        self, seconds: float | None = None, *, alone: bool = True
    ) -> AsyncIterator[SqliteTransaction]:
        """Begin; commit at the end of the block, roll back if it raises; raise TransactionTimedOut after `seconds`."""
        del alone  # there is one writer
        if self._closed:
            raise DatabaseClosed
        await self._turn()
        try:
            await self._writer.submit(sqlite_file.run, "BEGIN IMMEDIATE", ())
            async with limited(self._seconds if seconds is None else seconds):
                yield SqliteTransaction(self._writer)
            await self._writer.submit(sqlite_file.run, "COMMIT", ())
        finally:
            # Nothing else of this connection is queued before it, so a cancelled task need not await it.
            self._writer.submit(sqlite_file.roll_back).add_done_callback(self._free)

    def observe(self, committed: Callable[[int, float], None]) -> None:
        """Have it told of each group commit: of how many callers it was, and the seconds that it took."""
        self._committed = committed

    @asynccontextmanager
    async def listen(self, channel: str, heard: Callable[[str], None]) -> AsyncIterator[None]:
        """Hear nothing: a file has no voice."""
        del channel, heard
        yield

    async def close(self) -> None:
        """Let what is queued finish, then close the file."""
        self._closed = True
        await self._turn()
        batch, self._waiting = self._waiting, []
        if batch:
            answer(batch, await self._writer.submit(sqlite_file.write, [statements for statements, _ in batch]))
        while self._flushed is not None:
            await asyncio.wait([self._flushed])
        await self._log.close()
        await self._writer.close()
        await self._readers.close()
        self._inline.close()

    async def _turn(self) -> None:
        """Wait for the writer, behind the transactions that came before."""
        turn: asyncio.Future[None] = self._loop.create_future()
        self._transactions.append(turn)
        self._wake()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():
                self._next()
            raise

    def _wake(self) -> None:
        if not self._taken:
            self._next()

    def _next(self) -> None:
        """Give the writer to whoever waits; after a batch a transaction comes first."""
        self._taken = False
        while self._transactions and not self._taken:
            turn = self._transactions.popleft()
            if not turn.done():
                self._taken = True
                turn.set_result(None)
        if self._waiting and not self._taken:
            self._batch()

    def _free(self, ended: "asyncio.Future[None]") -> None:
        """Give the writer on after a transaction; the commits that waited for it come first."""
        self._taken = False
        if self._waiting:
            self._batch()
        if not self._taken:
            self._next()
        ended.result()

    def _batch(self) -> None:
        batch, self._waiting = self._waiting, []
        must_flush, self._must_flush = self._must_flush, False
        commits = [statements for statements, _ in batch]
        began = perf_counter()
        if len(batch) <= _INLINE_CALLERS and self._wal_pages < self._most_pages:
            outcomes = sqlite_file.write(self._inline, commits)
            if not isinstance(outcomes[0], DatabaseBusy):
                if self._flushes == "FULL" or (must_flush and self._flushes == "EFFECTS"):
                    self._unflushed.append((batch, outcomes, began))
                    self._callers_unflushed += len(batch)
                    self._flush()
                else:
                    answer(batch, outcomes)
                    self._committed(len(batch), perf_counter() - began)
                self._note_inline()
                return
        # A WAL this long never found a moment to begin anew: the writer, which has the file for itself, finishes it.
        self._wal_pages = 0
        self._taken = True
        self._writer.submit(sqlite_file.write, commits).add_done_callback(partial(self._written, batch, began))

    def _flush(self) -> None:
        """Have the disk flush what is in the log, for all who wait by now; what comes meanwhile waits for the next."""
        if self._unflushed and self._flushed is None:
            waiting, self._unflushed = self._unflushed, []
            self._flushed = self._log.submit(_flush_log)
            self._flushed.add_done_callback(partial(self._answer_flushed, waiting))

    def _answer_flushed(
        self, waiting: list[tuple[list[Waiting], _Outcomes, float]], done: "asyncio.Future[None]"
    ) -> None:
        self._flushed = None
        if error := done.exception():
            # What the disk has refused once it may claim to have later, and have lost (https://lwn.net/Articles/752063/).
            self._broken = DatabaseFailed(reason=f"the log could not be flushed: {error}; start again")
        for batch, outcomes, began in waiting:
            self._callers_unflushed -= len(batch)
            answer(batch, [self._broken] * len(batch) if self._broken else outcomes)
            self._committed(len(batch), perf_counter() - began)
        self._flush()

    def _note_inline(self) -> None:
        self._inline_left -= 1
        if not self._inline_left:
            self._inline_left = _INLINE_BATCHES
            self._readers.submit(sqlite_file.checkpoint).add_done_callback(self._checkpointed)

    def _checkpointed(self, done: "asyncio.Future[int]") -> None:
        """Remember how long the WAL is; what failed is tried again after the next batches."""
        if error := done.exception():
            _LOG.warning("The write-ahead log could not be moved into the file: %s", error)
        else:
            self._wal_pages = done.result()

    def _written(self, batch: list[Waiting], began: float, written: "asyncio.Future[list[MuelleError | None]]") -> None:
        self._committed(len(batch), perf_counter() - began)
        error = written.exception()
        answer(batch, [error] * len(batch) if error else written.result())
        self._next()


def _flush_log(log: WriteAheadLog) -> None:
    log.flush()


def _touch(connection: sqlite3.Connection) -> None:
    """Open the file now, not at its first use, so that what is wrong with it is said at the start."""
    sqlite_file.read(connection, "SELECT count(*) FROM sqlite_master", ())


@asynccontextmanager
async def open_sqlite(path: Path, settings: StoresSettings = StoresSettings()) -> AsyncIterator[SqliteDatabase]:  # noqa: B008 - frozen
    """Open or create the file; raise DatabaseNotWritable, DatabaseCorrupt or DatabaseBusy. Tables are `migrate`'s."""
    open_file = partial(sqlite_file.open_file, path, settings)
    writer = Threads("muelle-writer", 1, open_file)
    readers = Threads("muelle-reader", settings.readers, open_file)
    try:
        await writer.submit(_touch)
    except BaseException:
        await writer.close()
        await readers.close()
        raise
    inline = sqlite_file.open_file(path, settings, waits=False)
    log = Threads("muelle-flusher", 1, partial(WriteAheadLog, path))
    database = SqliteDatabase(writer, readers, inline, log, settings)
    try:
        yield database
    finally:
        await database.close()
