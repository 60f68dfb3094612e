"""Where it is kept which documents there are; their parts are entries of the search."""

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta

from muelle.core import TenantId
from muelle.memory.knowledge.model import Base, Document
from muelle.stores import Database, Row, Statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_COLUMNS = "id, tenant, base, title, content_type, size, parts, digest, created"
_PUT = (
    f"INSERT INTO knowledge_documents ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant, id)"  # noqa: S608 - a constant
    " DO UPDATE SET content_type = excluded.content_type, size = excluded.size, parts = excluded.parts,"
    " digest = excluded.digest, created = excluded.created"
)
_PAGE = f"SELECT {_COLUMNS} FROM knowledge_documents WHERE tenant = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - as above
_PAGE_OF = f"SELECT {_COLUMNS} FROM knowledge_documents WHERE tenant = ? AND base = ? AND id > ? ORDER BY id LIMIT ?"  # noqa: S608 - as above
_ONE = f"SELECT {_COLUMNS} FROM knowledge_documents WHERE tenant = ? AND id = ?"  # noqa: S608 - as above
_BASES = "SELECT base, COUNT(*), SUM(parts) FROM knowledge_documents WHERE tenant = ? GROUP BY base ORDER BY base"
_COUNT = "SELECT COUNT(*) FROM knowledge_documents WHERE tenant = ?"
_REMOVE = "DELETE FROM knowledge_documents WHERE tenant = ? AND id = ?"


class DocumentStore:
    """The documents of all tenants in a Database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def put(self, document: Document) -> Awaitable[None]:
        """Keep a document, in place of the one of its id."""
        created = (document.created - _EPOCH) // _MICROSECOND
        row = (document.id, document.tenant, document.base, document.title, document.content_type)
        return self._database.commit(
            [Statement(_PUT, [(*row, document.size, document.parts, document.digest, created)])]
        )

    def remove(self, tenant: TenantId, document: str) -> Awaitable[None]:
        """Remove a document."""
        return self._database.commit([Statement(_REMOVE, [(tenant, document)])])

    async def find(self, tenant: TenantId, document: str) -> Document | None:
        """Return a document, or None."""
        rows = await self._database.fetch(_ONE, tenant, document)
        return _document(rows[0]) if rows else None

    async def page(self, tenant: TenantId, base: str, after: str, limit: int) -> list[Document]:
        """Return documents after an id, of one base or of all."""
        if base:
            return [_document(row) for row in await self._database.fetch(_PAGE_OF, tenant, base, after, limit)]
        return [_document(row) for row in await self._database.fetch(_PAGE, tenant, after, limit)]

    async def bases(self, tenant: TenantId) -> list[Base]:
        """Return the bases that have documents."""
        rows = await self._database.fetch(_BASES, tenant)
        return [Base(id=base, documents=int(documents), parts=int(parts)) for base, documents, parts in rows]

    async def count(self, tenant: TenantId) -> int:
        """Return how many documents the tenant has."""
        return int((await self._database.fetch(_COUNT, tenant))[0][0])


def _document(row: Row) -> Document:
    identity, tenant, base, title, content_type, size, parts, digest, created = row
    return Document(
        id=identity,
        tenant=TenantId(tenant),
        base=base,
        title=title,
        content_type=content_type,
        size=size,
        parts=parts,
        digest=digest,
        created=_EPOCH + created * _MICROSECOND,
    )
