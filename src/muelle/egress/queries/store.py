"""Where databases and queries are kept, by tenant and id."""

from typing import Protocol

import msgspec

from muelle.core import TenantId
from muelle.egress.queries.model import DatabaseId, Query, QueryDraft, QueryId, SqlDatabase, SqlDatabaseDraft
from muelle.stores import Database, Statement


class QueryStore(Protocol):
    """What a tenant has registered. The service bounds its number."""

    async def add_database(self, item: SqlDatabase) -> None:
        """Keep a new database; raise ConstraintViolated if there is one of that id."""
        ...

    async def add_query(self, item: Query) -> None:
        """Keep a new query; raise ConstraintViolated if there is one of that id."""
        ...

    async def remove_database(self, tenant: TenantId, database: DatabaseId) -> None:
        """Remove a database."""
        ...

    async def remove_query(self, tenant: TenantId, query: QueryId) -> None:
        """Remove a query."""
        ...

    async def databases(self, tenant: TenantId) -> list[SqlDatabase]:
        """Return the tenant's databases by id."""
        ...

    async def queries(self, tenant: TenantId) -> list[Query]:
        """Return the tenant's queries by id."""
        ...


class SqlQueries:
    """Both in one table, a JSON document a row."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._databases = msgspec.json.Decoder(SqlDatabaseDraft)
        self._queries = msgspec.json.Decoder(QueryDraft)

    async def add_database(self, item: SqlDatabase) -> None:
        """Keep a new database."""
        await self._add(item.tenant, "database", item.draft.id, msgspec.json.encode(item.draft))

    async def add_query(self, item: Query) -> None:
        """Keep a new query."""
        await self._add(item.tenant, "query", item.draft.id, msgspec.json.encode(item.draft))

    async def _add(self, tenant: TenantId, kind: str, item: str, document: bytes) -> None:
        sql = "INSERT INTO egress_queries (tenant, kind, id, document) VALUES (?, ?, ?, ?)"
        await self._database.commit([Statement(sql, [(tenant, kind, item, document)])])

    async def remove_database(self, tenant: TenantId, database: DatabaseId) -> None:
        """Remove a database."""
        await self._remove(tenant, "database", database)

    async def remove_query(self, tenant: TenantId, query: QueryId) -> None:
        """Remove a query."""
        await self._remove(tenant, "query", query)

    async def _remove(self, tenant: TenantId, kind: str, item: str) -> None:
        sql = "DELETE FROM egress_queries WHERE tenant = ? AND kind = ? AND id = ?"
        await self._database.commit([Statement(sql, [(tenant, kind, item)])])

    async def _all(self, tenant: TenantId, kind: str) -> list[bytes]:
        sql = "SELECT document FROM egress_queries WHERE tenant = ? AND kind = ?"
        return [row[0] for row in await self._database.fetch(sql, tenant, kind)]

    async def databases(self, tenant: TenantId) -> list[SqlDatabase]:
        """Return the tenant's databases by id."""
        drafts = [self._databases.decode(each) for each in await self._all(tenant, "database")]
        return [SqlDatabase(tenant=tenant, draft=each) for each in sorted(drafts, key=lambda each: each.id)]

    async def queries(self, tenant: TenantId) -> list[Query]:
        """Return the tenant's queries by id."""
        drafts = [self._queries.decode(each) for each in await self._all(tenant, "query")]
        return [Query(tenant=tenant, draft=each) for each in sorted(drafts, key=lambda each: each.id)]


class MemoryQueries:
    """Databases and queries that end with their process."""

    def __init__(self) -> None:
        self._databases: dict[tuple[TenantId, str], SqlDatabase] = {}
        self._queries: dict[tuple[TenantId, str], Query] = {}

    async def add_database(self, item: SqlDatabase) -> None:
        """Keep a new database."""
        self._databases[item.tenant, item.draft.id] = item

    async def add_query(self, item: Query) -> None:
        """Keep a new query."""
        self._queries[item.tenant, item.draft.id] = item

    async def remove_database(self, tenant: TenantId, database: DatabaseId) -> None:
        """Remove a database."""
        self._databases.pop((tenant, database), None)

    async def remove_query(self, tenant: TenantId, query: QueryId) -> None:
        """Remove a query."""
        self._queries.pop((tenant, query), None)

    async def databases(self, tenant: TenantId) -> list[SqlDatabase]:
        """Return the tenant's databases by id."""
        return [item for key, item in sorted(self._databases.items()) if key[0] == tenant]

    async def queries(self, tenant: TenantId) -> list[Query]:
        """Return the tenant's queries by id."""
        return [item for key, item in sorted(self._queries.items()) if key[0] == tenant]
