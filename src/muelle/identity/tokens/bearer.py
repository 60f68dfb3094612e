"""Who shows an access token."""

from muelle.core import Clock, PrincipalId, TenantId
from muelle.identity.bearing import Borne
from muelle.identity.errors import AgentNotFound, DisabledAgent
from muelle.identity.service import Identity
from muelle.identity.tokens.access import AccessTokens
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.tokens.sessions import Sessions

_SECOND = 1_000_000_000  # nanoseconds


class TokenBearers:
    """Reads our own access tokens; which grants their users have is asked for anew, not written in the token."""

    def __init__(self, identity: Identity, access: AccessTokens, sessions: Sessions, clock: Clock) -> None:
        self._identity = identity
        self._access = access
        self._sessions = sessions
        self._clock = clock

    async def borne(self, token: str) -> Borne:
        """Return who shows a token; raise InvalidToken."""
        claims = await self._access.read(token)
        if not await self._sessions.is_open(claims):
            raise InvalidToken("ended_session")
        try:
            principal = await self._identity.principal(TenantId(claims.tenant), PrincipalId(claims.sub))
        except (AgentNotFound, DisabledAgent):
            raise InvalidToken("disabled_user") from None
        return Borne(principal, claims.exp * _SECOND)

    async def session_of(self, token: str) -> str:
        """Return the session of a token that opens; raise InvalidToken."""
        return (await self._access.read(token)).sid
