"""Settings of the HTTP door."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class HttpSettings:
    """Where it listens and what it accepts. `body_bytes` bounds a request's body; port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: int = 8000
    body_bytes: int = 8 << 20
    access_log: bool = False
    drain_seconds: float = 10.0
    backlog: int = 2048
    # Answers under an own name of the server are not sniffed for other types, nor kept by anybody on the way.
    cache_control: str = "no-store"
