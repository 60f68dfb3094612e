"""Sessions and their refresh tokens."""

import asyncio

import pytest

from identity.users.users_world import PHONE, QUICK, Installation
from muelle.core import Unauthenticated
from muelle.identity import AuditFilter
from muelle.identity.tokens.errors import InvalidToken, SessionNotFound
from muelle.identity.tokens.model import Origin, Tokens
from muelle.identity.tokens.settings import TokenSettings
from muelle.identity.tokens.store import SessionStore

LAPTOP = Origin(method="ignored", address="198.51.100.7", client="ignored")


async def test_a_refresh_token_gives_new_tokens_of_the_same_session(place: Installation) -> None:
    person, tokens = await place.signed_in()
    sessions = place.first.tokens.sessions
    place.clock.forward(minutes=10)

    fresh = await sessions.refresh(tokens.refresh.reveal(), LAPTOP)

    assert await place.first.who(fresh) == person.id
    assert fresh.refresh != tokens.refresh
    [session] = await sessions.open_of(person.tenant, person.id)
    assert session.id == tokens.session.id == fresh.session.id
    assert session.origin == Origin(method="password", address="198.51.100.7", client="phone")
    assert session.used == place.clock.now()


async def test_a_refresh_token_that_is_used_twice_ends_its_session_everywhere(every_place: Installation) -> None:
    person, tokens = await every_place.signed_in()
    second = every_place.process()
    fresh = await every_place.first.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)
    await second.identity.refresh()
    await second.who(fresh)

    with pytest.raises(InvalidToken):
        await every_place.first.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)

    await second.a_second_later()
    for stolen in (fresh, tokens):
        with pytest.raises(InvalidToken):
            await second.who(stolen)
        with pytest.raises(InvalidToken):
            await second.tokens.sessions.refresh(stolen.refresh.reveal(), PHONE)
    assert await second.tokens.sessions.open_of(person.tenant, person.id) == []
    acts = await every_place.first.identity.acts(every_place.owner, AuditFilter(action="sessions.refresh"))
    assert [(act.decision, act.principal, act.detail) for act in acts.items] == [
        ("refused", person.id, "reused_refresh_token")
    ]


async def test_of_refreshes_at_once_one_wins_and_the_session_ends(every_place: Installation) -> None:
    _, tokens = await every_place.signed_in()
    processes = [every_place.process() for _ in range(4)]

    tried = await asyncio.gather(
        *(each.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE) for each in processes), return_exceptions=True
    )

    [winner] = [each for each in tried if isinstance(each, Tokens)]
    with pytest.raises(InvalidToken):
        await every_place.process().who(winner)


async def test_a_session_that_is_not_refreshed_ends(place: Installation) -> None:
    _, tokens = await place.signed_in()
    place.clock.forward(seconds=QUICK.session_seconds - 1)
    fresh = await place.first.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)

    place.clock.forward(seconds=QUICK.session_seconds)

    with pytest.raises(InvalidToken):
        await place.first.tokens.sessions.refresh(fresh.refresh.reveal(), PHONE)


async def test_a_session_ends_at_its_longest_however_often_it_is_refreshed(place: Installation) -> None:
    process = place.process(TokenSettings(algorithm="EdDSA", session_seconds=100, longest_seconds=150))
    tokens = await process.tokens.sessions.begin(await place.person(), PHONE)
    place.clock.forward(seconds=99)
    tokens = await process.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)
    assert tokens.expires_in == 51
    place.clock.forward(seconds=51)

    with pytest.raises(InvalidToken):
        await process.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)


async def test_who_signs_out_in_one_process_is_out_in_all_within_a_second(every_place: Installation) -> None:
    person, tokens = await every_place.signed_in()
    second = every_place.process()
    await second.identity.refresh()
    await second.who(tokens)

    await every_place.first.tokens.sessions.end(person, tokens.session.id)

    with pytest.raises(InvalidToken):
        await every_place.first.who(tokens)
    await second.a_second_later()
    with pytest.raises(InvalidToken):
        await second.who(tokens)
    with pytest.raises(InvalidToken):
        await second.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)


async def test_signing_out_everywhere_ends_all_sessions_but_those_of_others(place: Installation) -> None:
    person, one = await place.signed_in()
    two = await place.first.tokens.sessions.begin(person, PHONE)
    other, others = await place.signed_in("ben")

    assert await place.first.tokens.sessions.end_all(person, "lost phone") == 2

    for tokens in (one, two):
        with pytest.raises(InvalidToken):
            await place.first.who(tokens)
    assert await place.first.who(others) == other.id


async def test_nobody_ends_the_session_of_another(place: Installation) -> None:
    _, tokens = await place.signed_in()
    ben = await place.person("ben")

    for session in (tokens.session.id, "session_none"):
        with pytest.raises(SessionNotFound):
            await place.first.tokens.sessions.end(ben, session)
    await place.first.who(tokens)


async def test_a_user_who_is_disabled_is_out_at_once(place: Installation) -> None:
    _, tokens = await place.signed_in()
    await place.first.who(tokens)

    await place.first.identity.agents.disable(place.owner, "ana")

    with pytest.raises(InvalidToken) as refused:
        await place.first.who(tokens)
    assert refused.value.cause == "disabled_user"


async def test_a_user_who_is_disabled_gets_no_tokens_that_others_would_believe(place: Installation) -> None:
    _, tokens = await place.signed_in()
    await place.first.identity.agents.disable(place.owner, "ana")

    with pytest.raises(InvalidToken) as refused:
        await place.first.tokens.sessions.refresh(tokens.refresh.reveal(), PHONE)

    assert refused.value.cause == "disabled_user"


async def test_the_oldest_session_ends_where_there_would_be_too_many(place: Installation) -> None:
    process = place.process(TokenSettings(algorithm="EdDSA", sessions_per_user=2))
    person = await place.person()
    one = await process.tokens.sessions.begin(person, PHONE)
    place.clock.forward(seconds=1)
    two = await process.tokens.sessions.begin(person, PHONE)
    await process.who(one)
    place.clock.forward(seconds=1)

    three = await process.tokens.sessions.begin(person, PHONE)

    with pytest.raises(InvalidToken):
        await process.who(one)
    assert [await process.who(tokens) for tokens in (two, three)] == [person.id] * 2


async def test_sessions_that_ended_long_ago_are_forgotten(every_place: Installation) -> None:
    person, tokens = await every_place.signed_in()
    store = SessionStore(every_place.database)
    await every_place.first.tokens.sessions.end(person, tokens.session.id)
    every_place.clock.forward(hours=30 * 24 - 1)
    await every_place.first.tokens.sessions.sweep()
    assert await store.find(tokens.session.id) is not None

    every_place.clock.forward(hours=2)
    await every_place.first.tokens.sessions.sweep()

    assert await store.find(tokens.session.id) is None
    assert await every_place.database.fetch("SELECT * FROM user_refresh_tokens") == []


async def test_no_token_is_kept_as_it_is_sent(place: Installation) -> None:
    _, tokens = await place.signed_in()
    tables = ("user_sessions", "user_refresh_tokens", "token_keys", "identity_acts")
    rows = [repr([tuple(row) for row in await place.database.fetch(f"SELECT * FROM {name}")]) for name in tables]  # noqa: S608 - constants

    for text in (tokens.refresh.reveal(), tokens.access.reveal(), "PRIVATE"):
        assert not [row for row in rows if text in row]
    assert tokens.refresh.reveal() not in repr(tokens)


@pytest.mark.parametrize("token", ["", "mr_", "mr_" + "A" * 43, "mk_" + "A" * 43, "ä" * 46, "mr_" + "A" * 44])
async def test_what_is_no_refresh_token_of_ours_gives_nothing(place: Installation, token: str) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await place.first.tokens.sessions.refresh(token, PHONE)

    assert refused.value.problem()["code"] == "invalid_token"
