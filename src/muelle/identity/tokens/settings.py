"""What can be set about tokens."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """How long sessions and their tokens last, and who the tokens say that they are from and for."""

    issuer: Annotated[str, Meta(min_length=1)] = "muelle"  # the claim `iss`; set it to the URL of this installation
    audience: Annotated[str, Meta(min_length=1)] = "muelle"  # the claim `aud`: who may take the tokens
    # What new keys sign with: RS256 is verified fastest, ES256 and EdDSA make shorter tokens.
    algorithm: Annotated[str, Meta(pattern="^(RS256|ES256|EdDSA)$")] = "RS256"
    access_seconds: Annotated[int, Meta(ge=1)] = 900  # how long an access token opens
    session_seconds: Annotated[int, Meta(ge=1)] = 2_592_000  # a session ends if it is not refreshed for so long
    longest_seconds: Annotated[int, Meta(ge=1)] = 7_776_000  # a session ends after so long in any case
    sessions_per_user: Annotated[int, Meta(ge=1)] = 50  # the oldest one ends where there would be more
    lead_seconds: Annotated[int, Meta(ge=0)] = 600  # how long a new key is published before it signs
    published_seconds: Annotated[int, Meta(ge=0)] = 300  # how long others may keep what /.well-known/jwks.json says
