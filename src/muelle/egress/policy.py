"""Who may call what, and where a redirect leads. Pure: decides on values, raises, touches nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from ipaddress import ip_address
from typing import Any
from urllib.parse import urljoin

from muelle.core import HttpCall
from muelle.egress.directory import Listing, Listings
from muelle.egress.errors import (
    AddressRefused,
    CallRefused,
    CredentialNotBound,
    CredentialNotFound,
    EndpointUnknown,
    InvalidCall,
    InvalidUrl,
    PortRefused,
)
from muelle.egress.guard import Networks, refusal
from muelle.egress.headers import KEPT_ACROSS_ORIGINS, checked_names
from muelle.egress.model import METHODS, Credential, Placement, origin_text
from muelle.egress.target import Target, checked_text, read_target
from muelle.identity import Principal

REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One request of a call, CredentialRefs not yet exchanged; `own` is false once it left the origin it began at."""

    method: str
    target: Target
    headers: Mapping[str, Any]
    query: Mapping[str, Any]
    body: Any
    own: bool = True


def first_hop(call: HttpCall) -> Hop:
    """Read a call; raise InvalidCall, InvalidUrl or InvalidHeader."""
    headers = checked_names(call.headers)
    if call.idempotency_key is not None:
        headers["idempotency-key"] = call.idempotency_key
    return Hop(
        method=checked_method(call.method),
        target=read_target(call.url),
        headers=headers,
        query=call.query,
        body=call.body,
    )


def checked_method(method: str) -> str:
    """Return the method in upper case; raise InvalidCall for one that agents have no use for."""
    upper = method.upper()
    if upper not in METHODS:
        raise InvalidCall(field="method", value=method[:20], allowed=list(METHODS))
    return upper


def next_hop(hop: Hop, status: int, location: str) -> Hop:
    """Return where a redirect leads (RFC 9110, section 15.4); raise InvalidUrl.

    Across origins nothing goes along that may be a secret: of the headers only those known to be harmless, and the body
    only if the status says that the method is kept; its CredentialRefs are judged anew for the new target.
    """
    target = _read_location(hop.target, location)
    is_same = target.origin == hop.target.origin
    keeps_body = status in _KEEPS_METHOD or (status != 303 and hop.method != "POST")  # noqa: PLR2004 - See Other
    method = hop.method if keeps_body or hop.method == "HEAD" else "GET"
    headers = {
        header: value
        for header, value in hop.headers.items()
        if (is_same or header in KEPT_ACROSS_ORIGINS) and (keeps_body or not header.startswith("content-"))
    }
    return replace(
        hop,
        method=method,
        target=target,
        headers=headers,
        query={},
        body=hop.body if keeps_body else None,
        own=hop.own and is_same,
    )


def _read_location(base: Target, location: str) -> Target:
    try:
        checked_text(location)
        return read_target(urljoin(base.url, location))
    except (InvalidUrl, ValueError) as error:
        reason = error.facts["reason"] if isinstance(error, InvalidUrl) else "not a URL"
        raise InvalidUrl(field="location", host=base.place, reason=reason) from None


def authorise(principal: Principal, listings: Listings, method: str, target: Target) -> Listing | None:
    """Return the Api that is called, None for a bare host; raise CallRefused, EndpointUnknown or InvalidUrl."""
    listing = listings.owner(target)
    if listing is None:
        _authorise_host(principal, target)
        return None
    resource = f"{listing.api.id} {method} {listing.relative(target)}"
    if not (principal.may("apis:call", resource) or principal.may("apis:call", listing.api.id)):
        raise CallRefused(scope="apis:call", resource=resource[:500])
    if listing.api.strict and not listing.lists(method, target):
        raise EndpointUnknown(api=listing.api.id, method=method)
    return listing


def _authorise_host(principal: Principal, target: Target) -> None:
    if target.is_default_port and principal.may("hosts:call", target.bracketed):
        return
    if not principal.may("hosts:call", f"{target.bracketed}:{target.port}"):
        raise CallRefused(scope="hosts:call", resource=target.place)


def checked_port(target: Target, ports: tuple[int, ...]) -> None:
    """Raise PortRefused if the operator named ports and this is none of them."""
    if ports and target.port not in ports:
        raise PortRefused(host=target.place, port=target.port)


def bound(credential: Credential, target: Target, listing: Listing | None) -> bool:
    """Tell whether a credential may be sent to a target."""
    if listing is not None and listing.api.id in credential.apis:
        return True
    return origin_text(target) in credential.hosts


def checked_use(principal: Principal, credential: Credential, target: Target, listing: Listing | None) -> None:
    """Raise CallRefused or CredentialNotBound unless the principal may send a credential to the target."""
    if not principal.may("credentials:use", credential.id):
        raise CallRefused(scope="credentials:use", resource=credential.id)
    if not bound(credential, target, listing):
        api = {"api": listing.api.id} if listing else {}
        raise CredentialNotBound(credential=credential.id, host=target.place, scheme=target.scheme, **api)


def checked_literal(target: Target, networks: Networks) -> None:
    """Refuse an address in the URL before a connection is tried; names are judged by the connection alone."""
    if not (target.host[0].isdigit() or ":" in target.host):
        return
    reason = _literal_refusal(target.host, networks)
    if reason is not None:
        raise AddressRefused(host=target.place, reason=reason)


@lru_cache(maxsize=1024)
def _literal_refusal(host: str, networks: Networks) -> str | None:
    try:
        return refusal(str(ip_address(host)), networks)
    except ValueError:
        return None  # a name that begins with a digit


def with_placement(hop: Hop, placement: Placement | None) -> Hop:
    """Add the Api's own credential, unless the call has that header or parameter, or came from another origin."""
    if placement is None or not hop.own:
        return hop
    from_api = placement.reference
    if placement.place == "query":
        return hop if placement.name in hop.query else replace(hop, query={**hop.query, placement.name: from_api})
    header = placement.name.lower()
    return hop if header in hop.headers else replace(hop, headers={**hop.headers, header: from_api})


def usable(
    principal: Principal, credential: str, found: Credential | None, target: Target, listing: Listing | None
) -> Credential:
    """Return a credential that was found and that the principal may send to the target; raise as `checked_use`."""
    if found is None:
        raise CredentialNotFound(credential=credential[:100])
    checked_use(principal, found, target, listing)
    return found


def with_query(target: Target, added: str, max_bytes: int) -> Target:
    """Return a target with more in its query; raise InvalidCall if its URL is too long then."""
    if added:
        target = replace(target, query=f"{target.query}&{added}" if target.query else added)
    if len(target.url) > max_bytes:
        raise InvalidCall(field="query", reason=f"URL longer than {max_bytes} bytes")
    return target
