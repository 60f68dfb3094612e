"""What the HTTP routes of queries take and give."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.egress.queries.model import (
    MAX_DESCRIPTION,
    MAX_PARAMETERS,
    MAX_ROWS,
    MAX_SECONDS,
    MAX_SQL,
    DatabaseId,
    Kind,
    QueryDraft,
    QueryId,
    SqlDatabaseDraft,
    SqlParameter,
)
from muelle.egress.shapes import Name

Text = Annotated[str, Meta(max_length=MAX_DESCRIPTION)]


class NewDatabase(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A database to register: a SQLite file in the operator's folder, or a PostgreSQL server."""

    id: Name
    kind: Kind
    description: Text = ""
    path: Annotated[str, Meta(max_length=500)] = ""
    host: Annotated[str, Meta(max_length=253)] = ""
    port: Annotated[int, Meta(ge=1, le=65535)] = 5432
    database: Annotated[str, Meta(max_length=63)] = ""
    user: Annotated[str, Meta(max_length=63)] = ""
    tls: bool = True
    password: Annotated[
        str | None,
        Meta(description="Kept in the vault; no answer ever holds it.", extra_json_schema={"writeOnly": True}),
    ] = None


class NewQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A query to register: one statement, with `:name` for each parameter."""

    id: Name
    database: Name
    sql: Annotated[str, Meta(min_length=1, max_length=MAX_SQL)]
    description: Text = ""
    parameters: Annotated[list[SqlParameter], Meta(max_length=MAX_PARAMETERS)] = []
    max_rows: Annotated[int, Meta(ge=1, le=MAX_ROWS)] = 1000
    seconds: Annotated[float, Meta(gt=0, le=MAX_SECONDS)] = 10.0
    writes: bool = False


class DatabaseShape(msgspec.Struct, frozen=True, kw_only=True):
    """A database without its password."""

    id: str
    kind: Kind
    description: str
    path: str
    host: str
    port: int
    database: str
    user: str
    tls: bool


class QueryShape(msgspec.Struct, frozen=True, kw_only=True):
    """A query; its SQL is empty for who does not manage its database."""

    id: str
    database: str
    sql: str
    description: str
    parameters: tuple[SqlParameter, ...]
    max_rows: int
    seconds: float
    writes: bool


class DatabaseList(msgspec.Struct, frozen=True, kw_only=True):
    """Databases by id."""

    databases: list[DatabaseShape]
    count: int


class QueryList(msgspec.Struct, frozen=True, kw_only=True):
    """Queries by id."""

    queries: list[QueryShape]
    count: int


class RunQuery(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Values for a query's parameters, by name."""

    parameters: dict[str, Any] = {}


def database_draft(body: NewDatabase) -> SqlDatabaseDraft:
    """Return the database that a body describes."""
    given = {name: value for name, value in msgspec.structs.asdict(body).items() if name not in {"id", "password"}}
    return SqlDatabaseDraft(id=DatabaseId(body.id), **given)


def query_draft(body: NewQuery) -> QueryDraft:
    """Return the query that a body describes."""
    given = msgspec.structs.asdict(body)
    given |= {"id": QueryId(body.id), "database": DatabaseId(body.database), "parameters": tuple(body.parameters)}
    return QueryDraft(**given)


def database_shape(draft: SqlDatabaseDraft) -> DatabaseShape:
    """Return a database as it is shown."""
    return DatabaseShape(**msgspec.structs.asdict(draft))


def query_shape(draft: QueryDraft) -> QueryShape:
    """Return a query as it is shown."""
    return QueryShape(**msgspec.structs.asdict(draft))
