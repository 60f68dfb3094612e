"""Credentials led away: by redirects, by Host, by DNS, by echoes, by token endpoints and by documents of Apis."""

import base64
import json
import logging
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import parse_qs

import pytest

from egress.egress_world import World, agent, open_world, reply, serving
from muelle.core import CredentialRef, EndpointRef, HttpCall, MuelleError, Secret
from muelle.egress import ApiId, CredentialDraft, CredentialId, Placement
from muelle.egress.definitions import ImportWish
from muelle.egress.errors import CallRefused, CredentialNotBound, TokenRefused
from muelle.identity import Refused, Rule

SECRET = "s3cret-token-value"
AWS_SECRET = "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"
KEY = CredentialId("key")
REF = CredentialRef("key")
KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "bearer-token": ({}, SECRET),
    "basic": ({}, f"user:{SECRET}"),
    "api-key": ({}, SECRET),
    "hmac": ({}, SECRET),
    "aws-sigv4": ({"region": "eu-west-1", "service": "s3"}, f"AKIDEXAMPLE:{AWS_SECRET}:{SECRET}"),
    "oauth2-client-credentials": ({"client_id": "me"}, SECRET),
    "oauth2-refresh-token": ({"client_id": "me"}, SECRET),
}


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        token = json.dumps({"access_token": f"token-{SECRET}", "token_type": "bearer", "expires_in": 60})
        opened.server.answers("/token", reply(body=token.encode()))
        yield opened


async def armed(world: World, kind: str) -> None:
    options, secret = KINDS[kind]
    if kind.startswith("oauth2"):
        options = {**options, "token_url": world.server.url("/token")}
    await world.credential(secret, type=kind, options=options)


def holds_secret(text: str) -> bool:
    forms = (
        SECRET,
        AWS_SECRET,
        base64.b64encode(SECRET.encode()).decode().rstrip("="),
        "AKIDEXAMPLE",
        "x-amz-",
        "x-sig",
    )
    return any(form.lower() in text.lower() for form in forms)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_no_kind_of_credential_follows_a_redirect_to_another_origin(world: World, kind: str, status: int) -> None:
    await armed(world, kind)
    async with serving() as thief:
        world.server.answers("/", reply(status, Location=thief.url("/collect")))

        await world.post(world.server.url(), headers={"Authorization": REF}, body={"a": 1})

        (stolen,) = thief.seen
        assert not holds_secret(str(dict(stolen.headers)) + stolen.path + stolen.body.decode())
        assert "authorization" not in stolen.headers


@pytest.mark.parametrize("kind", ["bearer-token", "api-key"])
async def test_a_secret_in_a_body_is_not_carried_to_another_origin(world: World, kind: str) -> None:
    await armed(world, kind)
    async with serving() as thief:
        world.server.answers("/", reply(308, Location=thief.url("/collect")))

        with pytest.raises(CredentialNotBound):
            await world.post(world.server.url(), body={"token": REF})

        assert thief.seen == []


@pytest.mark.parametrize("shown", [SECRET, SECRET.encode().hex(), base64.urlsafe_b64encode(SECRET.encode()).decode()])
async def test_a_server_cannot_have_a_secret_carried_in_a_location(world: World, shown: str) -> None:
    await armed(world, "api-key")
    async with serving() as thief:
        world.server.answers("/", reply(302, Location=thief.url(f"/collect?k={shown}")))

        with pytest.raises(CredentialNotBound) as error:
            await world.get(world.server.url(), headers={"X-Key": REF})

        assert (thief.seen, shown in str(error.value)) == ([], False)


@pytest.mark.parametrize("header", ["Host", "host", "HOST"])
async def test_no_call_says_itself_which_host_it_is_for(world: World, header: str) -> None:
    await armed(world, "bearer-token")

    with pytest.raises(MuelleError, match="header"):
        await world.get(world.server.url(), headers={"Authorization": REF, header: "evil.example"})

    assert world.server.seen == []


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com@{place}/",
        "http://{place}#@api.example.com/",
        "http://{place}\\@api.example.com/",
        "http://api.example.com.{place}/",
        "http://api.example.com:80@{place}/",
    ],
)
async def test_a_host_that_only_looks_bound_gets_nothing(world: World, url: str) -> None:
    await world.credential(SECRET, hosts=("http://api.example.com:80",))

    with pytest.raises(MuelleError):
        await world.get(url.format(place=f"127.0.0.1:{world.server.port}"), headers={"X-Key": REF})

    assert world.server.seen == []


async def test_a_bound_name_that_comes_to_mean_a_private_address_gets_nothing(world: World) -> None:
    world.networks.by_tenant[agent().tenant] = ()
    world.names.answers["api.example.com"] = [["127.0.0.1"]]
    await world.credential(SECRET, hosts=(f"http://api.example.com:{world.server.port}",))

    with pytest.raises(MuelleError) as error:
        await world.get(world.server.url(host="api.example.com"), headers={"X-Key": REF})

    assert (error.value.code, world.server.seen) == ("address_refused", [])


async def test_a_token_endpoint_whose_name_comes_to_mean_a_private_address_gets_nothing(world: World) -> None:
    world.networks.by_tenant[agent().tenant] = ()
    world.names.answers["login.example.com"] = [["127.0.0.1"]]
    options = {"client_id": "me", "token_url": world.server.url("/token", host="login.example.com")}
    await world.credential(SECRET, type="oauth2-client-credentials", options=options, hosts=("api.example.com",))

    with pytest.raises(MuelleError) as error:
        await world.get("https://api.example.com/", headers={"Authorization": REF})

    assert (error.value.code, world.server.seen) == ("address_refused", [])


@pytest.mark.parametrize("status", [301, 302, 307, 308])
async def test_a_token_endpoint_cannot_send_the_client_secret_on(world: World, status: int) -> None:
    await armed(world, "oauth2-client-credentials")
    async with serving() as thief:
        world.server.answers("/token", reply(status, Location=thief.url("/token")))

        with pytest.raises(TokenRefused):
            await world.get(world.server.url(), headers={"Authorization": REF})

        assert thief.seen == []


@pytest.mark.parametrize("kind", KINDS)
async def test_what_a_server_echoes_holds_no_secret(world: World, kind: str) -> None:
    await armed(world, kind)

    def echo(seen: Any) -> bytes:
        everything = json.dumps(dict(seen.headers)).encode()
        return reply(
            400, everything + base64.b64encode(everything) + everything.hex().encode(), X_Echo=str(seen.headers)
        )

    world.server.answers("/", echo)

    answer = await world.get(world.server.url(), headers={"Authorization": REF})

    shown = answer.body.decode() + str(answer.headers)
    encoded = [base64.b64encode(b"\0" * shift + SECRET.encode()).decode()[4:-4] for shift in range(3)]
    for form in (SECRET, AWS_SECRET, SECRET.encode().hex(), f"user:{SECRET}", *encoded):
        assert form not in shown


async def test_the_client_secret_goes_to_the_token_endpoint_and_nowhere_else(world: World) -> None:
    await armed(world, "oauth2-refresh-token")

    await world.get(world.server.url(), headers={"Authorization": REF})

    asked, called = world.server.seen
    assert parse_qs(asked.body.decode())["refresh_token"] == [SECRET]
    assert called.headers["authorization"] == f"Bearer token-{SECRET}"
    assert called.body == b""


async def test_who_may_only_use_a_credential_leads_it_nowhere(world: World) -> None:
    await armed(world, "oauth2-client-credentials")
    user = agent(Rule("credentials:use", "*"), Rule("hosts:call", "*"), Rule("apis:manage", "*"))
    stolen = CredentialDraft(
        id=KEY,
        type="oauth2-client-credentials",
        hosts=("evil.example",),
        options={"client_id": "me", "token_url": "https://evil.example/token"},
    )

    with pytest.raises(Refused):
        await world.egress.credentials.update(user, stolen)
    with pytest.raises(Refused):
        await world.egress.credentials.rotate(user, KEY, Secret("another-secret"))
    with pytest.raises(CredentialNotBound):
        await world.get("https://evil.example/", by=user, headers={"Authorization": REF})


async def test_an_import_does_not_lead_an_apis_credential_to_another_server(world: World) -> None:
    await world.credential(SECRET, apis=("crm",))
    await world.api(credential=Placement(credential=KEY))
    document = {"openapi": "3.1.0", "servers": [{"url": "https://evil.example"}], "paths": {"/a": {"get": {}}}}
    importer = agent(Rule("apis:manage", "*"), Rule("apis:call", "*"))

    with pytest.raises(Refused) as error:
        await world.egress.definitions.import_(
            importer, ImportWish(api=ApiId("crm"), content=json.dumps(document).encode())
        )

    assert error.value.facts["scope"] == "credentials:manage"
    assert (await world.egress.apis.show(agent(), ApiId("crm"))).base_url == world.server.url().rstrip("/")


@pytest.mark.parametrize(
    "value", ["../../admin", "%2e%2e/admin", "a/../../admin", "a?admin=1", "a#b", "a;b", "..%2fadmin"]
)
async def test_a_parameter_of_a_path_stays_in_its_place(world: World, value: str) -> None:
    document = {"openapi": "3.1.0", "paths": {"/pets/{id}": {"get": {"operationId": "show"}}}}
    wish = ImportWish(api=ApiId("crm"), content=json.dumps(document).encode(), base_url=world.server.url("/v1"))
    await world.egress.definitions.import_(agent(), wish)
    caller = agent(Rule("apis:call", "crm GET /pets/*"))
    call = HttpCall(method="GET", url="", endpoint=EndpointRef("crm", "show", {"id": value}))

    try:
        await world.egress.call(caller, call)
    except MuelleError:
        assert world.server.seen == []
    else:
        (seen,) = world.server.seen
        assert seen.path.startswith("/v1/pets/")
        assert seen.path.count("/") == 3
        assert "?" not in seen.path


NASTY = '<script>alert("1")</script>\r\n2026-01-01 FAKE LOG LINE \x1b[31m \u202e'


async def test_names_in_a_document_are_data_and_write_no_line_of_any_log(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    operation = {
        "operationId": NASTY,
        "summary": NASTY,
        "tags": [NASTY],
        "parameters": [{"name": NASTY, "in": "cookie"}],
    }
    document = {"openapi": "3.1.0", "info": {"title": NASTY}, "paths": {"/a": {"get": operation}}}
    wish = ImportWish(api=ApiId("crm"), content=json.dumps(document).encode(), base_url=world.server.url())

    with caplog.at_level(logging.DEBUG):
        await world.egress.definitions.import_(agent(), wish)

    found, _ = await world.egress.definitions.search(agent())
    assert found[0]["endpoint"].replace("-", "").isalnum()
    assert found[0]["description"] == NASTY  # told as it is, in JSON, for whoever shows it to escape
    assert "FAKE LOG LINE" not in caplog.text


async def test_strangers_do_not_learn_which_credentials_there_are(world: World) -> None:
    await armed(world, "bearer-token")
    caller = agent(Rule("hosts:call", "*"))

    answers = []
    for name in ("key", "nothing"):
        with pytest.raises(CallRefused) as error:
            await world.get(world.server.url(), by=caller, headers={"X": CredentialRef(name)})
        answers.append({**error.value.facts, "resource": ""})

    assert answers[0] == answers[1]
