"""Settings of identity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.tokens.settings import TokenSettings
from muelle.identity.users.settings import UserSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySettings:
    """How long a credential is believed without asking the database, and how much is kept."""

    watch_seconds: float = 0.5  # how soon a change by another process holds here; the promise is one second
    cache_keys: int = 10_000  # keys remembered; some 2 kB each
    cache_seconds: float = 60.0  # a key is read again after this, even if nobody watches
    max_grants: int = 1000  # for one agent: all of them are read to authenticate it
    strangers_per_minute: int = 60  # refused keys recorded one by one; the others are counted
    tokens: TokenSettings = field(default_factory=TokenSettings)
    users: UserSettings = field(default_factory=UserSettings)
    # Providers of identities (OpenID Connect) by name; each is a table of its own, as the guide on users has it.
    providers: Mapping[str, ProviderSettings] = field(default_factory=dict)
    # how soon acts are sealed: until then a removed one leaves no trace in the chain
    seal_seconds: Annotated[float, Meta(gt=0)] = 5.0
    audit_days: Annotated[int, Meta(ge=0)] = 400  # how long acts are kept; 0 is for ever
    nameservers: str = ""  # what domains are verified by, such as "9.9.9.9, [::1]:5353"; empty: the system's
