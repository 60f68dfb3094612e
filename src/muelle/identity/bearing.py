"""Tokens at the door: what is asked of whoever can read them, who is handed in, for reading them loads much."""

from dataclasses import dataclass
from typing import Protocol

from muelle.identity.model import Principal

BEGINNING = "ey"  # of every JWT: the base64 of '{"'; no key begins so


@dataclass(frozen=True, slots=True)
class Borne:
    """Who shows a token, and until when that may be believed, in nanoseconds since 1970."""

    principal: Principal
    until: int


class Bearers(Protocol):
    """Reads tokens."""

    async def borne(self, token: str) -> Borne:
        """Return who shows a token; raise InvalidToken."""
        ...
