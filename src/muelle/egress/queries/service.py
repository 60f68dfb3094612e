"""The verbs on databases and queries. An agent that runs a query sees neither its SQL nor its database."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import msgspec

from muelle.core import HttpAnswer, Secret, SqlRef, TenantId
from muelle.egress.guard import Networks
from muelle.egress.queries.errors import (
    DatabaseInUse,
    DatabaseNotFound,
    InvalidDatabase,
    QueryExists,
    QueryNotFound,
    TooManyQueries,
)
from muelle.egress.queries.model import (
    DatabaseId,
    Order,
    Query,
    QueryDraft,
    QueryId,
    Rows,
    SqlDatabase,
    SqlDatabaseDraft,
    checked_database,
    checked_query,
    checked_values,
)
from muelle.egress.queries.store import QueryStore
from muelle.egress.settings import EgressSettings
from muelle.identity import Acts, AuditTrail, Principal, Refused
from muelle.stores import Vault

_WORD = re.compile(r"[a-z0-9]+")
_OK = 200


def secret_name(database: DatabaseId) -> str:
    """Return the name of a database's password in the Vault."""
    return f"database.{database}"


@dataclass(frozen=True, slots=True)
class QueryParts:
    """What queries are made of; `networks` tells what calls of a principal may reach."""

    store: QueryStore
    vault: Vault = field(repr=False)
    trail: AuditTrail
    acts: Acts
    networks: Callable[[Principal], Awaitable[Networks]]
    settings: EgressSettings


class Queries:
    """Registers databases and queries, and runs queries for principals who may."""

    def __init__(self, parts: QueryParts) -> None:
        self._parts = parts
        self._store = parts.store

    async def add_database(self, actor: Principal, draft: SqlDatabaseDraft, password: Secret | None) -> None:
        """Register a database; raise Refused, InvalidDatabase, QueryExists or TooManyQueries."""
        await self._permit(actor, "databases.add", draft.id)
        checked_database(draft)
        if draft.kind == "sqlite" and not self._parts.settings.sqlite_folder:
            raise InvalidDatabase(field="kind", reason="the setting egress.sqlite_folder names no folder")
        present = await self._store.databases(actor.tenant)
        if any(each.draft.id == draft.id for each in present):
            raise QueryExists(database=draft.id)
        self._check_number(len(present))
        if password is not None:
            await self._parts.vault.put(actor.tenant, secret_name(draft.id), password.reveal())
        await self._store.add_database(SqlDatabase(tenant=actor.tenant, draft=draft))
        await self._did(actor, "databases.add", draft.id)

    async def remove_database(self, actor: Principal, database: DatabaseId) -> None:
        """Remove a database and its password; raise Refused, DatabaseNotFound or DatabaseInUse."""
        await self._permit(actor, "databases.remove", database)
        await self._database(actor, database)
        users = [each.draft.id for each in await self._store.queries(actor.tenant) if each.draft.database == database]
        if users:
            raise DatabaseInUse(database=database, queries=users[:20])
        await self._store.remove_database(actor.tenant, database)
        await self._parts.vault.delete(actor.tenant, secret_name(database))
        await self._did(actor, "databases.remove", database)

    async def databases(self, actor: Principal) -> list[SqlDatabaseDraft]:
        """Return the databases that the actor manages."""
        everyone = await self._store.databases(actor.tenant)
        return [each.draft for each in everyone if actor.may("databases:manage", each.draft.id)]

    async def add(self, actor: Principal, draft: QueryDraft) -> None:
        """Register a query; who manages its database may. Raise Refused, InvalidQuery, QueryExists and so on."""
        await self._permit(actor, "queries.add", draft.database)
        checked_query(draft)
        await self._database(actor, draft.database)
        present = await self._store.queries(actor.tenant)
        if any(each.draft.id == draft.id for each in present):
            raise QueryExists(query=draft.id)
        self._check_number(len(present))
        await self._store.add_query(Query(tenant=actor.tenant, draft=draft))
        await self._did(actor, "queries.add", draft.id)

    async def remove(self, actor: Principal, query: QueryId) -> None:
        """Remove a query; raise Refused or QueryNotFound."""
        found = await self._found(actor, query)
        await self._permit(actor, "queries.remove", found.database)
        await self._store.remove_query(actor.tenant, query)
        await self._did(actor, "queries.remove", query)

    async def show(self, actor: Principal, query: QueryId) -> QueryDraft:
        """Return a query that the actor may run, with its SQL only for who manages its database."""
        return _seen(actor, await self._found(actor, query))

    async def search(self, actor: Principal, words: str = "", database: str = "") -> list[QueryDraft]:
        """Return the queries that the actor may run or manages and that have all the words."""
        wanted = _WORD.findall(words.lower())
        found = [each.draft for each in await self._store.queries(actor.tenant) if _may_see(actor, each.draft)]
        return [
            _seen(actor, each)
            for each in found
            if (not database or each.database == database)
            and all(word in f"{each.id} {each.description}".lower() for word in wanted)
        ]

    async def listed(self, tenant: TenantId) -> list[QueryDraft]:
        """Return all queries of a tenant, for what looks after who may see them."""
        return [each.draft for each in await self._store.queries(tenant)]

    async def answer(self, actor: Principal, wanted: SqlRef) -> HttpAnswer:
        """Run a query; return its rows as the JSON of an answer. Raise as `run`."""
        rows = await self.run(actor, QueryId(wanted.id), dict(wanted.parameters))
        headers = {"content-type": "application/json"}
        return HttpAnswer(status=_OK, headers=headers, body=msgspec.json.encode(rows), url="", duration=0.0)

    async def run(self, actor: Principal, query: QueryId, parameters: dict[str, object]) -> Rows:
        """Run a query.

        Raise Refused, QueryNotFound, InvalidQueryParameters, AddressRefused, QueryFailed, QueryTookTooLong,
        QueryDatabaseUnreachable or RowsTooLarge.
        """
        if not actor.may("queries:run", query):
            await self._refuse(actor, "queries.run", query, "queries:run")
        found = await self._found(actor, query)
        database = (await self._database(actor, found.database)).draft
        most = int(min(actor.limits.get("answer_bytes", float("inf")), self._parts.settings.max_answer_bytes))
        order = Order(query=found, values=checked_values(found, parameters), max_bytes=most)
        if database.kind == "sqlite":
            from muelle.egress.adapters.sqlite_queries import run_sqlite  # noqa: PLC0415 - few runs need it

            return await run_sqlite(Path(self._parts.settings.sqlite_folder), database, order)
        from muelle.egress.adapters.postgres_queries import run_postgres  # noqa: PLC0415 - asyncpg loads in 130 ms

        password = await self._parts.vault.get(actor.tenant, secret_name(database.id)) or ""
        return await run_postgres(
            database, password, order, await self._parts.networks(actor), self._parts.settings.ca_file
        )

    async def _found(self, actor: Principal, query: QueryId) -> QueryDraft:
        for each in await self._store.queries(actor.tenant):
            if each.draft.id == query and _may_see(actor, each.draft):
                return each.draft
        raise QueryNotFound(query=query[:100])

    async def _database(self, actor: Principal, database: DatabaseId) -> SqlDatabase:
        for each in await self._store.databases(actor.tenant):
            if each.draft.id == database:
                return each
        raise DatabaseNotFound(database=database[:100])

    def _check_number(self, present: int) -> None:
        if present >= self._parts.settings.max_queries:
            raise TooManyQueries(limit=self._parts.settings.max_queries)

    async def _permit(self, actor: Principal, action: str, database: str) -> None:
        if not actor.may("databases:manage", database):
            await self._refuse(actor, action, database, "databases:manage")

    async def _refuse(self, actor: Principal, action: str, resource: str, scope: str) -> NoReturn:
        act = self._parts.acts.refused(actor, action, resource[:200], detail=f"refused scope={scope}")
        await self._parts.trail.record([act])
        raise Refused(scope=scope, resource=resource[:200])

    async def _did(self, actor: Principal, action: str, resource: str) -> None:
        await self._parts.trail.record([self._parts.acts.allowed(actor, action, resource)])


def _may_see(actor: Principal, query: QueryDraft) -> bool:
    return actor.may("queries:run", query.id) or actor.may("databases:manage", query.database)


def _seen(actor: Principal, query: QueryDraft) -> QueryDraft:
    return query if actor.may("databases:manage", query.database) else msgspec.structs.replace(query, sql="")
