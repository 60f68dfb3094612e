"""Versions of the HTTP API by date: asked for with `Muelle-Version`, told in every answer.

What breaks clients gets a new date; clients that name an older one go on as before until its sunset. Its answers say
so by `Deprecation` (RFC 9745) and `Sunset` (RFC 8594). All headers are made once: a request costs one look-up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

from muelle.core import Clock, Invalid, SystemClock

HEADER = b"muelle-version"
_LONGEST = 50  # characters of what was asked for that an error repeats
Headers = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiVersion:
    """A version: the day from which on it was there, and what it changed. It is refused from `sunset` on."""

    date: str
    summary: str
    deprecated: datetime | None = None
    sunset: datetime | None = None


API_VERSIONS = (ApiVersion(date="2026-11-20", summary="The first one that has a date; paths begin with /api/v1."),)
"""The oldest first; the last one is meant where a request names none."""


class UnknownApiVersion(Invalid):
    """There is no such version of the HTTP API, or not any more."""

    code = "unknown_api_version"
    suggestions = ("Name one of the known versions in the header Muelle-Version, or leave it out for the newest.",)


@dataclass(frozen=True, slots=True)
class Spoken:
    """The version of one answer, and the headers of every answer in it."""

    version: str
    headers: Headers
    sunset: datetime | None


class Negotiation:
    """Which version a request gets."""

    __slots__ = ("_by_name", "_clock", "_versions", "newest")

    def __init__(
        self, versions: Sequence[ApiVersion], common: Sequence[tuple[bytes, bytes]] = (), clock: Clock | None = None
    ) -> None:
        self._versions = tuple(versions)
        self._clock = clock or SystemClock()
        self.newest = _spoken(versions[-1], common)
        self._by_name: dict[bytes | None, Spoken] = {None: self.newest}
        self._by_name |= {version.date.encode(): _spoken(version, common) for version in versions}

    def find(self, asked: bytes | None) -> Spoken | None:
        """Return the version that was asked for, the newest for None; None if there is none of that name."""
        found = self._by_name.get(asked)
        if found is None or found.sunset is None:
            return found
        return found if self._clock.now() < found.sunset else None

    def unknown(self, asked: bytes) -> UnknownApiVersion:
        """Return the error for a version that there is not."""
        known = [version.date for version in self._versions if self.find(version.date.encode())]
        return UnknownApiVersion(
            field="Muelle-Version", value=asked[:_LONGEST].decode("latin-1"), known=known, newest=self.newest.version
        )


def _spoken(version: ApiVersion, common: Sequence[tuple[bytes, bytes]]) -> Spoken:
    headers = [*common, (HEADER, version.date.encode())]
    if version.deprecated is not None:
        headers.append((b"deprecation", b"@%d" % int(version.deprecated.timestamp())))
    if version.sunset is not None:
        headers.append((b"sunset", format_datetime(version.sunset.astimezone(UTC), usegmt=True).encode()))
    return Spoken(version.date, tuple(headers), version.sunset)


def versions_body(versions: Sequence[ApiVersion] = API_VERSIONS) -> dict[str, Any]:
    """Return all versions as they are listed."""
    return {
        "newest": versions[-1].date,
        "versions": [
            {
                "version": version.date,
                "summary": version.summary,
                "deprecated_at": _text(version.deprecated),
                "sunset_at": _text(version.sunset),
            }
            for version in versions
        ],
    }


def _text(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
