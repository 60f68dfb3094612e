"""Passwords that other systems have hashed."""

import pytest

from identity.users.people_world import ANA, PASSWORD, Town
from muelle.identity.users.errors import UnknownHash, WrongPassword
from muelle.identity.users.foreign import checked_hash

# Made by bcrypt 5.0 (4 rounds), by Django's PBKDF2PasswordHasher, passlib's pbkdf2_sha256 and scrypt, and argon2-cffi.
HASHES = {
    "bcrypt": "$2b$04$tARCP0CAio448Rsty2PZpu/A6bpxJ6/6163f09B6JuOYLeGYF1SoS",
    "bcrypt of PHP": "$2y$04$tARCP0CAio448Rsty2PZpu/A6bpxJ6/6163f09B6JuOYLeGYF1SoS",
    "Django": "pbkdf2_sha256$1000$salt$hHq2CwjSpsUCltVF/ZDe25M5jA5hBHN9+inXRaOGbjU=",
    "passlib": "$pbkdf2-sha256$1000$c2FsdDEyMzQ$O/rTFzuMEBXZ8cmVjH/sTlhyuVKYlfgNok7oCbkxbRg",
    "scrypt": "$scrypt$ln=4,r=8,p=1$c2FsdDEyMzQ$PacRSXRKGtaBjUNRAwR7o3RQ13MrjZd/IB+QrBfHpH4",
    "argon2i": "$argon2i$v=19$m=8,t=1,p=1$K9K6oRXDWLLheLJBNI4IvA$MlBdgDIb8XK6upbCkRfGwLEuZ7/BHI14XVK6g0wQnL4",
    "argon2id": "$argon2id$v=19$m=16,t=2,p=2$Z9b6KRvObTDLSXRdyripHg$v5SHtUeUirYRY/PSp9OPrQ2BstFlBeIPJEtTjOH/nxY",
}


@pytest.mark.parametrize("kind", HASHES)
async def test_who_was_imported_signs_in_and_is_hashed_anew(town: Town, kind: str) -> None:
    await town.ana(password=None, password_hash=HASHES[kind])
    with pytest.raises(WrongPassword):
        await town.sign_in("wrong password")
    assert (await town.place.database.fetch("SELECT password FROM users"))[0][0] == HASHES[kind]

    await town.sign_in()

    assert (await town.place.database.fetch("SELECT password FROM users"))[0][0].startswith(
        "$argon2id$v=19$m=8,t=1,p=1"
    )
    await town.sign_in()


@pytest.mark.parametrize(
    "text",
    [
        "",
        PASSWORD,
        "5f4dcc3b5aa765d61d8327deb882cf99",
        "$2b$16$" + "a" * 53,
        "$2b$04$" + "a" * 52,
        "pbkdf2_sha256$5000001$salt$" + "a" * 43 + "=",
        "pbkdf2_sha1$1000$salt$" + "a" * 27 + "=",
        "$scrypt$ln=18,r=16,p=1$c2FsdA$" + "a" * 43,
        "$scrypt$ln=30,r=8,p=1$c2FsdA$" + "a" * 43,
        "$scrypt$ln=14,r=0,p=1$c2FsdA$" + "a" * 43,
        "$argon2id$v=19$m=262145,t=1,p=1$c2FsdHNhbHQ$" + "a" * 43,
        "$argon2id$v=19$m=8,t=21,p=1$c2FsdHNhbHQ$" + "a" * 43,
    ],
)
async def test_a_hash_that_is_unknown_or_costs_too_much_is_refused(town: Town, text: str) -> None:
    with pytest.raises(UnknownHash) as refused:
        await town.ana(password=None, password_hash=text)

    assert text == "" or text[15:] not in repr(refused.value.problem()) or len(text) < 16


@pytest.mark.parametrize(
    "text",
    [
        "$2b$15$" + "a" * 53,
        "pbkdf2_sha256$5000000$salt$" + "a" * 43 + "=",
        "$scrypt$ln=17,r=8,p=1$c2FsdA$" + "a" * 43,
        "$argon2id$v=19$m=262144,t=20,p=1$c2FsdHNhbHQ$" + "a" * 43,
    ],
)
def test_a_hash_at_the_bound_is_taken(text: str) -> None:
    assert checked_hash(text) == text


async def test_a_damaged_argon2_hash_opens_nothing(town: Town) -> None:
    await town.ana(password=None, password_hash="$argon2id$v=19$m=8,t=1,p=1$c2FsdHNhbHQ$AAAA")

    with pytest.raises(WrongPassword):
        await town.sign_in(PASSWORD, email=ANA)
