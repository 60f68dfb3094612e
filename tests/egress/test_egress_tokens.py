import asyncio
import base64
import json
from typing import Any
from urllib.parse import parse_qs

import pytest

from egress.egress_world import Seen, World, agent, reply
from muelle.core import CredentialRef, MuelleError, Secret
from muelle.egress import CredentialDraft, CredentialId
from muelle.egress.errors import AddressRefused, ConnectionFailed, TokenEndpointFailed, TokenRefused

KEY = CredentialId("key")
HEADERS = {"Authorization": CredentialRef("key")}
CLIENT_SECRET = "client s3cret+value"


class Issuer:
    """A token endpoint on the world's server, and an API that takes its latest token only."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.asked: list[dict[str, str]] = []
        self.authorization: list[str] = []
        self.lifetime: Any = 3600
        self.refresh_tokens: list[str] = []
        self.valid = ""
        self.answer: bytes | None = None
        world.server.answers("/token", self._token)
        world.server.answers("/api", self._api)

    def _token(self, seen: Seen) -> bytes:
        form = {name: values[0] for name, values in parse_qs(seen.body.decode()).items()}
        self.asked.append(form)
        self.authorization.append(seen.headers.get("authorization", ""))
        if self.answer:
            return self.answer
        if self.refresh_tokens and form["refresh_token"] != self.refresh_tokens[-1]:
            return reply(400, b'{"error":"invalid_grant","error_description":"you sent s3cret"}')
        self.valid = f"access-token-{len(self.asked)}"
        body: dict[str, Any] = {"access_token": self.valid, "token_type": "Bearer", "expires_in": self.lifetime}
        if self.refresh_tokens:
            self.refresh_tokens.append(f"refresh-token-{len(self.refresh_tokens)}")
            body["refresh_token"] = self.refresh_tokens[-1]
        return reply(body=json.dumps(body).encode())

    def _api(self, seen: Seen) -> bytes:
        given = seen.headers.get("authorization", "")
        return reply(200 if given == f"Bearer {self.valid}" else 401, f"you sent {given}".encode())

    async def credential(self, kind: str = "client-credentials", secret: str = CLIENT_SECRET, **options: Any) -> None:
        given = {"token_url": self.world.server.url("/token"), "client_id": "my client", **options}
        await self.world.credential(secret, type=f"oauth2-{kind}", options=given)

    async def call(self) -> Any:
        return await self.world.get(self.world.server.url("/api"), headers=HEADERS)


@pytest.fixture
def issuer(world: World) -> Issuer:
    return Issuer(world)


async def test_a_client_gets_a_token_and_calls_with_it(issuer: Issuer) -> None:
    await issuer.credential(scope="read write", audience="crm")

    answer = await issuer.call()

    assert (answer.status, answer.body) == (200, b"you sent Bearer ***")
    assert issuer.asked == [{"grant_type": "client_credentials", "scope": "read write", "audience": "crm"}]
    pair = base64.b64decode(issuer.authorization[0].removeprefix("Basic ")).decode()
    assert pair == "my+client:client+s3cret%2Bvalue"


async def test_a_client_can_name_itself_in_the_form(issuer: Issuer) -> None:
    await issuer.credential(auth="body")

    await issuer.call()

    assert issuer.authorization == [""]
    assert (issuer.asked[0]["client_id"], issuer.asked[0]["client_secret"]) == ("my client", CLIENT_SECRET)


async def test_a_token_is_used_until_shortly_before_it_expires(issuer: Issuer, world: World) -> None:
    await issuer.credential()

    await issuer.call()
    world.clock.forward(seconds=3600 - 61)
    await issuer.call()
    assert len(issuer.asked) == 1
    world.clock.forward(seconds=1)
    await issuer.call()

    assert len(issuer.asked) == 2


@pytest.mark.parametrize(("lifetime", "kept"), [(100, 89), ("100", 89), (None, 269), ("soon", 269), (1e9, 86_339)])
async def test_a_lifetime_of_any_kind_is_heeded(issuer: Issuer, world: World, lifetime: Any, kept: int) -> None:
    issuer.lifetime = lifetime
    await issuer.credential()
    await issuer.call()

    world.clock.forward(seconds=kept)
    await issuer.call()
    assert len(issuer.asked) == 1 if kept != 269 else len(issuer.asked) in {1, 2}
    world.clock.forward(seconds=2)
    await issuer.call()

    assert len(issuer.asked) == 2


async def test_a_token_without_any_lifetime_is_used_once(issuer: Issuer) -> None:
    issuer.lifetime = -5
    await issuer.credential()

    await issuer.call()
    await issuer.call()

    assert len(issuer.asked) == 2


async def test_a_hundred_calls_at_once_ask_for_one_token(issuer: Issuer) -> None:
    await issuer.credential()

    answers = await asyncio.gather(*(issuer.call() for _ in range(100)))

    assert {answer.status for answer in answers} == {200}
    assert len(issuer.asked) == 1


async def test_calls_that_waited_for_a_token_fail_together(issuer: Issuer) -> None:
    await issuer.credential()
    issuer.answer = reply(503)

    results = await asyncio.gather(*(issuer.call() for _ in range(50)), return_exceptions=True)

    assert {type(result) for result in results} == {TokenEndpointFailed}
    assert len(issuer.asked) == 1


async def test_a_refused_token_is_replaced_once(issuer: Issuer) -> None:
    await issuer.credential()
    await issuer.call()
    issuer.valid = "revoked"

    answer = await issuer.call()

    assert (answer.status, answer.body) == (200, b"you sent Bearer ***")
    assert len(issuer.asked) == 2


async def test_a_fresh_token_that_is_refused_stays_refused(issuer: Issuer, world: World) -> None:
    await issuer.credential()
    world.server.answers("/api", lambda seen: reply(401, seen.headers["authorization"].encode()))

    answer = await issuer.call()

    assert (answer.status, answer.body) == (401, b"Bearer ***")
    assert len(issuer.asked) == 1


async def test_a_token_that_was_refused_is_scrubbed_too(issuer: Issuer, world: World) -> None:
    await issuer.credential()
    await issuer.call()
    world.server.answers("/api", lambda _: reply(401, b"access-token-1 access-token-2"))

    answer = await issuer.call()

    assert answer.body == b"*** ***"


async def test_a_rotated_refresh_token_is_stored(issuer: Issuer, world: World) -> None:
    issuer.refresh_tokens = ["refresh-token-0"]
    secret = json.dumps({"refresh_token": "refresh-token-0", "client_secret": CLIENT_SECRET})
    await issuer.credential("refresh-token", secret)

    await issuer.call()
    world.clock.forward(hours=2)
    await issuer.call()

    assert [form["refresh_token"] for form in issuer.asked] == ["refresh-token-0", "refresh-token-1"]
    kept = json.loads(await world.vault.get(agent().tenant, "credential.key") or "")
    assert kept == {"refresh_token": "refresh-token-2", "client_secret": CLIENT_SECRET}


async def test_a_public_client_refreshes_without_a_secret(issuer: Issuer, world: World) -> None:
    issuer.refresh_tokens = ["refresh-token-0"]
    await issuer.credential("refresh-token", "refresh-token-0")

    assert (await issuer.call()).status == 200

    assert issuer.authorization == [""]
    assert issuer.asked[0]["client_id"] == "my client"
    assert await world.vault.get(agent().tenant, "credential.key") == "refresh-token-1"


async def test_a_refresh_token_that_another_process_stored_is_tried(issuer: Issuer, world: World) -> None:
    issuer.refresh_tokens = ["refresh-token-9"]
    await issuer.credential("refresh-token", "refresh-token-0")

    def refused_once(seen: Seen) -> bytes:
        world.vault._secrets[agent().tenant, "credential.key"] = "refresh-token-9"
        return issuer._token(seen)

    world.server.answers("/token", refused_once)

    assert (await issuer.call()).status == 200
    assert [form["refresh_token"] for form in issuer.asked] == ["refresh-token-0", "refresh-token-9"]


@pytest.mark.parametrize(
    ("answer", "error", "reason"),
    [
        (reply(400, b'{"error":"invalid_client"}'), TokenRefused, "invalid_client"),
        (reply(400, b'{"error":"<b>client s3cret</b>"}'), TokenRefused, "refused"),
        (reply(302, Location="https://evil.example"), TokenRefused, "refused"),
        (reply(429), TokenEndpointFailed, None),
        (reply(500), TokenEndpointFailed, None),
        (reply(200, b"<html>"), TokenEndpointFailed, "not the JSON of a token"),
        (reply(200, b'{"access_token":"abcdefgh","token_type":"mac"}'), TokenRefused, "not a bearer token"),
        (
            reply(200, b'{"access_token":"short","token_type":"bearer"}'),
            TokenRefused,
            "not a token that can be sent, or too short to be kept secret",
        ),
        (
            reply(200, b'{"access_token":"abc\\r\\nX-Evil: 1","token_type":"bearer"}'),
            TokenRefused,
            "not a token that can be sent, or too short to be kept secret",
        ),
    ],
)
async def test_an_endpoint_that_gives_no_token_is_told_apart(
    issuer: Issuer, answer: bytes, error: type[MuelleError], reason: str | None
) -> None:
    await issuer.credential()
    issuer.answer = answer

    with pytest.raises(error) as raised:
        await issuer.call()

    facts = raised.value.facts
    assert (facts["credential"], facts.get("reason")) == ("key", reason)
    assert "s3cret" not in str(raised.value)


async def test_a_token_endpoint_is_guarded_as_every_call(world: World) -> None:
    options = {"token_url": "http://10.0.0.1/token", "client_id": "me"}
    await world.credential(type="oauth2-client-credentials", options=options)

    with pytest.raises(AddressRefused):
        await world.get(world.server.url(), headers=HEADERS)


async def test_a_token_endpoint_that_is_not_there_is_unreachable_and_not_missing(issuer: Issuer) -> None:
    await issuer.credential(token_url="http://127.0.0.1:1/token")

    with pytest.raises(ConnectionFailed):
        await issuer.call()


async def test_a_new_secret_gets_a_new_token(issuer: Issuer, world: World) -> None:
    await issuer.credential()
    await issuer.call()
    world.clock.forward(seconds=1)
    kept = await world.egress.credentials.show(agent(), KEY)
    draft = CredentialDraft(id=KEY, type=kept.type, hosts=kept.hosts, options=kept.options)

    await world.egress.credentials.update(agent(), draft, Secret("another-secret"))
    await issuer.call()

    assert len(issuer.asked) == 2
