"""Where definitions are kept: one document for each endpoint of an Api."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from muelle.core import TenantId
from muelle.egress.definitions.model import Definition
from muelle.egress.model import ApiId
from muelle.stores import Database

_DECODE = msgspec.json.Decoder(Definition).decode
_ADD = "INSERT INTO egress_definitions (tenant, api, endpoint, document) VALUES (?, ?, ?, ?)"
_CLEAR = "DELETE FROM egress_definitions WHERE tenant = ? AND api = ?"
_FIND = "SELECT document FROM egress_definitions WHERE tenant = ? AND api = ? AND endpoint = ?"


class DefinitionStore(Protocol):
    """The definitions of Apis, by tenant, Api and endpoint."""

    async def replace(self, tenant: TenantId, api: ApiId, definitions: Sequence[Definition]) -> None:
        """Keep these in place of all that the Api had."""
        ...

    async def find(self, tenant: TenantId, api: ApiId, endpoint: str) -> Definition | None:
        """Return a definition, or None."""
        ...


class SqlDefinitions:
    """Definitions in a table."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def replace(self, tenant: TenantId, api: ApiId, definitions: Sequence[Definition]) -> None:
        """Keep these in place of all that the Api had."""
        async with self._database.transaction() as transaction:
            await transaction.execute(_CLEAR, tenant, api)
            for each in definitions:
                await transaction.execute(_ADD, tenant, api, each.id, msgspec.json.encode(each))

    async def find(self, tenant: TenantId, api: ApiId, endpoint: str) -> Definition | None:
        """Return a definition, or None."""
        rows = await self._database.fetch(_FIND, tenant, api, endpoint)
        return _DECODE(rows[0][0]) if rows else None


class MemoryDefinitions:
    """Definitions that end with their process."""

    def __init__(self) -> None:
        self._kept: dict[tuple[TenantId, ApiId], dict[str, Definition]] = {}

    async def replace(self, tenant: TenantId, api: ApiId, definitions: Sequence[Definition]) -> None:
        """Keep these in place of all that the Api had."""
        self._kept[tenant, api] = {each.id: each for each in definitions}

    async def find(self, tenant: TenantId, api: ApiId, endpoint: str) -> Definition | None:
        """Return a definition, or None."""
        return self._kept.get((tenant, api), {}).get(endpoint)
