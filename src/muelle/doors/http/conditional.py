"""Validators on answers to GET: an ETag of what is sent, and 304 for whoever has it already (RFC 9110, section 13)."""

import hashlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]

_OK: Final = 200
_NOT_MODIFIED: Final = 304
_DIGEST: Final = 12  # bytes: two different answers of one address have the same one chance in 2^96
_FRAMING: Final = frozenset({b"content-length", b"content-type", b"content-encoding"})
# An answer is its caller's own: whoever keeps it asks each time whether it still holds, with the same key.
VARY: Final = b"authorization, x-api-key, accept, muelle-version"


class Conditional:
    """Stands between routes and the client, for one GET. Streams, failures and what has an ETag pass as they are."""

    __slots__ = ("_cache_control", "_known", "_send", "_start")

    def __init__(self, send: Send, if_none_match: bytes, cache_control: bytes) -> None:
        self._send = send
        self._known = if_none_match
        self._cache_control = cache_control
        self._start: Message | None = None

    async def send(self, message: Message) -> None:
        """Send a part of an answer; its beginning waits for the first part of its body."""
        if message["type"] == "http.response.start" and message["status"] == _OK and not _has(message, b"etag"):
            self._start = message
            return
        start, self._start = self._start, None
        if start is not None:
            if message.get("more_body", False):
                await self._send(start)
            else:
                message = await self._validated(start, message)
        await self._send(message)

    async def _validated(self, start: Message, message: Message) -> Message:
        body = message.get("body", b"")
        etag = b'"%s"' % hashlib.blake2b(body, digest_size=_DIGEST).hexdigest().encode()
        headers = [(b"etag", etag), (b"vary", VARY)]
        if not _has(start, b"cache-control"):  # a route may know better
            headers.append((b"cache-control", self._cache_control))
        if is_known(etag, self._known):
            kept = [header for header in start.get("headers", ()) if header[0].lower() not in _FRAMING]
            await self._send({**start, "status": _NOT_MODIFIED, "headers": [*kept, *headers]})
            return {**message, "body": b""}
        await self._send({**start, "headers": [*start.get("headers", ()), *headers]})
        return message


def is_known(etag: bytes, if_none_match: bytes) -> bool:
    """Return whether the client has this version: one of a list, weakly compared, or `*`."""
    if not if_none_match:
        return False
    known = [one.strip().removeprefix(b"W/") for one in if_none_match.split(b",")]
    return etag in known or b"*" in known


def _has(message: Message, name: bytes) -> bool:
    return any(header[0].lower() == name for header in message.get("headers", ()))
