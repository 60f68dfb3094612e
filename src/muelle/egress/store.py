"""Where Apis and credentials are kept: a register by tenant and id. Secrets are not here; they are in the Vault."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Generic, Protocol, TypeVar

import msgspec

from muelle.core import TenantId
from muelle.egress.model import Api, Credential, CredentialId
from muelle.stores import Database, Statement

Kept = TypeVar("Kept", Api, Credential)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_NOTE = (
    "INSERT INTO credential_uses (tenant, id, used_at) VALUES (?, ?, ?) ON CONFLICT (tenant, id) "
    "DO UPDATE SET used_at = excluded.used_at WHERE excluded.used_at > credential_uses.used_at"
)


class Register(Protocol[Kept]):
    """What a tenant has registered, of one kind. Writes are queued at once and durable when awaited."""

    def add(self, item: Kept) -> Awaitable[None]:
        """Keep a new item; raise ConstraintViolated if the tenant has one of that id."""
        ...

    def replace(self, item: Kept) -> Awaitable[None]:
        """Keep an item in place of the one of that id; nothing happens if there is none."""
        ...

    def remove(self, tenant: TenantId, item: str) -> Awaitable[None]:
        """Remove an item; nothing happens if there is none."""
        ...

    async def find(self, tenant: TenantId, item: str) -> Kept | None:
        """Return an item, or None."""
        ...

    async def all(self, tenant: TenantId) -> list[Kept]:
        """Return the tenant's items in the order of their ids; the service bounds their number."""
        ...

    async def everyones(self, after: tuple[str, str], limit: int) -> list[Kept]:
        """Return up to `limit` items of all tenants, in an order of its own, after a tenant and an id."""
        ...


class SqlRegister(Generic[Kept]):
    """A register in a table of its own, one JSON document a row."""

    def __init__(self, database: Database, kind: type[Kept]) -> None:
        self._database = database
        self._table = "egress_apis" if kind is Api else "egress_credentials"
        self._decoder: msgspec.json.Decoder[Kept] = msgspec.json.Decoder(kind)

    def add(self, item: Kept) -> Awaitable[None]:
        """Queue an INSERT."""
        sql = f"INSERT INTO {self._table} (tenant, id, document) VALUES (?, ?, ?)"  # noqa: S608 - one of two tables
        return self._write(sql, item.tenant, item.id, msgspec.json.encode(item))

    def replace(self, item: Kept) -> Awaitable[None]:
        """Queue an UPDATE."""
        sql = f"UPDATE {self._table} SET document = ? WHERE tenant = ? AND id = ?"  # noqa: S608 - one of two tables
        return self._write(sql, msgspec.json.encode(item), item.tenant, item.id)

    def remove(self, tenant: TenantId, item: str) -> Awaitable[None]:
        """Queue a DELETE."""
        sql = f"DELETE FROM {self._table} WHERE tenant = ? AND id = ?"  # noqa: S608 - one of two tables
        return self._write(sql, tenant, item)

    def _write(self, sql: str, *row: str | bytes) -> Awaitable[None]:
        return self._database.commit([Statement(sql, [row])])

    async def find(self, tenant: TenantId, item: str) -> Kept | None:
        """Return an item, or None."""
        sql = f"SELECT document FROM {self._table} WHERE tenant = ? AND id = ?"  # noqa: S608 - one of two tables
        rows = await self._database.fetch(sql, tenant, item)
        return self._decoder.decode(rows[0][0]) if rows else None

    async def all(self, tenant: TenantId) -> list[Kept]:
        """Return the tenant's items in the order of their ids, whatever the database's collation."""
        sql = f"SELECT document FROM {self._table} WHERE tenant = ?"  # noqa: S608 - one of two tables
        items = [self._decoder.decode(row[0]) for row in await self._database.fetch(sql, tenant)]
        return sorted(items, key=lambda item: item.id)

    async def everyones(self, after: tuple[str, str], limit: int) -> list[Kept]:
        """Return a page of all tenants' items, in the database's order."""
        sql = (
            f"SELECT document FROM {self._table} WHERE tenant > ? OR (tenant = ? AND id > ?) "  # noqa: S608 - as above
            "ORDER BY tenant, id LIMIT ?"
        )
        rows = await self._database.fetch(sql, after[0], after[0], after[1], limit)
        return [self._decoder.decode(row[0]) for row in rows]


class SqlUses:
    """The last uses of credentials in a table; a use is not worth a flush to disk of its own."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(self, tenant: TenantId, credential: CredentialId, at: datetime) -> None:
        """Keep when a credential was used, unless a later use is known."""
        row = (tenant, credential, (at - _EPOCH) // _MICROSECOND)
        await self._database.commit([Statement(_NOTE, [row])], flush=False)

    async def of(self, tenant: TenantId) -> dict[CredentialId, datetime]:
        """Return when each credential of a tenant was last used."""
        rows = await self._database.fetch("SELECT id, used_at FROM credential_uses WHERE tenant = ?", tenant)
        return {CredentialId(row[0]): _EPOCH + row[1] * _MICROSECOND for row in rows}

    async def forget(self, tenant: TenantId, credential: CredentialId) -> None:
        """Forget a credential."""
        sql = "DELETE FROM credential_uses WHERE tenant = ? AND id = ?"
        await self._database.commit([Statement(sql, [(tenant, credential)])])
