"""The database port on asyncpg: one connection that commits for everybody, and a pool for all else.

Imported only where PostgreSQL is used: the driver loads in 130 ms. A `?` in SQL is always a parameter here, so the JSON
operators of that name are out of reach.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

from muelle.core import MuelleError
from muelle.stores.adapters.commits import Waiting, answer, limited, nobody_told
from muelle.stores.adapters.postgres_ear import listening
from muelle.stores.adapters.postgres_rows import write_rows
from muelle.stores.adapters.postgres_server import (
    FAILURES,
    Connection,
    concerns_all,
    connect,
    connect_once,
    create_pool,
    drop,
    is_crossed,
    is_gone,
    is_lost,
    named,
    pauses,
    touched,
    translated,
    whole,
)
from muelle.stores.adapters.postgres_waves import waves, write_wave
from muelle.stores.batch import Group, in_order, merged
from muelle.stores.errors import (
    DatabaseBusy,
    DatabaseClosed,
    DatabaseOverloaded,
    DatabaseUnreachable,
)
from muelle.stores.model import Dialect, Row, SqlValue, Statement
from muelle.stores.scope import ALL, scope_of
from muelle.stores.settings import StoresSettings

_SERIAL = 0x6D75656C6C65  # "muelle": the key of the advisory lock that every transaction holds
_ROLLBACK_SECONDS = 5.0  # a server that does not take that in time is not there
_BELIEVED_SECONDS = 0.2  # after a commit the server is taken to be there still, and need not be asked first
_LOG = logging.getLogger(__name__)
_Commits = Sequence[Sequence[Statement]]


class PostgresTransaction:
    """A transaction on a connection of the pool."""

    __slots__ = ("_connection",)

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def execute(self, sql: str, *parameters: SqlValue) -> int:
        """Run a statement; return how many rows it touched."""
        try:
            with whole(self._connection):
                return touched(await self._connection.execute(translated(sql), *parameters))
        except FAILURES as error:
            raise named(error, self._connection) from error

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run a query; return all its rows."""
        try:
            with whole(self._connection):
                return list(await self._connection.fetch(translated(sql), *parameters))
        except FAILURES as error:
            raise named(error, self._connection) from error


class PostgresDatabase:
    """A Database on a server. Open it by `open_postgres`; use it on the loop that opened it.

    Transactions are serialised against each other, in all processes, by an advisory lock; against group commits they
    are ordered by the rows that both touch, as PostgreSQL does it.
    """

    dialect: Dialect = "postgresql"

    def __init__(self, url: str, settings: StoresSettings, pool: Any, committer: Connection) -> None:  # noqa: ANN401 - asyncpg ships no types
        self._url = url
        self._settings = settings
        self._pool = pool
        self._committer = committer
        self._loop = asyncio.get_running_loop()
        self._waiting: list[Waiting] = []
        self._is_there_until = 0.0
        self._bell = asyncio.Event()
        self._closed = False
        self._committed: Callable[[int, float], None] = nobody_told

    def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> "asyncio.Future[None]":
        """Queue statements for the next group commit; await the result to know them durable.

        PostgreSQL flushes always or never, as the settings say: to say it each time would take a round trip more.
        DatabaseUnreachable with `outcome` "unknown" means that the server went away in the moment of the commit.
        """
        del flush
        if self._closed:
            raise DatabaseClosed
        if len(self._waiting) >= self._settings.waiting:
            raise DatabaseOverloaded(waiting=self._settings.waiting)
        done: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((statements, done))
        self._bell.set()
        return done

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run one query outside any transaction; once more if its connection turns out to be dead."""
        if self._closed:
            raise DatabaseClosed
        try:
            return await self._fetch(sql, parameters)
        except DatabaseUnreachable:
            return await self._fetch(sql, parameters)

    @asynccontextmanager
    async def transaction(
        self, seconds: float | None = None, *, alone: bool = True
    ) -> AsyncIterator[PostgresTransaction]:
        """Begin; commit at the end of the block, roll back if it raises; raise TransactionTimedOut after `seconds`."""
        if self._closed:
            raise DatabaseClosed
        limit = self._settings.transaction_seconds if seconds is None else seconds
        async with self._connection(limit) as connection:
            unit = connection.transaction()
            try:
                await _begin(connection, unit, limit, alone=alone)
                async with limited(limit):
                    yield PostgresTransaction(connection)
                await _end(connection, unit, limit)
            except BaseException:
                await _roll_back(connection, unit)
                raise

    def observe(self, committed: Callable[[int, float], None]) -> None:
        """Have it told of each group commit: of how many callers it was, and the seconds that it took."""
        self._committed = committed

    @asynccontextmanager
    async def listen(self, channel: str, heard: Callable[[str], None]) -> AsyncIterator[None]:
        """Call `heard` with what is said on a channel; with "" when the connection is there again after a loss."""
        ear = asyncio.create_task(listening(self._url, self._settings, channel, heard))
        try:
            yield
        finally:
            ear.cancel()
            await asyncio.wait([ear])

    async def work(self) -> None:
        """Commit what is queued until the database is closed and nothing is left."""
        while not self._closed or self._waiting:
            await self._bell.wait()
            self._bell.clear()
            while self._waiting:
                batch, self._waiting = self._waiting, []
                began = self._loop.time()
                try:
                    outcomes: Sequence[BaseException | None] = await self._write([commit for commit, _ in batch])
                except Exception as error:  # noqa: BLE001 - it is raised again where each commit is awaited
                    outcomes = [error] * len(batch)
                    self._committer.terminate()  # nobody knows in which state it is
                answer(batch, outcomes)
                self._committed(len(batch), self._loop.time() - began)

    def close(self) -> None:
        """Take no more; what is queued is still committed by `work`."""
        self._closed = True
        self._bell.set()

    async def disconnect(self) -> None:
        """Let go of the committing connection."""
        await self._committer.close()

    async def _fetch(self, sql: str, parameters: Sequence[SqlValue]) -> list[Row]:
        seconds = self._settings.transaction_seconds
        async with self._connection(self._settings.connect_seconds) as connection, limited(seconds):
            await _narrow(connection, scope_of(sql, parameters))
            return await PostgresTransaction(connection).fetch(sql, *parameters)

    @asynccontextmanager
    async def _connection(self, seconds: float) -> AsyncIterator[Connection]:
        try:
            connection = await self._pool.acquire(timeout=seconds)
        except FAILURES as error:
            raise DatabaseUnreachable(reason=type(error).__name__) from error
        try:
            yield connection
        finally:
            try:
                await self._pool.release(connection)
            except FAILURES as error:  # it was lost after it had served; the pool has thrown it away
                _LOG.debug("A connection was lost: %s", type(error).__name__)

    async def _write(self, commits: _Commits) -> list[MuelleError | None]:
        """Write all in one transaction; while the server is away, try again for as long as the settings say."""
        deadline = self._loop.time() + self._settings.connect_seconds
        for pause in pauses():
            try:
                if self._committer.is_closed():
                    self._committer = await connect_once(self._url, self._settings)
                return await self._attempt(self._committer, commits)
            except FAILURES as error:
                if is_crossed(error) and self._loop.time() < deadline:
                    continue  # it was rolled back, and the other one has gone on
                if self._loop.time() + pause > deadline or not is_lost(error, self._committer):
                    return [named(error, self._committer)] * len(commits)
                self._committer.terminate()  # it may still be inside the transaction that failed
            await asyncio.sleep(pause)
        return [DatabaseUnreachable()] * len(commits)

    async def _attempt(self, connection: Connection, commits: _Commits) -> list[MuelleError | None]:
        try:
            groups = merged(commits)
            divided = waves(groups)
        except Exception:  # noqa: BLE001 - what one caller hands in, and no rows at all; it is told below
            return await self._attempt_apart(connection, commits)
        if divided is not None and len(divided) == 1 and self._loop.time() < self._is_there_until:
            return await self._attempt_at_once(connection, commits, divided[0])
        unit = connection.transaction()
        await unit.start()
        try:
            for wave in divided or ():
                await write_wave(connection, wave)
            for sql, rows in groups if divided is None else ():
                await write_rows(connection, sql, rows)
        except Exception as error:  # whatever a caller hands in must not harm the others
            if is_lost(error, connection):
                raise  # nothing of it was committed: it may be tried again
            await unit.rollback()
            if is_crossed(error):
                raise
            if len(commits) == 1 or concerns_all(error):
                return [named(error)] * len(commits)
            return await self._attempt_apart(connection, commits)
        outcomes = await _committed(connection, unit, [None] * len(commits))
        self._is_there_until = self._loop.time() + _BELIEVED_SECONDS
        return outcomes

    async def _attempt_at_once(
        self, connection: Connection, commits: _Commits, wave: Sequence[Group]
    ) -> list[MuelleError | None]:
        """Write all as one statement, its own transaction; if the server goes away, nobody knows what it did."""
        try:
            await write_wave(connection, wave)
        except Exception as error:  # as in `_attempt`
            if is_lost(error, connection):
                drop(connection)
                return [DatabaseUnreachable(reason=type(error).__name__, outcome="unknown") for _ in commits]
            if is_crossed(error):
                raise
            if len(commits) == 1 or concerns_all(error):
                return [named(error)] * len(commits)
            return await self._attempt_apart(connection, commits)
        self._is_there_until = self._loop.time() + _BELIEVED_SECONDS
        return [None] * len(commits)

    async def _attempt_apart(self, connection: Connection, commits: _Commits) -> list[MuelleError | None]:
        """Write each commit under a savepoint of its own; still one flush to disk."""
        unit = connection.transaction()
        await unit.start()
        outcomes = [await _write_one(connection, commit) for commit in commits]
        return await _committed(connection, unit, outcomes)


async def _write_one(connection: Connection, commit: Sequence[Statement]) -> MuelleError | None:
    try:
        async with connection.transaction():
            for statement in in_order(commit):
                await connection.executemany(translated(statement.sql), statement.rows)
    except Exception as error:  # as in `_attempt`
        if is_lost(error, connection):
            raise
        return named(error)
    return None


async def _committed(
    connection: Connection,
    unit: Any,  # noqa: ANN401 - asyncpg ships no types
    outcomes: list[MuelleError | None],
) -> list[MuelleError | None]:
    try:
        await unit.commit()
    except FAILURES as error:
        failure = named(error, connection)
        if is_lost(error, connection):
            failure = DatabaseUnreachable(reason=type(error).__name__, outcome="unknown")
            drop(connection)  # it may be silent only, and in the middle of the transaction
        return [outcome or failure for outcome in outcomes]
    return outcomes


async def _narrow(connection: Connection, scope: str) -> None:
    try:
        with whole(connection):
            await connection.narrow(scope)
    except FAILURES as error:
        raise named(error, connection) from error


async def _begin(
    connection: Connection,
    unit: Any,  # noqa: ANN401 - asyncpg ships no types
    seconds: float,
    *,
    alone: bool,
) -> None:
    try:
        async with asyncio.timeout(seconds):
            await _narrow(connection, ALL)
            await unit.start()
            if alone:
                await connection.execute("SELECT pg_advisory_xact_lock($1)", _SERIAL)
    except TimeoutError as error:
        raise DatabaseBusy(seconds=seconds) from error
    except FAILURES as error:
        raise named(error, connection) from error


async def _end(connection: Connection, unit: Any, seconds: float) -> None:  # noqa: ANN401 - asyncpg ships no types
    try:
        async with asyncio.timeout(seconds):
            await unit.commit()
    except FAILURES as error:
        if is_lost(error, connection):
            drop(connection)
            raise DatabaseUnreachable(reason=type(error).__name__, outcome="unknown") from error
        raise named(error, connection) from error


async def _roll_back(connection: Connection, unit: Any) -> None:  # noqa: ANN401 - asyncpg ships no types
    """Roll back if a transaction is open; where that cannot be said, the server does so once the connection is gone."""
    if is_gone(connection) or not connection.is_in_transaction():
        return
    try:
        async with asyncio.timeout(_ROLLBACK_SECONDS):
            await unit.rollback()
    except FAILURES:
        drop(connection)


@asynccontextmanager
async def open_postgres(url: str, settings: StoresSettings = StoresSettings()) -> AsyncIterator[PostgresDatabase]:  # noqa: B008 - frozen
    """Connect to the server, waiting for it as long as the settings say; raise DatabaseUnreachable."""
    committer = await connect(url, settings)
    async with create_pool(url, settings) as pool:
        database = PostgresDatabase(url, settings, pool, committer)
        worker = asyncio.create_task(database.work())
        try:
            yield database
        finally:
            database.close()
            await worker
            await database.disconnect()
