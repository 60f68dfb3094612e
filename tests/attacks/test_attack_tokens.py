"""Tokens that somebody made, changed, kept or was given, shown at the door."""

import hmac
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Any

import httpx
import msgspec
import pytest

from doors.door_world import Doorway, open_doorway
from muelle.identity import AgentDraft
from muelle.identity.tokens.algorithms import b64, new_private, signer, unb64
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.settings import TokenSettings

ME = "/api/v1/me"
Said = dict[str, Any]


@dataclass
class Signed:
    """An installation in which a user is signed in."""

    doorway: Doorway
    tokens: Tokens

    @property
    def head(self) -> Said:
        return self.part(0)

    @property
    def claims(self) -> Said:
        return self.part(1)

    def part(self, number: int) -> Said:
        said: Said = msgspec.json.decode(unb64(self.tokens.access.reveal().split(".")[number]))
        return said

    async def get(self, token: str, path: str = ME) -> httpx.Response:
        stranger = await self.doorway.stranger()
        return await stranger.get(path, headers={"authorization": f"Bearer {token}"})

    async def published(self) -> Said:
        keys: list[Said] = (await (await self.doorway.stranger()).get("/.well-known/jwks.json")).json()["keys"]
        return keys[0]


@pytest.fixture
async def signed(request: pytest.FixtureRequest) -> AsyncIterator[Signed]:
    environment = {"MUELLE__IDENTITY__TOKENS__ALGORITHM": getattr(request, "param", "EdDSA")}
    async with open_doorway(environment=environment) as doorway:
        app, owner = doorway.app, await doorway.principal()
        agent = await app.identity.agents.add(owner, AgentDraft("ana", kind="user"))
        ana = await app.identity.principal(agent.tenant, agent.id)
        yield Signed(doorway, await app.people.tokens.sessions.begin(ana, Origin(method="password")))


def written(head: Said, claims: Said, sign: Callable[[bytes], bytes]) -> str:
    text = b64(msgspec.json.encode(head)) + b"." + b64(msgspec.json.encode(claims))
    return (text + b"." + b64(sign(text))).decode()


def marked(mark: bytes, _: bytes) -> bytes:
    """Return a signature that is none."""
    return mark


def authenticated(secret: bytes, text: bytes) -> bytes:
    """Return what HS256 makes of a text."""
    return hmac.digest(secret, text, "sha256")


def is_refused(answer: httpx.Response) -> bool:
    """Tell whether an answer says no more than that the token opens nothing."""
    return answer.status_code == 401 and answer.json()["code"] in {"invalid_token", "invalid_key"}


async def test_a_token_opens_and_the_same_with_another_name_in_it_does_not(signed: Signed) -> None:
    assert (await signed.get(signed.tokens.access.reveal())).json()["name"] == "ana"
    owner = (await signed.doorway.principal()).id
    head, _, mark = signed.tokens.access.reveal().split(".")

    changed = b64(msgspec.json.encode({**signed.claims, "sub": owner})).decode()

    assert is_refused(await signed.get(f"{head}.{changed}.{mark}"))


async def test_a_token_cannot_say_that_it_needs_no_signature(signed: Signed) -> None:
    marks = (b"", b"x", unb64(signed.tokens.access.reveal().split(".")[2]))
    for algorithm, mark in product(("none", "None", "NONE", "nOnE", "", None, "HS256"), marks):
        for head in ({**signed.head, "alg": algorithm}, {"alg": algorithm}):
            assert is_refused(await signed.get(written(head, signed.claims, partial(marked, mark))))


@pytest.mark.parametrize("signed", ["RS256"], indirect=True)
async def test_the_public_key_is_no_secret_to_sign_with(signed: Signed) -> None:
    key = await signed.published()
    for secret in (msgspec.json.encode(key), key["n"].encode(), unb64(key["n"]), b""):
        for algorithm in ("HS256", "RS256"):
            head = {**signed.head, "alg": algorithm}
            assert is_refused(await signed.get(written(head, signed.claims, partial(authenticated, secret))))


async def test_a_token_cannot_bring_its_own_key(signed: Signed) -> None:
    sign = signer(new_private("ES256"))
    hints = dict.fromkeys(("jwk", "jku", "x5u", "x5c", "zip"), "https://evil.example.com/keys")
    odd: Said = {"kid": "../../dev/null", "crit": ["b64"], "b64": False}

    for head in ({}, *({name: value} for name, value in (hints | odd).items())):
        assert is_refused(await signed.get(written({**signed.head, **head}, signed.claims, sign)))


async def our_signature(signed: Signed) -> Callable[[bytes], bytes]:
    """Return what signs with the installation's own key: what follows is about what is signed."""
    return (await signed.doorway.app.people.tokens.ring.signing()).sign


FOREIGN: tuple[Said, ...] = (
    {"aud": "another-service"},
    {"aud": ["muelle", "another-service"]},
    {"iss": "https://another.example.com"},
    {"exp": 0},
    {"exp": "2999-01-01"},
    {"iat": 4_000_000_000},
    {"sid": "session_of_nobody"},
    {"sub": "agent_of_nobody"},
    {"tenant": "other"},
)


async def test_what_we_signed_for_another_purpose_opens_nothing(signed: Signed) -> None:
    sign = await our_signature(signed)
    assert (await signed.get(written(signed.head, signed.claims, sign))).status_code == 200

    for said in FOREIGN:
        assert is_refused(await signed.get(written(signed.head, {**signed.claims, **said}, sign))), said


async def test_another_kind_of_token_is_no_access_token(signed: Signed) -> None:
    for kind in ("JWT", "id+jwt", "logout+jwt", "AT+JWT", None):
        head = {**signed.head, "typ": kind}

        assert is_refused(await signed.get(written(head, signed.claims, await our_signature(signed))))


async def test_a_token_of_another_installation_opens_nothing(signed: Signed) -> None:
    async with open_doorway(environment={"MUELLE__IDENTITY__TOKENS__ALGORITHM": "EdDSA"}) as other:
        issued = await other.app.people.tokens.sessions.begin(await other.principal(), Origin(method="password"))

    assert is_refused(await signed.get(issued.access.reveal()))


async def test_what_only_looks_like_a_token_is_refused_shortly(signed: Signed) -> None:
    stranger = await signed.doorway.stranger()

    for text in ("ey", "ey.ey.ey", "eyJ.", "ey" * 3000, "eyJhbGciOiJSUzI1NiJ9..", "ey\xe4.b.c"):
        assert is_refused(await stranger.get(ME, headers=[(b"authorization", b"Bearer " + text.encode("latin-1"))]))


async def test_a_refresh_token_is_no_access_token_and_the_other_way_round(signed: Signed) -> None:
    stranger = await signed.doorway.stranger()

    assert is_refused(await signed.get(signed.tokens.refresh.reveal()))
    body = {"refresh_token": signed.tokens.access.reveal()[:100]}
    assert is_refused(await stranger.post("/api/v1/auth/refresh", json=body))


async def test_a_refresh_token_that_a_thief_used_first_helps_neither_for_long(signed: Signed) -> None:
    stranger = await signed.doorway.stranger()
    body = {"refresh_token": signed.tokens.refresh.reveal()}
    stolen = (await stranger.post("/api/v1/auth/refresh", json=body)).json()
    assert (await signed.get(stolen["access_token"])).status_code == 200

    assert is_refused(await stranger.post("/api/v1/auth/refresh", json=body))

    assert is_refused(await signed.get(stolen["access_token"]))
    body = {"refresh_token": stolen["refresh_token"]}
    assert is_refused(await stranger.post("/api/v1/auth/refresh", json=body))


async def test_every_refusal_of_a_token_says_the_same(signed: Signed) -> None:
    sign = await our_signature(signed)
    expired = written(signed.head, {**signed.claims, "exp": 1}, sign)
    forged = written(signed.head, signed.claims, lambda _: b"x" * 256)
    answers = [(await signed.get(token)).json() | {"request_id": ""} for token in (expired, forged, "ey.ey.ey")]

    assert answers == [answers[0]] * 3
    acts = await (await signed.doorway.owner()).get("/api/v1/audit", params={"action": "keys.authenticate"})
    causes = {act["detail"] for act in acts.json()["acts"]}
    assert causes == {"expired_token", "wrong_signature", "unknown_signer"}


async def test_a_session_is_ended_over_http_and_its_token_with_it(signed: Signed) -> None:
    stranger = await signed.doorway.stranger()
    bearer = {"authorization": f"Bearer {signed.tokens.access.reveal()}"}
    [listed] = (await stranger.get("/api/v1/auth/sessions", headers=bearer)).json()["sessions"]
    assert (listed["id"], listed["is_current"]) == (signed.tokens.session.id, True)

    assert (await stranger.post("/api/v1/auth/sign-out", headers=bearer)).status_code == 204

    assert is_refused(await stranger.post("/api/v1/auth/sign-out", headers=bearer))


async def test_a_key_has_no_session_to_end(signed: Signed) -> None:
    owner = await signed.doorway.owner()

    answer = await owner.post("/api/v1/auth/sign-out")

    assert (answer.status_code, answer.json()["code"]) == (400, "not_signed_in")
    assert (await owner.get("/api/v1/auth/sessions")).json() == {"sessions": [], "count": 0}
    assert (await owner.post("/api/v1/auth/sign-out-everywhere")).json() == {"ended": 0}


async def test_a_session_of_another_is_not_there(signed: Signed) -> None:
    owner = await signed.doorway.owner()

    answer = await owner.delete(f"/api/v1/auth/sessions/{signed.tokens.session.id}")

    assert (answer.status_code, answer.json()["code"]) == (404, "session_not_found")


async def test_what_is_published_has_no_private_part_and_may_be_kept_for_a_while(signed: Signed) -> None:
    answer = await (await signed.doorway.stranger()).get("/.well-known/jwks.json")

    assert set(answer.json()["keys"][0]) == {"kty", "crv", "x", "kid", "alg", "use"}
    kept = TokenSettings().published_seconds
    assert f"public, max-age={kept}" in answer.headers.get_list("cache-control")
    assert kept < TokenSettings().lead_seconds
