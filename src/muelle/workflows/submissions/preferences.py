"""What the headers of a request ask for: RFC 7240's `Prefer`, `Idempotency-Key`, `Last-Event-ID`."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from muelle.workflows.submissions.errors import InvalidEventId, InvalidIdempotencyKey

_KEY = re.compile(rb"[!-~]{1,255}\Z")
_SECONDS = re.compile(r"[0-9]{1,9}\Z")
_NUMBER = re.compile(r"[0-9]{1,18}\Z")
_STREAM = b"text/event-stream"

Headers = Mapping[bytes, bytes]
"""Of one request; names are in lower case."""


class Preference(NamedTuple):
    """Whether an answer may come before the run has ended, and for how many seconds it may be waited for first."""

    is_async: bool
    wait: int | None

    def applied(self, seconds: float) -> bytes:
        """Return `Preference-Applied`, where `seconds` is how long was really to be waited."""
        parts = [b"respond-async"] if self.is_async else []
        return b", ".join(parts if self.wait is None else [*parts, b"wait=%d" % seconds])


def preference(headers: Headers) -> Preference | None:
    """Return what is preferred, None if nothing that is known here. The first of two equal ones counts (RFC 7240)."""
    given = headers.get(b"prefer")
    if given is None:
        return None
    found: dict[str, str] = {}
    for part in given.decode("latin-1").split(","):
        name, _, value = part.partition(";")[0].partition("=")
        found.setdefault(name.strip().lower(), value.strip().strip('"'))
    wait = found.get("wait", "")
    seconds = int(wait) if _SECONDS.match(wait) else None
    is_async = "respond-async" in found
    return Preference(is_async, seconds) if is_async or seconds is not None else None


def idempotency_key(headers: Headers) -> str:
    """Return the key, "" if there is none; raise InvalidIdempotencyKey."""
    given = headers.get(b"idempotency-key")
    if given is None:
        return ""
    if not _KEY.match(given):
        raise InvalidIdempotencyKey(header="Idempotency-Key")
    return given.decode("ascii")


def wants_stream(headers: Headers) -> bool:
    """Tell whether the answer is to be a stream of events."""
    return _STREAM in headers.get(b"accept", b"").lower()


def last_event(headers: Headers, after: str | None) -> int:
    """Return the id of the last event that was seen, -1 for none; the header goes before `after`."""
    given = headers.get(b"last-event-id", b"").decode("latin-1") or after or ""
    if not given:
        return -1
    if not _NUMBER.match(given):
        raise InvalidEventId(id=given[:100])
    return int(given)
