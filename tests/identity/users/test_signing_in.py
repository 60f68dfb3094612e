"""Signing in by password: who gets in, and what who does not get in learns."""

import asyncio
import time
from statistics import median

import pytest

from identity.users.people_world import ANA, CHEAP, LAPTOP, OPEN, PASSWORD, Town
from muelle.core import MuelleError
from muelle.identity import AuditFilter
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.users.administration import UserDraft
from muelle.identity.users.errors import AddressUnverified, HashingBusy, TooManyAttempts, WrongPassword
from muelle.identity.users.passwords import Passwords
from muelle.identity.users.settings import UserSettings


async def failing(town: Town, number: int, *, email: str = ANA, origin: Origin = LAPTOP) -> None:
    for _ in range(number):
        with pytest.raises(WrongPassword):
            await town.sign_in("wrong password", email=email, origin=origin)


async def test_who_knows_the_password_gets_in(every_town: Town) -> None:
    await every_town.ana()

    tokens = await every_town.sign_in()

    principal = await every_town.process.acting(tokens)
    assert (principal.name, principal.kind) == ("ana", "user")
    assert principal.may("runs:read", "x")
    assert tokens.session.origin == LAPTOP


async def test_each_sign_in_begins_a_session_of_its_own(town: Town) -> None:
    await town.ana()

    one, two = await town.sign_in(), await town.sign_in()

    assert one.session.id != two.session.id
    assert one.refresh != two.refresh


async def test_an_address_is_the_same_in_capitals(town: Town) -> None:
    await town.ana()

    await town.sign_in(email=" Ana@Example.COM")


async def test_all_who_do_not_get_in_learn_the_same(every_town: Town) -> None:
    await every_town.ana()
    await every_town.doors.users.add(every_town.place.owner, UserDraft("ben", "ben@example.com"))
    await every_town.doors.users.add(every_town.place.owner, UserDraft("eve", "eve@example.com", password=PASSWORD))
    await every_town.doors.users.disable(every_town.place.owner, "eve")
    problems = []
    for email in (ANA, "ben@example.com", "nobody@example.com", "no address", "x" * 300, "a\0@b"):
        with pytest.raises(WrongPassword) as refused:
            await every_town.sign_in("wrong password", email=email)
        problems.append(refused.value.problem())
    with pytest.raises(WrongPassword) as refused:
        await every_town.sign_in(email="eve@example.com")

    assert [*problems, refused.value.problem()] == [problems[0]] * 7


async def test_a_wrong_password_takes_as_long_where_there_is_no_account(town: Town) -> None:
    costly = town.another(UserSettings(memory_kib=8192, passes=1, failures=10_000, address_failures=10_000))
    await costly.ana()
    taken: dict[str, list[float]] = {ANA: [], "nobody@example.com": []}
    for _ in range(9):
        for email, seconds in taken.items():
            begun = time.perf_counter()
            await failing(costly, 1, email=email)
            seconds.append(time.perf_counter() - begun)

    known, unknown = (median(seconds) for seconds in taken.values())
    assert 0.6 < known / unknown < 1.6, (known, unknown)


async def test_an_account_waits_longer_after_each_failure_and_right_passwords_too(town: Town) -> None:
    await town.ana()
    await failing(town, OPEN.failures)
    waits = []
    for _ in range(4):
        with pytest.raises(TooManyAttempts) as refused:
            await town.sign_in()
        waits.append(refused.value.facts["retry_after"])
        town.place.clock.forward(seconds=waits[-1])
        await failing(town, 1)

    assert waits == [2, 4, 8, 16]


async def test_an_account_opens_at_the_very_end_of_its_wait(town: Town) -> None:
    await town.ana()
    await failing(town, OPEN.failures)
    town.place.clock.forward(seconds=OPEN.wait_seconds - 0.001)
    with pytest.raises(TooManyAttempts):
        await town.sign_in()
    town.place.clock.forward(seconds=0.001)

    await town.sign_in()

    await failing(town, OPEN.failures - 1)
    await town.sign_in()


async def test_the_wait_ends_growing_and_failures_of_long_ago_are_forgotten(town: Town) -> None:
    await town.ana()
    for _ in range(30):
        await failing(town, 1)
        town.place.clock.forward(seconds=OPEN.longest_wait_seconds)
    await failing(town, 1)
    with pytest.raises(TooManyAttempts) as refused:
        await town.sign_in()
    assert refused.value.facts["retry_after"] == OPEN.longest_wait_seconds

    town.place.clock.forward(seconds=OPEN.forget_seconds + 1)

    await failing(town, OPEN.failures - 1)
    await town.sign_in()


async def test_an_account_that_there_is_not_waits_as_one_that_there_is(town: Town) -> None:
    await town.ana()
    told = []
    for email in (ANA, "nobody@example.com"):
        await failing(town, OPEN.failures, email=email)
        with pytest.raises(TooManyAttempts) as refused:
            await town.sign_in("wrong password", email=email)
        told.append(refused.value.problem())

    assert told[0] == told[1]


async def test_many_attempts_at_once_are_no_more_guesses_than_one_after_the_other(every_town: Town) -> None:
    await every_town.ana()
    towns = [every_town.another() for _ in range(2)]

    tried = await asyncio.gather(
        *(towns[number % 2].sign_in("wrong password") for number in range(20)), return_exceptions=True
    )

    assert sum(isinstance(each, WrongPassword) for each in tried) == OPEN.failures
    assert sum(isinstance(each, TooManyAttempts) for each in tried) == 20 - OPEN.failures


async def test_one_address_that_tries_many_accounts_waits_and_others_do_not(town: Town) -> None:
    guarded = town.another(UserSettings(address_failures=6, **CHEAP))
    await guarded.ana()
    thief = Origin(method="password", address="2001:db8::1")
    for number in range(6):
        await failing(guarded, 1, email=f"user{number}@example.com", origin=thief)

    for address in ("2001:db8::1", "2001:db8::2"):  # whoever has the one has the other
        with pytest.raises(TooManyAttempts):
            await guarded.sign_in(origin=Origin(method="password", address=address))

    await guarded.sign_in(origin=Origin(method="password", address="2001:db8:0:1::1"))


async def test_a_right_password_does_not_forgive_what_the_address_did_to_others(town: Town) -> None:
    guarded = town.another(UserSettings(address_failures=6, **CHEAP))
    await guarded.ana()
    for number in range(3):
        await failing(guarded, 2, email=f"user{number}@example.com")
        if number < 2:
            await guarded.sign_in()

    with pytest.raises(TooManyAttempts):
        await guarded.sign_in()


async def test_who_has_not_confirmed_an_address_gets_a_mail_and_no_session(town: Town) -> None:
    await town.ana(is_verified=False)
    with pytest.raises(AddressUnverified):
        await town.sign_in()

    await town.doors.accounts.verify(await town.token_for())

    await town.sign_in()
    lax = town.another(UserSettings(require_verified=False, **CHEAP))
    await lax.doors.users.add(town.place.owner, UserDraft("ben", "b@b.org", password=PASSWORD, is_verified=False))
    await lax.sign_in(email="b@b.org")


async def test_a_user_who_is_disabled_is_out_and_stays_out_until_enabled(town: Town) -> None:
    await town.ana()
    tokens = await town.sign_in()

    await town.doors.users.disable(town.place.owner, "ana")

    with pytest.raises(InvalidToken):
        await town.process.who(tokens)
    with pytest.raises(WrongPassword):
        await town.sign_in()
    await town.doors.users.enable(town.place.owner, "ana")
    await town.sign_in()
    with pytest.raises(InvalidToken):
        await town.process.who(tokens)


async def test_who_is_refused_is_in_the_audit_record_without_the_password(town: Town) -> None:
    await town.ana()
    await failing(town, 1)
    await failing(town, 1, email="nobody@example.com")

    page = await town.process.identity.acts(town.place.owner, AuditFilter(action="users.sign_in"))

    assert sorted((act.resource, act.decision, act.detail) for act in page.items) == [
        ("", "refused", "wrong_password"),
        ("ana", "refused", "wrong_password"),
    ]
    assert "wrong password" not in repr(page)


async def test_passwords_are_hashed_so_many_at_a_time_and_so_many_may_wait() -> None:
    passwords = Passwords(UserSettings(hashing=1, hashing_waiting=2, **CHEAP))

    tried = await asyncio.gather(*(passwords.hash(PASSWORD) for _ in range(4)), return_exceptions=True)

    assert [isinstance(each, HashingBusy) for each in tried] == [False] * 3 + [True]
    assert await passwords.matches(str(tried[0]), PASSWORD)


async def test_a_password_is_hashed_anew_where_more_work_is_wanted_now(town: Town) -> None:
    await town.ana()
    before = (await town.place.database.fetch("SELECT password FROM users"))[0][0]
    dearer = town.another(UserSettings(memory_kib=16, passes=2))

    await dearer.sign_in()

    after = (await town.place.database.fetch("SELECT password FROM users"))[0][0]
    assert before.startswith("$argon2id$v=19$m=8,t=1,")
    assert after.startswith("$argon2id$v=19$m=16,t=2,")
    assert isinstance(await dearer.sign_in(), Tokens)


async def test_no_password_is_in_what_is_shown(town: Town) -> None:
    await town.ana()
    person = await town.doors.users.show(town.place.owner, "ana")

    for text in (repr(person), repr(UserDraft("x", ANA, password=PASSWORD))):
        assert PASSWORD not in text
        assert "argon2" not in text
    with pytest.raises(MuelleError) as refused:
        await town.ana(password="short")
    assert "short" not in repr(refused.value.problem())
