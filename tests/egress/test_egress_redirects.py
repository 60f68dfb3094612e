import pytest

from egress.egress_world import World, agent, reply, serving, world_with
from muelle.core import CredentialRef, HttpCall
from muelle.egress import CredentialId, Placement
from muelle.egress.errors import CallRefused, CredentialNotBound, InvalidUrl, TooManyRedirects
from muelle.egress.policy import first_hop, next_hop
from muelle.identity import Rule


@pytest.mark.parametrize(
    ("method", "status", "then"),
    [
        ("POST", 301, "GET"),
        ("POST", 302, "GET"),
        ("POST", 303, "GET"),
        ("PUT", 303, "GET"),
        ("PUT", 302, "PUT"),
        ("DELETE", 301, "DELETE"),
        ("HEAD", 303, "HEAD"),
        ("HEAD", 302, "HEAD"),
        ("POST", 307, "POST"),
        ("POST", 308, "POST"),
    ],
)
def test_a_redirect_keeps_or_changes_the_method(method: str, status: int, then: str) -> None:
    hop = first_hop(HttpCall(method=method, url="https://a.example/x", body="b", headers={"Content-Type": "text/x"}))

    following = next_hop(hop, status, "/y")

    assert following.method == then
    assert (following.body is not None) == ("content-type" in following.headers) == (then == method and status != 303)


@pytest.mark.parametrize(
    ("location", "url"),
    [
        ("y", "https://a.example/x/y"),
        ("/y?q=1#f", "https://a.example/y?q=1"),
        ("../../..", "https://a.example/"),
        ("//b.example/", "https://b.example/"),
        ("HTTP://B.EXAMPLE:80", "http://b.example/"),
    ],
)
def test_a_redirect_is_relative_to_where_it_came_from(location: str, url: str) -> None:
    hop = first_hop(HttpCall(method="GET", url="https://a.example/x/z"))

    assert next_hop(hop, 302, location).target.url == url


@pytest.mark.parametrize("location", ["ftp://a.example/", "https://a@b.example/", "http://[", "/a\\b", "ht\ttp://a/"])
def test_a_redirect_to_what_is_no_url_is_refused(location: str) -> None:
    with pytest.raises(InvalidUrl) as error:
        next_hop(first_hop(HttpCall(method="GET", url="https://a.example/")), 302, location)

    assert error.value.facts["field"] == "location"


async def test_redirects_are_followed_as_often_as_allowed_and_no_more() -> None:
    async with world_with(max_redirects=2) as world:
        for number in range(3):
            world.server.answers(f"/{number}", reply(302, Location=f"/{number + 1}"))

        assert (await world.get(world.server.url("/1"))).url == world.server.url("/3")
        with pytest.raises(TooManyRedirects):
            await world.get(world.server.url("/0"))


async def test_a_redirect_without_a_location_is_an_answer(world: World) -> None:
    world.server.answers("/", reply(302, b"where?"))

    assert (await world.get(world.server.url())).status == 302


async def test_a_redirect_to_where_the_agent_may_not_call_is_refused(world: World) -> None:
    async with serving() as elsewhere:
        world.server.answers("/", reply(302, Location=elsewhere.url()))
        only_here = agent(Rule("hosts:call", f"127.0.0.1:{world.server.port}"))

        with pytest.raises(CallRefused) as error:
            await world.get(world.server.url(), by=only_here)

        assert error.value.facts == {"scope": "hosts:call", "resource": f"127.0.0.1:{elsewhere.port}"}
        assert elsewhere.seen == []


async def test_a_redirect_within_an_api_is_judged_by_its_own_path(world: World) -> None:
    await world.api("crm", "/v1")
    world.server.answers("/v1/contacts", reply(302, Location="/v1/admin"))

    with pytest.raises(CallRefused) as error:
        await world.get(world.server.url("/v1/contacts"), by=agent(Rule("apis:call", "crm GET /contacts*")))

    assert error.value.facts["resource"] == "crm GET /admin"


async def test_secrets_do_not_go_along_to_another_origin(world: World) -> None:
    await world.credential("s3cret-token-value", type="bearer-token")
    async with serving() as elsewhere:
        world.server.answers("/", reply(307, Location=elsewhere.url()))
        headers = {
            "Authorization": CredentialRef("key"),
            "Cookie": "session=1",
            "X-Api-Key": "literal",
            "Accept": "text/plain",
        }

        await world.post(world.server.url(), headers=headers, body={"a": 1}, query={"t": CredentialRef("key")})

        (seen,) = elsewhere.seen
        assert not {"authorization", "cookie", "x-api-key"} & set(seen.headers)
        assert (seen.headers["accept"], seen.body, seen.path) == ("text/plain", b'{"a":1}', "/")


async def test_secrets_go_along_within_an_origin(world: World) -> None:
    await world.credential("s3cret-token-value", type="bearer-token")
    world.server.answers("/", reply(307, Location="/next"))

    await world.get(world.server.url(), headers={"Authorization": CredentialRef("key")})

    assert world.server.seen[1].headers["authorization"] == "Bearer s3cret-token-value"


async def test_a_body_with_a_secret_is_not_sent_to_another_origin(world: World) -> None:
    await world.credential()
    async with serving() as elsewhere:
        world.server.answers("/", reply(307, Location=elsewhere.url()))

        with pytest.raises(CredentialNotBound):
            await world.post(world.server.url(), body={"deep": [{"token": CredentialRef("key")}]})

        assert elsewhere.seen == []


async def test_a_server_cannot_have_its_secret_carried_elsewhere(world: World) -> None:
    await world.credential("s3cret-token-value")
    async with serving() as elsewhere:
        world.server.answers("/", reply(302, Location=elsewhere.url("/steal?t=s3cret-token-value")))

        with pytest.raises(CredentialNotBound):
            await world.get(world.server.url(), headers={"X-Key": CredentialRef("key")})

        assert elsewhere.seen == []


async def test_an_api_puts_its_credential_into_its_own_redirects_only(world: World) -> None:
    await world.credential(type="bearer-token", apis=("crm",))
    await world.api("crm", "/v1", credential=Placement(credential=CredentialId("key")))
    async with serving() as elsewhere:
        world.server.answers("/v1/away", reply(302, Location=elsewhere.url("/back")))
        elsewhere.answers("/back", reply(302, Location=world.server.url("/v1/home")))

        await world.get(world.server.url("/v1/away"))

        assert ["authorization" in seen.headers for seen in world.server.seen] == [True, False]
        assert "authorization" not in elsewhere.seen[0].headers
