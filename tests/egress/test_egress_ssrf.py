"""Ways to make a server call what it should not: each refused, with nothing sent."""

import pytest

from egress.egress_world import OTHER, TENANT, World, agent, reply, serving
from muelle.core import HttpCall
from muelle.egress.errors import AddressRefused, InvalidUrl


@pytest.fixture
def closed(world: World) -> World:
    """Return a world whose tenant has no networks of its own open."""
    world.networks.by_tenant[TENANT] = ()
    return world


async def refused(world: World, url: str) -> None:
    with pytest.raises((AddressRefused, InvalidUrl)):
        await world.get(url)
    assert world.server.seen == []


async def test_loopback_is_refused(closed: World) -> None:
    await refused(closed, closed.server.url())


async def test_a_decimal_address_is_refused(closed: World) -> None:
    await refused(closed, f"http://2130706433:{closed.server.port}/")


async def test_a_hexadecimal_address_is_refused(closed: World) -> None:
    await refused(closed, f"http://0x7f.1:{closed.server.port}/")


async def test_an_octal_address_is_refused(closed: World) -> None:
    await refused(closed, f"http://0177.0.0.1:{closed.server.port}/")


async def test_a_short_address_is_refused(closed: World) -> None:
    await refused(closed, f"http://127.1:{closed.server.port}/")


async def test_zero_is_refused(closed: World) -> None:
    await refused(closed, f"http://0:{closed.server.port}/")


async def test_a_user_name_that_looks_like_a_host_is_refused(closed: World) -> None:
    await refused(closed, f"http://example.com@127.0.0.1:{closed.server.port}/")


async def test_a_trailing_dot_is_refused(closed: World) -> None:
    await refused(closed, f"http://127.0.0.1.:{closed.server.port}/")


async def test_digits_and_dots_of_another_script_are_refused(closed: World) -> None:
    await refused(closed, f"http://\uff11\uff12\uff17\u3002\uff10\u3002\uff10\u3002\uff11:{closed.server.port}/")


async def test_ipv4_inside_ipv6_is_refused(closed: World) -> None:
    await refused(closed, f"http://[::ffff:127.0.0.1]:{closed.server.port}/")


async def test_an_address_with_a_zone_is_refused(closed: World) -> None:
    await refused(closed, f"http://[fe80::1%25lo]:{closed.server.port}/")


async def test_the_metadata_of_a_cloud_is_refused(closed: World) -> None:
    await refused(closed, "http://169.254.169.254/latest/meta-data/")


async def test_a_backslash_is_refused(closed: World) -> None:
    await refused(closed, f"http://example.com\\@127.0.0.1:{closed.server.port}/")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/", "//127.0.0.1/"])
async def test_another_scheme_is_refused(closed: World, url: str) -> None:
    await refused(closed, url)


async def test_a_name_that_leads_to_loopback_is_refused(closed: World) -> None:
    closed.names.answers["innocent.example"] = [["127.0.0.1"]]

    await refused(closed, closed.server.url(host="innocent.example"))

    assert closed.names.asked == ["innocent.example"]


async def test_the_refusal_of_a_name_does_not_tell_its_address(closed: World) -> None:
    closed.names.answers["internal.example"] = [["10.1.2.3"]]

    with pytest.raises(AddressRefused) as refusal:
        await closed.get("http://internal.example/")

    assert refusal.value.facts == {"host": "internal.example"}


async def test_a_name_that_turns_to_loopback_after_it_was_permitted_is_refused(world: World) -> None:
    world.networks.by_tenant[TENANT] = ("127.0.0.2/32",)
    async with serving("127.0.0.2") as allowed:
        url = allowed.url(host="rebinding.example")
        world.names.answers["rebinding.example"] = [["127.0.0.2"], ["127.0.0.1"]]
        allowed.answers("/", reply(body=b"once", Connection="close"))
        assert (await world.get(url)).body == b"once"

    await world.egress.close()  # forgets the name's first answer, as time would
    with pytest.raises(AddressRefused):
        await world.get(world.server.url(host="rebinding.example"))
    assert world.server.seen == []


async def test_a_name_with_both_addresses_never_reaches_the_refused_one(world: World) -> None:
    world.networks.by_tenant[TENANT] = ("127.0.0.2/32",)
    world.names.answers["both.example"] = [["127.0.0.2", "127.0.0.1"]]

    with pytest.raises(AddressRefused):  # nobody listens on the allowed one; the next attempt is judged for itself
        await world.get(world.server.url(host="both.example"))

    assert world.server.seen == []


async def test_a_redirect_to_a_refused_address_is_refused(world: World) -> None:
    world.networks.by_tenant[TENANT] = ("127.0.0.2/32",)
    async with serving("127.0.0.2") as allowed:
        allowed.answers("/", reply(302, Location=world.server.url("/admin")))

        with pytest.raises(AddressRefused):
            await world.get(allowed.url(host="127.0.0.2"))

    assert world.server.seen == []


async def test_a_redirect_to_a_name_of_a_refused_address_is_refused(world: World) -> None:
    world.networks.by_tenant[TENANT] = ("127.0.0.2/32",)
    world.names.answers["next.example"] = [["127.0.0.1"]]
    async with serving("127.0.0.2") as allowed:
        allowed.answers("/", reply(302, Location=world.server.url("/admin", host="next.example")))

        with pytest.raises(AddressRefused):
            await world.get(allowed.url(host="127.0.0.2"))

    assert world.server.seen == []


async def test_a_proxy_of_the_environment_is_not_used(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")

    answer = await world.get(world.server.url())

    assert answer.status == 200


async def test_a_connection_of_one_tenant_is_not_reused_by_another_that_may_not_have_it(world: World) -> None:
    world.networks.by_tenant[OTHER] = ()
    world.names.answers["internal.example"] = [["127.0.0.1"]]
    url = world.server.url(host="internal.example")
    await world.get(url)

    with pytest.raises(AddressRefused):
        await world.get(url, by=agent(tenant=OTHER))

    assert len(world.server.seen) == 1


async def test_a_kept_connection_is_lost_with_the_network_that_allowed_it(world: World) -> None:
    world.names.answers["internal.example"] = [["127.0.0.1"]]
    url = world.server.url(host="internal.example")
    await world.get(url)

    world.networks.by_tenant[TENANT] = ("10.0.0.0/8",)

    with pytest.raises(AddressRefused):
        await world.get(url)


async def test_connections_are_kept_for_calls_with_the_same_networks(world: World) -> None:
    await world.get(world.server.url())
    await world.get(world.server.url())
    await world.get(world.server.url(), by=agent(tenant=OTHER))

    assert world.server.connections == 1


async def test_a_refused_address_is_in_the_audit_record(closed: World) -> None:
    with pytest.raises(AddressRefused):
        await closed.egress.call(agent(), HttpCall(method="GET", url="http://10.0.0.1/path?secret=x"))

    (act,) = closed.trail._acts.values()
    assert (act.action, act.resource, act.decision) == ("egress.call", "GET 10.0.0.1", "refused")
    assert "secret" not in act.detail
