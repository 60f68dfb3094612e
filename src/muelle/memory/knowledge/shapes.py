"""What the HTTP routes of knowledge bases take and give. The OpenAPI document is made from these types."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from muelle.memory.knowledge.model import LONGEST_TITLE, Base, Document, Hit, Part
from muelle.memory.search.service import LONGEST_QUERY, MOST_FOUND

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"
Type = Literal["text/plain", "text/markdown", "text/csv", "application/pdf"]
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
BaseName = Annotated[str, Meta(pattern=NAME, max_length=100, description="The knowledge base, made by its first.")]


class NewDocument(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A document: `text`, or `data` in base64 for what is no text. It replaces one of the same base and title."""

    base: BaseName
    title: Annotated[str, Meta(min_length=1, max_length=LONGEST_TITLE)]
    content_type: Type = "text/plain"
    text: str | None = None
    data: bytes | None = None


class Question(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A question to knowledge bases: to one, or to all that one may read."""

    query: Annotated[str, Meta(max_length=LONGEST_QUERY)]
    base: BaseName | None = None
    limit: Annotated[int, Meta(ge=1, le=MOST_FOUND)] = 10


class DocumentShape(msgspec.Struct, frozen=True, kw_only=True):
    """A document without what it says."""

    id: str
    base: str
    title: str
    content_type: str
    size: int
    parts: int
    digest: str
    created_at: Moment


class WholeDocument(msgspec.Struct, frozen=True, kw_only=True):
    """A document with its parts, as they are found."""

    document: DocumentShape
    parts: tuple[Part, ...]


class DocumentPage(msgspec.Struct, frozen=True, kw_only=True):
    """Documents by id."""

    documents: tuple[DocumentShape, ...]
    count: int
    next_cursor: str | None


class BaseList(msgspec.Struct, frozen=True, kw_only=True):
    """Knowledge bases by name."""

    bases: tuple[Base, ...]
    count: int


class HitList(msgspec.Struct, frozen=True, kw_only=True):
    """Parts that answer a question, best first; `note` says what is to be known of how they were found."""

    query: str
    results: tuple[Hit, ...]
    count: int
    note: str


def document_shape(document: Document) -> DocumentShape:
    """Return a document as it is shown."""
    return DocumentShape(
        id=document.id,
        base=document.base,
        title=document.title,
        content_type=document.content_type,
        size=document.size,
        parts=document.parts,
        digest=document.digest,
        created_at=document.created,
    )
