"""Where a stranger's request comes from: the peer, unless that is a proxy whose word is taken.

A client may send any X-Forwarded-For it likes, and each proxy adds whom it saw to the right. So it is read from the
right, and only as far as each hop is a proxy that the operator named: the first that is none is the client.
"""

import ipaddress
from collections.abc import Iterable
from functools import lru_cache

from muelle.core import Invalid

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_FORWARDED = b"x-forwarded-for"
_MOST_HOPS = 32  # of one request: more are no chain of proxies
_IPV6 = 6
NOBODY = "local"  # who comes over a socket that has no addresses


class InvalidProxy(Invalid):
    """A trusted proxy is a network such as 10.0.0.0/8."""

    code = "invalid_proxy"
    recoverable = False


class Addresses:
    """Tells strangers apart; of IPv6 the first `prefix` bits, for one stranger has at least that many addresses."""

    def __init__(self, proxies: Iterable[str] = (), prefix: int = 64) -> None:
        self._proxies = tuple(map(_network, proxies))
        self._prefix = prefix
        self._name = lru_cache(maxsize=4096)(self._named)

    def of(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the stranger's address, as it is counted by; `peer` is who opened the connection."""
        nearest = peer
        if self._proxies and self._is_proxy(peer):
            for hop in _hops(headers):
                if _read(hop) is None:
                    break  # what no proxy writes: whoever is nearer answers for it
                nearest = hop
                if not self._is_proxy(hop):
                    break
        return self._name(nearest)

    def _is_proxy(self, text: str) -> bool:
        address = _read(text)
        return address is not None and any(address in network for network in self._proxies)

    def _named(self, text: str) -> str:
        address = _read(text)
        if address is None:
            return NOBODY
        if address.version != _IPV6:
            return str(address)
        return str(ipaddress.ip_network((int(address), self._prefix), strict=False))


def _hops(headers: Iterable[tuple[bytes, bytes]]) -> list[str]:
    """Return who was seen, the nearest first; several lines of the header are one list."""
    lines = [value.decode("latin-1") for name, value in headers if name == _FORWARDED]
    hops = [hop.strip() for line in lines for hop in line.split(",")]
    return hops[: -_MOST_HOPS - 1 : -1]


def _read(text: str) -> Address | None:
    """Read an address, also one with a port or in brackets; IPv4 within IPv6 is IPv4."""
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)
    return mapped or address


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(text)
    except ValueError as error:
        raise InvalidProxy(setting="limits.trusted_proxies", value=text[:100], reason=str(error)) from None
