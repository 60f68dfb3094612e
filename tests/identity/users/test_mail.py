"""Mails on their way out, over a real SMTP server too."""

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult

from identity.users.people_world import ANA, OPEN, Town
from identity.users.people_world import town as build
from identity.users.users_world import Installation
from muelle.core import Secret
from muelle.identity.users.adapters.outbox import OutboxMail
from muelle.identity.users.adapters.smtp import SmtpMail
from muelle.identity.users.mail import Letter
from muelle.identity.users.settings import MailSettings

LETTER = Letter(id="mail_1", to=ANA, subject="Hello", text="Dear Ana,\n.\nmt_x — ñ\n")


class Postbox:
    """What a server does with what it gets: keeps it, unless it is closed."""

    def __init__(self) -> None:
        self.letters: list[Message] = []
        self.recipients: list[str] = []

    async def handle_DATA(self, _server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        if not session.authenticated:
            return "530 sign in first"
        self.letters.append(message_from_bytes(envelope.content))
        self.recipients += envelope.rcpt_tos
        return "250 kept"


@pytest.fixture
def postbox() -> Postbox:
    return Postbox()


@pytest.fixture
async def server(postbox: Postbox) -> AsyncIterator[int]:
    """Give the port of a server that takes letters of whoever signs in."""

    def known(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"muelle", b"s3cret"))

    def connected() -> SMTP:
        return SMTP(postbox, authenticator=known, auth_require_tls=False)

    async with await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0) as listening:
        yield listening.sockets[0].getsockname()[1]


def settings(port: int, **given: Any) -> MailSettings:
    signed = {"user": "muelle", "password": Secret("s3cret"), "security": "none", **given}
    return MailSettings(host="127.0.0.1", port=port, sender="dock@example.com", seconds=5, **signed)


async def test_a_letter_arrives_over_smtp(server: int, postbox: Postbox) -> None:
    await SmtpMail(settings(server)).send(LETTER)

    [letter] = postbox.letters
    assert (letter["From"], letter["To"], letter["Subject"]) == ("dock@example.com", ANA, "Hello")
    body = letter.get_payload(decode=True)
    assert isinstance(body, bytes)
    assert body.decode().replace("\r\n", "\n") == LETTER.text
    assert postbox.recipients == [ANA]


async def test_a_letter_is_kept_and_tried_again_until_the_server_takes_it(
    place: Installation, server: int, postbox: Postbox, caplog: pytest.LogCaptureFixture
) -> None:
    wrong = build(place, OPEN, SmtpMail(settings(server, security="starttls")))  # which this server does not have
    right = build(place, OPEN, SmtpMail(settings(server)))
    await wrong.doors.users.invite(place.owner, ANA)
    await wrong.doors.post.deliver()
    assert "could not be sent, it will be tried again" in caplog.text
    assert ANA not in caplog.text
    place.clock.forward(seconds=59)
    assert await right.doors.post.deliver() == 0

    place.clock.forward(seconds=1)
    await right.doors.post.deliver()

    assert postbox.recipients == [ANA]
    assert await right.doors.post.deliver() == 0
    assert not [name for _, name in place.vault._secrets if name.startswith("mails/")]


async def test_a_server_that_offers_no_tls_is_given_nothing_where_tls_is_wanted(server: int, postbox: Postbox) -> None:
    for security in ("starttls", "tls"):
        with pytest.raises((OSError, ssl.SSLError)):
            await SmtpMail(settings(server, security=security)).send(LETTER)

    assert postbox.letters == []


class Closed:
    """A server that is away."""

    async def send(self, letter: Letter) -> None:
        raise ConnectionRefusedError(letter.id)


async def test_a_letter_is_given_up_after_so_many_attempts(
    place: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    town = build(place, OPEN, Closed())
    await town.doors.users.invite(place.owner, ANA)
    tried = 0
    for _ in range(20):
        tried += await town.doors.post.deliver()
        place.clock.forward(hours=48)

    assert tried == OPEN.mail.attempts
    assert "it is given up" in caplog.text
    assert await place.database.fetch("SELECT * FROM user_mails") == []
    assert "mt_" not in caplog.text


async def test_a_letter_is_sent_by_one_of_several_processes(every_town: Town) -> None:
    await every_town.doors.users.invite(every_town.place.owner, ANA)
    towns = [every_town.another() for _ in range(3)]

    for each in towns:
        await each.doors.post.deliver()

    assert [len(each.mail.sent) for each in towns] == [1, 0, 0]


async def test_without_a_server_letters_are_files_that_their_owner_alone_reads(tmp_path: Path) -> None:
    await OutboxMail(tmp_path / "outbox", "dock@example.com").send(LETTER)

    [file] = (tmp_path / "outbox").iterdir()
    assert message_from_bytes(file.read_bytes())["To"] == ANA
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700


async def test_no_letter_waits_in_the_clear(town: Town) -> None:
    await town.doors.users.invite(town.place.owner, ANA)
    database = town.place.database
    tables = ("user_mails", "user_tickets", "identity_acts")
    rows = [repr([tuple(row) for row in await database.fetch(f"SELECT * FROM {name}")]) for name in tables]  # noqa: S608 - constants

    token = await town.token_for()

    assert not [row for row in rows if token in row]
    assert token not in repr(LETTER)


async def test_upkeep_delivers_and_sweeps(every_town: Town) -> None:
    town, database = every_town, every_town.place.database
    await town.doors.users.invite(town.place.owner, ANA)
    await town.doors.upkeep.turn()
    assert [letter.to for letter in town.mail.sent] == [ANA]
    town.place.clock.forward(seconds=OPEN.invitation_seconds + 86_400 - 1)
    await town.doors.upkeep.sweep()
    assert len(await database.fetch("SELECT * FROM user_tickets")) == 1

    town.place.clock.forward(seconds=1)
    await town.doors.upkeep.turn()

    assert await database.fetch("SELECT * FROM user_tickets") == []
