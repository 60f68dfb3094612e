"""Documents of knowledge bases, as values."""

import hashlib
from datetime import datetime

import msgspec

from muelle.core import TenantId

LONGEST_TITLE = 200
MOST_PARTS = 5_000

TEXT, MARKDOWN, CSV, PDF = "text/plain", "text/markdown", "text/csv", "application/pdf"
TYPES = (TEXT, MARKDOWN, CSV, PDF)
OF_ENDING = {"txt": TEXT, "text": TEXT, "md": MARKDOWN, "markdown": MARKDOWN, "csv": CSV, "tsv": CSV, "pdf": PDF}


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it is handed in. One of the same base and title takes the place of the one before."""

    base: str
    title: str
    content: bytes
    content_type: str = TEXT


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """A document as it is kept: by its parts. `size` is in bytes, of what was handed in."""

    id: str
    tenant: TenantId
    base: str
    title: str
    content_type: str
    size: int
    parts: int
    digest: str
    created: datetime


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a document, under the headings that it stands below."""

    number: int
    heading: str
    text: str


class Base(msgspec.Struct, frozen=True, kw_only=True):
    """A knowledge base: it is there as long as it has documents."""

    id: str
    documents: int
    parts: int


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A part that answers a query."""

    document: str
    base: str
    title: str
    part: int
    heading: str
    text: str
    score: float


def document_id(base: str, title: str) -> str:
    """Return the id of a document: the same for the same base and title, so that handing it in again replaces it."""
    digest = hashlib.sha256(f"{base}\n{title}".encode()).hexdigest()
    return f"document_{digest[:32]}"
