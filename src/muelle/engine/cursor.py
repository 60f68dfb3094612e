"""Where the next page of runs begins, in a form that a client hands back unchanged."""

import base64
import binascii
import hashlib

from muelle.core import RunId
from muelle.engine.errors import InvalidCursor

MOST_RUNS = 1000
_TIME = 8  # bytes
_CHECK = 4  # bytes: against slips of the pen, not against forgery, for a forged one shows nothing of other tenants
_LONGEST = 400


def write_cursor(started: int, run: RunId) -> str:
    """Return the cursor that follows a run which started at so many microseconds."""
    place = started.to_bytes(_TIME, "big", signed=True) + run.encode()
    return base64.urlsafe_b64encode(_check(place) + place).rstrip(b"=").decode()


def read_cursor(text: str) -> tuple[int, RunId]:
    """Return time and run; raise InvalidCursor for what `write_cursor` did not write."""
    try:
        whole = base64.b64decode(text[:_LONGEST].encode() + b"==", altchars=b"-_", validate=False)
        check, place = whole[:_CHECK], whole[_CHECK:]
        if _check(place) != check or len(text) > _LONGEST or b"\0" in place[_TIME:]:
            raise InvalidCursor(cursor=text[:80])
        return int.from_bytes(place[:_TIME], "big", signed=True), RunId(place[_TIME:].decode())
    except (binascii.Error, UnicodeError):
        raise InvalidCursor(cursor=text[:80]) from None


def _check(place: bytes) -> bytes:
    return hashlib.blake2b(place, digest_size=_CHECK).digest()
