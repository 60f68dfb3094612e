"""Which versions somebody will take: `^1.2`, `~1.2`, `1.x`, `>=1 <2`, `1.4.0`, `^1 || ^3`, as npm writes them."""

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache

import msgspec

from muelle.workflows.versions.errors import InvalidRange
from muelle.workflows.versions.semver import LONGEST, Version, read_version

_MOST_PARTS = 20
_OPERATOR = re.compile(r"(\^|~|>=|<=|>|<|=)?v?(.+)\Z")
_SPACED = re.compile(r"(\^|~|>=|<=|>|<|=)\s+")
_WILD = ("x", "X", "*")
_FLOOR = ("0",)  # the lowest pre-release there is: below `<2` nothing of 2.0.0 is meant, not even what leads to it
_LOWEST = Version(0, pre=_FLOOR)
_NEVER = Version(1 << 62)


class Bounds(msgspec.Struct, frozen=True):
    """From `least` on, below `below`; `named` are the cores of which pre-releases are meant, too."""

    least: Version
    below: Version | None
    named: frozenset[tuple[int, int, int]] = frozenset()

    def hold(self, version: Version) -> bool:
        """Tell whether a version lies within; a pre-release only if one of the same core was named."""
        if version < self.least or (self.below is not None and version >= self.below):
            return False
        return version.is_stable or version.core in self.named


class Range(msgspec.Struct, frozen=True):
    """A range as it was written: a version is in it if it is in any of the bounds."""

    text: str
    any_of: tuple[Bounds, ...]

    def __contains__(self, version: object) -> bool:
        """Tell whether a version is in the range."""
        return isinstance(version, Version) and any(bounds.hold(version) for bounds in self.any_of)


@lru_cache(maxsize=1024)
def read_range(text: str, field: str = "version") -> Range:
    """Return the range; raise InvalidRange."""
    if len(text) > LONGEST:
        raise InvalidRange(field=field, value=text[:LONGEST])
    parts = _SPACED.sub(r"\1", text.replace(",", " ")).split("||")
    try:
        return Range(text, tuple(_joined(part.split()) for part in parts))
    except ValueError:
        raise InvalidRange(field=field, value=text) from None


def best(wanted: Range, versions: Iterable[Version]) -> Version | None:
    """Return the highest version in a range, or None."""
    return max((version for version in versions if version in wanted), default=None)


def _joined(comparators: list[str]) -> Bounds:
    """Return where all comparators hold; raise ValueError for none that can be read."""
    if not 1 <= len(comparators) <= _MOST_PARTS:
        raise ValueError(comparators)
    least, below, named = _LOWEST, None, frozenset[tuple[int, int, int]]()
    for bounds in map(_bounds, comparators):
        least = max(least, bounds.least)
        below = bounds.below if below is None or (bounds.below is not None and bounds.below < below) else below
        named |= bounds.named
    return Bounds(least, below, named)


def _bounds(comparator: str) -> Bounds:
    found = _OPERATOR.match(comparator)
    if found is None:
        raise ValueError(comparator)
    operator, text = found[1] or "", found[2]
    given, version = _partial(text)
    named = frozenset((version.core,)) if version.pre else frozenset[tuple[int, int, int]]()
    least, below = _span(operator, given, version)
    return Bounds(least, below, named)


def _partial(text: str) -> tuple[int, Version]:
    """Return how many numbers were given, and the version with zeros for the others."""
    core, dash, _ = text.partition("-")
    numbers = core.split(".")
    given = next((at for at, number in enumerate(numbers) if number in _WILD), len(numbers))
    if len(numbers) > 3 or any(number not in _WILD for number in numbers[given:]):  # noqa: PLR2004 - major.minor.patch
        raise ValueError(text)
    if given == 3:  # noqa: PLR2004 - as above
        return given, _read(text)
    if dash:
        raise ValueError(text)
    return given, _read(".".join([*numbers[:given], *["0"] * (3 - given)]))


def _read(text: str) -> Version:
    try:
        return read_version(text)
    except Exception as error:
        raise ValueError(text) from error


def _span(operator: str, given: int, version: Version) -> tuple[Version, Version | None]:
    """Return the least version that a comparator allows, and the least that is too high."""
    above = _after(version) if given == 3 else _ceiling(given, version)  # noqa: PLR2004 - major.minor.patch
    spans: dict[str, tuple[Version, Version | None]] = {
        ">=": (version, None),
        ">": (above or _NEVER, None),
        "<": (_LOWEST, version if version.pre else replace(version, pre=_FLOOR, build="")),
        "<=": (_LOWEST, above),
        "^": (version, _caret(given, version)),
        "~": (version, _ceiling(min(given, 2), version)),
    }
    return spans.get(operator, (version, above))


def _after(version: Version) -> Version:
    """Return the least version above one: nothing lies between it and its own first longer pre-release."""
    if version.pre:
        return replace(version, pre=(*version.pre, *_FLOOR), build="")
    return Version(version.major, version.minor, version.patch + 1, _FLOOR)


def _ceiling(given: int, version: Version) -> Version | None:
    """Return the least version that differs in the last number given; None if none was."""
    if given == 0:
        return None
    if given == 1:
        return Version(version.major + 1, pre=_FLOOR)
    return Version(version.major, version.minor + 1, pre=_FLOOR)


def _caret(given: int, version: Version) -> Version | None:
    """Return where what may break begins: the leftmost number that is not zero is kept."""
    if version.major or given <= 1:
        return _ceiling(min(given, 1), version)
    if version.minor or given == 2:  # noqa: PLR2004 - 0.0 and 0.0.x
        return Version(0, version.minor + 1, pre=_FLOOR)
    return Version(0, 0, version.patch + 1, _FLOOR)
