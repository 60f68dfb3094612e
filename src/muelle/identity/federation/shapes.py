"""What the HTTP routes of providers take and give."""

from typing import Annotated

import msgspec
from msgspec import Meta


class FinishBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the provider has sent back with who signed in, and the secret of who began."""

    code: Annotated[str, Meta(min_length=1, max_length=4000)]
    state: Annotated[str, Meta(min_length=1, max_length=200)]
    secret: Annotated[str, Meta(min_length=1, max_length=100)]


class BegunShape(msgspec.Struct, frozen=True, kw_only=True):
    """Where to send somebody; `secret` stays where they began, and is asked for when they are back."""

    url: str
    state: str
    secret: str


class ProviderList(msgspec.Struct, frozen=True, kw_only=True):
    """With whom one can sign in."""

    providers: tuple[str, ...]
