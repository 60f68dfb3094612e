"""What an HTTP answer becomes in the data model."""

import base64
import codecs
from collections.abc import Sequence
from typing import Final

import msgspec

from muelle.core import HttpAnswer
from muelle.packs import Json

PREVIEW: Final = 200  # characters of the body that an error shows
_NO_CONTENT: Final = 204
_TEXTUAL: Final = frozenset(
    {
        "application/javascript", "application/ecmascript", "application/x-www-form-urlencoded", "application/xml",
        "application/yaml", "application/x-yaml", "application/toml", "application/sql", "application/graphql",
        "application/x-ndjson", "application/jsonl", "image/svg+xml",
    }
)  # fmt: skip


def read_body(method: str, answer: HttpAnswer) -> Json:
    """Return the body as JSON, as text, as base64 of bytes, or null if there is none.

    JSON is what says so, or says nothing, or is plain text that is a JSON object or list (as raw files are served); if
    it cannot be parsed (NaN and numbers beyond a double's range are no JSON) it is text.
    """
    if method == "HEAD" or answer.status == _NO_CONTENT or not answer.body:
        return None
    kind, charset = _content_type(answer)
    if _may_be_json(kind, answer.body):
        try:
            return msgspec.json.decode(answer.body)
        except (msgspec.MsgspecError, RecursionError, ValueError):
            pass  # what is no JSON is text or bytes
    return _text_or_base64(kind, charset, answer.body)


def _text_or_base64(kind: str, charset: str | None, body: bytes) -> str:
    if charset is not None or kind.startswith("text/") or kind in _TEXTUAL or kind.endswith(("json", "+xml", "+yaml")):
        return body.decode(charset or "utf-8", errors="replace")
    if not kind:
        try:
            return body.decode()
        except UnicodeDecodeError:
            pass  # bytes of an unknown kind
    return base64.b64encode(body).decode("ascii")


def _content_type(answer: HttpAnswer) -> tuple[str, str | None]:
    """Return the media type in lower case, and the charset if Python knows it."""
    kind, *parameters = answer.headers.get("content-type", "").lower().split(";")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset":
            return kind.strip(), _known(value.strip(" \"'"))
    return kind.strip(), None


def _known(charset: str) -> str | None:
    """Return the charset if it is one that bytes can be decoded with as text."""
    try:
        return charset if codecs.lookup(charset)._is_text_encoding else None  # noqa: SLF001 - there is no other way to tell 'hex' from 'utf-8'
    except (LookupError, ValueError):
        return None


def _may_be_json(kind: str, body: bytes) -> bool:
    if kind in ("", "application/json", "text/json") or kind.endswith("+json"):
        return True
    return kind == "text/plain" and body.lstrip()[:1] in (b"{", b"[")


def preview(answer: HttpAnswer) -> str:
    """Return the beginning of the body as text."""
    _, charset = _content_type(answer)
    return answer.body[: 4 * PREVIEW].decode(charset or "utf-8", errors="replace")[:PREVIEW]


def is_accepted(status: int, accepted: Sequence[int | str]) -> bool:
    """Return whether a status is among numbers, classes ('4xx') and ranges ('404-410')."""
    return any(_covers(entry, status) for entry in accepted)


def _covers(entry: int | str, status: int) -> bool:
    if isinstance(entry, int):
        return entry == status
    if entry.lower().endswith("xx"):
        return int(entry[0]) == status // 100
    first, _, last = entry.partition("-")
    return int(first) <= status <= int(last or first)
