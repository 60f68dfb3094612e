"""What can be set about a provider of identities."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from muelle.core import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """A provider, under a name of your choice: [identity.providers.NAME]."""

    issuer: str  # its URL, to the letter as its tokens name it in `iss`
    keys: str = ""  # where its public keys are, if it does not say so by discovery
    client_id: str = ""  # what Muelle is called there; empty where only tokens are taken and nobody signs in
    client_secret: Secret = field(default_factory=lambda: Secret(""))  # of that client; empty for a public one
    redirect: str = ""  # the page that people come back to, as it is registered there
    scopes: str = "openid email profile"  # what is asked for
    audience: str = ""  # whose access tokens are taken at the door: their `aud`; empty for none
    tenant: str = "default"  # of whoever comes from there
    sign_up: bool = False  # whether who was never here becomes a user
    roles_claim: str = ""  # where a token says what somebody may do, such as realm_access.roles
    roles: Mapping[str, str] = field(default_factory=dict)  # from what stands there to the name of a role here
    skew_seconds: Annotated[int, Meta(ge=0, le=600)] = 60  # between its clock and ours
