"""What can be set about users."""

from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from muelle.core import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class MailSettings:
    """How mails are sent. Without an SMTP server they are kept as files in the folder `outbox` of the home."""

    host: str = ""  # the SMTP server; empty for files in the outbox
    port: Annotated[int, Meta(ge=1, le=65535)] = 587  # of the SMTP server
    # How the server is spoken to: starttls and tls check its certificate; none is for a server on this machine.
    security: Annotated[str, Meta(pattern="^(starttls|tls|none)$")] = "starttls"
    user: str = ""  # who signs in at the SMTP server; empty for nobody
    password: Secret = field(default_factory=lambda: Secret(""))  # of that user
    sender: Annotated[str, Meta(min_length=3)] = "muelle@localhost"  # whom mails are from
    seconds: Annotated[float, Meta(gt=0)] = 20.0  # how long the server may take for each step
    attempts: Annotated[int, Meta(ge=1)] = 8  # how often a mail is tried, less often each time


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSettings:
    """How people become users and sign in. What passwords cost is RFC 9106's argon2id in the measure of OWASP."""

    # Who may become a user: off is nobody whom an operator has not added, invitation is who was invited, open is all.
    sign_up: Annotated[str, Meta(pattern="^(off|invitation|open)$")] = "off"
    sign_up_preset: str = ""  # the grants of who signs up without an invitation; empty for none
    links: str = ""  # the page that mails link to, such as https://muelle.example.com/account; empty for no link
    origin: str = ""  # where people use passkeys, such as https://muelle.example.com; empty for no passkeys
    require_verified: bool = True  # whether only who has shown to read the mail of an address may sign in with it
    password_least: Annotated[int, Meta(ge=8, le=100)] = 12  # characters of a password
    memory_kib: Annotated[int, Meta(ge=8)] = 19_456  # memory that hashing a password takes
    passes: Annotated[int, Meta(ge=1)] = 2  # over that memory
    hashing: Annotated[int, Meta(ge=1)] = 2  # passwords that are hashed at the same time
    hashing_waiting: Annotated[int, Meta(ge=1)] = 100  # how many may wait for that; more are asked to come again
    failures: Annotated[int, Meta(ge=1)] = 5  # wrong passwords for one account before it has to wait
    address_failures: Annotated[int, Meta(ge=1)] = 50  # the same from one address, for all accounts together
    wait_seconds: Annotated[float, Meta(gt=0)] = 2.0  # the first wait; each further failure doubles it
    longest_wait_seconds: Annotated[float, Meta(gt=0)] = 900.0  # the longest wait
    forget_seconds: Annotated[float, Meta(gt=0)] = 86_400.0  # failures are forgotten so long after the last one
    invitation_seconds: Annotated[int, Meta(ge=1)] = 604_800  # how long an invitation can be accepted
    reset_seconds: Annotated[int, Meta(ge=1)] = 3600  # how long a forgotten password can be replaced
    verification_seconds: Annotated[int, Meta(ge=1)] = 86_400  # how long an address can be confirmed
    mail: MailSettings = field(default_factory=MailSettings)
