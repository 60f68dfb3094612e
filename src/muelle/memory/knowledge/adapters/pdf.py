"""The text of PDF files, by pypdf: page by page, nothing in them is run or fetched."""

import io
import logging

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from muelle.memory.knowledge.errors import InvalidDocumentation

MOST_PAGES = 2_000
MOST_TEXT = 20_000_000  # characters of all pages together

logging.getLogger("pypdf").setLevel(logging.ERROR)  # what is a little wrong in a file concerns nobody


def page_texts(content: bytes) -> list[str]:
    """Return the text of each page; raise InvalidDocumentation. It may take seconds: call it in a thread."""
    try:
        reader = PdfReader(io.BytesIO(content))
        if reader.is_encrypted:
            raise InvalidDocumentation(field="content", reason="the PDF is encrypted")
        if len(reader.pages) > MOST_PAGES:
            raise InvalidDocumentation(field="content", reason=f"more than {MOST_PAGES} pages; divide it")
        return _within_bounds(reader)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise InvalidDocumentation(field="content", reason=f"no PDF that can be read: {type(error).__name__}") from None


def _within_bounds(reader: PdfReader) -> list[str]:
    texts: list[str] = []
    length = 0
    for page in reader.pages:
        texts.append(page.extract_text())
        length += len(texts[-1])
        if length > MOST_TEXT:
            raise InvalidDocumentation(field="content", reason=f"more than {MOST_TEXT} characters of text; divide it")
    return texts
