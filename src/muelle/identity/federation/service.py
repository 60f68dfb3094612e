"""Signing in with a provider: the code flow with PKCE, state and nonce (OpenID Connect Core 1.0, RFC 7636, RFC 9700).

Everything that has to fit together in the end (state, nonce, verifier) is derived from one secret that only who began
has, so nobody can be signed in by what another has begun. It works once, for ten minutes.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlencode

import msgspec

from muelle.core import Clock, Secret, TenantId
from muelle.identity.errors import DisabledAgent
from muelle.identity.federation.documents import ProviderDocuments
from muelle.identity.federation.errors import NotAMember, ProviderFailed, ProviderNotFound, SignInRefused
from muelle.identity.federation.fetch import Fetch
from muelle.identity.federation.members import Members
from muelle.identity.federation.reading import TokenReader
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.tokens.algorithms import b64
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.sessions import Sessions, digest_of
from muelle.identity.users.model import Ticket
from muelle.identity.users.store import TicketStore

_LASTS = timedelta(minutes=10)
_SECRET_BYTES = 32
_SECRET = re.compile(r"[A-Za-z0-9_-]{43}")
_KIND = "provider"


@dataclass(frozen=True, slots=True)
class Provider:
    """A provider that can be used."""

    name: str
    settings: ProviderSettings
    documents: ProviderDocuments
    reader: TokenReader
    members: Members


@dataclass(frozen=True, slots=True)
class Begun:
    """Where to send somebody, and the secret that whoever began keeps until they are back."""

    url: str
    state: str
    secret: Secret


class _Granted(msgspec.Struct, frozen=True, kw_only=True):
    """What a provider gives for a code; its access token is not ours to use."""

    id_token: str


class Federation:
    """Begins and finishes signing in with providers."""

    def __init__(
        self, providers: Mapping[str, Provider], fetch: Fetch, tickets: TicketStore, sessions: Sessions, clock: Clock
    ) -> None:
        self._providers = providers
        self._fetch = fetch
        self._tickets = tickets
        self._sessions = sessions
        self._clock = clock

    def names(self) -> list[str]:
        """Return with whom one can sign in."""
        return sorted(name for name, provider in self._providers.items() if provider.settings.client_id)

    def provider(self, name: str) -> Provider:
        """Return a provider; raise ProviderNotFound."""
        if name not in self._providers:
            raise ProviderNotFound(provider=name[:100])
        return self._providers[name]

    async def begin(self, name: str) -> Begun:
        """Return where to sign in; raise ProviderNotFound, ProviderFailed."""
        provider = self._usable(name)
        settings, secret = provider.settings, secrets.token_urlsafe(_SECRET_BYTES)
        metadata = await provider.documents.metadata()
        now = self._clock.now()
        ticket = Ticket(kind="provider", tenant=TenantId(settings.tenant), email="", expires=now + _LASTS, content=name)
        await self._tickets.add(digest_of(secret), ticket, now, is_sole=False)
        asked = {
            "response_type": "code",
            "client_id": settings.client_id,
            "redirect_uri": settings.redirect,
            "scope": settings.scopes,
            "state": derived(secret, "state"),
            "nonce": derived(secret, "nonce"),
            "code_challenge": b64(hashlib.sha256(derived(secret, "verifier").encode()).digest()).decode(),
            "code_challenge_method": "S256",
        }
        joint = "&" if "?" in metadata.authorization_endpoint else "?"
        url = f"{metadata.authorization_endpoint}{joint}{urlencode(asked)}"
        return Begun(url, derived(secret, "state"), Secret(secret))

    async def finish(self, name: str, code: str, state: str, secret: str, origin: Origin) -> Tokens:
        """Begin a session for who is back with a code; raise SignInRefused, NotAMember, ProviderFailed."""
        provider = self._usable(name)
        await self._redeemed(name, state, secret)
        try:
            claims = await provider.reader.read_id(
                await self._id_token(provider, code, secret), derived(secret, "nonce")
            )
            principal = await provider.members.principal(claims)
        except InvalidToken:
            raise SignInRefused from None
        except DisabledAgent:
            raise NotAMember from None
        return await self._sessions.begin(principal, origin)

    async def _redeemed(self, name: str, state: str, secret: str) -> None:
        if not _SECRET.fullmatch(secret) or not hmac.compare_digest(derived(secret, "state").encode(), state.encode()):
            raise SignInRefused
        now = self._clock.now()
        ticket = await self._tickets.find(digest_of(secret), now)
        if ticket is None or ticket.content != name or not await self._tickets.use(digest_of(secret), _KIND, now):
            raise SignInRefused

    async def _id_token(self, provider: Provider, code: str, secret: str) -> str:
        settings = provider.settings
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": settings.redirect,
            "code_verifier": derived(secret, "verifier"),
        }
        if not settings.client_secret.reveal():
            form["client_id"] = settings.client_id
        url = (await provider.documents.metadata()).token_endpoint
        answer = await self._fetch.post(url, form, settings.client_id, settings.client_secret)
        try:
            return msgspec.json.decode(answer, type=_Granted).id_token
        except msgspec.DecodeError as error:
            raise ProviderFailed(url=url, reason=str(error)[:200]) from None

    def _usable(self, name: str) -> Provider:
        provider = self.provider(name)
        if not provider.settings.client_id:
            raise ProviderNotFound(provider=name[:100])
        return provider


def derived(secret: str, purpose: str) -> str:
    """Return what belongs to a secret for one purpose; nobody who has it finds the secret."""
    return b64(hmac.digest(secret.encode(), purpose.encode(), "sha256")).decode()
