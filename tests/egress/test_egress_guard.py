from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.egress import InvalidNetwork, networks_of, refusal

NONE = networks_of(())


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("0.0.0.0", "unspecified"),  # noqa: S104 - judged, not listened on
        ("0.1.2.3", "unspecified"),
        ("10.0.0.1", "private"),
        ("100.64.0.1", "shared"),
        ("100.127.255.255", "shared"),
        ("100.100.100.200", "metadata"),
        ("127.0.0.1", "loopback"),
        ("127.255.255.254", "loopback"),
        ("168.63.129.16", "metadata"),
        ("169.254.1.1", "link-local"),
        ("169.254.169.254", "metadata"),
        ("172.16.0.1", "private"),
        ("172.31.255.255", "private"),
        ("192.0.0.1", "reserved"),
        ("192.0.2.1", "documentation"),
        ("192.88.99.1", "reserved"),
        ("192.168.1.1", "private"),
        ("198.18.0.1", "reserved"),
        ("198.51.100.1", "documentation"),
        ("203.0.113.1", "documentation"),
        ("224.0.0.1", "multicast"),
        ("240.0.0.1", "reserved"),
        ("255.255.255.255", "broadcast"),
        ("::", "unspecified"),
        ("::1", "loopback"),
        ("::ffff:127.0.0.1", "loopback"),
        ("::ffff:169.254.169.254", "metadata"),
        ("::7f00:1", "embedded IPv4"),
        ("::8.8.8.8", "embedded IPv4"),
        ("64:ff9b::7f00:1", "loopback"),
        ("64:ff9b::a9fe:a9fe", "metadata"),
        ("64:ff9b:1::808:808", "embedded IPv4"),
        ("100::1", "reserved"),
        ("2001::1", "embedded IPv4"),
        ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "embedded IPv4"),
        ("2001:20::1", "reserved"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "embedded IPv4"),
        ("2002:808:808::1", "embedded IPv4"),
        ("2600::5efe:a00:1", "embedded IPv4"),
        ("3fff::1", "documentation"),
        ("4000::1", "reserved"),
        ("fc00::1", "private"),
        ("fd00:ec2::254", "metadata"),
        ("fe80::1", "link-local"),
        ("fe80::1%lo", "link-local"),
        ("fec0::1", "private"),
        ("ff02::1", "multicast"),
        ("localhost", "not an address"),
        ("127.1", "not an address"),
    ],
)
def test_an_address_that_is_not_public_is_refused(address: str, reason: str) -> None:
    assert refusal(address, NONE) == reason


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.1",
        "172.32.0.1",
        "192.0.1.1",
        "223.255.255.255",
        "2606:4700::1111",
        "2a00:1450::1",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
    ],
)
def test_a_public_address_is_not_refused(address: str) -> None:
    assert refusal(address, NONE) is None


@pytest.mark.parametrize(
    ("allowed", "address", "is_allowed"),
    [
        ("10.1.0.0/16", "10.1.255.255", True),
        ("10.1.0.0/16", "10.2.0.0", False),
        ("10.1.0.0/16", "::ffff:10.1.0.1", True),
        ("10.1.0.0/16", "64:ff9b::a01:1", False),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("fd00::/8", "fd12::1", True),
        ("169.254.0.0/16", "169.254.169.254", False),
        ("0.0.0.0/0", "169.254.169.254", False),
        ("0.0.0.0/0", "127.0.0.1", True),
        ("169.254.169.254/32", "169.254.169.254", True),
        ("fd00:ec2::/32", "fd00:ec2::254", False),
    ],
)
def test_a_tenants_networks_are_open_to_it(allowed: str, address: str, *, is_allowed: bool) -> None:
    assert (refusal(address, networks_of((allowed,))) is None) == is_allowed


@pytest.mark.parametrize("text", ["10.0.0.1/8", "everything", "", "10.0.0.0/33"])
def test_a_network_that_is_none_is_named(text: str) -> None:
    with pytest.raises(InvalidNetwork) as error:
        networks_of((text,))

    assert error.value.facts == {"field": "addresses", "value": text}


def test_the_order_of_networks_does_not_matter() -> None:
    assert networks_of(("10.0.0.0/8", "fd00::/8")) == networks_of(("fd00::/8", "10.0.0.0/8"))


@given(st.ip_addresses())
def test_what_python_calls_private_is_never_allowed_by_itself(address: object) -> None:
    parsed = ip_address(str(address))

    assert refusal(str(address), NONE) is not None or parsed.is_global
