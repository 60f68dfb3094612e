"""What HTTP says about keeping answers (RFC 9111, RFC 5861, RFC 8246). Pure: header names are in lower case."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from functools import lru_cache
from typing import Final

from muelle.resilience.caching.model import Caching, Kept

_DIRECTIVE: Final = re.compile(
    r'\s*([!#$%&\'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*)))?\s*(?:,|$)'
)
_MOST_SECONDS: Final = 1 << 31  # RFC 9111, section 1.2.2: what is longer is as good as this
_DIRECTIVES: Final = 64  # of one header: nobody means more
_OK_WITHOUT_WORD: Final = frozenset({200, 203, 204})
_OK_IF_TOLD: Final = _OK_WITHOUT_WORD | {404, 405, 410, 414, 501}  # of those that RFC 9110, 15.1 lets be kept
_CONDITIONS: Final = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since", "if-range", "range")
_NEVER_KEPT: Final = frozenset({"set-cookie", "set-cookie2", "connection", "keep-alive", "proxy-authenticate", "te"})
KEEPABLE: Final = frozenset({"GET", "HEAD"})

Directives = Mapping[str, str | None]


@lru_cache(maxsize=4096)
def directives(text: str) -> Directives:
    """Read a Cache-Control; the first of a name counts, but of two ages the shorter. What cannot be read is skipped."""
    found: dict[str, str | None] = {}
    for name, value in _read(text):
        if name not in found or (name in {"max-age", "s-maxage"} and _seconds(value) < _seconds(found[name])):
            found[name] = value
    return found


def _read(text: str) -> Iterator[tuple[str, str | None]]:
    place = 0
    for _ in range(_DIRECTIVES):
        match = _DIRECTIVE.match(text, place)
        if match is None:
            comma = text.find(",", place)
            if comma < 0:
                return
            place = comma + 1
            continue
        place = match.end()
        quoted = match[2]
        yield match[1].lower(), match[3] if quoted is None else quoted


def _seconds(value: str | None) -> float:
    """Return an age; what is no number is none at all, as RFC 9111, section 4.2.1 advises."""
    if value is None or not (value.isascii() and value.isdecimal()):
        return 0.0
    return float(min(int(value[:12]), _MOST_SECONDS))


@dataclass(frozen=True, slots=True)
class Term:
    """How long an answer may be given again: fresh for `fresh` seconds, stale as long again as the others say."""

    fresh: float
    stale_while_revalidate: float
    stale_if_error: float


def may_ask(method: str, headers: Mapping[str, str]) -> bool:
    """Return whether the cache has a part in a request at all: not if the caller handles it itself."""
    if method not in KEEPABLE or any(name in headers for name in _CONDITIONS):
        return False
    return "no-store" not in directives(headers.get("cache-control", ""))


def asked_age(headers: Mapping[str, str]) -> float | None:
    """Return how old an answer the request itself takes at most, or None: `no-cache`, `max-age`, `Pragma`."""
    text = headers.get("cache-control", "")
    if not text:
        return 0.0 if "no-cache" in headers.get("pragma", "").lower() else None
    asked = directives(text)
    if "no-cache" in asked or "min-fresh" in asked:
        return 0.0
    return _seconds(asked["max-age"]) if "max-age" in asked else None


def term(status: int, headers: Mapping[str, str], rule: Caching, *, has_authorization: bool) -> Term | None:
    """Return how long an answer may be given again by a rule; None if it may not be kept."""
    told = directives(headers.get("cache-control", "")) if rule.obey else {}
    if status not in (_OK_IF_TOLD if _is_told(told, headers) else _OK_WITHOUT_WORD):
        return None
    if "no-store" in told or headers.get("vary", "").strip() == "*" or "content-range" in headers:
        return None
    if rule.share == "tenant" and not _may_be_shared(told, has_authorization=has_authorization):
        return None
    lifetime = _lifetime(told, headers, rule)
    if lifetime is None:
        return None
    is_strict = "must-revalidate" in told or "no-cache" in told
    if rule.share == "tenant":
        is_strict = is_strict or "proxy-revalidate" in told or "s-maxage" in told
    return Term(
        fresh=0.0 if "no-cache" in told else lifetime,
        stale_while_revalidate=0.0 if is_strict else _stale(told, "stale-while-revalidate", rule),
        stale_if_error=0.0 if is_strict else _stale(told, "stale-if-error", rule),
    )


def _is_told(told: Directives, headers: Mapping[str, str]) -> bool:
    return "max-age" in told or "s-maxage" in told or "expires" in headers


def _may_be_shared(told: Directives, *, has_authorization: bool) -> bool:
    """Return whether agents may share an answer (RFC 9111, section 3.5)."""
    if "private" in told:
        return False
    return not has_authorization or bool(told.keys() & {"public", "s-maxage", "must-revalidate"})


def _lifetime(told: Directives, headers: Mapping[str, str], rule: Caching) -> float | None:
    """Return the seconds from the answer's own time that it is fresh: what is said, else what the rule takes for it."""
    if rule.share == "tenant" and "s-maxage" in told:
        return _seconds(told["s-maxage"])
    if "max-age" in told:
        return _seconds(told["max-age"])
    if rule.obey and "expires" in headers:
        date, expires = moment(headers.get("date", "")), moment(headers["expires"])
        return 0.0 if expires is None or date is None else max(0.0, expires - date)
    return rule.seconds or None if rule.mode == "asked" or not rule.obey else None


def _stale(told: Directives, name: str, rule: Caching) -> float:
    wanted = rule.stale_while_revalidate_seconds if name == "stale-while-revalidate" else rule.stale_if_error_seconds
    if wanted is not None:
        return wanted
    return _seconds(told[name]) if name in told else 0.0


def moment(text: str) -> float | None:
    """Return an HTTP date in seconds since 1970, or None."""
    if not text:
        return None
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - 6 ms that few processes need

    try:
        found = parsedate_to_datetime(text)
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def age_at_arrival(headers: Mapping[str, str], asked: float, got: float) -> float:
    """Return how old an answer was when it came, in seconds (RFC 9111, section 4.2.3)."""
    told = _seconds(headers.get("age", "0").partition(",")[0].strip())
    date = moment(headers.get("date", ""))
    apparent = max(0.0, got - date) if date is not None else 0.0
    return min(max(apparent, told + max(0.0, got - asked)), float(_MOST_SECONDS))


def validators(kept: Kept) -> dict[str, str]:
    """Return the headers that ask whether a kept answer still holds; none if it cannot be told."""
    asking: dict[str, str] = {}
    if "etag" in kept.headers:
        asking["if-none-match"] = kept.headers["etag"]
    if "last-modified" in kept.headers:
        asking["if-modified-since"] = kept.headers["last-modified"]
    return asking


def confirms(kept: Kept, headers: Mapping[str, str]) -> bool:
    """Return whether a 304 speaks of the kept answer: its validators, if it names any, are the same."""
    if "etag" in headers:
        return headers["etag"].removeprefix("W/") == kept.headers.get("etag", "").removeprefix("W/")
    if "last-modified" in headers and "etag" not in kept.headers:
        return headers["last-modified"] == kept.headers.get("last-modified")
    return True


def refreshed(kept: Mapping[str, str], told: Mapping[str, str]) -> dict[str, str]:
    """Return kept headers with what a 304 says anew (RFC 9111, section 3.2); what frames the body stays."""
    framing = {"content-length", "content-encoding", "content-type", "content-range", "transfer-encoding"}
    return {**kept, **{name: value for name, value in keepable_headers(told).items() if name not in framing}}


def keepable_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers without those that belong to one connection or one client."""
    return {name: value for name, value in headers.items() if name not in _NEVER_KEPT and name != "age"}
