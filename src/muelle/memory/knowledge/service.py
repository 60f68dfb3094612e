"""The verbs on knowledge bases."""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any, NoReturn

from muelle.core import Clock, Ids, TenantId, name
from muelle.identity import Acts, AuditTrail, Page, Principal, Refused
from muelle.memory.knowledge.errors import (
    DocumentationTooLarge,
    DocumentNotFound,
    InvalidDocumentation,
    PdfNotReadable,
    TooManyDocuments,
)
from muelle.memory.knowledge.model import LONGEST_TITLE, PDF, TYPES, Base, Document, Draft, Hit, Part, document_id
from muelle.memory.knowledge.parts import pages, parts_of
from muelle.memory.knowledge.store import DocumentStore
from muelle.memory.search.errors import InvalidQuery
from muelle.memory.search.model import Entry, Found, Sight
from muelle.memory.search.service import Search
from muelle.memory.search.settings import MemorySettings

MAX_PAGE = 500
_READ, _WRITE = "knowledge:read", "knowledge:write"
_BRIEF = 300
_DEEP = 50  # documents read at a time where only some may be seen


class Knowledge:
    """Adds, finds and removes documents: `knowledge:read` and `knowledge:write` on the base.

    What one may neither read nor write is not there. Its parts are entries of the search, and it is the source that
    tells of them; it keeps them up to date itself, and so never has anything new when it is asked.
    """

    name = "knowledge"

    def __init__(
        self, store: DocumentStore, search: Search, trail: AuditTrail, clock: Clock, settings: MemorySettings
    ) -> None:
        self._store = store
        self._search = search
        self._trail = trail
        self._acts = Acts(clock, Ids(clock))
        self._clock = clock
        self._settings = settings

    async def add(self, actor: Principal, draft: Draft, *, request: str = "") -> Document:
        """Keep a document in place of one of the same base and title.

        Raise Refused, InvalidName, InvalidDocumentation, DocumentationTooLarge, TooManyDocuments or PdfNotReadable.
        """
        base = name(draft.base, "base")
        await self._permit(actor, "knowledge.add", base, request)
        self._check(draft)
        identity = document_id(base, draft.title)
        most = self._settings.max_documents
        if await self._store.find(actor.tenant, identity) is None and await self._store.count(actor.tenant) >= most:
            raise TooManyDocuments(limit=most, setting="memory.max_documents")
        parts = await asyncio.to_thread(_parts, draft)
        document = Document(
            id=identity,
            tenant=actor.tenant,
            base=base,
            title=draft.title,
            content_type=draft.content_type,
            size=len(draft.content),
            parts=len(parts),
            digest=hashlib.sha256(draft.content).hexdigest(),
            created=self._clock.now(),
        )
        await self._search.store.sync(actor.tenant, _source(identity), _entries(document, parts))
        act = self._acts.allowed(actor, "knowledge.add", base, request=request, detail=identity)
        await asyncio.gather(self._store.put(document), self._trail.record([act]))
        return document

    def _check(self, draft: Draft) -> None:
        if not draft.title.strip() or len(draft.title) > LONGEST_TITLE or not draft.title.isprintable():
            raise InvalidDocumentation(field="title", reason=f"not 1 to {LONGEST_TITLE} characters without line breaks")
        if draft.content_type not in TYPES:
            raise InvalidDocumentation(field="content_type", value=draft.content_type[:100], known=list(TYPES))
        if len(draft.content) > self._settings.max_document_bytes:
            limit = self._settings.max_document_bytes
            raise DocumentationTooLarge(size=len(draft.content), limit=limit, setting="memory.max_document_bytes")

    async def remove(self, actor: Principal, document: str, *, request: str = "") -> None:
        """Remove a document; raise DocumentNotFound or Refused."""
        found = await self._seen(actor, document)
        await self._permit(actor, "knowledge.remove", found.base, request)
        await self._search.store.sync(actor.tenant, _source(found.id), [])
        act = self._acts.allowed(actor, "knowledge.remove", found.base, request=request, detail=found.id)
        await asyncio.gather(self._store.remove(actor.tenant, found.id), self._trail.record([act]))

    async def show(self, actor: Principal, document: str) -> tuple[Document, list[Part]]:
        """Return a document and its parts; raise DocumentNotFound."""
        found = await self._seen(actor, document)
        entries = await self._search.store.of_source(actor.tenant, _source(found.id))
        parts = (Part(number=_number(each.id), heading=_heading(each), text=each.body) for each in entries)
        return found, sorted(parts, key=lambda part: part.number)

    async def list(
        self, actor: Principal, base: str = "", limit: int = 50, cursor: str | None = None
    ) -> Page[Document]:
        """Return documents that the actor may see, of one base or of all; raise InvalidQuery."""
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidQuery(field="limit", value=limit, largest=MAX_PAGE)
        found: list[Document] = []
        after = cursor or ""
        while len(found) <= limit:
            page = await self._store.page(actor.tenant, base, after, limit + _DEEP)
            found += [each for each in page if _may_see(actor, each.base)]
            if len(page) < limit + _DEEP:
                break
            after = page[-1].id
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def bases(self, actor: Principal) -> tuple[Base, ...]:
        """Return the bases that the actor may see."""
        return tuple(each for each in await self._store.bases(actor.tenant) if _may_see(actor, each.id))

    async def search(
        self, actor: Principal, query: str, base: str = "", limit: int = 10
    ) -> tuple[tuple[Hit, ...], str]:
        """Return the parts that answer a query, best first, and what is to be known of how they were found.

        Raise InvalidQuery.
        """
        only = Sight(_READ, base) if base else None
        answers = await self._search.find(actor, query, kinds=("knowledge",), only=only, limit=limit)
        hits = [hit for found in answers.found if (hit := await self._hit(actor, found))]
        return tuple(hits), answers.note

    async def _hit(self, actor: Principal, found: Found) -> Hit | None:
        document = await self._store.find(actor.tenant, found.id.partition("#")[0])
        if document is None or not _may_see(actor, document.base):
            return None  # it was being added when the process ended, and was never whole
        return Hit(
            document=document.id,
            base=document.base,
            title=document.title,
            part=_number(found.id),
            heading=_heading(found),
            text=found.body,
            score=found.score,
        )

    async def mark(self, tenant: TenantId) -> str:
        """Return the same at all times: entries are kept when documents are."""
        del tenant
        return ""

    async def entries(self, tenant: TenantId) -> Sequence[Entry]:
        """Return nothing, for nobody asks."""
        del tenant
        return ()

    async def tell(self, principal: Principal, entry: Found) -> Sequence[Mapping[str, Any]]:
        """Return a part whole, in brief, or by its headings alone."""
        hit = await self._hit(principal, entry)
        if hit is None:
            return ()
        short = {"base": hit.base, "title": hit.title, **({"heading": hit.heading} if hit.heading else {})}
        return [{**short, "text": hit.text}, {**short, "text": hit.text[:_BRIEF]}, short]

    async def _seen(self, actor: Principal, document: str) -> Document:
        found = await self._store.find(actor.tenant, document)
        if found is None or not _may_see(actor, found.base):
            raise DocumentNotFound(document=document[:100])
        return found

    async def _permit(self, actor: Principal, action: str, base: str, request: str) -> None:
        if not actor.may(_WRITE, base):
            await self._refuse(actor, action, base, request)

    async def _refuse(self, actor: Principal, action: str, base: str, request: str) -> NoReturn:
        act = self._acts.refused(actor, action, base, request=request, detail=f"refused scope={_WRITE}")
        await self._trail.record([act])
        raise Refused(scope=_WRITE, resource=base)


def _may_see(actor: Principal, base: str) -> bool:
    return actor.may(_READ, base) or actor.may(_WRITE, base)


def _source(document: str) -> str:
    return f"knowledge:{document}"


def _parts(draft: Draft) -> list[Part]:
    if draft.content_type == PDF:
        return pages(_reader()(draft.content))
    try:
        text = draft.content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidDocumentation(field="content", reason=f"not UTF-8 at byte {error.start}") from None
    return parts_of(text.replace("\0", ""), draft.content_type)


def _reader() -> Callable[[bytes], list[str]]:
    if find_spec("pypdf") is None:
        raise PdfNotReadable
    from muelle.memory.knowledge.adapters.pdf import page_texts  # noqa: PLC0415 - an extra

    return page_texts


def _entries(document: Document, parts: Sequence[Part]) -> list[Entry]:
    sights = (Sight(_READ, document.base), Sight(_WRITE, document.base))
    return [
        Entry(
            kind="knowledge",
            id=f"{document.id}#{part.number}",
            title=f"{document.title}\n{part.heading}" if part.heading else document.title,
            body=part.text,
            tags=(document.base,),
            sights=sights,
        )
        for part in parts
    ]


def _number(entry: str) -> int:
    return int(entry.partition("#")[2])


def _heading(entry: Entry | Found) -> str:
    return entry.title.partition("\n")[2]
