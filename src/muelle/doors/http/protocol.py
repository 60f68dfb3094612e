"""The wire: uvicorn's protocol, with bounds for requests that never come to an end.

Uvicorn bounds neither how large a head grows nor how long a request takes to arrive. One timer for each connection
looks after both, so that a request costs nothing more.
"""

from asyncio import BaseTransport, TimerHandle, Transport
from collections.abc import Callable
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from muelle.core import Ids, MuelleError
from muelle.doors.http.cork import CorkedTransport
from muelle.doors.http.problems import HeadTooLarge, MalformedRequest, RequestTimedOut, to_problem
from muelle.doors.http.settings import HttpSettings
from muelle.doors.http.versions import API_VERSIONS, HEADER

Unread = Callable[[str], list[tuple[bytes, bytes]]]  # who sent what cannot be read -> what the answer says of limits
_LINGER = 1.0  # seconds in which what a client still sends is thrown away, lest the answer be lost with it


class BoundedProtocol(HttpToolsProtocol):
    """One connection. What it refuses itself is answered as a problem, and the connection closed."""

    def __init__(self, settings: HttpSettings, ids: Ids, unread: Unread | None = None, **given: Any) -> None:  # noqa: ANN401 - uvicorn's own
        super().__init__(**given)
        self._unread_by = unread
        self._settings = settings
        self._ids = ids
        self._begun: float | None = None
        self._has_asked = False
        self._is_in_head = False
        self._head = 0
        self._unread = 0
        self._is_refused = False
        self._watch: TimerHandle | None = None

    def connection_made(self, transport: BaseTransport) -> None:
        """Begin to wait for a request."""
        super().connection_made(cast("Transport", CorkedTransport(cast("Transport", transport), self.loop)))
        self._begun = self.loop.time()
        self._watch = self.loop.call_later(self._settings.request_seconds, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the watch."""
        if self._watch is not None:
            self._watch.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read, and count as long as the head does not end."""
        if self._is_refused:
            self._discard(len(data))
            return
        super().data_received(data)
        if self._is_in_head:
            self._head += len(data)
            if self._head > self._settings.head_bytes:
                self._refuse(HeadTooLarge(limit=self._settings.head_bytes))

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._begun = self.loop.time()
        self._is_in_head, self._head, self._unread = True, 0, 0

    def on_headers_complete(self) -> None:
        """End the head."""
        self._is_in_head = False
        super().on_headers_complete()
        self._has_asked = True  # now there is a cycle; a target that cannot be read never makes one

    def on_body(self, body: bytes) -> None:
        """Read a part of the body; one that was answered already is let run out, but not for ever."""
        if self.cycle.response_complete:
            self._discard(len(body))
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End the request."""
        self._begun = None
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        self._refuse(MalformedRequest(reason=msg))

    def _discard(self, size: int) -> None:
        self._unread += size
        if self._unread > self._settings.body_bytes:
            self.transport.abort()

    def _look(self) -> None:
        """Refuse a request that has been on its way for too long, unless it is us who do not read on."""
        limit = self._settings.request_seconds
        waited = 0.0 if self._begun is None else self.loop.time() - self._begun
        if waited >= limit and not self.flow.read_paused and not self._is_at_work():
            self._refuse(RequestTimedOut(limit=limit))
        elif not self.transport.is_closing():
            self._watch = self.loop.call_later(max(limit - waited, limit / 10), self._look)

    def _is_at_work(self) -> bool:
        """Tell whether an earlier request, which has arrived whole, is still being answered."""
        return self._has_asked and not self.cycle.response_complete and not self.cycle.more_body

    def _refuse(self, error: MuelleError) -> None:
        if self.transport.is_closing() or self._is_refused:
            return
        self._is_refused = True
        if self._has_asked and self.cycle.response_started and not self.cycle.response_complete:
            self.transport.close()
            return
        if self._has_asked:
            self.cycle.disconnected = True  # whoever works on it learns that nobody waits any more
            self.cycle.message_event.set()
        self.transport.write(self._answer(error))
        self.transport.write_eof()
        self.loop.call_later(_LINGER, self.transport.close)

    def _told_of_limits(self) -> list[tuple[bytes, bytes]]:
        return self._unread_by(self.client[0] if self.client else "") if self._unread_by else []

    def _answer(self, error: MuelleError) -> bytes:
        request = self._ids.mint("req")
        reply = to_problem(error, request)
        lines = [
            b"content-type: " + reply.content_type,
            b"content-length: %d" % len(reply.body),
            b"x-request-id: " + request.encode(),
            HEADER + b": " + API_VERSIONS[-1].date.encode(),
            b"connection: close",
            *(name + b": " + value for name, value in self._told_of_limits()),
        ]
        return b"%s%s\r\n\r\n%s" % (STATUS_LINE[reply.status], b"\r\n".join(lines), reply.body)
