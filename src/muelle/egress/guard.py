"""Which addresses calls may reach: the public internet, and what a tenant's operator has opened beyond it. Pure."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from muelle.core import Invalid

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA's special-purpose registries (RFC 6890 and its updates), the addresses that clouds give away their secrets at,
# and multicast. For IPv4 what is not here is public; for IPv6 only 2000::/3 is.
_METADATA = frozenset(
    ip_address(text)
    for text in (
        "169.254.169.254",  # AWS, Google, Azure, Oracle, DigitalOcean, Hetzner
        "169.254.170.2",  # AWS: containers' credentials
        "169.254.170.23",  # AWS: pods' credentials
        "100.100.100.200",  # Alibaba
        "168.63.129.16",  # Azure's host, in a public range
        "192.0.0.192",  # Oracle
        "fd00:ec2::254",  # AWS
        "fd00:ec2::23",  # AWS: pods' credentials
        "fd20:ce::254",  # Google
        "fd00:42::42",  # Scaleway
    )
)
_SPECIAL4: tuple[tuple[IPv4Network, str], ...] = tuple(
    (IPv4Network(network), reason)
    for network, reason in (
        ("0.0.0.0/8", "unspecified"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "shared"),
        ("127.0.0.0/8", "loopback"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "documentation"),
        ("192.88.99.0/24", "reserved"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "documentation"),
        ("203.0.113.0/24", "documentation"),
        ("224.0.0.0/4", "multicast"),
        ("255.255.255.255/32", "broadcast"),
        ("240.0.0.0/4", "reserved"),
    )
)
_SPECIAL6: tuple[tuple[IPv6Network, str], ...] = tuple(
    (IPv6Network(network), reason)
    for network, reason in (
        ("::/128", "unspecified"),
        ("::1/128", "loopback"),
        ("::/96", "embedded IPv4"),
        ("64:ff9b:1::/48", "embedded IPv4"),
        ("2001::/32", "embedded IPv4"),  # Teredo
        ("2001:db8::/32", "documentation"),
        ("2001::/23", "reserved"),
        ("2002::/16", "embedded IPv4"),  # 6to4
        ("3fff::/20", "documentation"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
    )
)
_GLOBAL6 = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32 = 0xFFFF_FFFF
_ISATAP = {0x0000_5EFE, 0x0200_5EFE}


class InvalidNetwork(Invalid):
    """An allowed address is an IP network such as '10.1.0.0/16' or a single IP address."""

    code = "invalid_network"


class Networks:
    """What a tenant's calls may reach though it is not public. Equal sets are equal, whatever their order."""

    __slots__ = ("_networks",)

    def __init__(self, networks: frozenset[Network] = frozenset()) -> None:
        self._networks = networks

    def cover(self, address: Address) -> bool:
        """Tell whether a network holds the address; those of cloud metadata must be named one by one."""
        if address in _METADATA:
            return any(network.num_addresses == 1 and address in network for network in self._networks)
        return any(address in network for network in self._networks)

    def __eq__(self, other: object) -> bool:
        """Tell whether both hold the same networks."""
        return isinstance(other, Networks) and self._networks == other._networks

    def __hash__(self) -> int:
        """Hash the networks."""
        return hash(self._networks)

    def __str__(self) -> str:
        """Return the networks as text, the same for equal sets."""
        return ",".join(sorted(map(str, self._networks)))


@lru_cache(maxsize=1024)
def networks_of(addresses: Sequence[str]) -> Networks:
    """Read a tuple of networks or addresses; raise InvalidNetwork for one with host bits or not an address."""
    return Networks(frozenset(_network(text) for text in addresses))


def _network(text: str) -> Network:
    try:
        return ip_network(text)
    except ValueError:
        raise InvalidNetwork(field="addresses", value=text[:100]) from None


def refusal(address: str, allowed: Networks) -> str | None:
    """Return why a call may not connect to an IP address, as a word or two, or None if it may.

    IPv4 in IPv6 is judged by what it leads to: mapped addresses (::ffff:0:0/96) and NAT64 (64:ff9b::/96) by the IPv4
    address inside, all other ways of embedding one are refused.
    """
    try:
        parsed = ip_address(address)
    except ValueError:
        return "not an address"
    if isinstance(parsed, IPv6Address) and parsed.scope_id is not None:
        return "link-local"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    if allowed.cover(parsed):
        return None
    return _special4(parsed) if isinstance(parsed, IPv4Address) else _special6(parsed)


def _special4(address: IPv4Address) -> str | None:
    if address in _METADATA:
        return "metadata"
    return next((reason for network, reason in _SPECIAL4 if address in network), None)


def _special6(address: IPv6Address) -> str | None:
    if address in _METADATA:
        return "metadata"
    if address in _NAT64:
        return _special4(IPv4Address(int(address) & _LOW_32))
    reason = next((reason for network, reason in _SPECIAL6 if address in network), None)
    if reason is None and address not in _GLOBAL6:
        return "reserved"
    if reason is None and (int(address) >> 32) & _LOW_32 in _ISATAP:
        return "embedded IPv4"
    return reason
