"""What tokens say, and what is kept of sessions. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from muelle.core import PrincipalId, Secret, TenantId


class Claims(msgspec.Struct, frozen=True, kw_only=True):
    """What an access token says (RFC 9068): of whom it is, in which session, from when and until when, in seconds."""

    iss: str
    aud: str
    sub: str
    tenant: str
    sid: str
    iat: int
    exp: int
    jti: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """A key that signs from one moment on and verifies until another; `public` is a JWK without id."""

    id: str
    algorithm: str
    public: Mapping[str, str]
    created: datetime
    signs_from: datetime
    verifies_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a session begins: how somebody signed in, from which address, with which program."""

    method: str
    address: str = ""
    client: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A time for which somebody is signed in, on one device."""

    id: str
    tenant: TenantId
    principal: PrincipalId
    origin: Origin
    created: datetime
    used: datetime
    expires: datetime
    revoked: datetime | None = None
    reason: str = ""

    def is_open(self, now: datetime) -> bool:
        """Tell whether it has not ended."""
        return self.revoked is None and now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What somebody who signed in gets. The refresh token works once; what it gives is the next one."""

    access: Secret
    refresh: Secret
    expires_in: int
    session: Session
