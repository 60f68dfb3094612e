"""Read a stream of concatenated JSON values: one a line, or pretty-printed over many, or both mixed.

Strict JSON (RFC 8259): no NaN, no number that a double cannot hold, no unpaired surrogate, no control character in a
string. A byte order mark at the beginning is skipped. The decoder is msgspec's; what is ours is to say where a fault
is.
"""

import math
import re
from typing import Any

import msgspec

from muelle.core import TooLarge
from muelle.workflows.issues import Issue

_DECODER = msgspec.json.Decoder()
_OFFSET = re.compile(r"\(byte (\d+)\)\Z")
_STRING_OR_NUMBER = re.compile(rb'"(?:[^"\\]|\\.)*"|-?[0-9][0-9.eE+-]*', re.DOTALL)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.", re.DOTALL
)
_LONGEST_INTEGER = 4_300  # digits; what the decoder holds


class DocumentTooLarge(TooLarge):
    """The document is larger than allowed."""

    code = "document_too_large"
    suggestions = ("Split the work into several documents, or ask an operator to raise the limit document_bytes.",)


class Unreadable(Exception):
    """The text is not a stream of JSON values; `issue` says where."""

    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.message)
        self.issue = issue


def read_stream(text: bytes, max_bytes: int, max_depth: int) -> list[Any]:
    """Return the values of a stream; raise DocumentTooLarge, or Unreadable with line, column and byte offset."""
    if len(text) > max_bytes:
        raise DocumentTooLarge(limit=max_bytes, size=len(text))
    try:
        values = _DECODER.decode_lines(text.removeprefix(_BYTE_ORDER_MARK))
    except RecursionError:
        raise Unreadable(_too_deep(max_depth)) from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Unreadable(_fault(text, error)) from None
    if is_deeper(values, max_depth + 1):
        raise Unreadable(_too_deep(max_depth))
    return values


def _fault(text: bytes, error: Exception) -> Issue:
    marked = len(_BYTE_ORDER_MARK) if text.startswith(_BYTE_ORDER_MARK) else 0
    text = text[marked:]
    offset, reason = _place(text, error)
    before = text[:offset]
    line = before.count(b"\n") + 1
    column = len(before[before.rfind(b"\n") + 1 :].decode("utf-8", "replace")) + 1
    return Issue(
        code="syntax_error",
        message=f"{reason} at line {line}, column {column} (byte {marked + offset})",
        suggestion="Send JSON values one after the other: one a line, or pretty-printed.",
    )


def _place(text: bytes, error: Exception) -> tuple[int, str]:
    if isinstance(error, UnicodeDecodeError):
        return _first_undecodable(text), "Not valid UTF-8"
    message = str(error)
    if found := _OFFSET.search(message):
        return int(found[1]), message[: found.start()].strip().replace("malformed: ", "malformed, ")
    if "out of range" in message:
        return _first_huge_number(text), "A number that no double holds"
    for escape in _ESCAPE.finditer(text):
        if escape[1]:
            return escape.start(), "Half of a surrogate pair stands alone"
    return len(text), "The text ends inside a value"


def _first_undecodable(text: bytes) -> int:
    try:
        text.decode()
    except UnicodeDecodeError as error:
        return error.start
    return len(text)


def _first_huge_number(text: bytes) -> int:
    for token in _STRING_OR_NUMBER.finditer(text):
        digits = token[0]
        if digits.startswith(b'"'):
            continue
        if len(digits) > _LONGEST_INTEGER or not math.isfinite(float(digits)):
            return token.start()
    return len(text)


def _too_deep(max_depth: int) -> Issue:
    return Issue(
        code="too_deep",
        message=f"The document is nested deeper than {max_depth} levels",
        suggestion="Flatten the structure, or ask an operator to raise the limit depth.",
    )


def is_deeper(value: Any, levels: int) -> bool:  # noqa: ANN401 - any JSON value
    """Tell whether a list or object is nested deeper than `levels`, without recursion."""
    layer = [value]
    for _ in range(levels):
        layer = [
            item
            for container in layer
            for item in (container.values() if type(container) is dict else container)
            if type(item) is dict or type(item) is list
        ]
        if not layer:
            return False
    return True
