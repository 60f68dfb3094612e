"""Domains of tenants: of use only once their holder has shown them, on every kind of store and by real DNS."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import dns.rcode
import pytest

from identity.dns_server import NameServer, open_name_server
from identity.identity_world import World
from muelle.identity import Refused
from muelle.identity.domains.adapters.dns import DnsRecords
from muelle.identity.domains.model import MAX_DOMAINS, Domain, checked_domain
from muelle.identity.domains.service import Domains
from muelle.identity.errors import (
    DomainExists,
    DomainNotFound,
    DomainTaken,
    DomainUnproven,
    InvalidDomain,
    InvalidNameserver,
    RecordsUnreachable,
    TooManyDomains,
)


@dataclass
class Records:
    """TXT records in memory."""

    said: dict[str, list[str]] = field(default_factory=dict)

    async def texts(self, name: str) -> tuple[str, ...]:
        return tuple(self.said.get(name, ()))

    def say(self, *domains: Domain) -> None:
        self.said = {}
        for domain in domains:
            self.said.setdefault(domain.record, ["v=spf1 -all"]).append(domain.value)


def domains_of(world: World, records: Records) -> Domains:
    return Domains(world.identity.roles._registry, records)  # the same registry, other records


async def test_a_domain_counts_once_its_record_was_seen(stored: World) -> None:
    records = Records()
    domains = domains_of(stored, records)
    added = await domains.add(stored.owner, "Example.COM.")
    assert (added.id, added.record, added.verified) == ("example.com", "_muelle.example.com", None)
    with pytest.raises(DomainUnproven) as unproven:
        await domains.verify(stored.owner, "example.com")
    assert unproven.value.facts["value"] == added.value
    assert await domains.owner("example.com") is None

    records.say(added)
    verified = await domains.verify(stored.owner, "example.com")

    assert verified.verified == stored.clock.now()
    assert await domains.owner("EXAMPLE.com") == "default"
    assert (await domains.list(stored.owner)).items == (verified,)
    await domains.remove(stored.owner, "example.com")
    assert await domains.owner("example.com") is None


async def test_a_record_of_another_token_shows_nothing(stored: World) -> None:
    records = Records()
    domains = domains_of(stored, records)
    first = await domains.add(stored.owner, "example.com")
    other = await stored.other_owner()
    await domains.add(other, "example.com")
    records.say(first)
    with pytest.raises(DomainUnproven):
        await domains.verify(other, "example.com")


async def test_one_domain_is_verified_for_one_tenant(stored: World) -> None:
    records = Records()
    domains = domains_of(stored, records)
    other = await stored.other_owner()
    ours, theirs = await domains.add(stored.owner, "example.com"), await domains.add(other, "example.com")
    records.say(ours, theirs)
    await domains.verify(stored.owner, "example.com")
    with pytest.raises(DomainTaken):
        await domains.verify(other, "example.com")
    assert await domains.owner("example.com") == "default"


async def test_who_lost_a_domain_loses_it_to_its_new_holder(stored: World) -> None:
    records = Records()
    domains = domains_of(stored, records)
    other = await stored.other_owner()
    ours, theirs = await domains.add(stored.owner, "example.com"), await domains.add(other, "example.com")
    records.say(ours)
    await domains.verify(stored.owner, "example.com")

    records.say(theirs)
    await domains.verify(other, "example.com")

    assert await domains.owner("example.com") == "other"
    assert (await domains.list(stored.owner)).items == ()
    assert "domains.lost" in [act.action for act in await stored.acts()]


async def test_domains_are_a_tenants_own_and_need_a_grant(stored: World) -> None:
    domains = domains_of(stored, Records())
    await domains.add(stored.owner, "example.com")
    with pytest.raises(DomainExists):
        await domains.add(stored.owner, "EXAMPLE.com")
    other = await stored.other_owner()
    for attempt in (domains.verify(other, "example.com"), domains.remove(other, "example.com")):
        with pytest.raises(DomainNotFound):
            await attempt
    bot, _ = await stored.agent("bot", preset="operator")
    for refused in (domains.add(bot, "x.example"), domains.list(bot), domains.verify(bot, "example.com")):
        with pytest.raises(Refused):
            await refused
    with pytest.raises(Refused):
        await domains.remove(bot, "example.com")


async def test_a_tenant_has_so_many_domains_and_not_one_more(world: World) -> None:
    domains = domains_of(world, Records())
    for number in range(MAX_DOMAINS):
        await domains.add(world.owner, f"d{number}.example")
    with pytest.raises(TooManyDomains):
        await domains.add(world.owner, "one-more.example")
    assert len((await domains.list(world.owner, 500)).items) == MAX_DOMAINS


@pytest.mark.parametrize(
    "text",
    ["", ".", "com", "a..b", "-a.com", "a-.com", "127.0.0.1", "http://a.com", "*.a.com", "a.com/x", "a b.com",
     "a_b.com", "x" * 64 + ".com", "a." * 125 + "com", "\x00.com", "a.com\n", "[::1]"],
)  # fmt: skip
def test_what_is_no_domain_is_refused(text: str) -> None:
    with pytest.raises(InvalidDomain):
        checked_domain(text)


@pytest.mark.parametrize(
    ("text", "name"),
    [("münchen.de", "xn--mnchen-3ya.de"), ("A.B-c.example", "a.b-c.example"), ("x" * 63 + ".com", "x" * 63 + ".com")],
)
def test_a_domain_is_taken_in_the_form_that_dns_has(text: str, name: str) -> None:
    assert checked_domain(text) == name


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with open_name_server() as opened:
        yield opened


def asking(server: NameServer, seconds: float = 5.0) -> DnsRecords:
    return DnsRecords(f"127.0.0.1:{server.port}", seconds)


async def test_records_are_read_by_dns_also_long_ones(server: NameServer) -> None:
    server.records["_muelle.example.com"] = ["muelle-verification=1", "x" * 300]
    said = await asking(server).texts("_muelle.example.com")
    assert sorted(said) == ["muelle-verification=1", "x" * 300]  # in no order: records are a set
    assert server.asked == ["_muelle.example.com."]


async def test_a_missing_record_is_not_an_unreachable_server(server: NameServer) -> None:
    server.records["_muelle.empty.example"] = []
    assert await asking(server).texts("_muelle.empty.example") == ()
    assert await asking(server).texts("_muelle.none.example") == ()
    server.code = dns.rcode.SERVFAIL
    with pytest.raises(RecordsUnreachable):
        await asking(server).texts("_muelle.none.example")
    server.is_silent = True
    with pytest.raises(RecordsUnreachable):
        await asking(server, 0.2).texts("_muelle.none.example")


@pytest.mark.parametrize("text", ["localhost", "1.2.3", "1.2.3.4:x", "[::1:53", "::1]", "[1.2.3.4", "1.2.3.4:"])
async def test_a_name_server_is_named_by_its_address(text: str) -> None:
    with pytest.raises(InvalidNameserver):
        await DnsRecords(text).texts("example.com")


async def test_a_domain_is_verified_by_real_dns(world: World, server: NameServer) -> None:
    domains = Domains(world.identity.roles._registry, asking(server))
    added = await domains.add(world.owner, "example.com")
    server.records[added.record] = ["something else", added.value]
    assert (await domains.verify(world.owner, "example.com")).verified is not None
