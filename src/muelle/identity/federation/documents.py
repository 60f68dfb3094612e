"""What a provider says of itself: where to go (discovery), and the keys that sign its tokens.

Keys are fetched again when a token names one that is not known, and every few minutes; whoever sends tokens of unknown
keys makes us ask no more often than that.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from muelle.core import Clock
from muelle.identity.federation.errors import ProviderFailed
from muelle.identity.federation.fetch import Fetch
from muelle.identity.federation.settings import ProviderSettings

REFETCH_SECONDS = 30.0  # how soon an unknown key lets us ask again
FRESH_SECONDS = 300.0  # how long keys are taken for the present ones
STALE_SECONDS = 86_400.0  # how long they still count while the provider does not answer
_LOCAL = ("http://localhost:", "http://127.0.0.1:", "http://[::1]:")
Jwk = Mapping[str, Any]


class Metadata(msgspec.Struct, frozen=True, kw_only=True):
    """What discovery says (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str


class _KeySet(msgspec.Struct, frozen=True, kw_only=True):
    keys: list[dict[str, Any]]


class ProviderDocuments:
    """Fetches both, and remembers them."""

    def __init__(self, settings: ProviderSettings, fetch: Fetch, clock: Clock) -> None:
        self._settings = settings
        self._fetch = fetch
        self._clock = clock
        self._metadata: tuple[float, Metadata] | None = None
        self._keys: Sequence[Jwk] = ()
        self._kept_at = -STALE_SECONDS
        self._asked_at = -STALE_SECONDS
        self._asking = asyncio.Lock()

    async def metadata(self) -> Metadata:
        """Return what the provider says of itself; raise ProviderFailed, also if it is not who the settings say."""
        now = self._clock.monotonic()
        if self._metadata is None or now - self._metadata[0] >= FRESH_SECONDS:
            issuer = self._settings.issuer
            found = await self._read(f"{issuer.rstrip('/')}/.well-known/openid-configuration", Metadata)
            if found.issuer != issuer:
                raise ProviderFailed(url=issuer, reason="it names another issuer")
            for url in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                if not is_safe(url):
                    raise ProviderFailed(url=url[:200], reason="it is neither https nor this machine")
            self._metadata = (now, found)
        return self._metadata[1]

    async def keys(self, key_id: str | None) -> Sequence[Jwk]:
        """Return the keys, one of that id among them if there is such a one; raise ProviderFailed."""
        now = self._clock.monotonic()
        is_known = key_id is None or any(key.get("kid") == key_id for key in self._keys)
        wait = FRESH_SECONDS if is_known and self._keys else REFETCH_SECONDS
        if now - self._asked_at >= wait:
            async with self._asking:
                if self._asked_at < now:
                    await self._renew(now)
        return self._keys

    async def _renew(self, now: float) -> None:
        self._asked_at = now
        try:
            url = self._settings.keys or (await self.metadata()).jwks_uri
            self._keys = (await self._read(url, _KeySet)).keys
            self._kept_at = now
        except ProviderFailed:
            if now - self._kept_at >= STALE_SECONDS:
                self._keys = ()
            if not self._keys:
                raise

    async def _read(self, url: str, kind: Any) -> Any:  # noqa: ANN401 - a Struct
        if not is_safe(url):
            raise ProviderFailed(url=url[:200], reason="it is neither https nor this machine")
        try:
            return msgspec.json.decode(await self._fetch.get(url), type=kind)
        except msgspec.DecodeError as error:
            raise ProviderFailed(url=url, reason=str(error)[:200]) from None


def is_safe(url: str) -> bool:
    """Tell whether what is at a URL comes from whom it names: by TLS, or from this very machine."""
    return url.startswith(("https://", *_LOCAL))
