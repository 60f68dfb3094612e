"""Access tokens and the keys that sign them."""

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from identity.users.users_world import PHONE, QUICK, Installation, install
from muelle.identity.tokens.algorithms import checker, unb64
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.tokens.ring import SigningKeyMissing
from muelle.identity.tokens.settings import TokenSettings
from muelle.stores import Database
from muelle.stores.adapters.memory import open_memory


async def keys(place: Installation) -> list[dict[str, str]]:
    published: list[dict[str, str]] = msgspec.json.decode(await place.first.tokens.ring.published())["keys"]
    return published


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_a_token_says_who_shows_it_and_everybody_can_verify_it(algorithm: str) -> None:
    async with open_memory() as database:
        place = await install(database, TokenSettings(algorithm=algorithm))
        person, tokens = await place.signed_in()

        assert await place.first.who(tokens) == person.id

        head, body, mark = tokens.access.reveal().split(".")
        [key] = await keys(place)
        assert msgspec.json.decode(unb64(head)) == {"alg": algorithm, "kid": key["kid"], "typ": "at+jwt"}
        assert checker(key)(unb64(mark), f"{head}.{body}".encode())
        assert not checker(key)(bytes([unb64(mark)[0] ^ 1]) + unb64(mark)[1:], f"{head}.{body}".encode())
        assert "d" not in key


async def test_a_token_holds_the_grants_that_its_user_has_now(place: Installation) -> None:
    _, tokens = await place.signed_in()
    assert not (await place.first.acting(tokens)).may("tools:call", "x")

    await place.first.identity.grants.add(place.owner, "ana", "tools:call", "x")

    assert (await place.first.acting(tokens)).may("tools:call", "x")


async def test_a_token_opens_until_its_last_second_and_not_in_the_next(place: Installation) -> None:
    _, tokens = await place.signed_in()
    place.clock.forward(seconds=QUICK.access_seconds - 1)
    await place.first.who(tokens)

    place.clock.forward(seconds=1)

    assert place.first.identity.recall(tokens.access.reveal()) is None
    with pytest.raises(InvalidToken) as refused:
        await place.first.who(tokens)
    assert refused.value.cause == "expired_token"
    assert "expired" not in str(refused.value.problem())


async def test_a_token_that_is_known_is_not_verified_again(place: Installation) -> None:
    _, tokens = await place.signed_in()
    person = await place.first.acting(tokens)

    assert place.first.identity.recall(tokens.access.reveal()) is person


async def test_one_process_takes_what_another_one_signed(every_place: Installation) -> None:
    person, tokens = await every_place.signed_in()

    assert await every_place.process().who(tokens) == person.id
    assert await keys(every_place) == await keys(every_place)


async def test_a_new_key_is_published_before_it_signs_and_the_old_one_verifies_after(place: Installation) -> None:
    person, before = await place.signed_in()
    first, second = place.first, place.process()

    new = await first.tokens.ring.rotate()

    assert len(await keys(place)) == 2
    still = await first.tokens.sessions.begin(person, PHONE)
    assert new.id.encode() not in unb64(still.access.reveal().split(".")[0])
    place.clock.forward(seconds=QUICK.lead_seconds)
    after = await first.tokens.sessions.begin(person, PHONE)
    assert new.id.encode() in unb64(after.access.reveal().split(".")[0])
    for tokens in (before, still, after):
        assert await second.who(tokens) == person.id


async def test_an_old_key_is_gone_once_no_token_of_it_can_be_alive(place: Installation) -> None:
    await place.signed_in()
    await place.first.tokens.ring.rotate()
    place.clock.forward(seconds=QUICK.lead_seconds + QUICK.access_seconds + 59)
    assert len(await keys(place)) == 2

    place.clock.forward(seconds=1)

    assert len(await keys(place)) == 1


async def test_after_an_urgent_rotation_old_tokens_open_nothing_anywhere_within_a_second(
    every_place: Installation,
) -> None:
    person, tokens = await every_place.signed_in()
    second = every_place.process()
    await second.identity.refresh()
    await second.who(tokens)

    await every_place.first.tokens.ring.rotate(is_urgent=True)

    await second.a_second_later()
    with pytest.raises(InvalidToken):
        await second.who(tokens)
    assert await second.who(await every_place.first.tokens.sessions.begin(person, PHONE)) == person.id


async def test_processes_that_need_the_first_key_at_once_share_one(database: Database) -> None:
    place = await install(database)
    person = await place.person()
    second = place.process()

    one = await place.first.tokens.sessions.begin(person, PHONE)
    two = await second.tokens.sessions.begin(person, PHONE)

    assert one.access.reveal().split(".")[0] == two.access.reveal().split(".")[0]


async def test_a_private_key_that_is_lost_is_told(place: Installation) -> None:
    person, tokens = await place.signed_in()
    place.vault._secrets.clear()

    with pytest.raises(SigningKeyMissing):
        await place.process().tokens.sessions.begin(person, PHONE)
    await place.first.tokens.ring.rotate(is_urgent=True)
    assert await place.first.who(await place.first.tokens.sessions.begin(person, PHONE)) == person.id
    with pytest.raises(InvalidToken):
        await place.first.who(tokens)


def test_no_signature_of_rsa_is_shorter_than_two_thousand_bits() -> None:
    from muelle.identity.tokens import algorithms  # noqa: PLC0415 - beside what it is about

    key = algorithms._private(algorithms.new_private("RS256"))

    assert isinstance(key, rsa.RSAPrivateKey)
    assert key.key_size >= 2048


@pytest.mark.parametrize("text", ["a", "YQ==", "YQ+/", "Y Q", "ä"])
def test_only_base64url_in_its_one_writing_is_read(text: str) -> None:
    with pytest.raises(ValueError, match=r".*"):
        unb64(text)
