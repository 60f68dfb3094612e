"""Mails on their way out: kept in the vault until they are sent, for what is in them opens something.

Nobody waits for a mail server, so that how long an answer takes does not tell whether a mail is sent; and where none is
to be sent, a letter to nobody takes the same way.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

import msgspec

from muelle.core import Clock, Ids
from muelle.identity.model import DEFAULT_TENANT
from muelle.identity.users.store import LetterStore
from muelle.stores import Vault

_LOG = logging.getLogger(__name__)
_FIRST_PAUSE = 60.0  # seconds; each further one is twice as long, and a process that died held it for no longer


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail; `to` is empty for one to nobody."""

    id: str
    to: str
    subject: str
    text: str

    def __repr__(self) -> str:
        """Hide what it opens."""
        return f"Letter({self.id!r})"


class Mail(Protocol):
    """Sends letters."""

    async def send(self, letter: Letter) -> None:
        """Send a letter; raise OSError where that fails now."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PostParts:
    """What the post works with."""

    letters: LetterStore
    vault: Vault
    mail: Mail
    clock: Clock
    attempts: int


class Post:
    """Takes letters, and delivers them; several processes may, and each letter is claimed by one."""

    def __init__(self, parts: PostParts) -> None:
        self._parts = parts
        self._ids = Ids(parts.clock)

    async def take(self, to: str, subject: str, text: str) -> None:
        """Keep a letter until it is delivered; with an empty `to` it is to nobody."""
        parts = self._parts
        letter = Letter(id=self._ids.mint("mail"), to=to, subject=subject, text=text)
        await parts.vault.put(DEFAULT_TENANT, _name(letter.id), msgspec.json.encode(letter).decode())
        await parts.letters.add(letter.id, parts.clock.now())

    async def deliver(self) -> int:
        """Try every letter that is due; return how many were."""
        now = self._parts.clock.now()
        due = await self._parts.letters.due(now)
        for letter in due:
            pause = timedelta(seconds=_FIRST_PAUSE * 2 ** min(letter.attempts, 10))
            if await self._parts.letters.claim(letter, now + pause):
                await self._tried(letter.id, letter.attempts + 1)
        return len(due)

    async def _tried(self, letter: str, attempts: int) -> None:
        kept = await self._parts.vault.get(DEFAULT_TENANT, _name(letter))
        if kept is None:
            await self._dropped(letter)
            return
        try:
            await self._sent(msgspec.json.decode(kept, type=Letter))
        except OSError as error:
            is_last = attempts >= self._parts.attempts
            outcome = "it is given up" if is_last else "it will be tried again"
            _LOG.warning("The mail %s could not be sent, %s: %s", letter, outcome, type(error).__name__)
            if not is_last:
                return
        await self._dropped(letter)

    async def _sent(self, letter: Letter) -> None:
        if letter.to:
            await self._parts.mail.send(letter)

    async def _dropped(self, letter: str) -> None:
        await self._parts.vault.delete(DEFAULT_TENANT, _name(letter))
        await self._parts.letters.drop(letter)


def _name(letter: str) -> str:
    return f"mails/{letter}"
