"""People as they are kept, and what is pure about them."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from muelle.core import PrincipalId, TenantId
from muelle.identity.users.errors import InvalidEmail, WeakPassword

TicketKind = Literal["invitation", "sign_up", "reset", "verification", "provider", "passkey"]

LONGEST_PASSWORD = 1000  # characters
_LONGEST_EMAIL = 254  # RFC 5321, section 4.5.3.1.3, less the angle brackets
_LONGEST_LOCAL = 64
_DISTINCT = 5  # characters that a password has at least
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{{|}}~-]+)*@{_LABEL}(?:\.{_LABEL})*")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person who may sign in; grants and whether they are disabled are the principal's."""

    principal: PrincipalId
    tenant: TenantId
    name: str
    email: str
    created: datetime
    verified: datetime | None = None
    password: str | None = None
    second_factor: datetime | None = None
    second_step: int = 0

    def __repr__(self) -> str:
        """Hide the hash of the password."""
        return f"User({self.name!r} in {self.tenant!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ticket:
    """What a mail lets somebody do, once; `content` is JSON."""

    kind: TicketKind
    tenant: TenantId
    email: str
    expires: datetime
    principal: str = ""
    content: str = ""


def checked_email(text: str, field: str = "email") -> str:
    """Return an address in small letters, by which it is found; raise InvalidEmail."""
    email = text.strip().lower()
    is_short = len(email) <= _LONGEST_EMAIL and len(email.partition("@")[0]) <= _LONGEST_LOCAL
    if not is_short or not _EMAIL.fullmatch(email):
        raise InvalidEmail(field=field, value=text[:100])
    return email


def checked_password(password: str, email: str, least: int, field: str = "password") -> str:
    """Return a password that is long enough and not the address; raise WeakPassword. What is in it is free."""
    is_short = not least <= len(password) <= LONGEST_PASSWORD
    lowered = password.lower()
    if is_short or len(set(password)) < _DISTINCT or lowered in {email, email.partition("@")[0]}:
        raise WeakPassword(field=field, least=least, most=LONGEST_PASSWORD)
    if any("\ud800" <= character <= "\udfff" for character in password):
        raise WeakPassword(field=field, least=least, most=LONGEST_PASSWORD)
    return password


def suggested_name(email: str, chance: str) -> str:
    """Return a name for who gave only an address; `chance` keeps people apart who are called alike."""
    local = re.sub(r"[^a-z0-9_-]+", "-", email.partition("@")[0]).strip("-_")[:60] or "user"
    return f"{local}-{chance}"
