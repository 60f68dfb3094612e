import base64
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest

from egress.egress_world import OTHER, World, agent, reply, world_with
from muelle.core import CredentialRef, Secret, TenantId
from muelle.egress import CredentialDraft, CredentialId, Credentials, Placement
from muelle.egress.credentials import vault_name
from muelle.egress.errors import (
    CallRefused,
    CredentialExists,
    CredentialNotBound,
    CredentialNotFound,
    InvalidCredential,
    InvalidLimit,
    TooManyCredentials,
)
from muelle.egress.registry import Registry
from muelle.identity import Refused, Rule
from muelle.stores import MemoryVault

SECRET = 's3cret/"töken"+value&more'
KEY = CredentialId("key")
REF = CredentialRef("key")


@pytest.mark.parametrize(
    ("kind", "secret", "header", "sent"),
    [
        ("bearer-token", "s3cret-token", "Authorization", "Bearer s3cret-token"),
        ("bearer-token", "Bearer s3cret-token", "authorization", "Bearer s3cret-token"),
        ("bearer-token", "s3cret-token", "X-Token", "s3cret-token"),
        ("basic", "user:password", "Authorization", "Basic dXNlcjpwYXNzd29yZA=="),
        ("api-key", "s3cret-token", "X-Api-Key", "s3cret-token"),
        ("api-key", "Token s3cret", "Authorization", "Token s3cret"),
        ("something-else", "s3cret-token", "X-Else", "s3cret-token"),
    ],
)
async def test_a_credential_is_sent_as_its_type_says(
    world: World, kind: str, secret: str, header: str, sent: str
) -> None:
    await world.credential(secret, type=kind)

    await world.get(world.server.url(), headers={header: REF})

    assert world.server.seen[0].headers[header.lower()] == sent


async def test_credentials_stand_anywhere_in_query_and_body(world: World) -> None:
    await world.credential("s3cret&token")
    body = {"a": [{"b": REF}], "c": 1}

    answer = await world.post(world.server.url("/x?y=1"), query={"k": REF, "l": [REF, 2]}, body=body)

    (seen,) = world.server.seen
    assert seen.path == "/x?y=1&k=s3cret%26token&l=s3cret%26token&l=2"
    assert json.loads(seen.body) == {"a": [{"b": "s3cret&token"}], "c": 1}
    assert body == {"a": [{"b": REF}], "c": 1}
    assert answer.url == world.server.url("/x?y=1&k=***&l=***&l=2")


async def test_a_whole_body_can_be_a_credential(world: World) -> None:
    await world.credential("s3cret-token")

    await world.post(world.server.url(), body=REF)

    assert world.server.seen[0].body == b"s3cret-token"


async def test_a_credential_bound_elsewhere_is_refused(world: World) -> None:
    await world.credential(hosts=("api.example.com", f"http://127.0.0.2:{world.server.port}"))

    with pytest.raises(CredentialNotBound) as error:
        await world.get(world.server.url(), headers={"X-Key": REF})

    assert error.value.facts["credential"] == "key"
    assert world.server.seen == []


async def test_a_credential_of_an_api_goes_to_no_other_path_of_its_host(world: World) -> None:
    await world.credential(apis=("crm",))
    await world.api("crm", "/v1")

    await world.get(world.server.url("/v1/x"), headers={"X-Key": REF})
    with pytest.raises(CredentialNotBound):
        await world.get(world.server.url("/v2/x"), headers={"X-Key": REF})


async def test_a_host_without_a_scheme_means_https(world: World) -> None:
    await world.credential(hosts=(f"127.0.0.1:{world.server.port}",))

    with pytest.raises(CredentialNotBound) as error:
        await world.get(world.server.url(), headers={"X-Key": REF})

    assert error.value.facts["scheme"] == "http"


async def test_a_credential_needs_a_grant(world: World) -> None:
    await world.credential()
    caller = agent(Rule("hosts:call", "*"), Rule("credentials:use", "other"))

    with pytest.raises(CallRefused) as error:
        await world.get(world.server.url(), by=caller, headers={"X-Key": REF})

    assert error.value.facts == {"scope": "credentials:use", "resource": "key"}


async def test_whether_a_credential_exists_is_not_told_to_those_who_may_not_use_it(world: World) -> None:
    caller = agent(Rule("hosts:call", "*"))

    with pytest.raises(CallRefused):
        await world.get(world.server.url(), by=caller, headers={"X-Key": CredentialRef("unknown")})


async def test_a_credential_of_another_tenant_does_not_exist(world: World) -> None:
    await world.credential()

    with pytest.raises(CredentialNotFound):
        await world.get(world.server.url(), by=agent(tenant=OTHER), headers={"X-Key": REF})


async def test_an_api_puts_its_credential_into_every_call(world: World) -> None:
    await world.credential("s3cret-token", type="bearer-token", apis=("crm",))
    await world.api(credential=Placement(credential=KEY))

    await world.get(world.server.url())
    await world.get(world.server.url(), headers={"authorization": "my own"})

    assert [seen.headers["authorization"] for seen in world.server.seen] == ["Bearer s3cret-token", "my own"]


async def test_an_api_can_put_its_credential_into_the_query(world: World) -> None:
    await world.credential("s3cret-token", apis=("crm",))
    await world.api(credential=Placement(credential=KEY, place="query", name="api_key"))

    answer = await world.get(world.server.url("/x"))

    assert world.server.seen[0].path == "/x?api_key=s3cret-token"
    assert answer.url.endswith("?api_key=***")


async def test_who_calls_an_api_with_a_credential_needs_the_grant_for_it(world: World) -> None:
    await world.credential(apis=("crm",))
    await world.api(credential=Placement(credential=KEY))

    with pytest.raises(CallRefused) as error:
        await world.get(world.server.url(), by=agent(Rule("apis:call", "crm")))

    assert error.value.facts["scope"] == "credentials:use"


ECHOES: dict[str, Callable[[str], str]] = {
    "plain": lambda value: value,
    "json": json.dumps,
    "json with slashes escaped": lambda value: json.dumps(value).replace("/", "\\/"),
    "json without escapes": lambda value: json.dumps(value, ensure_ascii=False),
    "url": lambda value: quote(value, safe=""),
    "base64": lambda value: base64.b64encode(value.encode()).decode(),
    "base64 after one byte": lambda value: base64.b64encode(b"x" + value.encode() + b"y").decode(),
    "base64 after two bytes": lambda value: base64.urlsafe_b64encode(b"xy" + value.encode() + b"z").decode(),
    "hex": lambda value: value.encode().hex(),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES.keys())
async def test_an_echoed_credential_is_scrubbed(world: World, echo: Callable[[str], str]) -> None:
    await world.credential(SECRET)
    shown = echo(SECRET)
    header = shown.encode().decode("latin-1") if shown.isascii() else "none"
    world.server.answers("/", lambda _: reply(400, f"you sent {shown}!".encode(), X_Echo=header))

    answer = await world.post(world.server.url(), body={"k": REF})

    assert shown not in answer.body.decode()
    assert b"***" in answer.body
    assert answer.body.startswith(b"you sent ")
    assert shown not in answer.headers["x-echo"]


@pytest.mark.parametrize("shown", ["user:pass-w0rd", "pass-w0rd", base64.b64encode(b"user:pass-w0rd").decode()])
async def test_every_part_of_a_password_is_scrubbed(world: World, shown: str) -> None:
    await world.credential("user:pass-w0rd", type="basic")
    world.server.answers("/", reply(body=f"<{shown}>".encode()))

    answer = await world.get(world.server.url(), headers={"Authorization": REF})

    assert answer.body == b"<***>"


async def test_an_error_holds_no_secret(world: World) -> None:
    await world.credential("line\r\nX-Evil: s3cret", type="raw")

    with pytest.raises(Exception, match="header") as error:
        await world.get(world.server.url(), headers={"X-Key": REF}, query={"k": REF})

    assert "s3cret" not in f"{error.value!r} {error.value} {error.value.__cause__}"
    assert world.server.seen == []


async def test_the_audit_record_holds_no_secret(world: World) -> None:
    await world.credential("s3cret-token-value")
    await world.get(world.server.url(), headers={"X-Key": REF})

    assert "s3cret" not in repr(world.trail._acts)
    assert [act.action for act in world.trail._acts.values()] == ["credentials.add"]


def draft(**given: Any) -> CredentialDraft:
    return CredentialDraft(**{"id": KEY, "hosts": ("api.example.com",), **given})


async def test_a_stranger_changes_no_credential(world: World) -> None:
    await world.credential()
    stranger = agent(Rule("credentials:manage", "other"), Rule("credentials:use", "key"))

    with pytest.raises(Refused):
        await world.egress.credentials.add(stranger, draft(id=CredentialId("mine")), Secret("s3cret-token"))
    with pytest.raises(Refused):
        await world.egress.credentials.update(stranger, draft())
    with pytest.raises(Refused):
        await world.egress.credentials.remove(stranger, KEY)
    assert [act.decision for act in world.trail._acts.values()] == ["allowed", "refused", "refused", "refused"]


async def test_another_tenant_sees_no_credential(world: World) -> None:
    await world.credential()
    other = agent(tenant=OTHER)

    assert (await world.egress.credentials.list(other)).items == ()
    for verb in (
        world.egress.credentials.show(other, KEY),
        world.egress.credentials.update(other, draft()),
        world.egress.credentials.remove(other, KEY),
    ):
        with pytest.raises(CredentialNotFound):
            await verb


async def test_who_may_use_a_credential_may_see_it_and_never_its_secret(world: World) -> None:
    await world.credential("s3cret-token-value", type="bearer-token", metadata={"team": "sales"})
    user = agent(Rule("credentials:use", "key"))

    shown = await world.egress.credentials.show(user, KEY)

    assert (shown.metadata, "Authorization" in shown.usage) == ({"team": "sales"}, True)
    assert "s3cret" not in repr(shown)
    assert (await world.egress.credentials.list(user)).items == (shown,)
    assert (await world.egress.credentials.list(agent(Rule("apis:call", "*")))).items == ()


async def test_a_credential_can_be_replaced(world: World) -> None:
    first = await world.credential("s3cret-token-one")
    world.clock.forward(seconds=1)
    host = world.server.url().rstrip("/")

    again = await world.egress.credentials.update(agent(), draft(hosts=(host,)), Secret("s3cret-token-two"))
    await world.get(world.server.url(), headers={"X-Key": REF})

    assert (again.created, again.updated > first.updated) == (first.created, True)
    assert world.server.seen[0].headers["x-key"] == "s3cret-token-two"


async def test_a_credential_keeps_its_secret_when_only_its_description_changes(world: World) -> None:
    kept = await world.credential("s3cret-token-one")

    await world.egress.credentials.update(agent(), draft(hosts=kept.hosts, description="of the CRM"))
    await world.get(world.server.url(), headers={"X-Key": REF})

    assert world.server.seen[0].headers["x-key"] == "s3cret-token-one"


async def test_another_type_needs_its_secret_anew(world: World) -> None:
    await world.credential(type="api-key")

    with pytest.raises(InvalidCredential):
        await world.egress.credentials.update(agent(), draft(type="basic"))


async def test_a_removed_credential_is_gone_with_its_secret(world: World) -> None:
    await world.credential()

    await world.egress.credentials.remove(agent(), KEY)

    with pytest.raises(CredentialNotFound):
        await world.get(world.server.url(), headers={"X-Key": REF})
    assert await world.vault.get(agent().tenant, "credential.key") is None


async def test_a_credential_is_added_once(world: World) -> None:
    await world.credential()

    with pytest.raises(CredentialExists):
        await world.credential("another-secret")

    await world.get(world.server.url(), headers={"X-Key": REF})
    assert world.server.seen[0].headers["x-key"] == "s3cret-token-value"


@pytest.mark.parametrize(
    ("given", "secret", "field"),
    [
        ({"hosts": ()}, "s3cret-token", "apis"),
        ({"hosts": tuple(f"h{n}.example" for n in range(101))}, "s3cret-token", "apis"),
        ({"hosts": ("a.example/path",)}, "s3cret-token", "hosts"),
        ({"hosts": ("a.example/",)}, "s3cret-token", "hosts"),
        ({"hosts": ("user@a.example",)}, "s3cret-token", "hosts"),
        ({"hosts": ("*",)}, "s3cret-token", "hosts"),
        ({"description": "x" * 4001}, "s3cret-token", "description"),
        ({"metadata": {"a": "x" * 7993}}, "s3cret-token", "metadata"),
        ({}, "7 chars", "secret"),
        ({}, "x" * 65537, "secret"),
        ({}, "line\nbreak", "secret"),
        ({"type": "basic"}, "no-colon-in-it", "secret"),
    ],
)
async def test_a_credential_that_cannot_work_names_its_fault(
    world: World, given: dict[str, Any], secret: str, field: str
) -> None:
    with pytest.raises(InvalidCredential) as error:
        await world.egress.credentials.add(agent(), draft(**given), Secret(secret))

    assert error.value.facts["field"] == field
    assert secret not in str(error.value)


@pytest.mark.parametrize(
    ("given", "secret"),
    [
        ({"hosts": tuple(f"h{n}.example" for n in range(100))}, "8 chars."),
        ({"description": "x" * 4000}, "x" * 65536),
        ({"metadata": {"a": "x" * 7992}, "type": "raw"}, "-----\nmany lines\n-----"),
    ],
)
async def test_a_credential_at_its_limits_is_kept(world: World, given: dict[str, Any], secret: str) -> None:
    kept = await world.egress.credentials.add(agent(), draft(**given), Secret(secret))

    assert kept.id == KEY


async def test_a_tenant_keeps_as_many_credentials_as_it_may() -> None:
    async with world_with(max_credentials=2) as world:
        for name in ("a", "b"):
            await world.credential(id=CredentialId(name))

        with pytest.raises(TooManyCredentials):
            await world.credential(id=CredentialId("c"))


async def test_credentials_are_listed_page_by_page(world: World) -> None:
    for name in ("c", "a", "b"):
        await world.credential(id=CredentialId(name))

    first = await world.egress.credentials.list(agent(), limit=2)
    second = await world.egress.credentials.list(agent(), limit=2, cursor=first.next)

    assert [each.id for each in (*first.items, *second.items)] == ["a", "b", "c"]
    assert second.next is None


@pytest.mark.parametrize(("limit", "fits"), [(0, False), (1, True), (500, True), (501, False)])
async def test_a_page_has_a_limit(world: World, limit: int, *, fits: bool) -> None:
    if fits:
        assert (await world.egress.credentials.list(agent(), limit=limit)).items == ()
    else:
        with pytest.raises(InvalidLimit):
            await world.egress.credentials.list(agent(), limit=limit)


async def test_while_a_secret_changes_the_old_one_stands_and_goes_where_it_was_bound(world: World) -> None:
    class Watching(MemoryVault):
        seen: tuple[str, tuple[str, ...], str | None] | None = None

        async def put(self, tenant: TenantId, name: str, secret: str) -> None:
            found = await world.parts.credentials.find(tenant, "key")
            await super().put(tenant, name, secret)
            if found:
                self.seen = name, found.hosts, await self.get(tenant, vault_name(found.id, found.version))

    vault = Watching()
    credentials = Credentials(Registry(world.parts.credentials, world.trail, world.clock), vault, world.parts.settings)
    await credentials.add(agent(), draft(hosts=("old.example",)), Secret("s3cret-old-value"))

    await credentials.update(agent(), draft(hosts=("new.example",)), Secret("s3cret-new-value"))

    assert vault.seen == ("credential.key.2", ("https://old.example:443",), "s3cret-old-value")
    assert await vault.get(agent().tenant, "credential.key") is None
