"""Passkeys, with an authenticator that the test writes itself: a device that signs what a browser asks."""

import asyncio
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from identity.users.device import ORIGIN, PRESENT, VERIFIED, Device, Json, text_of
from identity.users.people_world import LAPTOP, OPEN, PASSWORD, Town
from identity.users.people_world import town as build
from identity.users.users_world import Installation
from muelle.identity import Principal
from muelle.identity.tokens.algorithms import unb64
from muelle.identity.tokens.model import Tokens
from muelle.identity.users.administration import UserDraft
from muelle.identity.users.errors import (
    PasskeyExists,
    PasskeyNotFound,
    PasskeyRefused,
    PasskeysOff,
    WrongPassword,
)
from muelle.identity.users.passkeys import Challenge

HERE = replace(OPEN, origin=ORIGIN)
EVE = UserDraft("eve", "eve@example.com", password=PASSWORD)


@pytest.fixture
def harbour(place: Installation) -> Town:
    return build(place, HERE)


async def ana(harbour: Town) -> Principal:
    await harbour.ana()
    return await harbour.process.acting(await harbour.sign_in())


async def added(harbour: Town, device: Device) -> Principal:
    """Add a user with a passkey."""
    actor = await ana(harbour)
    begun = await harbour.doors.passkeys.begin(actor, PASSWORD, "")
    await harbour.doors.passkeys.add(actor, begun.secret.reveal(), device.makes(dict(begun.options)), "phone")
    return actor


async def signed_in(harbour: Town, device: Device, begun: Challenge | None = None) -> Tokens:
    begun = begun or await harbour.doors.passkeys.begin_sign_in()
    return await harbour.doors.passkeys.sign_in(begun.secret.reveal(), device.answers(dict(begun.options)), LAPTOP)


async def test_who_has_added_a_passkey_signs_in_by_it_alone(every_place: Installation) -> None:
    harbour, device = build(every_place, HERE), Device()
    actor = await added(harbour, device)

    tokens = await signed_in(harbour, device)

    assert await harbour.process.who(tokens) == actor.id
    await signed_in(harbour, device)
    [passkey] = await harbour.doors.passkeys.of(actor)
    assert (passkey.id, passkey.name, passkey.uses) == (text_of(device.id), "phone", 2)
    assert passkey.used == every_place.clock.now()


async def test_what_the_browser_is_asked_needs_its_owner_and_names_nobody(harbour: Town) -> None:
    actor = await ana(harbour)
    made = (await harbour.doors.passkeys.begin(actor, PASSWORD, "")).options
    shown = (await harbour.doors.passkeys.begin_sign_in()).options

    assert made["rp"] == {"name": "Muelle", "id": "muelle.example.com"}
    assert made["authenticatorSelection"]["userVerification"] == shown["userVerification"] == "required"
    assert made["authenticatorSelection"]["residentKey"] == "required"
    assert shown["rpId"] == "muelle.example.com"
    assert not shown.get("allowCredentials")
    assert unb64(made["challenge"]) != unb64(shown["challenge"])


async def test_an_answer_works_once_for_its_own_challenge_and_for_five_minutes(harbour: Town) -> None:
    device = Device()
    await added(harbour, device)
    mine, thine = [await harbour.doors.passkeys.begin_sign_in() for _ in range(2)]
    answer = device.answers(dict(mine.options))
    for secret, credential in ((thine.secret.reveal(), answer), ("x", answer)):
        with pytest.raises(PasskeyRefused):
            await harbour.doors.passkeys.sign_in(secret, credential, LAPTOP)
    await harbour.doors.passkeys.sign_in(mine.secret.reveal(), answer, LAPTOP)
    with pytest.raises(PasskeyRefused):
        await harbour.doors.passkeys.sign_in(mine.secret.reveal(), answer, LAPTOP)
    late = await harbour.doors.passkeys.begin_sign_in()
    harbour.place.clock.forward(minutes=5)

    with pytest.raises(PasskeyRefused):
        await signed_in(harbour, device, late)


@pytest.mark.parametrize(
    "wrong",
    [
        {"origin": "https://evil.example.com"},
        {"origin": "http://muelle.example.com"},
        {"host": "evil.example.com"},
        {"flags": PRESENT},
        {"flags": VERIFIED},
        {"key": ec.generate_private_key(ec.SECP256R1())},
        {"id": b"another device"},
        {"uses": 0},
    ],
)
async def test_a_device_that_says_something_else_is_refused(harbour: Town, wrong: Json) -> None:
    device = Device(uses=5)
    await added(harbour, device)

    with pytest.raises(PasskeyRefused):
        await signed_in(harbour, replace(device, **wrong))

    await signed_in(harbour, device)


async def test_what_is_no_answer_of_a_device_is_refused_shortly(harbour: Town) -> None:
    device = Device()
    actor = await added(harbour, device)
    good = device.answers(dict((await harbour.doors.passkeys.begin_sign_in()).options))
    broken: list[Json] = [{}, {"id": 7}, {**good, "response": {}}, {**good, "rawId": "?"}, {**good, "response": None}]
    broken += [{**good, "response": {**good["response"], name: "AAAA"}} for name in good["response"]]
    for credential in broken:
        begun = await harbour.doors.passkeys.begin_sign_in()
        with pytest.raises(PasskeyRefused):
            await harbour.doors.passkeys.sign_in(begun.secret.reveal(), credential, LAPTOP)
        begun = await harbour.doors.passkeys.begin(actor, PASSWORD, "")
        with pytest.raises(PasskeyRefused):
            await harbour.doors.passkeys.add(actor, begun.secret.reveal(), credential)


async def test_of_answers_at_once_that_count_alike_one_gets_in(every_place: Installation) -> None:
    harbour, device = build(every_place, HERE), Device()
    await added(harbour, device)
    copy = replace(device)

    tried = await asyncio.gather(signed_in(harbour, device), signed_in(harbour, copy), return_exceptions=True)

    assert sum(isinstance(each, Tokens) for each in tried) == 1
    assert sum(isinstance(each, PasskeyRefused) for each in tried) == 1


async def test_a_passkey_is_added_by_who_knows_the_password_in_their_own_name(harbour: Town) -> None:
    actor = await added(harbour, Device())
    with pytest.raises(WrongPassword):
        await harbour.doors.passkeys.begin(actor, "wrong password", "")
    begun = await harbour.doors.passkeys.begin(actor, PASSWORD, "")
    await harbour.doors.users.add(harbour.place.owner, EVE)
    eve = await harbour.process.acting(await harbour.sign_in(email=EVE.email))

    with pytest.raises(PasskeyRefused):
        await harbour.doors.passkeys.add(eve, begun.secret.reveal(), Device().makes(dict(begun.options)))


async def test_a_passkey_is_added_once_and_removed_by_its_owner(harbour: Town) -> None:
    device = Device()
    actor = await added(harbour, device)
    begun = await harbour.doors.passkeys.begin(actor, PASSWORD, "")
    with pytest.raises(PasskeyExists):
        await harbour.doors.passkeys.add(actor, begun.secret.reveal(), device.makes(dict(begun.options)))
    with pytest.raises(PasskeyNotFound):
        await harbour.doors.passkeys.remove(harbour.place.owner, text_of(device.id))

    await harbour.doors.passkeys.remove(actor, text_of(device.id))

    with pytest.raises(PasskeyRefused):
        await signed_in(harbour, device)


async def test_a_user_who_is_disabled_does_not_get_in_by_a_passkey(harbour: Town) -> None:
    device = Device()
    await added(harbour, device)
    await harbour.doors.users.disable(harbour.place.owner, "ana")

    with pytest.raises(PasskeyRefused):
        await signed_in(harbour, device)


async def test_without_an_origin_there_are_no_passkeys(town: Town) -> None:
    actor = await ana(town)
    passkeys = town.doors.passkeys

    with pytest.raises(PasskeysOff):
        await passkeys.begin_sign_in()
    with pytest.raises(PasskeysOff):
        await passkeys.begin(actor, PASSWORD, "")
    assert await passkeys.of(actor) == []
