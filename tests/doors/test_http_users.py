"""People over HTTP: from the mail to the session, second factor and administration."""

import re
from base64 import b32decode
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from doors.door_world import Doorway, is_problem, open_doorway
from identity.users.device import ORIGIN, Device
from muelle.identity.users.adapters.outbox import MemoryMail
from muelle.identity.users.totp import STEP_SECONDS, code_at

AUTH = "/api/v1/auth"
ANA = "ana@example.com"
PASSWORD = "correct horse battery"
CHEAP = {
    "MUELLE__IDENTITY__TOKENS__ALGORITHM": "EdDSA",
    "MUELLE__IDENTITY__USERS__SIGN_UP": "open",
    "MUELLE__IDENTITY__USERS__ORIGIN": ORIGIN,
    "MUELLE__IDENTITY__USERS__MEMORY_KIB": "8",
    "MUELLE__IDENTITY__USERS__PASSES": "1",
}


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    async with open_doorway(environment=CHEAP) as opened:
        yield opened


async def mailed(doorway: Doorway) -> str:
    """Return the token of the one mail that was sent."""
    await doorway.app.people.users.post.deliver()
    mail = doorway.app.people.mail
    assert isinstance(mail, MemoryMail)
    [letter] = mail.sent
    mail.sent.clear()
    return str(re.findall(r"mt_\S+", letter.text)[0])


async def signed_up(doorway: Doorway) -> dict[str, Any]:
    stranger = await doorway.stranger()
    answer = await stranger.post(f"{AUTH}/sign-up", json={"email": ANA})
    assert (answer.status_code, answer.json()) == (202, {"status": "mailed"})
    body = {"token": await mailed(doorway), "password": PASSWORD, "name": "ana"}
    accepted = await stranger.post(f"{AUTH}/accept", json=body)
    assert accepted.status_code == 201
    tokens: dict[str, Any] = accepted.json()
    return tokens


def bearer(tokens: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {tokens['access_token']}"}


async def test_from_the_mail_to_the_session_and_out_again(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    tokens = await signed_up(doorway)
    me = await stranger.get("/api/v1/me", headers=bearer(tokens))
    assert (me.json()["name"], me.json()["kind"]) == ("ana", "user")

    fresh = (await stranger.post(f"{AUTH}/refresh", json={"refresh_token": tokens["refresh_token"]})).json()
    assert (fresh["session_id"], fresh["token_type"], fresh["expires_in"]) == (tokens["session_id"], "Bearer", 900)
    again = await stranger.post(f"{AUTH}/sign-in", json={"email": ANA, "password": PASSWORD})
    listed = (await stranger.get(f"{AUTH}/sessions", headers=bearer(again.json()))).json()
    assert [session["is_current"] for session in listed["sessions"]].count(True) == listed["count"] - 1 == 1
    ended = await stranger.post(f"{AUTH}/sign-out-everywhere", headers=bearer(fresh))

    assert ended.json() == {"ended": 2}
    assert (await stranger.get("/api/v1/me", headers=bearer(again.json()))).status_code == 401


async def test_a_wrong_password_is_answered_with_a_problem_and_then_with_a_wait(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    answers = [await stranger.post(f"{AUTH}/sign-in", json={"email": ANA, "password": "x"}) for _ in range(6)]

    assert [answer.status_code for answer in answers] == [401] * 5 + [429]
    assert [answer.json()["code"] for answer in answers[4:]] == ["wrong_password", "too_many_attempts"]
    assert all(map(is_problem, answers))
    assert answers[-1].headers["retry-after"] == "2"


async def test_a_second_factor_over_http(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    headers = bearer(await signed_up(doorway))
    begun = (await stranger.post(f"{AUTH}/second-factor", json={"password": PASSWORD}, headers=headers)).json()
    secret = b32decode(begun["secret"])
    step = doorway.app.clock.nanoseconds() // 1_000_000_000 // STEP_SECONDS
    body = {"code": code_at(secret, step)}
    recovery = (await stranger.post(f"{AUTH}/second-factor/confirm", json=body, headers=headers)).json()

    sign_in = {"email": ANA, "password": PASSWORD}
    asked = await stranger.post(f"{AUTH}/sign-in", json=sign_in)
    assert (asked.status_code, asked.json()["code"]) == (401, "second_factor_required")
    replayed = await stranger.post(f"{AUTH}/sign-in", json=sign_in | body)
    assert (replayed.status_code, replayed.json()["code"]) == (401, "wrong_code")
    code = recovery["recovery_codes"][0]
    assert (await stranger.post(f"{AUTH}/sign-in", json=sign_in | {"code": code})).status_code == 200


async def test_a_passkey_is_added_and_signs_in_over_http(doorway: Doorway) -> None:
    stranger, device = await doorway.stranger(), Device()
    headers = bearer(await signed_up(doorway))
    begun = (await stranger.post(f"{AUTH}/passkeys/begin", json={"password": PASSWORD}, headers=headers)).json()
    body = {"secret": begun["secret"], "credential": device.makes(begun["options"]), "name": "phone"}
    added = await stranger.post(f"{AUTH}/passkeys", json=body, headers=headers)
    assert (added.status_code, added.json()["name"]) == (201, "phone")
    begun = (await stranger.post(f"{AUTH}/passkeys/sign-in/begin")).json()
    body = {"secret": begun["secret"], "credential": device.answers(begun["options"])}

    signed_in = await stranger.post(f"{AUTH}/passkeys/sign-in", json=body)

    assert (await stranger.get("/api/v1/me", headers=bearer(signed_in.json()))).json()["name"] == "ana"
    path = f"{AUTH}/passkeys/{added.json()['id']}"
    assert (await stranger.delete(path, headers=headers)).status_code == 204
    assert (await stranger.get(f"{AUTH}/passkeys", headers=headers)).json()["count"] == 0


async def test_passwords_and_addresses_are_replaced_over_http(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    tokens = await signed_up(doorway)
    new = {"password": PASSWORD, "new_password": "another horse battery"}
    assert (await stranger.post(f"{AUTH}/password", json=new, headers=bearer(tokens))).status_code == 204
    assert (await stranger.get("/api/v1/me", headers=bearer(tokens))).status_code == 200
    body = {"password": "another horse battery", "email": "ana@example.org"}
    assert (await stranger.post(f"{AUTH}/email", json=body, headers=bearer(tokens))).status_code == 202
    assert (await stranger.post(f"{AUTH}/verify", json={"token": await mailed(doorway)})).status_code == 204
    await stranger.post(f"{AUTH}/forgot", json={"email": "ana@example.org"})
    reset = {"token": await mailed(doorway), "password": PASSWORD}

    assert (await stranger.post(f"{AUTH}/reset", json=reset)).status_code == 204

    signed_in = await stranger.post(f"{AUTH}/sign-in", json={"email": "ana@example.org", "password": PASSWORD})
    assert signed_in.status_code == 200
    assert (await stranger.get("/api/v1/me", headers=bearer(tokens))).status_code == 401


async def test_an_operator_invites_shows_and_disables(doorway: Doorway) -> None:
    owner, stranger = await doorway.owner(), await doorway.stranger()
    body = {"email": ANA, "name": "ana", "preset": "reader"}
    assert (await owner.post("/api/v1/users/invitations", json=body)).status_code == 202
    await stranger.post(f"{AUTH}/accept", json={"token": await mailed(doorway), "password": PASSWORD})

    [shown] = (await owner.get("/api/v1/users")).json()["users"]

    assert (shown["name"], shown["email"], shown["disabled"], shown["has_password"]) == ("ana", ANA, False, True)
    assert (await owner.get("/api/v1/users/ana/sessions")).json()["count"] == 1
    assert (await owner.post("/api/v1/users/ana/disable")).json()["disabled"]
    assert (await owner.get("/api/v1/users/ana/sessions")).json()["count"] == 0
    assert not (await owner.post("/api/v1/users/ana/enable")).json()["disabled"]
    assert (await owner.post("/api/v1/users/ana/reset-password")).status_code == 202
    assert (await owner.delete("/api/v1/users/ana/sessions")).json() == {"ended": 0}


async def test_a_user_is_added_with_the_hash_of_another_system(doorway: Doorway) -> None:
    owner, stranger = await doorway.owner(), await doorway.stranger()
    scrypt = "$scrypt$ln=4,r=8,p=1$c2FsdDEyMzQ$" + "A" * 43
    body = {"name": "ana", "email": ANA, "password_hash": scrypt}

    added = await owner.post("/api/v1/users", json=body)

    assert (added.status_code, added.headers["location"]) == (201, "/api/v1/users/ana")
    assert "password_hash" not in added.json()
    assert (await stranger.post(f"{AUTH}/sign-in", json={"email": ANA, "password": PASSWORD})).status_code == 401
    refused = await owner.post("/api/v1/users", json=body | {"email": "b@b.org", "name": "b", "password_hash": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, "unknown_password_hash")


async def test_a_session_cannot_be_chosen_by_whoever_signs_in(doorway: Doorway) -> None:
    stranger = await doorway.stranger()
    tokens = await signed_up(doorway)
    body = {"email": ANA, "password": PASSWORD}

    for field in ("session", "session_id", "sid", "refresh_token"):
        refused = await stranger.post(f"{AUTH}/sign-in", json=body | {field: tokens["session_id"]})
        assert (refused.status_code, refused.json()["code"]) == (400, "invalid_body")
    fixed = {"cookie": f"session={tokens['session_id']}", **bearer(tokens)}
    signed_in: httpx.Response = await stranger.post(f"{AUTH}/sign-in", json=body, headers=fixed)

    assert signed_in.json()["session_id"] != tokens["session_id"]
    assert "set-cookie" not in signed_in.headers


async def test_a_confined_key_is_issued_over_http(doorway: Doorway) -> None:
    owner = await doorway.owner()
    rules = [{"scope": "audit:read", "pattern": "*"}]

    issued = await owner.post("/api/v1/agents/admin/keys", json={"rules": rules})

    assert issued.json()["rules"] == rules
    holder = await doorway.client(issued.json()["key"])
    assert (await holder.get("/api/v1/audit")).status_code == 200
    assert (await holder.get("/api/v1/agents")).status_code == 403
    outlasting = await owner.post(
        "/api/v1/agents/admin/keys", json={"rules": [{"scope": "workflows:run", "pattern": "*"}]}
    )
    assert (outlasting.status_code, outlasting.json()["code"]) == (400, "rule_outlasts")
