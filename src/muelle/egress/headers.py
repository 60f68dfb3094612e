"""Headers of calls that leave: what may be sent, and what is Muelle's own. Pure."""

import re
from collections.abc import Mapping
from typing import Any

from muelle.egress.errors import InvalidHeader

# What frames the message or steers the connection decides where a request ends: never in the hands of an agent.
OWN_HEADERS = frozenset(
    {
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
# What a call keeps when it is redirected to another server; everything else may be a secret.
KEPT_ACROSS_ORIGINS = frozenset(
    {"accept", "accept-language", "content-type", "content-language", "idempotency-key", "range", "user-agent"}
)
MAX_HEADERS = 100

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,200}")  # RFC 9110, section 5.6.2
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\U0010ffff]*")


def checked_name(header: str) -> str:
    """Return the name in lower case; raise InvalidHeader if it may not be sent."""
    if not _TOKEN.fullmatch(header):
        raise InvalidHeader(header=header[:100], reason="not a header name")
    lower = header.lower()
    if lower in OWN_HEADERS:
        raise InvalidHeader(header=lower, reason="set by Muelle itself")
    return lower


def checked_names(headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return headers by lower-case name, values untouched; raise InvalidHeader."""
    if len(headers) > MAX_HEADERS:
        raise InvalidHeader(reason=f"more than {MAX_HEADERS} headers")
    named = {checked_name(header): value for header, value in headers.items()}
    if len(named) != len(headers):
        raise InvalidHeader(reason="the same header twice")
    return named


def checked_value(header: str, value: object) -> str:
    """Return the value as text without spaces around it; raise InvalidHeader, which never shows the value."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidHeader(header=header, reason="neither text nor number")
    text = str(value).strip(" \t")
    if not _VALUE.fullmatch(text) or not _is_encodable(text):
        raise InvalidHeader(header=header, reason="line break or control character in the value")
    return text


def _is_encodable(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= character <= "\udfff" for character in text)


def checked_headers(headers: Mapping[str, Any], max_bytes: int) -> dict[str, str]:
    """Return headers ready to be sent; None values are left out. Raise InvalidHeader."""
    sent = {header: checked_value(header, value) for header, value in headers.items() if value is not None}
    if sum(len(header) + len(value.encode()) + 4 for header, value in sent.items()) > max_bytes:
        raise InvalidHeader(reason=f"headers of more than {max_bytes} bytes")
    return sent
