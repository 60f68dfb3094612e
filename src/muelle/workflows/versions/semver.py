"""Semantic versions (SemVer 2.0.0): reading, precedence, and the next one of a kind."""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache, total_ordering
from typing import Literal

from muelle.workflows.versions.errors import InvalidVersion

Bump = Literal["major", "minor", "patch"]
BUMPS: tuple[Bump, ...] = ("patch", "minor", "major")  # the smallest first
_NUMBER = r"(?:0|[1-9][0-9]{0,8})"  # nine digits: whoever counts further counts something else
_WORD = r"(?:0|[1-9][0-9]{0,8}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_BUILD = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_WORD}(?:\.{_WORD})*))?(?:\+({_BUILD}))?\Z", re.ASCII
)
LONGEST = 100  # characters
_WEIGHED: dict[Bump, Bump] = {"major": "minor", "minor": "patch", "patch": "patch"}


@total_ordering
@dataclass(frozen=True, eq=False)
class Version:
    """A version. Two that differ in build metadata alone are equal, as in precedence: only one can be published."""

    major: int
    minor: int = 0
    patch: int = 0
    pre: tuple[str, ...] = ()
    build: str = ""

    @property
    def is_stable(self) -> bool:
        """Whether it is no pre-release."""
        return not self.pre

    @property
    def core(self) -> tuple[int, int, int]:
        """Its numbers."""
        return self.major, self.minor, self.patch

    @cached_property
    def precedence(self) -> tuple[int, int, int, int, tuple[tuple[int, int, str], ...]]:
        """What sorts as SemVer's section 11 says: a pre-release before its release, numbers before words."""
        words = tuple((0, int(word), "") if word.isdigit() else (1, 0, word) for word in self.pre)
        return *self.core, int(self.is_stable), words

    def next(self, bump: Bump) -> "Version":
        """Return the release that follows by a bump; a pre-release is followed by its own release at least."""
        if bump == "major":
            return Version(self.major + 1)
        if bump == "minor":
            return Version(self.major, self.minor + 1)
        return Version(self.major, self.minor, self.patch + int(self.is_stable))

    def __eq__(self, other: object) -> bool:
        """Tell whether both have the same precedence."""
        return isinstance(other, Version) and self.precedence == other.precedence

    def __lt__(self, other: "Version") -> bool:
        """Tell whether this one comes first."""
        return self.precedence < other.precedence

    def __hash__(self) -> int:
        """Hash what equality looks at."""
        return hash(self.precedence)

    def __str__(self) -> str:
        """Return it as it is written."""
        pre = f"-{'.'.join(self.pre)}" if self.pre else ""
        return f"{self.major}.{self.minor}.{self.patch}{pre}{f'+{self.build}' if self.build else ''}"


@lru_cache(maxsize=4096)
def read_version(text: str, field: str = "version") -> Version:
    """Return the version; raise InvalidVersion."""
    found = _VERSION.match(text) if len(text) <= LONGEST else None
    if found is None:
        raise InvalidVersion(field=field, value=text[:LONGEST])
    major, minor, patch, pre, build = found.groups()
    return Version(int(major), int(minor), int(patch), tuple(pre.split(".")) if pre else (), build or "")


def bump_between(old: Version, new: Version) -> Bump | None:
    """Return by what `new` exceeds `old`, pre-releases counted as what they lead to; None if it does not."""
    if new <= old:
        return None
    if new.major != old.major:
        return "major"
    return "minor" if new.minor != old.minor else "patch"


def weighed(bump: Bump, base: Version) -> Bump:
    """Return the bump that says so much after `base`: below 1.0.0 a minor one may break, as everybody has it."""
    return bump if base.major else _WEIGHED[bump]
