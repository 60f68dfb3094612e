"""Values in the database."""

from muelle.core import TenantId
from muelle.stores import checks
from muelle.stores.model import Database, Statement
from muelle.stores.settings import StoresSettings

_PUT = (
    "INSERT INTO key_values (tenant, space, key, value, content_type) VALUES (?, ?, ?, ?, ?) "
    "ON CONFLICT (tenant, space, key) DO UPDATE SET value = excluded.value, content_type = excluded.content_type"
)
_GET = "SELECT value, content_type FROM key_values WHERE tenant = ? AND space = ? AND key = ?"
_DELETE = "DELETE FROM key_values WHERE tenant = ? AND space = ? AND key = ?"


class SqlKeyValues:
    """The KeyValues port in a table; what `put` acknowledged is durable."""

    def __init__(self, database: Database, settings: StoresSettings = StoresSettings()) -> None:  # noqa: B008 - frozen
        self._database = database
        self._limit = settings.value_bytes

    async def put(self, tenant: TenantId, space: str, key: str, value: bytes, content_type: str) -> None:
        """Keep `value`; raise InvalidValueKey, InvalidContentType or ValueTooLarge."""
        checks.check_value(space, key, value, content_type, self._limit)
        await self._database.commit([Statement(_PUT, [(tenant, space, key, value, content_type)])])

    async def get(self, tenant: TenantId, space: str, key: str) -> tuple[bytes, str] | None:
        """Return value and content type, or None."""
        checks.check_value_key(space, key)
        rows = await self._database.fetch(_GET, tenant, space, key)
        return (rows[0][0], rows[0][1]) if rows else None

    async def delete(self, tenant: TenantId, space: str, key: str) -> bool:
        """Remove it; return whether it was there."""
        checks.check_value_key(space, key)
        async with self._database.transaction() as transaction:
            return await transaction.execute(_DELETE, tenant, space, key) > 0
