"""Settings of egress."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

from msgspec import Meta

from muelle.egress.vaults.settings import SourcesSettings
from muelle.resilience import Breaking, Caching, PolicyChange, Retry, StoreSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressSettings:
    """Limits of calls that leave; seconds and bytes."""

    timeout_seconds: float = 30.0  # an attempt with its redirects, unless the call or its Api says otherwise
    max_timeout_seconds: float = 300.0  # what a call, an Api or an agent's limit may ask for at most
    connect_seconds: float = 10.0  # one attempt to connect, TLS included
    max_answer_bytes: int = 16 << 20  # decompressed
    max_request_bytes: int = 16 << 20  # the body of a call
    max_header_bytes: int = 16 << 10  # one header of an answer
    max_request_header_bytes: int = 64 << 10  # all headers of a request
    max_url_bytes: int = 16 << 10  # the URL of a call, its query included
    max_redirects: int = 5  # each is judged like a call of its own
    connections: Annotated[int, Meta(ge=1)] = 256  # of one pool; there is a pool for each set of allowed networks
    connections_per_host: Annotated[int, Meta(ge=1)] = 64  # of one pool to one host and port
    pools: Annotated[int, Meta(ge=1)] = 32  # idle ones beyond this are closed, the longest unused first
    keepalive_seconds: float = 30.0  # how long an idle connection is kept
    dns_seconds: int = 10  # how long a name's addresses are remembered; every connection is judged by its own
    ports: tuple[int, ...] = ()  # ports that may be called; none named: all
    ca_file: str = ""  # certificates (PEM) trusted beside the system's
    max_apis: int = 1000  # of one tenant
    max_credentials: int = 1000  # of one tenant
    max_queries: int = 1000  # registered queries of one tenant, and as many databases
    sqlite_folder: str = ""  # where SQLite files for registered queries lie; empty: there are none
    directory_seconds: float = 0.5  # how soon another process's change to an Api holds here; one's own at once
    directory_tenants: int = 1000  # tenants whose Apis are remembered
    kept_tokens: Annotated[int, Meta(ge=1)] = 10_000  # credentials whose OAuth access token is kept in memory
    upstreams: Annotated[int, Meta(ge=1)] = 10_000  # whose breakers and retry budgets are remembered
    retry: Retry = field(default_factory=Retry)
    breaker: Breaking = field(default_factory=Breaking)
    cache: Caching = field(default_factory=Caching)
    # What of retry, breaker and cache is other for a type of operation, by its name.
    operations: Mapping[str, PolicyChange] = field(default_factory=dict)
    store: StoreSettings = field(default_factory=StoreSettings)
    sources: SourcesSettings = field(default_factory=SourcesSettings)
