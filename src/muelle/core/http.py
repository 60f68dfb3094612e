"""Plain values for calls that leave: what is asked, what came back, and secrets by name only."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class CredentialRef:
    """The name of a credential where its value is to stand; only `egress` ever exchanges it for the value."""

    id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpCall:
    """A call that leaves. Header and query values and the body's leaves may be CredentialRefs.

    `query` is added to what `url` has; `body` is JSON unless it is str or bytes; `timeout` is in seconds. With
    `cache_seconds` an answer to the same call of the same principal that is not older may be given again.
    """

    method: str
    url: str
    headers: Mapping[str, Any] = field(default_factory=dict)
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    timeout: float | None = None
    idempotency_key: str | None = None
    cache_seconds: float | None = None


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
