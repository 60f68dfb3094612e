"""Who may call what, and where a redirect leads. Pure: decides on values, raises, touches nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urljoin

from muelle.core import HttpCall
from muelle.egress.directory import Listing, Listings
from muelle.egress.errors import CallRefused, CredentialNotBound, EndpointUnknown, InvalidCall, InvalidUrl, PortRefused
from muelle.egress.headers import KEPT_ACROSS_ORIGINS, checked_names
from muelle.egress.model import METHODS, Credential, origin_text
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
