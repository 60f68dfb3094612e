"""Mails over SMTP (RFC 5321), by the standard library in a thread: they are few."""

import asyncio
import smtplib
import ssl

from muelle.identity.users.adapters.outbox import written
from muelle.identity.users.mail import Letter
from muelle.identity.users.settings import MailSettings


class SmtpMail:
    """The port Mail on a server; one connection for each letter."""

    def __init__(self, settings: MailSettings) -> None:
        self._settings = settings

    async def send(self, letter: Letter) -> None:
        """Hand a letter to the server; OSError, of which smtplib's errors are kinds, where that fails."""
        await asyncio.to_thread(self._send, letter)

    def _send(self, letter: Letter) -> None:
        settings = self._settings
        with self._connected() as server:
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
            if settings.user:
                server.login(settings.user, settings.password.reveal())
            server.send_message(written(letter, settings.sender))

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.security == "tls":
            context = ssl.create_default_context()
            return smtplib.SMTP_SSL(settings.host, settings.port, timeout=settings.seconds, context=context)
        return smtplib.SMTP(settings.host, settings.port, timeout=settings.seconds)
