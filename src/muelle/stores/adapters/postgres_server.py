"""One PostgreSQL server: connecting, translating statements, and naming what went wrong."""

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

try:
    import asyncpg
except ImportError:
    from muelle.stores.errors import PostgresMissing

    raise PostgresMissing from None

from muelle.core import MuelleError
from muelle.stores.errors import (
    ConstraintViolated,
    DatabaseBusy,
    DatabaseCorrupt,
    DatabaseUnreachable,
    DiskFull,
    InvalidDatabaseUrl,
    StatementRefused,
)
from muelle.stores.scope import ALL, SETTING
from muelle.stores.settings import StoresSettings

Connection = Any  # asyncpg ships no types
# The driver's own confusion is one too: it can happen to a connection that is lost while a query is given up.
FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, ValueError, TypeError)

_ANYTHING = re.compile(r"'(?:[^']|'')*'|\"[^\"]*\"|\?")
_SHARED: tuple[tuple[tuple[type[Exception], ...], type[MuelleError]], ...] = (
    ((asyncpg.DiskFullError,), DiskFull),
    ((asyncpg.DataCorruptedError, asyncpg.IndexCorruptedError), DatabaseCorrupt),
    (
        (
            asyncpg.LockNotAvailableError,
            asyncpg.DeadlockDetectedError,
            asyncpg.SerializationError,
            asyncpg.QueryCanceledError,
        ),
        DatabaseBusy,
    ),
)
_LOST = (
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,  # a server that has become a standby
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InternalClientError,
    OSError,
)
_HARMLESS = (asyncpg.PostgresError, ValueError, TypeError)  # the server's word, or never sent: nothing is under way
_HOPELESS = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
_KINDS = (
    (asyncpg.UniqueViolationError, "unique"),
    (asyncpg.ForeignKeyViolationError, "foreign_key"),
    (asyncpg.NotNullViolationError, "not_null"),
    (asyncpg.CheckViolationError, "check"),
)
_NARROW = "SELECT set_config($1, $2, false)"
_FIRST_PAUSE, _LONGEST_PAUSE = 0.02, 1.0  # seconds between attempts to connect


@lru_cache(maxsize=1024)
def translated(sql: str) -> str:
    """Return the SQL with `$1`, `$2`, … for its `?`; quoted text is left alone."""
    number = 0

    def numbered(found: re.Match[str]) -> str:
        nonlocal number
        if found[0] != "?":
            return found[0]
        number += 1
        return f"${number}"

    return _ANYTHING.sub(numbered, sql)


# A plan that is made while a table is empty reads it whole, is kept, and is a thousand times too slow a minute later.
# All that we ask is found by an index; queries are planned for what they are given, which costs 0.1 ms.
_BY_INDEX = {"enable_seqscan": "off", "enable_bitmapscan": "off", "jit": "off"}
_QUERIES = {**_BY_INDEX, "plan_cache_mode": "force_custom_plan"}
_COMMITS = {**_BY_INDEX, "enable_hashjoin": "off", "enable_mergejoin": "off"}
# A process that froze, or a machine that is gone, in the middle of a transaction holds its locks until the server ends
# it. A group commit asks for nothing between its statements, so it is never idle for more than a moment.
_FROZEN = 5.0  # seconds


def options(url: str, settings: StoresSettings, planning: dict[str, str]) -> dict[str, Any]:
    """Return how to connect; where a power cut may take the last moments, the server need not flush either."""
    flush = "on" if settings.synchronous != "NORMAL" else "off"
    frozen = min(_FROZEN, settings.transaction_seconds) if planning is _COMMITS else settings.transaction_seconds
    idle = f"{max(1, int(frozen * 1000))}ms"
    server = {"synchronous_commit": flush, "idle_in_transaction_session_timeout": idle, SETTING: ALL, **planning}
    return {"dsn": url, "timeout": settings.connect_seconds, "server_settings": server}


async def connect_once(url: str, settings: StoresSettings) -> Connection:
    """Connect now, for commits: none of its statements takes longer than a transaction may."""
    return await asyncpg.connect(**options(url, settings, _COMMITS), command_timeout=settings.transaction_seconds)


def create_pool(url: str, settings: StoresSettings) -> Any:  # noqa: ANN401 - asyncpg ships no types
    """Return a pool that connects when it is asked to."""
    return asyncpg.create_pool(
        min_size=0, max_size=settings.connections, connection_class=_Quiet, **options(url, settings, _QUERIES)
    )


class _Quiet(asyncpg.Connection):  # type: ignore[misc] # asyncpg ships no types
    """A connection that is not set back when it goes to the pool again: that is a round trip.

    What changes is the tenant as which it asks, and it knows which that is.
    """

    scope = ALL

    async def narrow(self, scope: str) -> None:
        """Ask as a tenant from now on, or as all of them."""
        if scope != self.scope:
            self.scope = ""  # nobody knows, if this is given up in the middle
            await self.execute(_NARROW, SETTING, scope)
            self.scope = scope

    def get_reset_query(self) -> str:
        """Return nothing to be done."""
        return ""


async def connect(url: str, settings: StoresSettings) -> Connection:
    """Connect; try again for as long as the settings say; raise DatabaseUnreachable."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + settings.connect_seconds
    for pause in pauses():
        try:
            return await connect_once(url, settings)
        except FAILURES as error:
            if isinstance(error, ValueError):
                raise InvalidDatabaseUrl from None  # its text may hold the password
            if isinstance(error, _HOPELESS) or loop.time() + pause > deadline:
                raise _unreachable(error) from error
        await asyncio.sleep(pause)
    raise DatabaseUnreachable


def pauses() -> Iterator[float]:
    """Yield how long to wait before the next attempt, for ever."""
    pause = _FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, _LONGEST_PAUSE)


def is_lost(error: BaseException, connection: Connection = None) -> bool:
    """Tell whether the server went away, rather than refused something."""
    return isinstance(error, _LOST) or (connection is not None and is_gone(connection))


def is_gone(connection: Connection) -> bool:
    """Tell whether a connection is closed; one of a pool that was lost is detached, and answers no questions."""
    try:
        return bool(connection.is_closed())
    except asyncpg.InterfaceError:
        return True


@contextmanager
def whole(connection: Connection) -> Iterator[None]:
    """Drop a connection if the block is left in the middle of a query: the next to get it would stumble over that."""
    try:
        yield
    except _HARMLESS:
        raise
    except BaseException:
        drop(connection)
        raise


def drop(connection: Connection) -> None:
    """End a connection at once, if it is not gone."""
    if not is_gone(connection):
        connection.terminate()


def concerns_all(error: BaseException) -> bool:
    """Tell whether the error is the server's state and not one caller's fault."""
    return any(isinstance(error, kinds) for kinds, _ in _SHARED)


def _unreachable(error: BaseException) -> DatabaseUnreachable:
    return DatabaseUnreachable(reason=type(error).__name__)


def named(error: BaseException, connection: Connection = None) -> MuelleError:
    """Return what the driver's error means; never with a value or the URL, which may hold a password."""
    if is_lost(error, connection):
        return _unreachable(error)
    for kinds, named_as in _SHARED:
        if isinstance(error, kinds):
            return named_as(reason=type(error).__name__)
    for violation, kind in _KINDS:
        if isinstance(error, violation):
            return ConstraintViolated(kind=kind, constraint=getattr(error, "constraint_name", None) or "")
    return StatementRefused(reason=f"{type(error).__name__}: {str(error).partition(':')[0]}")


def is_crossed(error: BaseException) -> bool:
    """Tell whether two transactions stood in each other's way, so that trying again at once will do."""
    return isinstance(error, asyncpg.DeadlockDetectedError | asyncpg.SerializationError)


def touched(status: str) -> int:
    """Return the number of rows from a command tag such as `UPDATE 3`."""
    last = status.rpartition(" ")[2]
    return int(last) if last.isdigit() else 0
