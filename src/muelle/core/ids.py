"""Typed ids: a kind, an underscore, and a UUIDv7 in hex, so that ids of one kind sort by birth."""

import os
import re
from collections.abc import Callable
from typing import NewType

from muelle.core.clock import Clock
from muelle.core.errors import Invalid

TenantId = NewType("TenantId", str)
PrincipalId = NewType("PrincipalId", str)
KeyId = NewType("KeyId", str)
GrantId = NewType("GrantId", str)
AuditId = NewType("AuditId", str)
RunId = NewType("RunId", str)
EventId = NewType("EventId", str)
RequestId = NewType("RequestId", str)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}\Z")

_MILLISECOND = 1_000_000
_ENTROPY = 10  # bytes: 74 of the 80 bits survive beside version and variant
_AT_ONCE = 256
_VARIANT = 0x2 << 62
_TWELVE_BITS = (1 << 12) - 1
_SIXTY_TWO_BITS = (1 << 62) - 1


class InvalidName(Invalid):
    """A name has 1 to 100 letters, digits, hyphens or underscores and begins with a letter or digit."""

    code = "invalid_name"
    suggestions = ("Use letters, digits, '-' and '_' only, and begin with a letter or a digit.",)


def uuid7(nanoseconds: int, entropy: bytes) -> str:
    """Return 32 hex digits: a UUID of version 7 (RFC 9562, section 5.7) for a time and 10 random bytes."""
    return f"{nanoseconds // _MILLISECOND:012x}{_behind_time(entropy)}"


def _behind_time(entropy: bytes) -> str:
    """Return what stands behind the time: the version, 12 bits of chance, the variant, 62 bits of chance."""
    chance = int.from_bytes(entropy, "big")
    rand_a, rand_b = chance >> 62 & _TWELVE_BITS, chance & _SIXTY_TWO_BITS
    return f"7{rand_a:03x}{_VARIANT | rand_b:016x}"


def name(text: str, field: str = "name") -> str:
    """Return `text` if it may name something (an agent, an operation, a key), else raise InvalidName."""
    if not NAME.match(text):
        raise InvalidName(field=field, value=text[:100])
    return text


class _Forks:
    """How often this process was forked off from one before it: to ask for its id is a system call for each id."""

    count = 0

    def add(self) -> None:
        self.count += 1


_forks = _Forks()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forks.add)


class Ids:
    """Mints ids from a clock and a source of entropy, both of which tests replace.

    Entropy is taken and written out for many ids at once, for asking the kernel takes longer than all the rest; a
    process that was forked off takes its own.
    """

    __slots__ = ("_clock", "_entropy", "_forks", "_pool")

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._clock = clock
        self._entropy = entropy
        self._pool: list[str] = []
        self._forks = 0

    def mint(self, kind: str) -> str:
        """Return a fresh id `kind_…`; the caller wraps it in its NewType."""
        if not self._pool or self._forks != _forks.count:
            self._fill()
        return f"{kind}_{self._clock.nanoseconds() // _MILLISECOND:012x}{self._pool.pop()}"

    def _fill(self) -> None:
        entropy, self._forks = self._entropy(_ENTROPY * _AT_ONCE), _forks.count
        begins = range(len(entropy) - _ENTROPY, -1, -_ENTROPY)  # the last is taken first
        self._pool = [_behind_time(entropy[begin : begin + _ENTROPY]) for begin in begins]
