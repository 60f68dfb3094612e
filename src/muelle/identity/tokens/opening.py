"""Tokens put together: what signs and verifies them, the sessions that they are of, and who shows them."""

from dataclasses import dataclass

from muelle.core import Clock, Ids
from muelle.identity.audit import AuditTrail
from muelle.identity.service import Identity
from muelle.identity.tokens.access import AccessTokens
from muelle.identity.tokens.bearer import TokenBearers
from muelle.identity.tokens.ring import KeyRing
from muelle.identity.tokens.sessions import Sessions
from muelle.identity.tokens.settings import TokenSettings
from muelle.identity.tokens.store import SessionStore, TokenKeys
from muelle.stores import Database, Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenParts:
    """What tokens stand on."""

    database: Database
    vault: Vault
    identity: Identity
    trail: AuditTrail
    clock: Clock
    settings: TokenSettings


@dataclass(frozen=True, slots=True)
class TokenDoors:
    """What doors and commands call."""

    ring: KeyRing
    access: AccessTokens
    sessions: Sessions
    bearers: TokenBearers


def open_tokens(parts: TokenParts) -> TokenDoors:
    """Return tokens on a database; nothing is started, and nothing needs to be closed."""
    ids = Ids(parts.clock)
    ring = KeyRing(TokenKeys(parts.database), parts.vault, parts.clock, ids, parts.settings)
    access = AccessTokens(ring, parts.clock, ids, parts.settings)
    store = SessionStore(parts.database)
    sessions = Sessions(store, access, parts.trail, parts.clock, parts.settings, parts.identity)
    return TokenDoors(ring, access, sessions, TokenBearers(parts.identity, access, sessions, parts.clock))
