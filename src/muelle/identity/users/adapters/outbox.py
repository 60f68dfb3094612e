"""Mails as files, for who has no server for them: one a mail, readable by the owner alone."""

import asyncio
import os
from email.message import EmailMessage
from pathlib import Path

from muelle.identity.users.mail import Letter

FOLDER = "outbox"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def written(letter: Letter, sender: str) -> EmailMessage:
    """Return a letter as RFC 5322 has it; a line break in a header is an error there."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, letter.to, letter.subject
    message["Message-ID"] = f"<{letter.id}@muelle>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday note answers it
    message.set_content(letter.text)
    return message


class OutboxMail:
    """The port Mail as a folder."""

    def __init__(self, folder: Path, sender: str) -> None:
        self._folder = folder
        self._sender = sender

    async def send(self, letter: Letter) -> None:
        """Write a letter to the folder; OSError where that fails."""
        await asyncio.to_thread(self._write, letter)

    def _write(self, letter: Letter) -> None:
        self._folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        path = self._folder / f"{letter.id}.eml"
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, _PRIVATE_FILE)
        with os.fdopen(file, "wb") as opened:
            opened.write(written(letter, self._sender).as_bytes())


class MemoryMail:
    """The port Mail as a list: for tests, and where nothing lasts."""

    def __init__(self) -> None:
        self.sent: list[Letter] = []

    async def send(self, letter: Letter) -> None:
        """Keep a letter."""
        self.sent.append(letter)
