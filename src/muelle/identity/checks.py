"""Checks of what administrators hand in; each error names the field and the remedy."""

import math
from collections.abc import Collection, Iterable, Mapping
from datetime import datetime, timedelta
from difflib import get_close_matches

from muelle.identity.errors import (
    InvalidAddress,
    InvalidExpiry,
    InvalidLimit,
    InvalidPattern,
    InvalidText,
    TooManyAddresses,
    UnknownLimit,
)
from muelle.identity.model import SCOPES, Rule, UnknownScope

MAX_PATTERN = 500
MAX_TEXT = 1000
MAX_ADDRESSES = 100
_FIRST_PRINTABLE = " "
_DELETE = "\x7f"


def checked_text(text: str, field: str, *, lines: bool = False) -> str:
    """Return a text of at most 1000 characters, with line breaks only if `lines`; else raise InvalidText."""
    if len(text) > MAX_TEXT or not is_clean(text.replace("\n", "").replace("\t", "") if lines else text):
        raise InvalidText(field=field, length=len(text), longest=MAX_TEXT)
    return text


def is_clean(text: str) -> bool:
    """Tell whether a text has neither control characters nor lone surrogates."""
    if any(character < _FIRST_PRINTABLE or character == _DELETE for character in text):
        return False
    return not any("\ud800" <= character <= "\udfff" for character in text)


def checked_scope(scope: str) -> str:
    """Return a scope that there is, or '*'; raise UnknownScope."""
    if scope not in SCOPES and scope != "*":
        raise UnknownScope(field="scope", value=scope[:100], nearest=get_close_matches(scope, SCOPES, n=1))
    return scope


def checked_rule(scope: str, pattern: str) -> Rule:
    """Return the rule; raise UnknownScope or InvalidPattern."""
    checked_scope(scope)
    if not 1 <= len(pattern) <= MAX_PATTERN or not is_clean(pattern):
        raise InvalidPattern(field="pattern", length=len(pattern), longest=MAX_PATTERN)
    return Rule(scope, pattern)


def checked_limits(limits: Mapping[str, float], known: Collection[str]) -> dict[str, float]:
    """Return limits of known names with positive, finite numbers; raise UnknownLimit or InvalidLimit."""
    for limit, value in limits.items():
        if limit not in known:
            nearest = get_close_matches(limit, known, n=1)
            raise UnknownLimit(field=f"limits.{limit[:100]}", nearest=nearest, known=sorted(known))
        if not _is_positive(value):
            raise InvalidLimit(field=f"limits.{limit}", value=str(value)[:100])
    return dict(limits)


def _is_positive(value: object) -> bool:
    """Tell whether a value from JSON is a positive, finite number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and value > 0


def checked_addresses(addresses: Iterable[str]) -> tuple[str, ...]:
    """Return networks in their shortest writing, without repetition; raise InvalidAddress or TooManyAddresses."""
    given = tuple(addresses)
    if len(given) > MAX_ADDRESSES:
        raise TooManyAddresses(field="addresses", number=len(given), most=MAX_ADDRESSES)
    return tuple(dict.fromkeys(_network(text, f"addresses[{index}]") for index, text in enumerate(given)))


def _network(text: str, field: str) -> str:
    import ipaddress  # noqa: PLC0415 - loads in 3 ms, and only a change of a tenant needs it

    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        pass
    try:
        meant = str(ipaddress.ip_network(text, strict=False))
    except ValueError:
        raise InvalidAddress(field=field, value=text[:100]) from None
    raise InvalidAddress(field=field, value=text[:100], nearest=meant)


def checked_expiry(expires: datetime | None, now: datetime) -> datetime | None:
    """Return a time after now; raise InvalidExpiry."""
    if expires is None:
        return None
    if expires.tzinfo is None or expires - now < timedelta(microseconds=1):
        raise InvalidExpiry(field="expires", value=expires.isoformat(), now=now.isoformat())
    return expires
