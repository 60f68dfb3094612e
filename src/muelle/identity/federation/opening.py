"""Providers put together."""

from collections.abc import Mapping
from dataclasses import dataclass

from muelle.core import Clock
from muelle.identity.bearing import Bearers
from muelle.identity.federation.bearers import AllBearers
from muelle.identity.federation.documents import ProviderDocuments, is_safe
from muelle.identity.federation.errors import ProviderSettingsInvalid
from muelle.identity.federation.fetch import Fetch
from muelle.identity.federation.members import Members, checked_claim
from muelle.identity.federation.reading import TokenReader
from muelle.identity.federation.service import Federation, Provider
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.federation.store import Logins
from muelle.identity.service import Identity
from muelle.identity.tokens.opening import TokenDoors
from muelle.identity.users.store import TicketStore, UserStore
from muelle.stores import Database


@dataclass(frozen=True, slots=True, kw_only=True)
class FederationParts:
    """What providers stand on."""

    providers: Mapping[str, ProviderSettings]
    database: Database
    identity: Identity
    tokens: TokenDoors
    own_issuer: str
    fetch: Fetch
    clock: Clock


@dataclass(frozen=True, slots=True)
class FederationDoors:
    """What doors and commands call."""

    federation: Federation
    bearers: Bearers
    logins: Logins


def open_federation(parts: FederationParts) -> FederationDoors:
    """Return the providers of the settings; nothing is asked of them yet. Raises ProviderSettingsInvalid."""
    logins, users = Logins(parts.database), UserStore(parts.database)
    providers = {name: _provider(parts, name, settings, logins, users) for name, settings in parts.providers.items()}
    tickets = TicketStore(parts.database)
    return FederationDoors(
        Federation(providers, parts.fetch, tickets, parts.tokens.sessions, parts.clock),
        AllBearers(parts.tokens.bearers, parts.own_issuer, providers, parts.clock),
        logins,
    )


def _provider(
    parts: FederationParts, name: str, settings: ProviderSettings, logins: Logins, users: UserStore
) -> Provider:
    for setting, url in (("issuer", settings.issuer), ("keys", settings.keys or settings.issuer)):
        if not is_safe(url):
            raise ProviderSettingsInvalid(setting=f"identity.providers.{name}.{setting}", value=url)
    checked_claim(name, settings)
    documents = ProviderDocuments(settings, parts.fetch, parts.clock)
    reader = TokenReader(settings, documents, parts.clock)
    return Provider(name, settings, documents, reader, Members(settings, logins, users, parts.identity))
