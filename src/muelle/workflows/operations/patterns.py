r"""Regular expressions, only through RE2: linear time, no backtracking.

Patterns are Python's without look-around and back-references; `\d`, `\w` and `\s` mean ASCII, `\Z` is accepted.
"""

import time
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, Protocol, cast

from muelle.workflows.operations.errors import InvalidPattern, PatternTooCostly, PatternTooSlow, ResultTooLarge

LONGEST_PATTERN: Final = 1_000  # characters
LARGEST_PROGRAM: Final = 10_000  # RE2 instructions
MOST_WORK: Final = 1_000_000_000  # instructions x characters: some seconds in RE2's slowest engine
MOST_SECONDS: Final = 2.0  # for all matches together: finding each is linear, finding all is quadratic at worst
MOST_MATCHES: Final = 1_000_000
_MEMORY = 2 << 20  # bytes for one pattern; 128 are kept


class Match(Protocol):
    """One match."""

    def group(self, index: int = 0, /) -> str | None:
        """Return the text of a group; 0 is the whole match."""
        ...

    def groups(self, default: str | None = None, /) -> tuple[str | None, ...]:
        """Return the texts of all capture groups."""
        ...


class Pattern(Protocol):
    """A compiled pattern."""

    programsize: int
    groups: int

    def search(self, text: str, /) -> Match | None:
        """Find the first match."""
        ...

    def match(self, text: str, /) -> Match | None:
        """Match at the beginning of the text."""
        ...

    def finditer(self, text: str, /) -> Iterator[Match]:
        """Find every match."""
        ...


@lru_cache(maxsize=128)
def compile_pattern(pattern: str) -> Pattern:
    """Return the compiled pattern; raise InvalidPattern with the reason."""
    import re2  # noqa: PLC0415 - 25 ms that a run without patterns need not pay

    if len(pattern) > LONGEST_PATTERN:
        raise InvalidPattern(f"The pattern is longer than {LONGEST_PATTERN} characters", length=len(pattern))
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    try:
        compiled = cast("Pattern", re2.compile(_end_of_text(pattern), options=options))
    except re2.error as fault:
        reason = fault.args[0] if fault.args else ""
        raise InvalidPattern(
            pattern=pattern, reason=reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        ) from None
    except UnicodeEncodeError:
        raise InvalidPattern(reason="the pattern is not valid Unicode") from None
    if compiled.programsize > LARGEST_PROGRAM:
        raise InvalidPattern("The pattern is too large once compiled", pattern=pattern, limit=LARGEST_PROGRAM)
    return compiled


def _end_of_text(pattern: str) -> str:
    r"""Write RE2's \z for Python's \Z."""
    if r"\Z" not in pattern:
        return pattern
    parts = pattern.split("\\\\")  # an escaped backslash does not escape what follows
    return "\\\\".join(part.replace(r"\Z", r"\z") for part in parts)


def fault_of(pattern: str) -> str | None:
    """Return why a pattern cannot be used, or None."""
    try:
        compile_pattern(pattern)
    except InvalidPattern as fault:
        reason = fault.facts.get("reason")
        return f"Invalid regex pattern: {reason}" if reason else fault.message
    return None


def afford(pattern: Pattern, text: str) -> None:
    """Raise PatternTooCostly if the pattern's size times the text's length is past the bound."""
    if pattern.programsize * len(text) > MOST_WORK:
        raise PatternTooCostly(limit=MOST_WORK, program=pattern.programsize, length=len(text))


def find_all(pattern: Pattern, text: str) -> list[Match]:
    """Return every match, in order; raise PatternTooSlow or ResultTooLarge past the bounds."""
    afford(pattern, text)
    give_up = time.perf_counter() + MOST_SECONDS
    found: list[Match] = []
    for match in pattern.finditer(text):
        found.append(match)
        if time.perf_counter() > give_up:
            raise PatternTooSlow(seconds=MOST_SECONDS)
        if len(found) > MOST_MATCHES:
            raise ResultTooLarge("The pattern has too many matches", limit=MOST_MATCHES)
    return found
