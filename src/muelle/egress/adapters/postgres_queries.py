"""Queries on PostgreSQL by asyncpg: the address that is connected to is judged, read-only by the server, ended by it.

One connection for each query: what one query leaves behind in its session no other sees.
"""

import asyncio
import ssl
from collections.abc import Sequence
from typing import Any

import asyncpg
import msgspec

from muelle.egress.errors import AddressRefused
from muelle.egress.guard import Networks, refusal
from muelle.egress.queries.errors import (
    QueryDatabaseUnreachable,
    QueryFailed,
    QueryTookTooLong,
    RowsTooLarge,
)
from muelle.egress.queries.model import Order, Rows, SqlDatabaseDraft, jsonable, named
from muelle.egress.queries.text import numbered

_CONNECT = 10.0  # seconds
_GRACE = 2.0  # seconds beyond the server's own limit
_BATCH = 100
_CANCELLED = "57014"


class NamedContext(ssl.SSLContext):
    """Checks the certificate for a name, though the connection is made to an address."""

    server_name = ""

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,  # noqa: FBT001, FBT002 - the parent's signature
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """Wrap a connection, for the name instead of the address."""
        del server_hostname
        return super().wrap_bio(incoming, outgoing, server_side, self.server_name, session)


def named_context(host: str, ca_file: str) -> NamedContext:
    """Return a context that trusts the system's authorities, and those of a file, for one host."""
    context = NamedContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_default_certs()
    if ca_file:
        context.load_verify_locations(ca_file)
    context.server_name = host
    return context


async def run_postgres(
    database: SqlDatabaseDraft, password: str, order: Order, networks: Networks, ca_file: str
) -> Rows:
    """Run a query; raise AddressRefused, QueryFailed, QueryTookTooLong, QueryDatabaseUnreachable or RowsTooLarge."""
    query = order.query
    address = await _address(database, networks)
    try:
        async with asyncio.timeout(query.seconds + _CONNECT + _GRACE):
            connection = await asyncpg.connect(
                host=address,
                port=database.port,
                user=database.user,
                password=password or None,
                database=database.database,
                ssl=named_context(database.host, ca_file) if database.tls else False,
                timeout=_CONNECT,
                server_settings={
                    "statement_timeout": str(int(query.seconds * 1000)),
                    "default_transaction_read_only": "off" if query.writes else "on",
                    "application_name": "muelle",
                },
            )
            try:
                async with connection.transaction(readonly=not query.writes):
                    return await _read(connection, order)
            finally:
                await connection.close(timeout=_GRACE)
    except TimeoutError:
        raise QueryTookTooLong(query=query.id, seconds=query.seconds) from None
    except asyncpg.PostgresError as error:
        if error.sqlstate == _CANCELLED:
            raise QueryTookTooLong(query=query.id, seconds=query.seconds) from None
        if error.sqlstate and error.sqlstate[:2] in {"08", "28", "3D", "53", "57"}:
            raise QueryDatabaseUnreachable(database=database.id, reason=error.sqlstate) from None
        raise QueryFailed(query=query.id, reason=error.sqlstate) from None
    except (OSError, asyncpg.InterfaceError, asyncpg.InternalClientError) as error:
        raise QueryDatabaseUnreachable(database=database.id, reason=type(error).__name__) from None


async def _address(database: SqlDatabaseDraft, networks: Networks) -> str:
    """Return an address of the host that calls of the tenant may reach: the very one that is connected to."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(database.host, database.port)
    except OSError:
        raise QueryDatabaseUnreachable(database=database.id, reason="its name is not known") from None
    addresses = [str(each[4][0]) for each in found]
    allowed = [address for address in addresses if refusal(address, networks) is None]
    if not allowed:
        raise AddressRefused(host=database.host)
    return allowed[0]


async def _read(connection: asyncpg.Connection, order: Order) -> Rows:
    query = order.query
    names = [parameter.name for parameter in query.parameters]
    statement = await connection.prepare(numbered(query.sql, names))
    columns = named([each.name for each in statement.get_attributes()])
    values = [order.values[name] for name in names]
    if not columns:
        await statement.fetch(*values)
        return Rows(columns=(), rows=[], count=0, truncated=False)
    cursor = await statement.cursor(*values)
    kept: list[dict[str, Any]] = []
    left = order.max_bytes
    while batch := await cursor.fetch(min(_BATCH, query.max_rows + 1 - len(kept))):
        told = [dict(zip(columns, map(jsonable, record), strict=True)) for record in _plain(batch)]
        left -= len(msgspec.json.encode(told))
        if left < 0:
            raise RowsTooLarge(query=query.id, limit=order.max_bytes)
        kept += told
        if len(kept) > query.max_rows:
            return Rows(columns=columns, rows=kept[: query.max_rows], count=query.max_rows, truncated=True)
    return Rows(columns=columns, rows=kept, count=len(kept), truncated=False)


def _plain(batch: Sequence[Any]) -> list[tuple[Any, ...]]:
    return [tuple(record.values()) for record in batch]
