"""What the HTTP routes of passkeys take and give."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.identity.shapes import Moment, Text
from muelle.identity.users.stores.passkeys import Passkey

Credential = Annotated[dict[str, Any], Meta(description="What navigator.credentials gave, by its toJSON().")]
Kept = Annotated[str, Meta(min_length=1, max_length=100, description="The secret of who began.")]


class NewPasskey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A passkey that a device has made."""

    secret: Kept
    credential: Credential
    name: Text = ""


class PasskeyAnswer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a device answered to a challenge."""

    secret: Kept
    credential: Credential


class ChallengeShape(msgspec.Struct, frozen=True, kw_only=True):
    """Options for navigator.credentials, and the secret that is asked for after."""

    options: dict[str, Any]
    secret: str


class PasskeyShape(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey."""

    id: str
    name: str
    created_at: Moment
    used_at: Moment | None


class PasskeyList(msgspec.Struct, frozen=True, kw_only=True):
    """All passkeys of a user."""

    passkeys: tuple[PasskeyShape, ...]
    count: int


def passkey_shape(passkey: Passkey) -> PasskeyShape:
    """Return a passkey as it is shown."""
    return PasskeyShape(id=passkey.id, name=passkey.name, created_at=passkey.created, used_at=passkey.used)
