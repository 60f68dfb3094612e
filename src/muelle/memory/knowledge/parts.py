"""Documents cut into parts: by headings, paragraphs and rows, each with a little of what stood before it. Pure."""

import csv
import io
import re
from collections.abc import Iterable, Iterator

from muelle.memory.knowledge.errors import InvalidDocumentation
from muelle.memory.knowledge.model import CSV, MARKDOWN, MOST_PARTS, Part

LONGEST_PART = 1_500  # characters
OVERLAP = 200  # of the part before, so that what stands across the cut is found, too
_LONGEST_HEADING = 200
_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*\Z")
_FENCE = re.compile(r"\s{0,3}(```|~~~)")
_BLANK = re.compile(r"\n\s*\n")
_SENTENCE = re.compile(r"(?<=[.!?…])\s+|\n")
_DELIMITERS = ",;\t|"

Section = tuple[str, str]  # heading, text


def parts_of(text: str, content_type: str) -> list[Part]:
    """Return the parts of a text, Markdown or table; raise InvalidDocumentation if there are none or too many."""
    if content_type == CSV:
        return numbered(_rows(text))
    return numbered(_cut(_sections(text) if content_type == MARKDOWN else [("", text)]))


def pages(texts: Iterable[str]) -> list[Part]:
    """Return the parts of pages."""
    return numbered(_cut([(f"Page {number}", text) for number, text in enumerate(texts, 1)]))


def numbered(sections: Iterable[Section]) -> list[Part]:
    """Return sections as parts; raise InvalidDocumentation if there are none or too many."""
    found: list[Part] = []
    for heading, text in sections:
        if len(found) == MOST_PARTS:
            raise InvalidDocumentation(field="content", reason=f"more than {MOST_PARTS} parts; divide it")
        found.append(Part(number=len(found) + 1, heading=heading[:_LONGEST_HEADING], text=text))
    if not found:
        raise InvalidDocumentation(field="content", reason="there is no text in it")
    return found


def _sections(text: str) -> Iterator[Section]:
    """Yield the sections of a Markdown text under their headings, from the outermost to the innermost."""
    path: list[tuple[int, str]] = []
    lines: list[str] = []
    fence = ""
    for line in text.splitlines():
        if mark := _FENCE.match(line):
            fence = "" if fence == mark[1] else fence or mark[1]
        found = None if fence else _HEADING.match(line)
        if found is None:
            lines.append(line)
            continue
        yield _named(path), "\n".join(lines)
        lines = []
        path = [each for each in path if each[0] < len(found[1])] + [(len(found[1]), found[2])]
    yield _named(path), "\n".join(lines)


def _named(path: list[tuple[int, str]]) -> str:
    return " > ".join(name for _, name in path)


def _cut(sections: Iterable[Section]) -> Iterator[Section]:
    for heading, text in sections:
        before = ""
        for part in _joined(_pieces(text)):
            yield heading, f"{before}{part}"
            before = _end(part)


def _pieces(text: str) -> Iterator[str]:
    """Yield paragraphs; one that is too long by sentences, and a sentence that is too long by its length."""
    for paragraph in _BLANK.split(text):
        whole = paragraph.strip()
        if len(whole) <= LONGEST_PART:
            yield whole
            continue
        for sentence in _SENTENCE.split(whole):
            for start in range(0, len(sentence), LONGEST_PART):
                yield sentence[start : start + LONGEST_PART].strip()


def _joined(pieces: Iterable[str]) -> Iterator[str]:
    joined = ""
    for piece in filter(None, pieces):
        if joined and len(joined) + len(piece) + 2 > LONGEST_PART:
            yield joined
            joined = ""
        joined = f"{joined}\n\n{piece}" if joined else piece
    if joined:
        yield joined


def _end(text: str) -> str:
    """Return the end of a part, from the beginning of a word, to stand before the next."""
    if len(text) <= OVERLAP:
        return ""
    end = text[-OVERLAP:]
    return f"… {end[end.find(' ') + 1 :].strip()}\n\n"


def _rows(text: str) -> Iterator[Section]:
    """Yield the rows of a table, each with the names of its columns, as many in a part as there is room for."""
    head = text.lstrip().partition("\n")[0]
    delimiter = max(_DELIMITERS, key=head.count)  # the first of them where there is none: a table of one column
    try:
        rows = [row for row in csv.reader(io.StringIO(text), delimiter=delimiter) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise InvalidDocumentation(field="content", reason=f"no table: {error}") from None
    if not rows:
        return
    names, first, lines = rows[0], 2, ""
    for number, row in enumerate(rows[1:], 2):
        cells = (f"{_column(names, place)}: {cell.strip()}" for place, cell in enumerate(row) if cell.strip())
        line = "; ".join(cells)[:LONGEST_PART]
        if lines and len(lines) + len(line) + 1 > LONGEST_PART:
            yield f"Rows {first} to {number - 1}", lines
            first, lines = number, ""
        lines = f"{lines}\n{line}" if lines else line
    if lines:
        yield f"Rows {first} to {len(rows)}", lines


def _column(names: list[str], place: int) -> str:
    name = names[place].strip() if place < len(names) else ""
    return name or f"column {place + 1}"
