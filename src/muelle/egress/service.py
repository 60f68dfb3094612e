"""Calls that leave: authorised, guarded, with credentials put in at the last moment, and scrubbed on the way back."""

from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

from muelle import __version__
from muelle.core import (
    Forbidden,
    HttpAnswer,
    HttpCall,
    Ids,
    Metric,
    MuelleError,
    TenantId,
    TimedOut,
)
from muelle.egress.apis import Apis
from muelle.egress.chain import Brought, Chain, Fetched, Passage, passage_policy
from muelle.egress.credentials import Credentials
from muelle.egress.decompression import ACCEPTED
from muelle.egress.directory import Directory, Listing, Listings
from muelle.egress.errors import (
    CallRefused,
    CredentialExpired,
    InvalidCall,
    RequestTooLarge,
    TooManyRedirects,
)
from muelle.egress.exchange import Opened, Scrubber, body_bytes, exchanged_headers, query_text, refs_of, signing
from muelle.egress.guard import Networks, networks_of
from muelle.egress.headers import checked_headers
from muelle.egress.journey import Journey, keep_secrets_home, scrubbed
from muelle.egress.keyring import Keyring
from muelle.egress.known import Known, WatchedCredentials
from muelle.egress.model import Api, Credential
from muelle.egress.parts import EgressParts
from muelle.egress.policies import Policies
from muelle.egress.policy import (
    REDIRECTS,
    Hop,
    authorise,
    checked_literal,
    checked_method,
    checked_port,
    first_hop,
    next_hop,
    usable,
    with_placement,
    with_query,
)
from muelle.egress.registry import Registry
from muelle.egress.settings import EgressSettings
from muelle.egress.target import Target, read_target
from muelle.egress.tokens import Tokens
from muelle.egress.uses import Meter
from muelle.egress.vaults.opening import BUILT_IN, open_sources
from muelle.egress.wire import Answer, Request, Wire
from muelle.identity import Acts, Principal
from muelle.resilience import Policy, open_shelf

if TYPE_CHECKING:
    from muelle.egress.definitions.service import Definitions
    from muelle.egress.queries.service import Queries

CALLS = Metric("muelle_egress_calls_total", "Calls that left or were refused.", "counter", ("api", "outcome"))
SECONDS = Metric("muelle_egress_call_seconds", "How long calls took, redirects included.", "histogram", ("api",))
CALL_LIMITS = frozenset({"answer_bytes", "call_seconds"})  # what egress heeds of a principal's limits
REFUSALS = frozenset({401, 403})  # what a newer token, or a credential's version before this one, may help against


class Egress:
    """Makes calls on behalf of principals. `apis`, `credentials` and `policies` are verbs on what they need."""

    def __init__(self, parts: EgressParts) -> None:
        self._parts = parts
        self._settings = parts.settings
        self._clock = parts.clock
        self._acts = Acts(parts.clock, Ids(parts.clock))
        self._directory = Directory(
            parts.apis, parts.clock, parts.settings.directory_seconds, parts.settings.directory_tenants
        )
        remembered = (parts.clock, parts.settings.directory_seconds, parts.settings.directory_tenants)
        self._known_networks: Known[Networks] = Known(*remembered)
        self._known_credentials: Known[Credential | None] = Known(*remembered)
        credentials = WatchedCredentials(
            parts.credentials, lambda tenant, credential: self._known_credentials.forget((tenant, credential))
        )
        shelf = open_shelf(parts.settings.store, parts.home, parts.clock, parts.metrics)
        self.chain = Chain(parts.settings, shelf, parts.clock, parts.metrics)
        self._wire: Wire | None = None
        tokens = Tokens(self._token_answer, parts.clock, parts.settings.kept_tokens)
        meter = Meter(parts.uses, parts.clock)
        asked = open_sources(parts.settings.sources, self._sent_bare, parts.clock, parts.environment)
        is_ours = BUILT_IN in parts.settings.sources.order
        self._keyring = Keyring(parts.credentials, parts.vault, tokens, meter, asked, is_ours, parts.clock)
        of_apis = Registry(parts.apis, parts.trail, parts.clock)
        policy = self.chain.policy(None)
        self.policies = Policies(self.chain, self._directory, of_apis, parts.settings.store.kind, parts.budgets)
        self.apis = Apis(of_apis, credentials, self._directory, parts.settings, policy)
        register = Registry(credentials, parts.trail, parts.clock)
        self.credentials = Credentials(register, parts.vault, parts.settings, parts.uses)

    @cached_property
    def definitions(self) -> "Definitions":
        """What Apis offer in detail; loaded when it is asked for."""
        from muelle.egress.definitions.opening import open_definitions  # noqa: PLC0415 - few commands and calls need it

        return open_definitions(self.apis, self._directory, self._parts.database, self._document)

    async def listed(self, tenant: TenantId) -> list[Api]:
        """Return all Apis of a tenant, as calls know them: what other processes change is seen a moment later."""
        return [listing.api for listing in (await self._directory.listings(tenant)).each()]

    @cached_property
    def queries(self) -> "Queries":
        """Registered queries; loaded when they are asked for."""
        from muelle.egress.queries.opening import open_queries  # noqa: PLC0415 - as above

        return open_queries(self._parts, self._acts, self._networks)

    async def _document(self, principal: Principal, call: HttpCall, most: int) -> HttpAnswer:
        return await self.call(principal, call, max_answer_bytes=most)

    async def permit(self, principal: Principal, method: str, url: str, credentials: Iterable[str] = ()) -> None:
        """Raise what `call` would raise before anything leaves: for planning. No name is resolved.

        An Api's own credential is left to the call, which may bring a header in its place.
        """
        target = read_target(url)
        listings = await self._directory.listings(principal.tenant)
        listing = self._admit(principal, listings, checked_method(method), target)
        checked_literal(target, await self._networks(principal))
        for credential in credentials:
            await self._found(principal, credential, target, listing)

    async def call(self, principal: Principal, call: HttpCall, *, max_answer_bytes: int | None = None) -> HttpAnswer:
        """Make a call and follow its redirects; a status is an answer and never raised.

        Raises InvalidUrl, InvalidHeader, InvalidCall, CallRefused, EndpointUnknown, AddressRefused, PortRefused,
        CredentialNotBound, CredentialNotFound, RequestTooLarge, AnswerTooLarge, AnswerBroken, ConnectionFailed,
        DnsFailed, TlsFailed, TooManyRedirects, BreakerOpen or TimedOut.
        """
        began = self._clock.monotonic()
        if call.query_of is not None:
            return await self.queries.answer(principal, call.query_of)
        call = call if call.endpoint is None else await self.definitions.placed(principal, call, call.endpoint)
        hop = first_hop(call)
        journey = await self._journey(principal, call, max_answer_bytes)
        outcome = "cancelled"
        try:
            answer = await self._within_time(journey, hop)
            outcome = "kept" if journey.is_cached else f"{answer.status // 100}xx"
        except MuelleError as error:
            outcome = error.code
            if isinstance(error, Forbidden):
                await self._record_refusal(principal, hop, error)
            raise
        finally:
            journey.is_over = True
            self._parts.metrics.count(CALLS, journey.api, outcome)
            self._parts.metrics.observe(SECONDS, self._clock.monotonic() - began, journey.api)
        return answer

    async def close(self) -> None:
        """Close all connections."""
        await self.chain.close()
        wire, self._wire = self._wire, None
        if wire is not None:
            await wire.close()

    async def _journey(self, principal: Principal, call: HttpCall, max_answer_bytes: int | None) -> Journey:
        wanted = (max_answer_bytes, principal.limits.get("answer_bytes"), self._settings.max_answer_bytes)
        return Journey(
            principal=principal,
            call=call,
            began=self._clock.monotonic(),
            listings=await self._directory.listings(principal.tenant),
            networks=await self._known_networks.get(principal.tenant, lambda: self._networks(principal)),
            max_answer_bytes=int(min(limit for limit in wanted if limit is not None)),
        )

    async def _networks(self, principal: Principal) -> Networks:
        return networks_of(tuple(await self._parts.addresses.addresses(principal.tenant)))

    async def _within_time(self, journey: Journey, hop: Hop) -> HttpAnswer:
        listing = self._admit(journey.principal, journey.listings, hop.method, hop.target)
        journey.seconds = self._seconds(journey.principal, journey.call.timeout, listing)
        if listing is not None:
            journey.api = listing.api.id
            journey.max_answer_bytes = min(journey.max_answer_bytes, listing.api.max_answer_bytes or 1 << 62)
        total = min(self._policy(journey, listing).total_seconds, self._most_seconds(journey.principal))
        journey.until = self._clock.monotonic() + total
        try:
            return await self._follow(journey, hop, listing)
        except TimeoutError:
            raise TimedOut(host=hop.target.place, seconds=total) from None

    def _seconds(self, principal: Principal, wanted: float | None, listing: Listing | None) -> float:
        most = self._most_seconds(principal)
        if wanted is None:
            return min((listing.api.timeout if listing else None) or self._settings.timeout_seconds, most)
        if not 0 < wanted <= most:
            raise InvalidCall(field="timeout", value=wanted, largest=most)
        return wanted

    def _most_seconds(self, principal: Principal) -> float:
        """Return how long a call may take in all, its attempts and pauses included."""
        return min(self._settings.max_timeout_seconds, principal.limits.get("call_seconds", float("inf")))

    def _policy(self, journey: Journey, listing: Listing | None) -> Policy:
        return passage_policy(self.chain.policy(listing, journey.call.operation), journey.call, journey.seconds)

    async def _follow(self, journey: Journey, hop: Hop, listing: Listing | None) -> HttpAnswer:
        for _ in range(self._settings.max_redirects + 1):
            brought = await self._perform(journey, hop, listing)
            answer, journey.is_cached = brought.answer, brought.cached
            journey.attempts += brought.attempts - 1
            location = answer.headers.get("location") if answer.status in REDIRECTS else None
            if location is None:
                return scrubbed(brought, journey, self._clock.monotonic() - journey.began)
            hop = next_hop(hop, answer.status, location)
            listing = self._admit(journey.principal, journey.listings, hop.method, hop.target)
            keep_secrets_home(journey, hop.target, listing)
        raise TooManyRedirects(host=hop.target.place, limit=self._settings.max_redirects)

    async def _perform(self, journey: Journey, hop: Hop, listing: Listing | None) -> Brought:
        """Pass a hop on that was admitted, once it is sure that its credentials may go with it."""
        checked_literal(hop.target, journey.networks)
        hop = with_placement(hop, listing.api.credential if listing else None)
        rows = {ref: await self._row(journey.principal, ref, hop.target, listing) for ref in refs_of(hop)}
        passage = Passage(
            principal=journey.principal,
            hop=hop,
            listing=listing,
            rows=rows,
            networks=journey.networks,
            max_answer_bytes=journey.max_answer_bytes,
            policy=self._policy(journey, listing),
            until=journey.until,
            tags=journey.call.cache_tags,
            is_asked=journey.call.again is not None,
            note=journey.note,
        )
        return await self.chain.through(passage, lambda asking: self._fetch(journey, passage, asking))

    async def _fetch(self, journey: Journey, passage: Passage, asking: Mapping[str, str]) -> Fetched:
        """Charge a hop to an Api, which the cache did not answer, and send it: what is repeated is charged once."""
        budgets, listing = self._parts.budgets, passage.listing
        if budgets is None or listing is None:
            return await self._fetched(journey, passage, asking)
        async with budgets.within(journey.principal, f"api:{listing.api.id}"):
            return await self._fetched(journey, passage, asking)

    async def _fetched(self, journey: Journey, passage: Passage, asking: Mapping[str, str]) -> Fetched:
        """Put the credentials into a hop and send it, with what the cache asks besides."""
        hop, refs = replace(passage.hop, headers={**passage.hop.headers, **asking}), passage.rows
        journey.networks = await self._networks(journey.principal)
        checked_literal(hop.target, journey.networks)
        for credential in refs:
            journey.purse[credential] = await self._opened(journey, credential, hop.target, passage.listing)
        errand = self.chain.errand(passage)
        request = self._request(journey, hop)
        answer, attempts = await self.chain.attempts.make(errand, lambda: self._send(request))
        if answer.status in REFUSALS and await self._renewed(journey, refs, answer.status):
            renewed = self._request(journey, hop)
            answer, more = await self.chain.attempts.make(errand, lambda: self._send(renewed))
            request, attempts = renewed, attempts + more - 1
        return Fetched(answer, request.target, attempts, Scrubber(journey.purse))

    async def _renewed(self, journey: Journey, refs: Iterable[str], status: int) -> bool:
        """Put newer values, where there are any, in place of what was refused; tell whether there were."""
        changed = False
        for credential in refs:
            refused = journey.purse[credential]
            newer = await self._keyring.renewed(refused, journey.networks, status)
            if newer is not None:
                changed = True
                journey.purse[credential] = newer
                journey.purse[f"{credential} before"] = refused  # it was sent, so it is scrubbed; no id has a space
        return changed

    def _admit(self, principal: Principal, listings: Listings, method: str, target: Target) -> Listing | None:
        listing = authorise(principal, listings, method, target)
        checked_port(target, self._settings.ports)
        return listing

    async def _found(
        self, principal: Principal, credential: str, target: Target, listing: Listing | None
    ) -> Credential:
        if not principal.may(
            "credentials:use", credential
        ):  # before it is looked for: what is there is nobody's business
            raise CallRefused(scope="credentials:use", resource=credential[:100])
        return usable(principal, credential, await self._find(principal, credential), target, listing)

    async def _find(self, principal: Principal, credential: str) -> Credential | None:
        return await self._parts.credentials.find(principal.tenant, credential)

    async def _row(self, principal: Principal, credential: str, target: Target, listing: Listing | None) -> Credential:
        """Return what is known of a credential that may be used: what is really sent is looked up anew."""
        if not principal.may("credentials:use", credential):
            raise CallRefused(scope="credentials:use", resource=credential[:100])
        key = (principal.tenant, credential)
        known = await self._known_credentials.get(key, lambda: self._find(principal, credential))
        row = usable(principal, credential, known, target, listing)
        if row.is_expired(self._clock.now()):
            raise CredentialExpired(credential=row.id, expired=str(row.expires))
        return row

    async def _opened(self, journey: Journey, credential: str, target: Target, listing: Listing | None) -> Opened:
        found = await self._found(journey.principal, credential, target, listing)
        return await self._keyring.open(found, journey.networks)

    def _request(self, journey: Journey, hop: Hop) -> Request:
        headers = exchanged_headers(hop.headers, journey.purse)
        signs = signing(hop.headers, journey.purse)
        body, content_type = body_bytes(hop.body, headers.get("content-type"), journey.purse)
        if body is not None and len(body) > self._settings.max_request_bytes:
            raise RequestTooLarge(limit=self._settings.max_request_bytes, size=len(body))
        if content_type:
            headers.setdefault("content-type", content_type)
        headers.setdefault("accept", "*/*")
        headers.setdefault("user-agent", f"muelle/{__version__}")
        headers["accept-encoding"] = ACCEPTED  # what a call asks for here is ours to unpack
        return Request(
            method=hop.method,
            target=with_query(hop.target, query_text(hop.query, journey.purse), self._settings.max_url_bytes),
            headers=checked_headers(headers, self._settings.max_request_header_bytes),
            body=body,
            networks=journey.networks,
            max_answer_bytes=journey.max_answer_bytes,
            signer=self._signer(signs) if signs else None,
            credentials=tuple(sorted(journey.purse[ref].identity for ref in refs_of(hop))),
        )

    async def _send(self, request: Request) -> Answer:
        """Send one request once: what retries, breaks circuits or caches wraps this and nothing else."""
        return await self._line().send(request)

    def _signer(self, opened: Opened) -> Callable[[Request], Request]:
        from muelle.egress.signing import Signer  # noqa: PLC0415 - few calls are signed

        return Signer(opened.credential, opened.secret, self._clock).sign

    def _line(self) -> Wire:
        if self._wire is None:
            from muelle.egress.signing import SigningWire  # noqa: PLC0415 - few commands call anybody

            self._wire = SigningWire((self._parts.wire or _open_wire)(self._settings))
        return self._wire

    async def _token_answer(self, request: Request) -> Answer:
        """Ask a token endpoint: guarded as every call, and never redirected."""
        checked_port(request.target, self._settings.ports)
        checked_literal(request.target, request.networks)
        return await self._sent_bare(request)

    async def _sent_bare(self, request: Request) -> Answer:
        return await self._line().send(request)

    async def _record_refusal(self, principal: Principal, hop: Hop, error: Forbidden) -> None:
        facts = " ".join(f"{name}={value}" for name, value in error.facts.items())
        resource = f"{hop.method} {hop.target.place}"
        act = self._acts.refused(principal, "egress.call", resource, detail=f"{error.code} {facts}")
        await self._parts.trail.record([act])


@asynccontextmanager
async def open_egress(parts: EgressParts) -> AsyncIterator[Egress]:
    """Open egress and close its connections at the end; the HTTP client is loaded by the first call."""
    egress = Egress(parts)
    try:
        yield egress
    finally:
        await egress.close()


def _open_wire(settings: EgressSettings) -> Wire:
    from muelle.egress.adapters.client import AiohttpWire  # noqa: PLC0415 - 150 to 300 ms that few commands need

    return AiohttpWire(settings)
