"""The Wire on aiohttp (ADR 0005). Importing this costs 150 to 300 ms: only the first call that leaves does so."""

import socket
import ssl
from collections import OrderedDict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver
from aiohttp.typedefs import LooseHeaders
from yarl import URL

from muelle.core import MuelleError
from muelle.egress.decompression import Body
from muelle.egress.errors import (
    AddressRefused,
    AnswerBroken,
    AnswerTooLarge,
    ConnectionFailed,
    DnsFailed,
    TlsFailed,
)
from muelle.egress.guard import Networks, refusal
from muelle.egress.settings import EgressSettings
from muelle.egress.wire import Answer, Request, Resolver

_AddrInfo = tuple[int, int, int, str, tuple[str, int] | tuple[str, int, int, int]]

# Tasks that race to connect see the same list: they inherit the context of the task that sends the request.
_refused: ContextVar[list[str] | None] = ContextVar("muelle_refused_addresses", default=None)


class _Pool:
    """Connections that were all judged by the same networks; `busy` requests are under way."""

    __slots__ = ("busy", "session")

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.busy = 0


class _Addresses(AbstractResolver):
    """Our Resolver as aiohttp wants it."""

    def __init__(self, resolver: Resolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return every address of the name."""
        del family  # the address tells
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST,
            )
            for address in await self._resolver.addresses(host)
        ]

    async def close(self) -> None:
        """Nothing is held."""


class AiohttpWire:
    """Sends requests over one pool for each set of allowed networks.

    The guard judges the address that is handed to `connect`, for every attempt and however it was found. A pooled
    connection therefore is as good as a new one, for calls with the same networks; others never get it.
    """

    def __init__(self, settings: EgressSettings, resolver: Resolver | None = None) -> None:
        self._settings = settings
        self._resolver = _Addresses(resolver) if resolver else DefaultResolver()
        self._tls = ssl.create_default_context()
        if settings.ca_file:
            self._tls.load_verify_locations(settings.ca_file)
        self._pools: OrderedDict[Networks, _Pool] = OrderedDict()

    async def send(self, request: Request) -> Answer:
        """Send one request; see Wire."""
        host = request.target.place
        refused: list[str] = []
        token = _refused.set(refused)
        try:
            async with self._session(request.networks) as session:
                return await self._exchange(session, request)
        except aiohttp.ClientConnectorDNSError:
            raise DnsFailed(host=host) from None
        except (aiohttp.ClientError, OSError, UnicodeError) as error:
            if isinstance(error, TimeoutError) and not isinstance(error, aiohttp.ClientError):
                raise
            raise _refusal(host, refused) or _failure(host, error) from None
        finally:
            _refused.reset(token)

    async def _exchange(self, session: aiohttp.ClientSession, request: Request) -> Answer:
        headers: LooseHeaders = dict(request.headers)
        async with session.request(
            request.method,
            URL(request.target.url, encoded=True),
            headers=headers,
            data=request.body,
            allow_redirects=False,
        ) as response:
            return Answer(response.status, _headers(response), await self._body(response, request))

    async def _body(self, response: aiohttp.ClientResponse, request: Request) -> bytes:
        host = request.target.place
        encoding = response.headers.get("Content-Encoding", "")
        body = Body(encoding, request.max_answer_bytes, host)
        announced = response.content_length or 0
        if request.method != "HEAD" and announced > request.max_answer_bytes and not body.is_compressed:
            raise AnswerTooLarge(host=host, limit=request.max_answer_bytes)
        async for chunk in response.content.iter_any():
            body.feed(chunk)
        return body.whole()

    @asynccontextmanager
    async def _session(self, networks: Networks) -> AsyncIterator[aiohttp.ClientSession]:
        pool = self._pools.get(networks)
        if pool is None:
            pool = self._pools[networks] = _Pool(self._open(networks))
        self._pools.move_to_end(networks)
        pool.busy += 1
        try:
            yield pool.session
        finally:
            pool.busy -= 1
            if len(self._pools) > self._settings.pools:
                await self._close_idle()

    def _open(self, networks: Networks) -> aiohttp.ClientSession:
        settings = self._settings
        connector = aiohttp.TCPConnector(
            ssl=self._tls,
            resolver=self._resolver,
            ttl_dns_cache=settings.dns_seconds,
            limit=settings.connections,
            limit_per_host=settings.connections_per_host,
            keepalive_timeout=settings.keepalive_seconds,
            socket_factory=lambda info: _guarded_socket(info, networks),
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # Body does so within the limit
            trust_env=False,  # a proxy from the environment would be connected to instead, and resolve names unguarded
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=settings.connect_seconds),
            max_line_size=settings.max_header_bytes,
            max_field_size=settings.max_header_bytes,
        )

    async def _close_idle(self) -> None:
        idle = [networks for networks, pool in self._pools.items() if not pool.busy]
        for networks in idle[: len(self._pools) - self._settings.pools]:
            await self._pools.pop(networks).session.close()

    async def close(self) -> None:
        """Close all connections."""
        while self._pools:
            _, pool = self._pools.popitem()
            await pool.session.close()
        await self._resolver.close()


def _guarded_socket(info: _AddrInfo, networks: Networks) -> socket.socket:
    """Return the socket for one attempt to connect, if the guard allows the very address that it will connect to."""
    family, kind, protocol, _, address = info
    reason = refusal(address[0], networks)
    if reason is not None:
        refused = _refused.get()
        if refused is not None:
            refused.append(reason)
        raise PermissionError(reason)
    return socket.socket(family, kind, protocol)


def _refusal(host: str, refused: Sequence[str]) -> MuelleError | None:
    """Return AddressRefused if an attempt was; which address it was the resolver alone shall know."""
    return AddressRefused(host=host) if refused else None


_REASONS: tuple[tuple[type[Exception], type[MuelleError], str], ...] = (
    (aiohttp.ClientSSLError, TlsFailed, "no secure connection"),
    (aiohttp.ServerTimeoutError, ConnectionFailed, "no connection in time"),
    (aiohttp.ClientConnectorError, ConnectionFailed, "refused or unreachable"),
    (aiohttp.ClientPayloadError, AnswerBroken, "cut off"),
    (aiohttp.ClientResponseError, AnswerBroken, "not HTTP, or headers too long"),
)


def _failure(host: str, error: Exception) -> MuelleError:
    """Return what an error of the client means; its own text may hold the URL and is not passed on."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        cause = error.certificate_error
        reason = cause.verify_message if isinstance(cause, ssl.SSLCertVerificationError) else "certificate"
        return TlsFailed(host=host, reason=reason)
    for kind, failure, reason in _REASONS:
        if isinstance(error, kind):
            return failure(host=host, reason=reason)
    return ConnectionFailed(host=host, reason="connection lost")


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in response.headers.items():
        lower = name.lower()
        headers[lower] = f"{headers[lower]}, {value}" if lower in headers else value
    if headers.pop("content-encoding", ""):
        headers.pop("content-length", None)  # of the compressed body, which nobody sees
    headers.pop("transfer-encoding", None)
    return headers
