"""The ports that `stores` offers to every room."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Literal, NamedTuple, Protocol

from muelle.core import TenantId

Dialect = Literal["sqlite", "postgresql"]
Row = Sequence[Any]
SqlValue = str | int | float | bytes | None


class Statement(NamedTuple):
    """SQL with `?` for each parameter, in what SQLite and PostgreSQL share, and rows of parameters to run it with.

    One that is `once` for a batch stands for all callers who hand in its equal, and is run before everything else.
    """

    sql: str
    rows: Sequence[Sequence[SqlValue]]
    once: bool = False


class Transaction(Protocol):
    """One unit of work; parameters are `?` on every database."""

    async def execute(self, sql: str, *parameters: SqlValue) -> int:
        """Run a statement; return how many rows it touched."""
        ...

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run a query; return all its rows."""
        ...


class Database(Protocol):
    """A relational database with one schema for all rooms; each room owns its tables."""

    @property
    def dialect(self) -> Dialect:
        """Which SQL it speaks beyond what both share."""
        ...

    def transaction(
        self, seconds: float | None = None, *, alone: bool = True
    ) -> AbstractAsyncContextManager[Transaction]:
        """Begin; commit at the end of the block, roll back if it raises. Serialised against other transactions.

        It may take `seconds`, by default what the settings say; after that it is rolled back: TransactionTimedOut.
        One that need not be `alone` relies on the rows that it locks, and on PostgreSQL runs beside others.
        """
        ...

    async def fetch(self, sql: str, *parameters: SqlValue) -> list[Row]:
        """Run one query outside any transaction."""
        ...

    def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> Awaitable[None]:
        """Queue statements for the next group commit at once; awaiting the result returns once they are durable.

        Without `flush` they need only survive a crash of this process, not of the machine, where the settings allow
        that: others see them at once, and the disk has them a moment later.

        All callers of one moment share a transaction and one flush to disk. If one caller's statements fail, that
        caller alone gets the error.
        """
        ...

    def observe(self, committed: Callable[[int, float], None]) -> None:
        """Have it told of each group commit: of how many callers it was, and the seconds that it took."""
        ...

    def listen(self, channel: str, heard: Callable[[str], None]) -> AbstractAsyncContextManager[None]:
        """Call `heard` with what other processes say on a channel (PostgreSQL's NOTIFY), as long as the block runs.

        A file has nobody to tell it. Nothing may depend on it alone: what was said while the server was away is lost;
        when it is back, `heard` is called with "".
        """
        ...


class Blobs(Protocol):
    """Bytes by key; keys are names separated by '/', never a path that leaves its tenant."""

    async def put(
        self, tenant: TenantId, key: str, body: bytes, content_type: str = "application/octet-stream"
    ) -> None:
        """Keep `body`, atomically replacing what was there."""
        ...

    async def get(self, tenant: TenantId, key: str) -> tuple[bytes, str] | None:
        """Return body and content type, or None."""
        ...

    async def delete(self, tenant: TenantId, key: str) -> bool:
        """Remove it; return whether it was there."""
        ...

    async def keys(self, tenant: TenantId, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        ...


class KeyValues(Protocol):
    """Small values by space and key within a tenant."""

    async def put(self, tenant: TenantId, space: str, key: str, value: bytes, content_type: str) -> None:
        """Keep `value`, replacing what was there."""
        ...

    async def get(self, tenant: TenantId, space: str, key: str) -> tuple[bytes, str] | None:
        """Return value and content type, or None."""
        ...

    async def delete(self, tenant: TenantId, space: str, key: str) -> bool:
        """Remove it; return whether it was there."""
        ...


class Vault(Protocol):
    """Secrets, encrypted at rest; what is returned is to be used at once and kept nowhere."""

    async def put(self, tenant: TenantId, name: str, secret: str) -> None:
        """Keep a secret under a name, replacing what was there."""
        ...

    async def get(self, tenant: TenantId, name: str) -> str | None:
        """Return the secret, or None if there is none; raise VaultSealed if it cannot be decrypted."""
        ...

    async def delete(self, tenant: TenantId, name: str) -> bool:
        """Remove it; return whether it was there."""
        ...
