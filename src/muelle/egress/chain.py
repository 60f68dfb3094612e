"""What a hop passes between its permission and the wire: cache, single flight, retry, breaker, time limit."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any, cast

import msgspec

from muelle.core import Attempt, Clock, CredentialRef, HttpCall, Metrics, TenantId
from muelle.egress.directory import Listing
from muelle.egress.exchange import Scrubber
from muelle.egress.guard import Networks
from muelle.egress.model import Credential
from muelle.egress.policy import Hop
from muelle.egress.settings import EgressSettings
from muelle.egress.target import Target
from muelle.egress.wire import Answer
from muelle.identity import Principal
from muelle.resilience import (
    AnswerCache,
    Attempts,
    BreakerStanding,
    Errand,
    Given,
    Policy,
    PolicyChange,
    Question,
    Shelf,
    is_repeatable,
    may_ask,
)

Upstream = tuple[str, bool, str]
"""A tenant, whether what follows is an Api, and the Api's id or the host."""

NO_API = "-"  # the label of calls to hosts that no Api describes
_OWN_KEY = "muelle-"  # how keys begin that Muelle makes up: an upstream need not know what they are for
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_FAILED = 400
_GRACE = 0.25  # seconds: a whole call ends after its last attempt has, which the breaker is to be told of


def _named(value: object) -> dict[str, str]:
    if isinstance(value, CredentialRef):
        return {"credentialRef": value.id}
    raise TypeError(type(value).__name__)


_ENCODE = msgspec.json.Encoder(enc_hook=_named).encode


@dataclass(frozen=True, slots=True)
class Clean:
    """An answer as it may be kept: without secrets. `about` is its URL."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    about: str


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer of the upstream, secrets and all; `scrubber` knows them."""

    answer: Answer
    target: Target
    attempts: int
    scrubber: Scrubber

    @property
    def status(self) -> int:
        """The status."""
        return self.answer.status

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers."""
        return self.answer.headers

    @property
    def body(self) -> bytes:
        """The body."""
        return self.answer.body

    @property
    def about(self) -> str:
        """From where it came."""
        return self.target.url

    def clean(self) -> Clean:
        """Return the answer without secrets: what may be kept, and given to whoever did not put them in."""
        text, answer = self.scrubber.text, self.answer
        headers = {name: text(value) for name, value in answer.headers.items()}
        return Clean(answer.status, headers, self.scrubber.scrub(answer.body), text(self.target.url))


@dataclass(frozen=True, slots=True)
class Brought:
    """What a hop brought: from the upstream or from the cache, after how many attempts, from which URL."""

    answer: Answer
    url: str
    attempts: int = 1
    cached: bool = False


@dataclass(slots=True, kw_only=True, eq=False)  # frozen ones cost two microseconds
class Passage:
    """One hop on its way: everything that policy and cache go by. `rows` are its credentials, by id."""

    principal: Principal
    hop: Hop
    listing: Listing | None
    rows: Mapping[str, Credential]
    networks: Networks = field(repr=False)
    max_answer_bytes: int
    policy: Policy
    until: float
    tags: tuple[str, ...] = ()
    is_asked: bool = False
    note: Callable[[Attempt], None]

    @property
    def upstream(self) -> Upstream:
        """Whose breaker and budget: of this tenant alone, so that nobody can shut an upstream to others."""
        if self.listing is not None:
            return self.principal.tenant, True, self.listing.api.id
        return self.principal.tenant, False, self.hop.target.place

    @property
    def label(self) -> str:
        """The Api, for metrics."""
        return self.listing.api.id if self.listing else NO_API


class Chain:
    """Passes hops on, by the policy of each."""

    def __init__(self, settings: EgressSettings, shelf: Shelf, clock: Clock, metrics: Metrics) -> None:
        self._settings = settings
        self._clock = clock
        self._base = Policy(
            timeout_seconds=settings.timeout_seconds,
            retry=settings.retry,
            breaker=settings.breaker,
            cache=settings.cache,
        )
        self.attempts = Attempts(clock, metrics, settings.upstreams)
        self.cache: AnswerCache[Fetched] = AnswerCache(shelf, clock, metrics, Fetched.clean, settings.store.refreshes)
        self._composed = lru_cache(maxsize=1024)(self._compose)

    def policy(self, listing: Listing | None, operation: str = "") -> Policy:
        """Return the policy of calls to an Api, or to a host that none describes, by a type of operation."""
        api = listing.api if listing is not None else None
        return self._composed(operation, api.policy if api else None, api.timeout if api else None)

    def _compose(self, operation: str, of_api: PolicyChange | None, timeout: float | None) -> Policy:
        policy = self._base
        for change in (self._settings.operations.get(operation), of_api):
            if change is not None:
                policy = policy.changed(change)
        return policy if timeout is None else replace(policy, timeout_seconds=timeout)

    async def through(self, passage: Passage, fetch: Callable[[Mapping[str, str]], Awaitable[Fetched]]) -> Brought:
        """Return what a hop brings; `fetch` asks the upstream, with these headers besides. Raise TimeoutError."""
        question = self._question(passage)
        if question is None:
            async with asyncio.timeout(self._seconds(passage)):
                fetched = await fetch({})
            if passage.hop.method not in _SAFE and fetched.status < _FAILED and passage.policy.cache.mode != "off":
                await self.cache.forget(tags=[url_tag(passage.principal.tenant, passage.hop.target)])
            return Brought(fetched.answer, fetched.about, fetched.attempts)
        given = await self.cache.through(question, fetch)
        if given.state == "miss" and given.fetched is not None:
            return Brought(given.fetched.answer, given.fetched.about, given.fetched.attempts)
        return _kept(given)

    def _question(self, passage: Passage) -> Question | None:
        rule, hop = passage.policy.cache, passage.hop
        if not rule.is_on or hop.body is not None:
            return None
        headers = {name: value for name, value in hop.headers.items() if isinstance(value, str)}
        if not may_ask(hop.method, headers):
            return None
        key = _key(passage)
        if key is None:
            return None
        tenant = passage.principal.tenant
        own = tuple(tag(tenant, name) for name in passage.tags)
        of_api = (api_tag(tenant, passage.listing.api.id),) if passage.listing else ()
        return Question(
            key=key,
            owner=tenant,
            rule=rule,
            tags=(tenant_tag(tenant), url_tag(tenant, hop.target), *of_api, *own),
            headers=headers,
            has_authorization="authorization" in hop.headers,
            seconds=self._seconds(passage),
        )

    def _seconds(self, passage: Passage) -> float:
        return max(0.0, passage.until - self._clock.monotonic()) + _GRACE

    async def clear(
        self, tenant: TenantId, *, api: str | None = None, tags: Iterable[str] = (), url: Target | None = None
    ) -> int:
        """Throw away kept answers of a tenant: of an Api, with a tag, of a URL; all of them if none is named."""
        wanted = [tag(tenant, name) for name in tags]
        wanted += [api_tag(tenant, api)] if api is not None else []
        wanted += [url_tag(tenant, url)] if url is not None else []
        return await self.cache.drop(tags=wanted or [tenant_tag(tenant)])

    def standings(self) -> Iterator[tuple[Upstream, BreakerStanding]]:
        """Yield how every breaker stands."""
        for upstream, standing in self.attempts.breakers.standings(self._clock.monotonic()):
            yield cast("Upstream", upstream), standing

    def errand(self, passage: Passage) -> Errand:
        """Return what the attempts of a hop go by."""
        key = passage.hop.headers.get("idempotency-key")
        has_own_key = key is not None and not (isinstance(key, str) and key.startswith(_OWN_KEY))
        return Errand(
            upstream=passage.upstream,
            host=passage.hop.target.place,
            label=passage.label,
            policy=passage.policy,
            is_repeatable=is_repeatable(passage.hop.method, has_own_key=has_own_key, is_asked=passage.is_asked),
            until=passage.until,
            note=passage.note,
        )

    async def close(self) -> None:
        """Cancel what is being fetched behind stale answers."""
        await self.cache.close()


def passage_policy(policy: Policy, call: HttpCall, seconds: float) -> Policy:
    """Return a policy with what the call asks for."""
    asked = policy.asked(call)
    return asked if asked.timeout_seconds == seconds else replace(asked, timeout_seconds=seconds)


def _kept(given: Given[Fetched]) -> Brought:
    kept = given.kept
    if kept is None:
        raise AssertionError(given.state)  # the cache gives either
    said = "fwd=miss; collapsed" if given.state == "shared" else "hit" if given.state != "revalidated" else "fwd=stale"
    headers = {**kept.headers, "age": str(int(given.age)), "cache-status": f"muelle; {said}"}  # RFC 9211
    return Brought(Answer(kept.status, headers, kept.body), kept.about, cached=True)


def tenant_tag(tenant: str) -> str:
    """Return the tag of all answers of a tenant."""
    return f"{tenant}:"


def api_tag(tenant: str, api: str) -> str:
    """Return the tag of all answers of an Api."""
    return f"{tenant}:api:{api}"


def url_tag(tenant: str, target: Target) -> str:
    """Return the tag of all answers of a URL, whatever its query."""
    return f"{tenant}:url:{target.scheme}://{target.place}{target.path}"


def tag(tenant: str, name: str) -> str:
    """Return a tag that calls give."""
    return f"{tenant}:tag:{name}"


def _key(passage: Passage) -> str | None:
    """Return a digest of all that may change the answer: the whole request, whose it is, with which secrets.

    All headers are in it, so that nothing that a call sends can change what another call is given: `Vary` is met
    before it is asked. A credential counts with its version; None for a request that cannot be written as JSON.
    """
    hop, principal = passage.hop, passage.principal
    is_own = passage.policy.cache.share == "agent"
    parts: list[Any] = [
        principal.tenant,
        principal.id if is_own else None,
        hop.method,
        hop.target.url,
        sorted(hop.headers.items()),
        list(hop.query.items()),
        sorted((row.id, row.version, row.updated.timestamp()) for row in passage.rows.values()),
        passage.label,
        passage.max_answer_bytes,
        networks_text(passage.networks),
    ]
    try:
        return hashlib.blake2b(_ENCODE(parts), digest_size=24).hexdigest()
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        return None


@lru_cache(maxsize=1024)
def networks_text(networks: Networks) -> str:
    """Return networks as text, always the same for the same ones."""
    return str(networks)
