"""Acts as lines of a file: JSON, or CSV that a spreadsheet takes for text."""

import csv
import io

import msgspec

from muelle.core import plain_line
from muelle.identity.shapes import ActShape

COLUMNS = tuple(field.name for field in msgspec.structs.fields(ActShape))
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what makes a cell a formula, by OWASP's "CSV Injection"
_ENCODE = msgspec.json.Encoder().encode


def json_line(act: ActShape) -> bytes:
    """Return an act as a line of JSON."""
    return plain_line(_ENCODE(act)) + b"\n"


def csv_head() -> bytes:
    """Return the names of the columns."""
    return _line(COLUMNS)


def csv_line(act: ActShape) -> bytes:
    """Return an act as a line of CSV (RFC 4180); a cell that would be a formula gets an apostrophe before it."""
    values = msgspec.to_builtins(act)
    return _line(tuple(_cell(values[name]) for name in COLUMNS))


def _cell(value: str | None) -> str:
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: tuple[str, ...]) -> bytes:
    target = io.StringIO()
    csv.writer(target).writerow(cells)
    return target.getvalue().encode()
