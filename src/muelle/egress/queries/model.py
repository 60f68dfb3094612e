"""Databases and queries as values, and what makes one valid. Pure."""

import base64
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal, NewType
from uuid import UUID

import msgspec

from muelle.core import TenantId, name
from muelle.egress.queries.errors import InvalidDatabase, InvalidQuery, InvalidQueryParameters
from muelle.egress.queries.text import names_in

DatabaseId = NewType("DatabaseId", str)
QueryId = NewType("QueryId", str)
Kind = Literal["sqlite", "postgresql"]
Type = Literal["text", "integer", "number", "boolean", "date", "timestamp"]

MAX_SQL = 20_000
MAX_ROWS = 10_000
MAX_SECONDS = 60.0
MAX_PARAMETERS = 50
MAX_DESCRIPTION = 4000
_BIGGEST = 2**63 - 1
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_HOST = re.compile(r"[A-Za-z0-9.:_-]{1,253}")


class SqlDatabaseDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A database as it is handed in, without its password; for SQLite `path` within the operator's folder."""

    id: DatabaseId
    kind: Kind
    description: str = ""
    path: str = ""
    host: str = ""
    port: int = 5432
    database: str = ""
    user: str = ""
    tls: bool = True


class SqlDatabase(msgspec.Struct, frozen=True, kw_only=True):
    """A database as it is kept; its password is in the Vault."""

    tenant: TenantId
    draft: SqlDatabaseDraft


class SqlParameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parameter of a query, `:name` in its SQL. One that is not required may be null."""

    name: str
    type: Type = "text"
    required: bool = True
    description: str = ""


class QueryDraft(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A query as it is handed in: one statement. Unless it `writes`, the database lets it change nothing."""

    id: QueryId
    database: DatabaseId
    sql: str
    description: str = ""
    parameters: tuple[SqlParameter, ...] = ()
    max_rows: int = 1000
    seconds: float = 10.0
    writes: bool = False


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A query as it is kept."""

    tenant: TenantId
    draft: QueryDraft


class Rows(msgspec.Struct, frozen=True, kw_only=True):
    """What a query answered: rows by column name; `truncated` if there were more than it may answer."""

    columns: tuple[str, ...]
    rows: list[dict[str, Any]]
    count: int
    truncated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A query about to be run."""

    query: QueryDraft
    values: Mapping[str, Any]
    max_bytes: int


def checked_database(draft: SqlDatabaseDraft) -> None:
    """Raise InvalidDatabase or InvalidName for the first fault of a draft."""
    name(draft.id, "id")
    if len(draft.description) > MAX_DESCRIPTION:
        raise InvalidDatabase(field="description", reason=f"longer than {MAX_DESCRIPTION} characters")
    if draft.kind == "sqlite":
        if not draft.path or draft.path.startswith("/") or ".." in draft.path.split("/") or "\0" in draft.path:
            raise InvalidDatabase(field="path", reason="not a path within the operator's folder")
        return
    if not _HOST.fullmatch(draft.host):
        raise InvalidDatabase(field="host", reason="not a host")
    if not 0 < draft.port < 1 << 16:
        raise InvalidDatabase(field="port", reason="not between 1 and 65535")
    for field in ("database", "user"):
        value = getattr(draft, field)
        if not 0 < len(value) < 64 or not value.isprintable():  # noqa: PLR2004 - what PostgreSQL takes
            raise InvalidDatabase(field=field, reason="not 1 to 63 printable characters")


def checked_query(draft: QueryDraft) -> None:
    """Raise InvalidQuery or InvalidName for the first fault of a draft."""
    name(draft.id, "id")
    name(draft.database, "database")
    if not draft.sql.strip() or len(draft.sql) > MAX_SQL or "\0" in draft.sql:
        raise InvalidQuery(field="sql", reason=f"not one statement of at most {MAX_SQL} characters")
    if len(draft.description) > MAX_DESCRIPTION:
        raise InvalidQuery(field="description", reason=f"longer than {MAX_DESCRIPTION} characters")
    if not 1 <= draft.max_rows <= MAX_ROWS:
        raise InvalidQuery(field="max_rows", reason=f"not between 1 and {MAX_ROWS}")
    if not 0 < draft.seconds <= MAX_SECONDS:
        raise InvalidQuery(field="seconds", reason=f"not above 0 and up to {MAX_SECONDS:g}")
    declared = [parameter.name for parameter in draft.parameters]
    if len(declared) > MAX_PARAMETERS or len(set(declared)) != len(declared):
        raise InvalidQuery(field="parameters", reason=f"one twice, or more than {MAX_PARAMETERS}")
    if not all(_NAME.fullmatch(each) for each in declared):
        raise InvalidQuery(field="parameters", reason="names are letters, digits and underscores")
    used = set(names_in(draft.sql))
    if used != set(declared):
        odd = sorted(used ^ set(declared))[:10]
        raise InvalidQuery(field="parameters", reason="not those that the SQL has as :name", names=odd)


def checked_values(query: QueryDraft, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return a value for each parameter; raise InvalidQueryParameters, naming the one, never its value."""
    known = {parameter.name: parameter for parameter in query.parameters}
    for each in given:
        if each not in known:
            raise InvalidQueryParameters(field=f"parameters/{each[:63]}", reason="unknown", known=sorted(known))
    values: dict[str, Any] = {}
    for parameter in query.parameters:
        value = given.get(parameter.name)
        if value is None and parameter.required:
            raise InvalidQueryParameters(field=f"parameters/{parameter.name}", reason="required")
        values[parameter.name] = None if value is None else _typed(parameter, value)
    return values


def _typed(parameter: SqlParameter, value: Any) -> Any:  # noqa: ANN401 - a JSON value, and what the type makes of it
    match parameter.type, value:
        case "text", str() if "\0" not in value:
            return value
        case "integer", int() if not isinstance(value, bool) and -_BIGGEST <= value <= _BIGGEST:
            return value
        case "number", int() | float() if not isinstance(value, bool):
            return float(value)
        case "boolean", bool():
            return value
        case "date" | "timestamp", str():
            return _moment(parameter, value)
    raise InvalidQueryParameters(field=f"parameters/{parameter.name}", reason=f"not of type {parameter.type}")


def _moment(parameter: SqlParameter, text: str) -> date | datetime:
    try:
        if parameter.type == "date":
            return date.fromisoformat(text)
        at = datetime.fromisoformat(text)
    except ValueError:
        reason = f"not a {parameter.type} of ISO 8601"
        raise InvalidQueryParameters(field=f"parameters/{parameter.name}", reason=reason) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def jsonable(value: Any) -> Any:  # noqa: ANN401, PLR0911 - what a driver returns, as JSON; one case for each type
    """Return a value of a row as JSON: exact numbers and times as texts, bytes in base64."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if value == value and abs(value) != float("inf") else None  # noqa: PLR0124 - that is NaN
        case bytes() | memoryview():
            return base64.b64encode(bytes(value)).decode()
        case datetime() | date():
            return value.isoformat()
        case Decimal() | UUID():
            return str(value)
        case dict():
            return {str(key): jsonable(each) for key, each in value.items()}
        case list() | tuple():
            return [jsonable(each) for each in value]
    return str(value)


def named(columns: Sequence[str]) -> tuple[str, ...]:
    """Return the names of columns, each once: a second `id` is `id_2`."""
    seen: dict[str, int] = {}
    names = []
    for column in columns:
        seen[column] = seen.get(column, 0) + 1
        names.append(column if seen[column] == 1 else f"{column}_{seen[column]}")
    return tuple(names)
