import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from egress.egress_world import OTHER, Seen, World, agent, open_world, reply
from muelle.core import CredentialRef, Secret, TenantId
from muelle.egress import CredentialDraft, CredentialId, Egress, EgressSettings, open_egress
from muelle.egress.errors import CredentialNotFound, InvalidSources, SourceRefused, SourceUnreachable
from muelle.egress.vaults.settings import SourcesSettings
from muelle.egress.vaults.sources import placed, variable

KEY = CredentialId("crm-key")
HEADERS = {"Authorization": CredentialRef("crm-key")}
VARIABLE = "CREDENTIAL__acme__crm_2Dkey"
THERE = "secret-of-elsewhere"
AWS = {"aws_region": "eu-west-1", "aws_key": Secret("AKIDEXAMPLE:wJalrXUtnFEMI-K7MDENG")}


class Kv:
    """What a HashiCorp Vault answers to reads of its KV engine, version 2."""

    def __init__(self, world: World) -> None:
        self.secrets: dict[str, Any] = {}
        self.status = 0
        self.tokens: list[str] = []
        for tenant in ("acme", "globex"):
            world.server.answers(f"/v1/secret/data/muelle/{tenant}/crm-key", self._read)

    def _read(self, seen: Seen) -> bytes:
        self.tokens.append(seen.headers["x-vault-token"])
        if self.status:
            return reply(self.status, b'{"errors":["no s3cret for you"]}')
        found = self.secrets.get(seen.path.removeprefix("/v1/secret/data/"))
        if found is None:
            return reply(404, b'{"errors":[]}')
        metadata = {"created_time": "2026-01-01T00:00:00Z", "deletion_time": "", "destroyed": False, "version": 3}
        body = {"request_id": "1", "lease_duration": 0, "data": {"data": found, "metadata": metadata}}
        return reply(200 if found else 404, json.dumps(body).encode())


class Manager:
    """What AWS Secrets Manager answers to GetSecretValue."""

    def __init__(self, world: World) -> None:
        self.secrets: dict[str, str] = {}
        self.fault: tuple[int, str] | None = None
        self.seen: list[Seen] = []
        world.server.answers("/aws", self._read)

    def _read(self, seen: Seen) -> bytes:
        self.seen.append(seen)
        if self.fault:
            status, kind = self.fault
            return reply(status, json.dumps({"__type": kind, "Message": "no s3cret for you"}).encode())
        name = json.loads(seen.body)["SecretId"]
        if name not in self.secrets:
            kind = "com.amazonaws.secretsmanager#ResourceNotFoundException"
            return reply(400, json.dumps({"__type": kind}).encode())
        return reply(body=json.dumps({"Name": name, "SecretString": self.secrets[name]}).encode())


@asynccontextmanager
async def with_sources(world: World, *order: str, environment: Any = None, **given: Any) -> AsyncIterator[Egress]:
    url = world.server.url().rstrip("/")
    there = {"hashicorp_url": url, "hashicorp_token": Secret("hvs.token"), "aws_endpoint": f"{url}/aws", **AWS, **given}
    settings = replace(EgressSettings(), sources=SourcesSettings(order=order, **there))
    async with open_egress(replace(world.parts, settings=settings, environment=environment or {})) as egress:
        world.egress = egress
        yield egress


async def call(world: World, **given: Any) -> str:
    await world.get(world.server.url(), headers=HEADERS, **given)
    return world.server.seen[-1].headers["authorization"]


async def elsewhere(world: World, **given: Any) -> None:
    draft = CredentialDraft(id=KEY, hosts=(world.server.url().rstrip("/"),), **given)
    await world.egress.credentials.add(agent(), draft, None)


async def test_a_secret_comes_from_the_environment(world: World) -> None:
    async with with_sources(world, "built-in", "environment", environment={VARIABLE: THERE}):
        await elsewhere(world, type="bearer-token")

        assert await call(world) == f"Bearer {THERE}"


async def test_a_secret_comes_from_a_hashicorp_vault(world: World, tmp_path: Path) -> None:
    kv = Kv(world)
    kv.secrets["muelle/acme/crm-key"] = {"value": THERE}
    (tmp_path / "token").write_text("hvs.renewed\n")
    async with with_sources(world, "hashicorp", hashicorp_token_file=str(tmp_path / "token")):
        await elsewhere(world)

        assert await call(world) == THERE
        assert kv.tokens == ["hvs.renewed"]


@pytest.mark.parametrize(("field", "text"), [("", THERE), ("token", json.dumps({"token": THERE, "other": 1}))])
async def test_a_secret_comes_from_aws(world: World, field: str, text: str) -> None:
    manager = Manager(world)
    manager.secrets["muelle/acme/crm-key"] = text
    async with with_sources(world, "aws", aws_field=field):
        await elsewhere(world)

        assert await call(world) == THERE
    (seen,) = manager.seen
    assert seen.headers["x-amz-target"] == "secretsmanager.GetSecretValue"
    assert "/eu-west-1/secretsmanager/aws4_request" in seen.headers["authorization"]


async def test_a_secret_from_elsewhere_is_scrubbed_as_every_other(world: World) -> None:
    async with with_sources(world, "environment", environment={VARIABLE: THERE}):
        await elsewhere(world)
        world.server.answers("/", reply(body=THERE.encode()))

        assert (await world.get(world.server.url(), headers=HEADERS)).body == b"***"


async def test_the_first_source_that_has_it_decides(world: World) -> None:
    kv = Kv(world)
    async with with_sources(world, "built-in", "hashicorp", "environment", environment={VARIABLE: THERE}):
        await elsewhere(world)
        assert await call(world) == THERE

        world.clock.forward(seconds=61)
        kv.secrets["muelle/acme/crm-key"] = {"value": "of the vault"}
        assert await call(world) == "of the vault"
        await world.egress.credentials.rotate(agent(), KEY, Secret("of our own"))
        assert await call(world) == "of our own"


async def test_what_no_source_has_is_missing(world: World) -> None:
    Kv(world)
    Manager(world)
    async with with_sources(world, "built-in", "environment", "hashicorp", "aws"):
        await elsewhere(world)

        with pytest.raises(CredentialNotFound) as error:
            await call(world)

    assert error.value.facts["reason"] == "no source has its secret"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, SourceRefused),
        (400, SourceRefused),
        (429, SourceUnreachable),
        (500, SourceUnreachable),
        (503, SourceUnreachable),
    ],
)
async def test_a_vault_that_cannot_be_asked_is_not_one_that_has_nothing(
    world: World, status: int, error: type[Exception]
) -> None:
    Kv(world).status = status
    async with with_sources(world, "hashicorp", "environment", environment={VARIABLE: THERE}):
        await elsewhere(world)

        with pytest.raises(error) as raised:
            await call(world)

    assert "s3cret" not in str(raised.value)
    assert [seen.path for seen in world.server.seen] == ["/v1/secret/data/muelle/acme/crm-key"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ((400, "AccessDeniedException"), SourceRefused),
        ((400, "ThrottlingException"), SourceUnreachable),
        ((500, "InternalServiceError"), SourceUnreachable),
    ],
)
async def test_aws_faults_are_told_apart(world: World, fault: tuple[int, str], error: type[Exception]) -> None:
    Manager(world).fault = fault
    async with with_sources(world, "aws"):
        await elsewhere(world)

        with pytest.raises(error):
            await call(world)


async def test_a_source_that_nobody_reaches_is_unreachable(world: World) -> None:
    async with with_sources(world, "hashicorp", hashicorp_url="http://127.0.0.1:1"):
        await elsewhere(world)

        with pytest.raises(SourceUnreachable) as error:
            await call(world)

    assert error.value.facts == {"source": "hashicorp", "reason": "connection_failed"}


async def test_a_source_that_does_not_answer_in_time_is_unreachable(world: World) -> None:
    async def never(_: Seen) -> AsyncIterator[bytes]:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n"

    world.server.answers("/v1/secret/data/muelle/acme/crm-key", never)
    async with with_sources(world, "hashicorp", timeout_seconds=0.05):
        await elsewhere(world)

        with pytest.raises(SourceUnreachable):
            await call(world)


@pytest.mark.parametrize(
    "found", [{"other": THERE}, {"value": 12345678}, {"value": "short"}, {"value": "line\nbreak"}], ids=str
)
async def test_what_cannot_be_a_secret_is_not_sent(world: World, found: dict[str, Any]) -> None:
    Kv(world).secrets["muelle/acme/crm-key"] = found
    async with with_sources(world, "hashicorp"):
        await elsewhere(world)

        with pytest.raises((SourceRefused, CredentialNotFound)):
            await call(world)


async def test_a_deleted_version_is_missing(world: World) -> None:
    Kv(world).secrets["muelle/acme/crm-key"] = {}
    async with with_sources(world, "hashicorp"):
        await elsewhere(world)

        with pytest.raises(CredentialNotFound):
            await call(world)


async def test_a_secret_from_elsewhere_is_remembered_and_looked_up_anew_when_it_is_refused(world: World) -> None:
    kv = Kv(world)
    kv.secrets["muelle/acme/crm-key"] = {"value": "the old one"}
    async with with_sources(world, "hashicorp"):
        await elsewhere(world)
        assert [await call(world) for _ in range(3)] == ["the old one"] * 3
        assert len(kv.tokens) == 1

        kv.secrets["muelle/acme/crm-key"] = {"value": "the new one"}
        world.server.answers("/", lambda seen: reply(200 if seen.headers["authorization"] == "the new one" else 401))
        assert await call(world) == "the new one"
        assert len(kv.tokens) == 2


async def test_a_secret_that_stays_refused_is_not_looked_up_more_than_once_a_second(world: World) -> None:
    kv = Kv(world)
    kv.secrets["muelle/acme/crm-key"] = {"value": "the old one"}
    world.server.answers("/", reply(401))
    async with with_sources(world, "hashicorp"):
        await elsewhere(world)
        for _ in range(10):
            await world.get(world.server.url(), headers=HEADERS)

    assert len(kv.tokens) == 2


async def test_tenants_never_get_each_others_secrets(world: World) -> None:
    environment = {VARIABLE: THERE, "CREDENTIAL__globex__crm_2Dkey": "of the other tenant"}
    async with with_sources(world, "environment", environment=environment):
        await elsewhere(world)
        other = agent(tenant=OTHER)
        draft = CredentialDraft(id=KEY, hosts=(world.server.url().rstrip("/"),))
        await world.egress.credentials.add(other, draft, None)

        assert (await call(world), await call(world, by=other)) == (THERE, "of the other tenant")


def test_no_two_credentials_share_a_variable_or_a_place() -> None:
    names = ["a", "a-b", "a_b", "a__b", "b", "-", "_2D", "A"]
    pairs = [(TenantId(tenant), CredentialId(name)) for tenant in names for name in names]

    assert len({variable("CREDENTIAL", *pair) for pair in pairs}) == len(pairs)
    assert len({placed("muelle/{tenant}/{credential}", *pair) for pair in pairs}) == len(pairs)
    assert placed("m/{tenant}/{credential}", TenantId("../x"), KEY) == "m/..%2Fx/crm-key"
    assert placed("m/{tenant}/{credential}", TenantId("{credential}"), KEY) == "m/%7Bcredential%7D/crm-key"


@pytest.mark.parametrize(
    ("order", "given"),
    [
        (("somewhere",), {}),
        (("environment", "environment"), {}),
        (("environment", "built-in"), {}),
        (("hashicorp",), {"hashicorp_url": ""}),
        (("aws",), {"aws_region": ""}),
    ],
)
async def test_an_order_that_cannot_be_is_refused_at_the_start(order: tuple[str, ...], given: dict[str, str]) -> None:
    async with open_world() as world:
        with pytest.raises(InvalidSources) as error:
            async with with_sources(world, *order, **given):
                pass
    assert str(error.value.facts["field"]).startswith("egress.sources.")
