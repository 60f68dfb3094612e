"""Tokens at the door: our own, and those of providers whose audience is set."""

from collections.abc import Mapping

from muelle.core import Clock
from muelle.identity.bearing import Bearers, Borne
from muelle.identity.errors import AgentNotFound, DisabledAgent
from muelle.identity.federation.errors import NotAMember, ProviderFailed
from muelle.identity.federation.reading import issuer_of
from muelle.identity.federation.service import Provider
from muelle.identity.tokens.errors import InvalidToken

_SECOND = 1_000_000_000  # nanoseconds


class AllBearers:
    """Reads tokens of whoever is known to issue them: by `iss`, and each by its own keys alone."""

    def __init__(self, own: Bearers, own_issuer: str, providers: Mapping[str, Provider], clock: Clock) -> None:
        self._own = own
        taken = [provider for provider in providers.values() if provider.settings.audience]
        self._by_issuer = {each.settings.issuer: each for each in taken if each.settings.issuer != own_issuer}
        self._clock = clock

    async def borne(self, token: str) -> Borne:
        """Return who shows a token; raise InvalidToken."""
        provider = self._by_issuer.get(issuer_of(token)) if self._by_issuer else None
        if provider is None:
            return await self._own.borne(token)
        try:
            claims = await provider.reader.read(token, provider.settings.audience)
            principal = await provider.members.principal(claims)
        except ProviderFailed:
            raise InvalidToken("provider_failed") from None
        except (NotAMember, AgentNotFound, DisabledAgent):
            raise InvalidToken("not_a_member") from None
        return Borne(principal, int(claims["exp"] + provider.settings.skew_seconds) * _SECOND)
