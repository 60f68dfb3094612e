"""The HTTP door: request ids, body limits, errors, metrics, around the routes of all rooms.

It is plain ASGI. Hot routes (exact method and path) are answered here without the web framework's routing, which costs
100 microseconds a request; the framework declares the same routes, so that they are described and guarded alike.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect

from muelle.core import Ids, Metric, Metrics, MuelleError, Unauthenticated, bind, correlate
from muelle.core.ids import NAME
from muelle.doors.http.conditional import Conditional
from muelle.doors.http.limits import Admission, Gate
from muelle.doors.http.problems import BodyTooLarge, Reply, invalid_parameter, to_problem
from muelle.doors.http.settings import HttpSettings
from muelle.doors.http.versions import API_VERSIONS, HEADER, Negotiation, Spoken
from muelle.identity import Identity, InvalidKey, Principal

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]

LOG = logging.getLogger("muelle.http")
REQUESTS = Metric("muelle_http_requests_total", "HTTP requests, by method and status.", "counter", ("method", "status"))
SECONDS = Metric("muelle_http_request_seconds", "How long HTTP requests took.", "histogram")
CALLER, REFUSED = "muelle.caller", "muelle.refused"  # in a scope: who asks, and what stands in the way
_KEY = "mk_"  # how keys begin: who sends one as a request's id shall not find it in the log
_DIGITS = 15  # of a body's length: no body has 1e15 bytes
_MOST_DRAINED = 64 << 20  # bytes
_DRAIN_SECONDS = 2.0
_STREAM = b"text/event-stream"
_CACHE_CONTROL = b"cache-control"
_CLIENT_LEFT = 499  # for metrics and the log: nobody is there to get it
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


@dataclass(frozen=True, slots=True)
class Asked:
    """A request to a hot route: who asks, and with what."""

    principal: Principal
    body: bytes
    query: str
    content_type: str
    request: str
    headers: Mapping[bytes, bytes]

    def parameters(self) -> dict[str, str]:
        """Return the query's parameters, none of which is given twice."""
        return dict(parse_qsl(self.query, keep_blank_values=True)) if self.query else {}


class ClientLeft(Exception):
    """The client closed the connection before its request was there."""


Hot = Callable[[Asked], Awaitable[Reply]]


class Door:
    """An ASGI application around another one."""

    def __init__(
        self,
        routes: Asgi,
        hot: Mapping[tuple[str, str], Hot],
        identity: Identity,
        ids: Ids,
        metrics: Metrics,
        settings: HttpSettings,
    ) -> None:
        self.gate: Gate | None = None  # what bounds how often each may ask
        self._routes = routes
        self._hot = hot
        self._identity = identity
        self._ids = ids
        self._metrics = metrics
        self._settings = settings
        common = [
            (_CACHE_CONTROL, settings.cache_control.encode()),
            (b"x-content-type-options", b"nosniff"),
        ]
        self.versions = Negotiation(API_VERSIONS, common)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request; let everything else (lifespan) through."""
        if scope["type"] != "http":
            await self._routes(scope, receive, send)
            return
        start = perf_counter()
        headers = dict(scope["headers"])
        request = self._request_id(headers)
        is_head = scope["method"] == "HEAD"
        inner = {**scope, "method": "GET"} if is_head else scope
        inner["muelle.request"] = request
        inner["muelle.head"] = is_head
        spoken = self.versions.find(headers.get(HEADER))
        told = (spoken or self.versions.newest).headers
        intake = _Intake(receive, headers, self._settings.body_bytes)
        exchange = _Exchange(send, [*told, (b"x-request-id", request.encode())], intake, is_mute=is_head)
        with correlate(request=request):
            caller = inner[CALLER] = await self._caller(inner["path"], headers, request)
            if isinstance(caller, Principal):
                bind(tenant=caller.tenant, principal=caller.id)
            admission = await self._admitted(caller, inner, exchange)
            try:
                await self._answer(inner, intake, exchange, headers, spoken)
            finally:
                if admission is not None:
                    await admission.end()
            self._note(scope, request, exchange.status, perf_counter() - start)

    async def _answer(
        self,
        scope: Message,
        intake: "_Intake",
        exchange: "_Exchange",
        headers: Mapping[bytes, bytes],
        spoken: Spoken | None,
    ) -> None:
        request = scope["muelle.request"]
        if (refused := scope.get(REFUSED)) is not None:
            await exchange.reply(to_problem(refused, request))  # what refuses it has told the log, once
            return
        try:
            if spoken is None:
                raise self.versions.unknown(headers[HEADER])  # noqa: TRY301 - told like all that goes wrong below
            scope["muelle.version"] = spoken.version
            if scope["query_string"]:
                _check_query(scope["query_string"])
            hot = self._hot.get((scope["method"], scope["path"]))
            if hot is None or _STREAM in headers.get(b"accept", b""):  # streams are the framework's
                await self._routes(scope, intake, self._sending(scope, headers, exchange))
                return
            principal = verified(scope)
            body = await _body(intake)
            content_type = headers.get(b"content-type", b"").decode("latin-1")
            query = scope["query_string"].decode("latin-1")
            reply = await hot(Asked(principal, body, query, content_type, request, headers))
        except MuelleError as error:
            note_fault(error, scope["path"])
            reply = to_problem(error, request)
        except (ClientLeft, ClientDisconnect):
            exchange.status = exchange.status or _CLIENT_LEFT
            return
        except Exception as error:  # noqa: BLE001 - the last one who can answer
            note_fault(error, scope["path"])
            reply = to_problem(MuelleError(), request)
        await exchange.reply(reply)

    def _sending(self, scope: Message, headers: Mapping[bytes, bytes], exchange: "_Exchange") -> Send:
        """Return what sends an answer: to a GET it tells by which ETag it can be asked about again."""
        if scope["method"] != "GET":
            return exchange.send
        known, kept = headers.get(b"if-none-match", b""), self._settings.get_cache_control.encode()
        return Conditional(exchange.send, known, kept).send

    async def _caller(self, path: str, headers: Mapping[bytes, bytes], request: str) -> Principal | MuelleError | None:
        """Return who asks, None for nobody who says so, or why that cannot be told: each route may be told once more.

        A key that is not known yet is not looked up where none is needed: it may be meant for something else.
        """
        key = _key(headers)
        if key is None:
            return None
        principal = self._identity.recall(key)
        if principal is not None or (self.gate is not None and self.gate.is_keyless(path)):
            return principal
        try:
            return await authenticated(self._identity, headers, request)
        except MuelleError as error:
            return error
        except Exception as error:  # noqa: BLE001 - as below: somebody has to answer
            note_fault(error, path)
            return MuelleError()

    async def _admitted(
        self, caller: Principal | MuelleError | None, scope: Message, exchange: "_Exchange"
    ) -> Admission | None:
        """Charge the request, and have its answer say how things stand."""
        if self.gate is None:
            return None
        admission = await self.gate.admit(caller if isinstance(caller, Principal) else None, scope)
        exchange.add(admission.headers)
        scope[REFUSED] = admission.error
        return admission

    def _request_id(self, headers: Mapping[bytes, bytes]) -> str:
        given = headers.get(b"x-request-id", b"").decode("latin-1")
        is_sane = NAME.match(given) and not given.startswith(_KEY)
        return given if is_sane else self._ids.mint("req")

    def _note(self, scope: Message, request: str, status: int, seconds: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        self._metrics.count(REQUESTS, method, str(status))
        self._metrics.observe(SECONDS, seconds)
        if self._settings.access_log:
            LOG.info(
                "%s %s %s",
                scope["method"],
                scope["path"],
                status,
                extra={"request": request, "duration_ms": round(seconds * 1000, 3)},
            )


class _Exchange:
    """The sending side of one request: adds the headers that every answer has, and never starts an answer twice.

    A mute one sends no body: what HEAD is answered with.
    """

    __slots__ = ("_headers", "_intake", "_is_mute", "_send", "status")

    def __init__(self, send: Send, headers: list[tuple[bytes, bytes]], intake: "_Intake", *, is_mute: bool) -> None:
        self._send = send
        self._headers = headers
        self._intake = intake
        self._is_mute = is_mute
        self.status = 0

    def add(self, headers: Iterable[tuple[bytes, bytes]]) -> None:
        self._headers.extend(headers)

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            told = message.get("headers", ())
            is_told = any(name == _CACHE_CONTROL for name, _ in told)
            common = [header for header in self._headers if header[0] != _CACHE_CONTROL] if is_told else self._headers
            message["headers"] = [*told, *common]
            await self._send(message)
            return
        if self._is_mute:
            message = {**message, "body": b""}
        await self._finish(message)

    async def reply(self, reply: Reply) -> None:
        if self.status:
            return  # the answer had begun: the server closes the connection, and the log says why
        self.status = reply.status
        headers = [
            (b"content-type", reply.content_type),
            (b"content-length", b"%d" % len(reply.body)),
            *reply.headers,
            *self._headers,
        ]
        await self._send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await self._finish({"type": "http.response.body", "body": b"" if self._is_mute else reply.body})

    async def _finish(self, message: Message) -> None:
        """Send a part of the body; the last one only when the client has stopped sending a body that was refused."""
        if self._intake.is_refused and not message.get("more_body", False):
            await self._send({**message, "more_body": True})
            await self._intake.drain()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)


def note_fault(error: Exception, path: str) -> None:
    """Log what is our fault, with its cause; what is the caller's is told to the caller alone."""
    status = error.status if isinstance(error, MuelleError) else MuelleError.status
    if status >= MuelleError.status:
        LOG.error("A request failed", exc_info=error, extra={"path": path})


def _check_query(query: bytes) -> None:
    """Raise InvalidParameter for one that is given twice: which of them counts is read differently by everybody."""
    names = [name for name, _ in parse_qsl(query.decode("latin-1"), keep_blank_values=True)]
    for name in names if len(set(names)) < len(names) else ():
        if names.count(name) > 1:
            raise invalid_parameter(f"query.{name[:100]}", "Input should be given once")


def verified(scope: Message) -> Principal:
    """Return who asks, as the door has found out; raise Unauthenticated, or what came in between.

    It is told once: streams ask again later, whether their listener's key still opens.
    """
    caller = scope.pop(CALLER)
    if isinstance(caller, Principal):
        return caller
    raise caller or Unauthenticated


async def authenticated(identity: Identity, headers: Mapping[bytes, bytes], request: str) -> Principal:
    """Return who asks, by `X-API-Key: KEY` or `Authorization: Bearer KEY`; raise Unauthenticated."""
    key = _key(headers)
    if key is None:
        raise Unauthenticated
    principal = identity.recall(key)
    if principal is not None:
        return principal
    try:
        return await identity.authenticate(key, request)
    except InvalidKey:
        raise InvalidKey from None  # one cause for all: what exactly is wrong with a key is nobody's business


def _key(headers: Mapping[bytes, bytes]) -> str | None:
    given = headers.get(b"x-api-key")
    if given is None:
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() != b"bearer":
            return None
    return given.strip().decode("latin-1") or None


class _Intake:
    """The receiving side of one request: refuses a body over the limit when it is asked for.

    It goes by what the header says before reading, and by counting while reading.
    """

    __slots__ = ("_limit", "_read", "_receive", "is_refused")

    def __init__(self, receive: Receive, headers: Mapping[bytes, bytes], limit: int) -> None:
        self._receive = receive
        self._limit = limit
        declared = headers.get(b"content-length", b"0")
        self.is_refused = declared.isdigit() and (len(declared) > _DIGITS or int(declared) > limit)
        self._read = 0

    async def __call__(self) -> Message:
        if self.is_refused:
            raise BodyTooLarge(limit=self._limit)
        message = await self._receive()
        self._read += len(message.get("body", b""))
        if self._read > self._limit:
            self.is_refused = True
            raise BodyTooLarge(limit=self._limit)
        return message

    async def drain(self) -> None:
        """Throw away what still comes, within bounds: who is cut off while sending never reads the answer."""
        discarded = 0
        with suppress(TimeoutError):
            async with asyncio.timeout(_DRAIN_SECONDS):
                while discarded <= _MOST_DRAINED:
                    message = await self._receive()
                    if not message.get("more_body", False):
                        return
                    discarded += len(message["body"])


async def _body(receive: Receive) -> bytes:
    """Return the whole body; raise ClientLeft rather than take a part of it for the whole."""
    message = await receive()
    parts: list[bytes] = []
    while message.get("more_body", False):
        parts.append(message.get("body", b""))
        message = await receive()
    if message["type"] == "http.disconnect":
        raise ClientLeft
    last: bytes = message.get("body", b"")
    return b"".join((*parts, last)) if parts else last
