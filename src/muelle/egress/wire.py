"""What the HTTP client is asked for: one request, one answer, no policy. The client is an adapter behind `Wire`."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from muelle.egress.guard import Networks
from muelle.egress.target import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request as it is sent; its repr shows nothing that may hold a secret.

    `signer` signs it as the very last thing, each time that it is sent; `credentials` says by id and version which
    credentials have a part in it.
    """

    method: str
    target: Target = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes | None = field(repr=False)
    networks: Networks = field(repr=False)
    max_answer_bytes: int
    signer: "Callable[[Request], Request] | None" = field(default=None, repr=False)
    credentials: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back, decompressed; header names are in lower case, a repeated header's values are joined by ', '."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


class Wire(Protocol):
    """Sends requests over pooled connections, each of which the guard allowed for the networks of the request."""

    async def send(self, request: Request) -> Answer:
        """Send one request without following redirects.

        Raises AddressRefused, ConnectionFailed, DnsFailed, TlsFailed, AnswerTooLarge, AnswerBroken or TimeoutError.
        """
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


class Resolver(Protocol):
    """Finds the addresses of a name."""

    async def addresses(self, host: str) -> Sequence[str]:
        """Return IP addresses; raise OSError if there are none."""
        ...
