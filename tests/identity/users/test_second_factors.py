"""Second factors: codes of RFC 6238, none of which opens twice, and recovery codes."""

import asyncio
from base64 import b32decode

import pytest

from identity.users.people_world import OPEN, PASSWORD, Town
from muelle.core import Secret
from muelle.identity import AgentDraft, Principal
from muelle.identity.errors import NotHeld
from muelle.identity.tokens.model import Tokens
from muelle.identity.users.errors import (
    CodeRequired,
    SecondFactorMissing,
    SecondFactorThere,
    TooManyAttempts,
    WrongCode,
    WrongPassword,
)
from muelle.identity.users.totp import STEP_SECONDS, code_at

RFC_6238 = {59: "94287082", 1111111109: "07081804", 1234567890: "89005924", 20000000000: "65353130"}


def code(town: Town, secret: bytes, steps: int = 0) -> str:
    """Return what an authenticator shows, so many steps from now."""
    return code_at(secret, town.place.clock.nanoseconds() // 1_000_000_000 // STEP_SECONDS + steps)


async def ana(town: Town) -> Principal:
    await town.ana()
    return await town.process.acting(await town.sign_in())


async def enrolled(town: Town) -> tuple[Principal, bytes, list[str]]:
    """Add a user with a second factor, of which no code was used in this step; return its secret, recovery codes."""
    actor = await ana(town)
    enrolment = await town.doors.accounts.begin_factor(actor, PASSWORD, "")
    secret = b32decode(enrolment.secret.reveal())
    codes: list[Secret] = [*await town.doors.accounts.confirm_factor(actor, code(town, secret))]
    town.place.clock.forward(seconds=STEP_SECONDS)
    return actor, secret, [each.reveal() for each in codes]


@pytest.mark.parametrize(("seconds", "expected"), RFC_6238.items())
def test_codes_are_those_of_the_standard(seconds: int, expected: str) -> None:
    assert code_at(b"12345678901234567890", seconds // STEP_SECONDS, 8) == expected


async def test_who_has_a_second_factor_needs_password_and_code(town: Town) -> None:
    _, secret, _ = await enrolled(town)
    with pytest.raises(CodeRequired):
        await town.sign_in()
    with pytest.raises(WrongCode):
        await town.sign_in(code="000000")
    with pytest.raises(WrongPassword):
        await town.sign_in("wrong password", code=code(town, secret))

    await town.sign_in(code=code(town, secret))


async def test_no_code_opens_twice_nor_an_earlier_one_after_it(town: Town) -> None:
    _, secret, _ = await enrolled(town)
    used = code(town, secret)
    earlier = code(town, secret, -1)
    await town.sign_in(code=used)

    for old in (used, earlier):
        with pytest.raises(WrongCode):
            await town.sign_in(code=old)
    town.place.clock.forward(seconds=STEP_SECONDS)
    with pytest.raises(WrongCode):
        await town.sign_in(code=used)
    await town.sign_in(code=code(town, secret))


async def test_of_sign_ins_at_once_with_one_code_one_gets_in(every_town: Town) -> None:
    _, secret, _ = await enrolled(every_town)
    shown = code(every_town, secret)
    towns = [every_town.another() for _ in range(3)]

    tried = await asyncio.gather(*(each.sign_in(code=shown) for each in towns), return_exceptions=True)

    assert sum(isinstance(each, Tokens) for each in tried) == 1
    assert sum(isinstance(each, WrongCode) for each in tried) == 2


async def test_a_code_is_taken_one_step_early_or_late_and_not_two(town: Town) -> None:
    _, secret, _ = await enrolled(town)
    town.place.clock.forward(seconds=10 * STEP_SECONDS)
    for steps in (-2, 2):
        with pytest.raises(WrongCode):
            await town.sign_in(code=code(town, secret, steps))

    for steps in (-1, 0, 1):
        await town.sign_in(code=code(town, secret, steps))


async def test_a_recovery_code_opens_once_however_it_is_typed(every_town: Town) -> None:
    _, _, codes = await enrolled(every_town)
    assert len(set(codes)) == 10

    await every_town.sign_in(code=f" {codes[0].upper().replace('-', ' ')} ")

    with pytest.raises(WrongCode):
        await every_town.sign_in(code=codes[0])
    await every_town.sign_in(code=codes[1])
    kept = repr([tuple(row) for row in await every_town.place.database.fetch("SELECT * FROM user_recovery_codes")])
    assert codes[2] not in kept


async def test_showing_the_password_alone_in_between_gives_no_more_guesses_of_codes(town: Town) -> None:
    actor, _, _ = await enrolled(town)
    for _ in range(OPEN.failures):
        with pytest.raises(CodeRequired):
            await town.sign_in()
        with pytest.raises(SecondFactorThere):
            await town.doors.accounts.begin_factor(actor, PASSWORD, "")
        with pytest.raises(WrongCode):
            await town.sign_in(code="000000")

    for given in ("", "000000"):
        with pytest.raises(TooManyAttempts):
            await town.sign_in(code=given)


async def test_a_second_factor_holds_only_once_it_is_confirmed(town: Town) -> None:
    actor = await ana(town)
    with pytest.raises(SecondFactorMissing):
        await town.doors.accounts.confirm_factor(actor, "000000")
    with pytest.raises(WrongPassword):
        await town.doors.accounts.begin_factor(actor, "wrong password", "")
    enrolment = await town.doors.accounts.begin_factor(actor, PASSWORD, "")
    with pytest.raises(WrongCode):
        await town.doors.accounts.confirm_factor(actor, "000000")

    await town.sign_in()

    assert enrolment.uri.reveal().startswith("otpauth://totp/muelle:ana@example.com?secret=")
    assert enrolment.secret.reveal() not in repr(enrolment)


async def test_it_is_removed_with_password_and_code_alone(town: Town) -> None:
    actor, secret, _ = await enrolled(town)
    accounts = town.doors.accounts
    for given in ("", "000000"):
        with pytest.raises((CodeRequired, WrongCode)):
            await accounts.remove_factor(actor, PASSWORD, given, "")
    with pytest.raises(SecondFactorThere):
        await accounts.begin_factor(actor, PASSWORD, "")

    await accounts.remove_factor(actor, PASSWORD, code(town, secret), "")

    await town.sign_in()


async def test_an_operator_who_holds_as_much_removes_it(town: Town) -> None:
    await enrolled(town)
    agents, grants, owner = town.process.identity.agents, town.process.identity.grants, town.place.owner
    clerk = await agents.add(owner, AgentDraft("clerk"))
    await grants.add(owner, "clerk", "identity:manage", "*")
    with pytest.raises(NotHeld):
        await town.doors.users.remove_factor(await town.process.identity.principal(clerk.tenant, clerk.id), "ana")

    person = await town.doors.users.remove_factor(owner, "ana")

    assert person.user.second_factor is None
    await town.sign_in()


async def test_its_secret_is_in_the_vault_alone(town: Town) -> None:
    _, secret, _ = await enrolled(town)
    rows = [repr(tuple(row)) for row in await town.place.database.fetch("SELECT * FROM users")]

    assert not [row for row in rows if secret.hex() in row or repr(secret) in row]
    assert len([name for _, name in town.place.vault._secrets if name.startswith("second-factors/")]) == 1
