import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from egress.egress_world import OTHER, World, agent, reply, world_with
from muelle.core import HttpCall, TimedOut
from muelle.egress import ApiDraft, ApiId, CredentialId, Egress, Endpoint, Placement
from muelle.egress.directory import Directory
from muelle.egress.errors import (
    AddressRefused,
    AnswerTooLarge,
    ApiExists,
    ApiNotFound,
    CallRefused,
    CredentialNotBound,
    EndpointUnknown,
    InvalidApi,
    InvalidHeader,
    InvalidUrl,
    TooManyApis,
)
from muelle.identity import Refused, Rule

CRM = ApiId("crm")


async def may(world: World, method: str, url: str, *grants: str) -> bool:
    principal = agent(*(Rule(*grant.split(" ", 1)) for grant in grants)) if grants else agent(Rule("none:none", "x"))
    try:
        await world.egress.permit(principal, method, url)
    except CallRefused:
        return False
    return True


async def test_without_a_grant_nothing_may_be_called(world: World) -> None:
    await world.api("crm", "/v1")

    assert not await may(world, "GET", world.server.url("/v1/x"))
    assert not await may(world, "GET", world.server.url("/elsewhere"))


@pytest.mark.parametrize(
    ("grant", "method", "path", "allowed"),
    [
        ("apis:call crm", "DELETE", "/v1/contacts/1", True),
        ("apis:call crm *", "DELETE", "/v1/contacts/1", True),
        ("apis:call crm GET /contacts/*", "GET", "/v1/contacts/1", True),
        ("apis:call crm GET /contacts/*", "POST", "/v1/contacts/1", False),
        ("apis:call crm GET /contacts/*", "GET", "/v1/admin", False),
        ("apis:call crm GET /contacts/*", "GET", "/v1/contacts/../admin", False),
        ("apis:call crm GET /contacts/*", "GET", "/v1/contacts/%2e%2E/admin", False),
        ("apis:call crm GET /contacts/*", "GET", "/v1//contacts//1", True),
        ("apis:call crm GET /", "GET", "/v1", True),
        ("apis:call crm2", "GET", "/v1/contacts/1", False),
        ("apis:call *", "GET", "/elsewhere", False),
        ("hosts:call *", "GET", "/v1/contacts/1", False),
        ("hosts:call *", "GET", "/v1beta/contacts", True),
        ("hosts:call *", "GET", "/%76%31/contacts", False),
        ("hosts:call *", "GET", "//v1/contacts", False),
        ("hosts:call *", "GET", "/x/../v1/contacts", False),
    ],
)
async def test_a_grant_covers_a_call_or_not(world: World, grant: str, method: str, path: str, *, allowed: bool) -> None:
    await world.api("crm", "/v1")

    assert await may(world, method, world.server.url(path), grant) == allowed


@pytest.mark.parametrize(
    ("grant", "url", "allowed"),
    [
        ("hosts:call api.example.com", "https://api.example.com/x", True),
        ("hosts:call api.example.com", "https://API.example.com./x", True),
        ("hosts:call api.example.com", "http://api.example.com/x", True),
        ("hosts:call api.example.com", "https://api.example.com:8443/x", False),
        ("hosts:call api.example.com:8443", "https://api.example.com:8443/x", True),
        ("hosts:call api.example.com:443", "https://api.example.com/x", True),
        ("hosts:call *.example.com", "https://api.example.com/x", True),
        ("hosts:call *.example.com", "https://example.com.evil.com/x", False),
        ("hosts:call example.com", "https://evil.com/?x=example.com", False),
        ("hosts:call xn--bcher-kva.example", "https://bücher.example/", True),
        ("hosts:call [2001:4860::1]", "https://[2001:4860:0:0::1]/", True),
    ],
)
async def test_a_host_is_granted_by_name_and_port(world: World, grant: str, url: str, *, allowed: bool) -> None:
    assert await may(world, "GET", url, grant) == allowed


async def test_a_refusal_names_scope_and_resource(world: World) -> None:
    await world.api("crm", "/v1")

    with pytest.raises(CallRefused) as error:
        await world.get(world.server.url("/v1/contacts?name=x"), by=agent(Rule("hosts:call", "*")))

    assert error.value.facts == {"scope": "apis:call", "resource": "crm GET /contacts"}
    assert world.server.seen == []


@pytest.mark.parametrize("path", ["/v1%2Fcontacts", "/v1;x=1/contacts", "/%2fv1/contacts", "/v1%5Ccontacts"])
async def test_a_path_that_a_server_may_read_as_an_apis_is_refused(world: World, path: str) -> None:
    await world.api("crm", "/v1")

    with pytest.raises(InvalidUrl):
        await world.get(world.server.url(path), by=agent(Rule("hosts:call", "*")))


async def test_the_longest_base_path_wins(world: World) -> None:
    await world.api("all", "")
    await world.api("crm", "/v1")
    await world.api("admin", "/v1/admin")

    assert await may(world, "GET", world.server.url("/v1/admin/x"), "apis:call admin")
    assert not await may(world, "GET", world.server.url("/v1/admin/x"), "apis:call crm", "apis:call all")
    assert await may(world, "GET", world.server.url("/v1/administer"), "apis:call crm")
    assert await may(world, "GET", world.server.url("/v2"), "apis:call all")


@pytest.mark.parametrize(
    ("method", "path", "known"),
    [
        ("GET", "/v1/contacts", True),
        ("GET", "/v1/contacts/", False),
        ("GET", "/v1/contacts/1", True),
        ("GET", "/v1/contacts/1/notes.json", True),
        ("GET", "/v1/contacts/1/.json", False),
        ("GET", "/v1/contacts/1%2Fdelete", False),
        ("GET", "/v1/contacts/1;a", True),
        ("POST", "/v1/contacts/1", False),
        ("GET", "/v1/caf%c3%a9", True),
        ("GET", "/v1/other", False),
    ],
)
async def test_a_strict_api_allows_its_endpoints_only(world: World, method: str, path: str, *, known: bool) -> None:
    paths = ("/contacts", "/contacts/{id}", "/contacts/{id}/{name}.json", "/café")
    await world.api("crm", "/v1", strict=True, endpoints=tuple(Endpoint(method="GET", path=each) for each in paths))

    if known:
        await world.egress.permit(agent(), method, world.server.url(path))
    else:
        with pytest.raises(EndpointUnknown):
            await world.egress.permit(agent(), method, world.server.url(path))


async def test_permission_is_asked_without_a_network(world: World) -> None:
    await world.egress.permit(agent(), "GET", "https://never-resolved.example/")
    with pytest.raises(AddressRefused):
        await world.egress.permit(agent(), "GET", "http://10.0.0.1/")

    assert (world.names.asked, world.server.seen) == ([], [])


async def test_permission_asks_for_credentials_too(world: World) -> None:
    await world.credential(hosts=("api.example.com",))

    await world.egress.permit(agent(), "GET", "https://api.example.com/", ["key"])
    with pytest.raises(CredentialNotBound):
        await world.egress.permit(agent(), "GET", "https://evil.example.com/", ["key"])
    with pytest.raises(CallRefused):
        await world.egress.permit(agent(Rule("hosts:call", "*")), "GET", "https://api.example.com/", ["key"])


async def test_an_api_has_limits_of_its_own(world: World) -> None:
    await world.api("small", "/small", max_answer_bytes=5)
    world.server.answers("/small/x", reply(body=b"123456"))

    with pytest.raises(AnswerTooLarge):
        await world.get(world.server.url("/small/x"))


async def test_an_api_has_a_timeout_of_its_own(world: World) -> None:
    await world.api("slow", "/slow", timeout=0.02)

    async def silent(_: object) -> AsyncIterator[bytes]:
        await asyncio.sleep(5)
        yield b""

    world.server.answers("/slow/x", silent)
    with pytest.raises(TimedOut) as error:
        await world.get(world.server.url("/slow/x"))
    assert error.value.facts["seconds"] == 0.02


def draft(**given: Any) -> ApiDraft:
    return ApiDraft(**{"id": CRM, "base_url": "https://crm.example/v1", **given})


async def test_a_stranger_changes_no_api(world: World) -> None:
    await world.api()
    stranger = agent(Rule("apis:call", "*"), Rule("apis:manage", "other"))

    with pytest.raises(Refused):
        await world.egress.apis.register(stranger, draft(id=ApiId("mine")))
    with pytest.raises(Refused):
        await world.egress.apis.update(stranger, draft())
    with pytest.raises(Refused):
        await world.egress.apis.remove(stranger, CRM)
    assert [act.decision for act in world.trail._acts.values()] == ["allowed", "refused", "refused", "refused"]


async def test_another_tenant_sees_no_api(world: World) -> None:
    await world.api("crm", "/v1")
    other = agent(tenant=OTHER)

    assert (await world.egress.apis.list(other)).items == ()
    for verb in (
        world.egress.apis.show(other, CRM),
        world.egress.apis.update(other, draft()),
        world.egress.apis.remove(other, CRM),
    ):
        with pytest.raises(ApiNotFound):
            await verb
    only_apis = agent(Rule("apis:call", "*"), tenant=OTHER)
    with pytest.raises(CallRefused):
        await world.get(world.server.url("/v1/x"), by=only_apis)


@pytest.mark.parametrize(
    ("rule", "sees"),
    [
        (Rule("apis:call", "crm"), True),
        (Rule("apis:call", "crm GET /contacts/*"), True),
        (Rule("apis:call", "c*"), True),
        (Rule("apis:manage", "crm"), True),
        (Rule("*", "*"), True),
        (Rule("apis:call", "other *"), False),
        (Rule("hosts:call", "*"), False),
    ],
)
async def test_who_may_call_an_api_may_see_it(world: World, rule: Rule, *, sees: bool) -> None:
    api = await world.api()

    assert (await world.egress.apis.list(agent(rule))).items == ((api,) if sees else ())


async def test_a_change_of_an_api_holds_at_once(world: World) -> None:
    await world.api("crm", "/v1")
    caller = agent(Rule("apis:call", "crm"))
    await world.egress.permit(caller, "GET", world.server.url("/v1/x"))

    await world.egress.apis.update(agent(), draft(base_url=world.server.url("/v2")))

    assert await may(world, "GET", world.server.url("/v2/x"), "apis:call crm")
    assert not await may(world, "GET", world.server.url("/v1/x"), "apis:call crm")
    await world.egress.apis.remove(agent(), CRM)
    assert not await may(world, "GET", world.server.url("/v2/x"), "apis:call crm")


async def test_another_processs_change_holds_after_a_moment(world: World) -> None:
    url = world.server.url("/v1/x")
    directory = Directory(world.parts.apis, world.clock, 2.0, 10)
    await directory.listings(agent().tenant)
    await world.api("crm", "/v1")

    assert len(await directory.listings(agent().tenant)) == 0
    world.clock.forward(seconds=2)
    assert len(await directory.listings(agent().tenant)) == 1
    assert await may(world, "GET", url, "apis:call crm")


async def test_no_more_tenants_are_remembered_than_allowed(world: World) -> None:
    directory = Directory(world.parts.apis, world.clock, 2.0, 1)
    await directory.listings(agent().tenant)
    await directory.listings(OTHER)
    await world.api("crm", "/v1")

    assert len(await directory.listings(agent().tenant)) == 1


async def test_an_api_is_registered_once(world: World) -> None:
    await world.api("crm", "/v1")

    with pytest.raises(ApiExists):
        await world.api("crm", "/v2")
    with pytest.raises(ApiExists):
        await world.api("other", "/v1/")
    with pytest.raises(ApiNotFound):
        await world.egress.apis.update(agent(), draft(id=ApiId("unknown")))


async def test_who_moves_an_api_must_manage_the_credentials_that_go_there(world: World) -> None:
    await world.credential(apis=("crm",))
    manager = agent(Rule("apis:manage", "*"))

    with pytest.raises(Refused) as error:
        await world.api(by=manager)
    assert error.value.facts["scope"] == "credentials:manage"

    await world.api()
    with pytest.raises(Refused):
        await world.egress.apis.update(manager, draft(base_url="https://evil.example"))
    same = draft(base_url=world.server.url(), description="moved nowhere")
    assert (await world.egress.apis.update(manager, same)).description == "moved nowhere"


async def test_a_tenant_has_as_many_apis_as_it_may() -> None:
    async with world_with(max_apis=2) as world:
        await world.api("a", "/a")
        await world.api("b", "/b")

        with pytest.raises(TooManyApis):
            await world.api("c", "/c")


async def test_apis_are_listed_page_by_page(world: World) -> None:
    for name in ("c", "a", "b"):
        await world.api(name, f"/{name}")

    first = await world.egress.apis.list(agent(), limit=2)
    second = await world.egress.apis.list(agent(), limit=2, cursor=first.next)

    assert [each.id for each in (*first.items, *second.items)] == ["a", "b", "c"]


def endpoint(**given: Any) -> Endpoint:
    return Endpoint(**{"method": "GET", "path": "/x", **given})


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"base_url": "crm.example"}, "base_url"),
        ({"base_url": "ftp://crm.example"}, "base_url"),
        ({"base_url": "https://crm.example/?a=1"}, "base_url"),
        ({"base_url": "https://crm.example/#"}, "base_url"),
        ({"base_url": "https://user:hunter2@crm.example/"}, "base_url"),
        ({"base_url": "https://crm.example/a%2Fb"}, "base_url"),
        ({"description": "x" * 4001}, "description"),
        ({"endpoints": (endpoint(),) * 1001}, "endpoints"),
        ({"strict": True}, "endpoints"),
        ({"endpoints": (endpoint(), endpoint(method="get"))}, "endpoints/1/method"),
        ({"endpoints": (endpoint(path="x"),)}, "endpoints/0/path"),
        ({"endpoints": (endpoint(path="/" + "x" * 2000),)}, "endpoints/0/path"),
        ({"endpoints": (endpoint(path="/{a}{b}"),)}, "endpoints/0/path"),
        ({"endpoints": (endpoint(description="x" * 4001),)}, "endpoints/0/description"),
        ({"endpoints": (endpoint(parameters=({"name": "x" * 8000},)),)}, "endpoints/0/parameters"),
        ({"timeout": 0}, "timeout"),
        ({"timeout": 300.5}, "timeout"),
        ({"max_answer_bytes": 0}, "max_answer_bytes"),
        ({"max_answer_bytes": (16 << 20) + 1}, "max_answer_bytes"),
        ({"credential": Placement(credential=CredentialId("unknown"))}, "credential/credential"),
    ],
)
async def test_an_api_that_cannot_work_names_its_fault(world: World, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidApi) as error:
        await world.egress.apis.register(agent(), draft(**given))

    assert error.value.facts["field"] == field
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("name", ["Host", "X Y", ""])
async def test_a_credential_cannot_be_placed_into_a_header_of_the_connection(world: World, name: str) -> None:
    with pytest.raises(InvalidHeader):
        await world.egress.apis.register(agent(), draft(credential=Placement(credential=CredentialId("k"), name=name)))


async def test_an_api_at_its_limits_is_kept(world: World) -> None:
    api = await world.egress.apis.register(
        agent(),
        draft(
            base_url="HTTPS://CRM.example:443/v1//x/../",
            description="x" * 4000,
            endpoints=(endpoint(path="/" + "x" * 1999, description="x" * 4000),) * 1000,
            timeout=300,
            max_answer_bytes=16 << 20,
        ),
    )

    assert api.base_url == "https://crm.example/v1"
    assert await world.egress.apis.show(agent(), CRM) == api


async def test_calls_are_counted_by_api_and_outcome(world: World) -> None:
    """The label of a call is the Api, never the host, which strangers choose."""
    await world.api("crm", "/v1")
    counted: list[tuple[str, ...]] = []

    class Counting:
        def count(self, _: object, *labels: str, by: float = 1) -> None:
            counted.append(labels)
            assert by == 1

        def observe(self, *_: object) -> None: ...

        def gauge(self, *_: object) -> None: ...

    egress = Egress(replace(world.parts, metrics=Counting()))
    await egress.call(agent(), HttpCall(method="GET", url=world.server.url("/v1/x")))
    await egress.call(agent(), HttpCall(method="GET", url=world.server.url("/other")))
    with pytest.raises(AddressRefused):
        await egress.call(agent(), HttpCall(method="GET", url="http://10.0.0.1/"))
    await egress.close()

    assert counted == [("crm", "2xx"), ("-", "2xx"), ("-", "address_refused")]
