"""Providers over HTTP: the operator names them, so they may be private; redirects are not followed."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote_plus

import aiohttp

from muelle.core import Secret
from muelle.identity.federation.errors import ProviderFailed

_SECONDS = aiohttp.ClientTimeout(total=10)
_MOST = 1 << 20  # bytes of an answer
_OK = 200


class HttpFetch:
    """The port Fetch; one connection for each call, for they are few."""

    async def get(self, url: str) -> bytes:
        """Return what is there; raise ProviderFailed."""
        return await self._asked("GET", url)

    async def post(self, url: str, form: Mapping[str, str], user: str, password: Secret) -> bytes:
        """Send a form and return the answer; raise ProviderFailed."""
        secret = password.reveal()
        pair = f"{quote_plus(user)}:{quote_plus(secret)}"  # RFC 6749, section 2.3.1
        headers = {"authorization": f"Basic {b64encode(pair.encode()).decode()}"} if secret else {}
        return await self._asked("POST", url, data=dict(form), headers=headers)

    async def _asked(self, method: str, url: str, **sent: Any) -> bytes:  # noqa: ANN401 - aiohttp's options
        try:
            async with (
                aiohttp.ClientSession(timeout=_SECONDS) as session,
                session.request(method, url, allow_redirects=False, **sent) as answer,
            ):
                body = await answer.content.read(_MOST + 1)
                while len(body) <= _MOST and not answer.content.at_eof():
                    body += await answer.content.read(_MOST + 1)
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise ProviderFailed(url=url, reason=type(error).__name__) from None
        if answer.status != _OK or len(body) > _MOST:
            raise ProviderFailed(url=url, status=answer.status)
        return body
