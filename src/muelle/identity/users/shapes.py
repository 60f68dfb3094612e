"""What the HTTP routes of users take and give."""

from typing import Annotated

import msgspec
from msgspec import Meta

from muelle.identity.model import DEFAULT_TENANT
from muelle.identity.shapes import Moment, Name, Preset, Text
from muelle.identity.users.administration import Person
from muelle.identity.users.model import LONGEST_PASSWORD

Email = Annotated[str, Meta(min_length=3, max_length=254, description="An address that mails are sent to.")]
Password = Annotated[str, Meta(min_length=1, max_length=LONGEST_PASSWORD)]
Code = Annotated[str, Meta(max_length=50, description="Six digits of an authenticator, or a recovery code.")]
Ticket = Annotated[str, Meta(min_length=1, max_length=100, description="The token of a mail.")]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: what nobody declared is an error."""


class SignInBody(_Strict, frozen=True, kw_only=True):
    """Who somebody says to be, and how they prove it."""

    email: Email
    password: Password
    code: Code = ""
    tenant: Name = DEFAULT_TENANT


class SignUpBody(_Strict, frozen=True, kw_only=True):
    """An address to make an account for."""

    email: Email


class AddressBody(_Strict, frozen=True, kw_only=True):
    """An address that may have an account."""

    email: Email
    tenant: Name = DEFAULT_TENANT


class AcceptBody(_Strict, frozen=True, kw_only=True):
    """An invitation, or a sign-up that goes on; `name` only where it promises none."""

    token: Ticket
    password: Password
    name: Name | None = None


class ResetBody(_Strict, frozen=True, kw_only=True):
    """A new password, by the token of a mail."""

    token: Ticket
    password: Password


class TicketBody(_Strict, frozen=True, kw_only=True):
    """The token of a mail."""

    token: Ticket


class NewPassword(_Strict, frozen=True, kw_only=True):
    """A password in the place of another."""

    password: Password
    new_password: Password


class NewEmail(_Strict, frozen=True, kw_only=True):
    """An address in the place of another, which holds once it is confirmed."""

    password: Password
    email: Email


class Proof(_Strict, frozen=True, kw_only=True):
    """The password once more."""

    password: Password


class CodeBody(_Strict, frozen=True, kw_only=True):
    """The first code that an authenticator shows."""

    code: Code


class WholeProof(_Strict, frozen=True, kw_only=True):
    """The password and a code once more."""

    password: Password
    code: Code


class NewUser(_Strict, frozen=True, kw_only=True):
    """A user to add; without a password they replace it by a mail: POST /api/v1/auth/forgot."""

    name: Name
    email: Email
    description: Text = ""
    preset: Preset | None = None
    password: Password | None = None
    password_hash: Annotated[str, Meta(max_length=500, description="As another system hashed it.")] | None = None
    is_verified: bool = True


class NewInvitation(_Strict, frozen=True, kw_only=True):
    """Whom to invite, and what they may do then."""

    email: Email
    name: Name | None = None
    preset: Preset | None = None


class MailedShape(msgspec.Struct, frozen=True, kw_only=True):
    """A mail is on its way, if there is anybody to get it."""

    status: str = "mailed"


class EnrolmentShape(msgspec.Struct, frozen=True, kw_only=True):
    """What an authenticator is to be given: typed, or as a QR code."""

    secret: str
    uri: str


class RecoveryShape(msgspec.Struct, frozen=True, kw_only=True):
    """Codes for who loses the authenticator; each works once, and they are shown only now."""

    recovery_codes: tuple[str, ...]


class UserShape(msgspec.Struct, frozen=True, kw_only=True):
    """A user."""

    id: str
    name: str
    email: str
    description: str
    disabled: bool
    has_password: bool
    created_at: Moment
    verified_at: Moment | None
    second_factor_at: Moment | None


class UserPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of users."""

    users: tuple[UserShape, ...]
    count: int
    next_cursor: str | None


def user_shape(person: Person) -> UserShape:
    """Return a user as they are shown."""
    user, agent = person.user, person.agent
    return UserShape(
        id=user.principal,
        name=user.name,
        email=user.email,
        description=agent.description,
        disabled=agent.disabled,
        has_password=user.password is not None,
        created_at=user.created,
        verified_at=user.verified,
        second_factor_at=user.second_factor,
    )
