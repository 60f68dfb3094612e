"""Sessions: begun by whoever signs in, kept alive by refresh tokens that work once, ended everywhere within a second.

The id of a session and its tokens are always made here, never taken from whoever signs in: nobody can fix them before.
"""

import hashlib
import re
import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from msgspec import structs

from muelle.core import Clock, Ids, PrincipalId, Secret, TenantId
from muelle.identity.audit import Acts, AuditTrail, clean
from muelle.identity.errors import AgentNotFound, DisabledAgent
from muelle.identity.model import Principal
from muelle.identity.tokens.access import AccessTokens
from muelle.identity.tokens.errors import InvalidToken, SessionNotFound
from muelle.identity.tokens.model import Claims, Origin, Session, Tokens
from muelle.identity.tokens.settings import TokenSettings
from muelle.identity.tokens.store import SessionStore

_SECRET_BYTES = 32
_REFRESH = re.compile(r"mr_[A-Za-z0-9_-]{43}")
_KEPT = timedelta(days=30)  # how long a session that ended can still be seen to have been
_LONGEST_CLIENT = 200  # characters
_LONGEST_ADDRESS = 100


class Whose(Protocol):
    """Who is there, and not disabled; and what makes this process forget what it knows of tokens."""

    async def principal(self, tenant: TenantId, principal: PrincipalId) -> Principal:
        """Return somebody as they act now; raise AgentNotFound or DisabledAgent."""
        ...

    def forget(self) -> None:
        """Forget what is cached."""
        ...


class Sessions:
    """Begins, refreshes and ends sessions."""

    def __init__(
        self,
        store: SessionStore,
        access: AccessTokens,
        trail: AuditTrail,
        clock: Clock,
        settings: TokenSettings,
        whose: Whose,
    ) -> None:
        self._store = store
        self._access = access
        self._trail = trail
        self._clock = clock
        self._settings = settings
        self._whose = whose
        self._changed = whose.forget
        self._ids = Ids(clock)
        self._acts = Acts(clock, self._ids)

    async def begin(self, principal: Principal, origin: Origin, *, request: str = "") -> Tokens:
        """Begin a session for somebody who has just proved who they are; the oldest one ends if there are too many."""
        now = self._clock.now()
        session = Session(
            id=self._ids.mint("session"),
            tenant=principal.tenant,
            principal=principal.id,
            origin=_bounded(origin),
            created=now,
            used=now,
            expires=self._expiry(now, now),
        )
        await self._make_room(session)
        refresh = new_refresh()
        await self._store.add(session, digest_of(refresh))
        await self._record(principal, "sessions.begin", session, request, origin.method)
        return await self._tokens(session, refresh)

    async def refresh(self, token: str, origin: Origin) -> Tokens:
        """Return new tokens for a refresh token, which is used up by that; raise InvalidToken.

        One that was used before ends its session and all tokens of it: one of two who showed it had stolen it.
        """
        session = await self._store.session_of(digest_of(token)) if _REFRESH.fullmatch(token) else None
        now = self._clock.now()
        if session is None or not session.is_open(now):
            raise InvalidToken("unknown_refresh_token")
        await self._require_enabled(session)
        kept = replace(session.origin, address=_bounded(origin).address)
        used = replace(session, used=now, expires=self._expiry(session.created, now), origin=kept)
        fresh = new_refresh()
        if not await self._store.rotate(digest_of(token), digest_of(fresh), used):
            self._changed()
            await self._record_reuse(session)
            raise InvalidToken("reused_refresh_token")
        return await self._tokens(used, fresh)

    async def open_of(self, tenant: TenantId, principal: PrincipalId) -> list[Session]:
        """Return somebody's open sessions, newest first."""
        return await self._store.open_of(tenant, principal, self._clock.now())

    async def is_open(self, claims: Claims) -> bool:
        """Tell whether the session of a token has not ended, and is of whom the token says."""
        session = await self._store.find(claims.sid)
        if session is None or (session.tenant, session.principal) != (claims.tenant, claims.sub):
            return False
        return session.is_open(self._clock.now())

    async def end(self, principal: Principal, session: str, reason: str = "signed out", *, request: str = "") -> None:
        """End one of somebody's own sessions; raise SessionNotFound."""
        found = await self._store.find(session)
        if found is None or (found.tenant, found.principal) != (principal.tenant, principal.id):
            raise SessionNotFound(session=session[:100])
        await self._revoked(found, reason)
        await self._record(principal, "sessions.end", found, request, reason)

    async def end_all(self, whose: Principal, reason: str, *, spare: str = "", request: str = "") -> int:
        """End all sessions of somebody, but `spare`; return how many there were."""
        try:
            number = await self._store.revoke_all((whose.tenant, whose.id), self._clock.now(), reason, spare)
        finally:
            self._changed()
        act = self._acts.allowed(whose, "sessions.end_all", whose.name, request=request, detail=f"{number}: {reason}")
        await self._trail.record([act])
        return number

    async def sweep(self) -> None:
        """Forget sessions that ended long ago."""
        await self._store.drop(self._clock.now() - _KEPT)

    async def _require_enabled(self, session: Session) -> None:
        """Raise InvalidToken for who is disabled: others, who verify our tokens by themselves, would let them in."""
        try:
            await self._whose.principal(session.tenant, session.principal)
        except (AgentNotFound, DisabledAgent):
            raise InvalidToken("disabled_user") from None

    async def _make_room(self, session: Session) -> None:
        present = await self._store.open_of(session.tenant, session.principal, session.created)
        for old in present[self._settings.sessions_per_user - 1 :]:
            await self._revoked(old, "too many")

    async def _revoked(self, session: Session, reason: str) -> None:
        try:
            await self._store.revoke(session.id, self._clock.now(), reason)
        finally:
            self._changed()  # also after an error or a cancellation: the commit may have happened all the same

    async def _tokens(self, session: Session, refresh: str) -> Tokens:
        access, seconds = await self._access.issue(session)
        return Tokens(access=access, refresh=Secret(refresh), expires_in=seconds, session=session)

    def _expiry(self, created: datetime, now: datetime) -> datetime:
        longest = created + timedelta(seconds=self._settings.longest_seconds)
        return min(longest, now + timedelta(seconds=self._settings.session_seconds))

    async def _record(self, principal: Principal, action: str, session: Session, request: str, detail: str) -> None:
        await self._trail.record([self._acts.allowed(principal, action, session.id, request=request, detail=detail)])

    async def _record_reuse(self, session: Session) -> None:
        act = self._acts.refused(None, "sessions.refresh", session.id, detail="reused_refresh_token")
        await self._trail.record([structs.replace(act, tenant=session.tenant, principal=session.principal)])


def new_refresh() -> str:
    """Return a fresh refresh token: 256 bits that nobody guesses."""
    return f"mr_{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest_of(token: str) -> str:
    """Return what is kept of a token; 256 random bits need no slow hash (ADR 0004)."""
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()


def _bounded(origin: Origin) -> Origin:
    address, browser = clean(origin.address, _LONGEST_ADDRESS), clean(origin.client, _LONGEST_CLIENT)
    return Origin(method=origin.method, address=address, client=browser)
