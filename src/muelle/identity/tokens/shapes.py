"""What the HTTP routes of tokens take and give."""

from typing import Annotated

import msgspec
from msgspec import Meta

from muelle.identity.shapes import Moment
from muelle.identity.tokens.model import Session, TokenKey, Tokens


class RefreshBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A refresh token, which is used up by being sent."""

    refresh_token: Annotated[str, Meta(min_length=1, max_length=100)]


class TokensShape(msgspec.Struct, frozen=True, kw_only=True):
    """What a session goes on with, in the words of OAuth (RFC 6749, section 5.1)."""

    access_token: str
    token_type: str
    expires_in: int
    refresh_token: str
    session_id: str


class SessionShape(msgspec.Struct, frozen=True, kw_only=True):
    """A session, on one device."""

    id: str
    method: str
    address: str
    client: str
    created_at: Moment
    used_at: Moment
    expires_at: Moment
    is_current: bool


class SessionList(msgspec.Struct, frozen=True, kw_only=True):
    """All open sessions of a user."""

    sessions: tuple[SessionShape, ...]
    count: int


class EndedShape(msgspec.Struct, frozen=True, kw_only=True):
    """How many sessions ended."""

    ended: int


class TokenKeyShape(msgspec.Struct, frozen=True, kw_only=True):
    """A key that signs tokens."""

    id: str
    algorithm: str
    created_at: Moment
    signs_from: Moment
    verifies_until: Moment | None


def tokens_shape(tokens: Tokens) -> TokensShape:
    """Return tokens as they are sent."""
    return TokensShape(
        access_token=tokens.access.reveal(),
        token_type="Bearer",  # noqa: S106 - no secret, a word of the protocol
        expires_in=tokens.expires_in,
        refresh_token=tokens.refresh.reveal(),
        session_id=tokens.session.id,
    )


def session_shape(session: Session, current: str = "") -> SessionShape:
    """Return a session as it is listed."""
    return SessionShape(
        id=session.id,
        method=session.origin.method,
        address=session.origin.address,
        client=session.origin.client,
        created_at=session.created,
        used_at=session.used,
        expires_at=session.expires,
        is_current=session.id == current,
    )


def token_key_shape(key: TokenKey) -> TokenKeyShape:
    """Return a key as it is listed; its private half is shown nowhere."""
    return TokenKeyShape(
        id=key.id,
        algorithm=key.algorithm,
        created_at=key.created,
        signs_from=key.signs_from,
        verifies_until=key.verifies_until,
    )
