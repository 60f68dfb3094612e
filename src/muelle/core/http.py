"""Plain values for calls that leave: what is asked, what came back, and secrets by name only."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class CredentialRef:
    """The name of a credential where its value is to stand; only `egress` ever exchanges it for the value."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """How a call wants to be made again after a failure: `attempts` in all, the first one included; seconds."""

    attempts: int
    first_seconds: float
    longest_seconds: float
    factor: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt that failed and is followed by another: what came of it, and the seconds it took and is waited."""

    number: int
    at: datetime
    outcome: str
    took: float
    wait: float


@dataclass(frozen=True, slots=True)
class EndpointRef:
    """An endpoint that an Api describes, by the ids of both, and the values of its parameters by name."""

    api: str
    id: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SqlRef:
    """A registered query by its id, and the values of its parameters by name."""

    id: str
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A call that leaves. Header and query values and the body's leaves may be CredentialRefs.

    `query` is added to what `url` has; `body` is JSON unless it is str or bytes; `timeout` is in seconds, for one
    attempt. With `cache_seconds` an answer to the same call of the same principal that is not older may be given again;
    `cache_tags` are names by which it can be thrown away. What is None is decided by policy. `operation` is the type of
    the operation that calls; `on_attempt` is told of each attempt that failed and is followed by another. Where there
    is an `endpoint`, method, URL and query are what it makes of them. With `query_of` it is no HTTP at all, but a
    registered query, whose rows are answered as JSON.
    """

    method: str
    url: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    timeout: float | None = None
    idempotency_key: str | None = None
    cache_seconds: float | None = None
    cache_tags: tuple[str, ...] = ()
    stale_if_error_seconds: float | None = None
    again: Again | None = None
    operation: str = ""
    endpoint: EndpointRef | None = None
    query_of: SqlRef | None = None
    on_attempt: Callable[[Attempt], None] | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpAnswer:
    """What came back, decompressed, within the size limit; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str
    duration: float
    attempts: int = 1
    cached: bool = False
