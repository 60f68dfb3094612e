"""Settings of the HTTP door."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where it listens and what it accepts. `body_bytes` bounds a request's body; port 0 takes a free one."""

    host: str = "127.0.0.1"  # the address to listen on; 0.0.0.0 for every one of this machine
    port: Annotated[int, Meta(le=65535)] = 8000  # the port to listen on
    body_bytes: int = 8 << 20  # the body of a request
    head_bytes: int = 64 << 10  # all headers of a request
    request_seconds: float = 60.0  # how long a whole request may take to arrive, and a new connection to send one
    keepalive_seconds: int = 30  # how long a connection may be idle between requests
    access_log: bool = False  # log every request
    drain_seconds: float = 10.0  # how long a stop waits for requests that are being answered
    backlog: Annotated[int, Meta(ge=1)] = 2048  # connections that may wait to be accepted
    # Answers under an own name of the server are not sniffed for other types, nor kept by anybody on the way.
    cache_control: str = "no-store"
    get_cache_control: str = "private, no-cache"  # of answers to GET, which carry an ETag: kept, and asked about again
