"""Signing in with a provider, and its tokens at the door."""

import hmac
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from identity.users.provider_world import BACK, ISSUER, SETTINGS, FakeProvider, Said, challenge_of, dock
from identity.users.users_world import Installation
from muelle.core import Secret
from muelle.identity.federation.documents import FRESH_SECONDS, REFETCH_SECONDS, STALE_SECONDS
from muelle.identity.federation.errors import (
    LoginExists,
    NotAMember,
    ProviderFailed,
    ProviderNotFound,
    ProviderSettingsInvalid,
    SignInRefused,
)
from muelle.identity.federation.members import Account, link
from muelle.identity.federation.settings import ProviderSettings
from muelle.identity.tokens.algorithms import b64, new_private
from muelle.identity.tokens.errors import InvalidToken
from muelle.identity.users.model import User
from muelle.identity.users.store import UserStore

MAPPED = replace(
    SETTINGS, roles_claim="realm_access.roles", roles={"crew": "viewer", "captain": "admin", "ghost": "nowhere"}
)


async def test_who_signs_in_there_is_signed_in_here(every_place: Installation) -> None:
    harbour = dock(every_place)

    tokens = await harbour.whole(email="Ana@example.com", email_verified=True)

    principal = await harbour.process.acting(tokens)
    assert (principal.kind, principal.name.partition("-")[0]) == ("user", "ana")
    assert list(principal.rules) == []
    again = await harbour.whole(email="new@example.com", email_verified=True)
    assert await harbour.process.who(again) == principal.id
    user = await UserStore(every_place.database).by_principal(principal.id)
    assert user is not None
    assert (user.email, user.password, user.verified is not None) == ("ana@example.com", None, True)


async def test_what_is_sent_to_the_provider_is_all_that_it_needs(place: Installation) -> None:
    harbour = dock(place)
    begun = await harbour.doors.federation.begin("dock")
    asked = {name: values[0] for name, values in parse_qs(urlsplit(begun.url).query).items()}

    await harbour.finish(begun, harbour.provider.allow(begun.url))

    [form] = harbour.provider.forms
    assert begun.url.startswith(f"{ISSUER}/authorization?")
    assert (asked["response_type"], asked["client_id"], asked["redirect_uri"]) == ("code", "muelle", BACK)
    assert (asked["scope"], asked["state"]) == ("openid email profile", begun.state)
    assert asked["code_challenge_method"] == "S256"
    assert asked["code_challenge"] == challenge_of(form["code_verifier"])
    assert (form["user"], form["password"], form["redirect_uri"]) == ("muelle", "s3cret", BACK)
    secret = begun.secret.reveal()
    assert secret not in begun.url
    assert secret not in repr(await place.database.fetch("SELECT * FROM user_tickets"))


async def test_a_public_client_says_who_it_is_in_the_form(place: Installation) -> None:
    harbour = dock(place, replace(SETTINGS, client_secret=Secret("")))

    await harbour.whole()

    assert harbour.provider.forms[0]["client_id"] == "muelle"


async def test_what_one_has_begun_another_cannot_finish_nor_anybody_twice_or_late(place: Installation) -> None:
    harbour = dock(place)
    mine, thine = [await harbour.doors.federation.begin("dock") for _ in range(2)]
    code = harbour.provider.allow(mine.url)
    for given in ({"state": thine.state}, {"secret": thine.secret.reveal()}, {"secret": "x"}, {"state": ""}):
        with pytest.raises(SignInRefused):
            await harbour.finish(mine, code, **given)
    with pytest.raises(SignInRefused):  # a code of another sign-in, put into this one: its nonce tells
        await harbour.finish(thine, code)
    await harbour.finish(mine, harbour.provider.allow(mine.url))

    with pytest.raises(SignInRefused):
        await harbour.finish(mine, harbour.provider.allow(mine.url))
    late = await harbour.doors.federation.begin("dock")
    place.clock.forward(minutes=10)
    with pytest.raises(SignInRefused):
        await harbour.finish(late, harbour.provider.allow(late.url))


@pytest.mark.parametrize(
    "said",
    [
        {"nonce": "another"},
        {"nonce": None},
        {"aud": "another"},
        {"aud": "muelle-api"},
        {"aud": ["muelle", "another"], "azp": "another"},
        {"iss": "https://another.example.com"},
        {"exp": 0},
        {"sub": ""},
        {"sub": 7},
        {"iat": 4_000_000_000},
    ],
)
async def test_an_id_token_that_is_not_for_us_and_for_now_signs_nobody_in(place: Installation, said: Said) -> None:
    harbour = dock(place)

    with pytest.raises(SignInRefused):
        await harbour.whole(**said)

    assert await place.database.fetch("SELECT * FROM users") == []


async def test_nobody_gets_the_account_of_another_by_its_address(place: Installation) -> None:
    harbour = dock(place)
    ana = await harbour.whole(sub="u-1", email="ana@example.com", email_verified=True)

    with pytest.raises(NotAMember):
        await harbour.whole(sub="thief", email="ana@example.com", email_verified=True)
    for is_verified in (False, "true", None):
        said = {"sub": f"thief-{is_verified}", "email": "boss@example.com", "email_verified": is_verified}
        tokens = await harbour.whole(**said)
        assert await harbour.process.who(tokens) != await harbour.process.who(ana)

    assert await UserStore(place.database).by_email("default", "boss@example.com") is None


async def test_who_is_not_known_stays_out_where_nobody_signs_up_until_an_operator_links_them(
    every_place: Installation,
) -> None:
    harbour = dock(every_place, replace(SETTINGS, sign_up=False))
    with pytest.raises(NotAMember):
        await harbour.whole()
    person = await every_place.person("ana")
    user = User(principal=person.id, tenant=person.tenant, name="ana", email="a@b", created=every_place.clock.now())
    registry = harbour.process.identity.registry
    await link(registry, harbour.doors.logins, every_place.owner, user, Account(ISSUER, "u-1"))

    assert await harbour.process.who(await harbour.whole()) == person.id

    with pytest.raises(LoginExists):
        await link(registry, harbour.doors.logins, every_place.owner, user, Account(ISSUER, "u-1"))
    await harbour.process.identity.agents.disable(every_place.owner, "ana")
    with pytest.raises(NotAMember):
        await harbour.whole()


async def test_roles_are_those_that_the_provider_gives_now(every_place: Installation) -> None:
    harbour = dock(every_place, MAPPED)
    crew = {"realm_access": {"roles": ["crew", "other"]}}
    tokens = await harbour.whole(**crew)
    who = await harbour.process.acting(tokens)
    assert who.may("runs:read", "x")
    assert not who.may("identity:manage", "x")
    await harbour.process.identity.grants.add(every_place.owner, who.name, "tools:call", "x")

    await harbour.whole(realm_access={"roles": ["captain"]})
    assert (await harbour.process.acting(tokens)).may("identity:manage", "x")
    nothing: tuple[Said, ...] = (
        {},
        {"realm_access": {"roles": []}},
        {"realm_access": None},
        {"realm_access": {"roles": {"crew": 1}}},
        {"realm_access": {"roles": ["ghost", "Crew", "viewer"]}},
    )
    for none in nothing:
        await harbour.whole(**crew)
        await harbour.whole(**none)
        now = await harbour.process.acting(tokens)
        assert not now.may("runs:read", "x")
    assert now.may("tools:call", "x")


@pytest.mark.parametrize("claim", ["user_metadata.role", "user_metadata", "app.raw_user_meta_data.roles", ""])
async def test_roles_are_never_taken_from_what_users_write_themselves(place: Installation, claim: str) -> None:
    with pytest.raises(ProviderSettingsInvalid):
        dock(place, replace(MAPPED, roles_claim=claim))


@pytest.mark.parametrize("issuer", ["http://id.example.com", "file:///etc/passwd", "id.example.com", ""])
async def test_a_provider_is_reached_by_tls_or_on_this_machine(place: Installation, issuer: str) -> None:
    with pytest.raises(ProviderSettingsInvalid):
        dock(place, ProviderSettings(issuer=issuer))


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "EdDSA"])
async def test_an_access_token_of_the_provider_opens_the_door(place: Installation, algorithm: str) -> None:
    harbour = dock(place, MAPPED, FakeProvider(place.clock, algorithm))
    token = harbour.provider.signed(harbour.provider.claims(realm_access={"roles": ["crew"]}), typ="at+jwt")

    await harbour.process.identity.authenticate(token)  # who was never here: they are a user now
    principal = await harbour.process.identity.authenticate(token)

    assert principal.may("runs:read", "x")
    assert harbour.process.identity.recall(token) is principal
    place.clock.forward(seconds=359)
    await harbour.process.identity.authenticate(token)
    place.clock.forward(seconds=1)
    with pytest.raises(InvalidToken):
        await harbour.process.identity.authenticate(token)


FOREIGN: tuple[Said, ...] = (
    {"aud": "muelle"},  # an ID token, which is for who signs in and not for the door
    {"aud": ["another"]},
    {"aud": None},
    {"iss": "muelle"},
    {"exp": "soon"},
    {"exp": True},
    {"nbf": 4_000_000_000},
    {"sub": None},
)


async def test_a_token_for_another_purpose_does_not_open_the_door(place: Installation) -> None:
    harbour = dock(place)
    provider = harbour.provider
    await harbour.process.identity.authenticate(provider.signed(provider.claims()))

    for said in FOREIGN:
        with pytest.raises(InvalidToken):
            await harbour.process.identity.authenticate(provider.signed(provider.claims(**said)))
    for head in ({"typ": "logout+jwt"}, {"typ": "dpop+jwt"}, {"crit": ["b64"]}, {"alg": "ES384"}, {"kid": "two"}):
        with pytest.raises(InvalidToken):
            await harbour.process.identity.authenticate(provider.signed(provider.claims(), **head))


async def test_a_token_that_the_provider_did_not_sign_does_not_open_the_door(place: Installation) -> None:
    harbour = dock(place, SETTINGS, FakeProvider(place.clock, "RS256"))
    provider = harbour.provider
    provider.extra_keys.append({"kty": "oct", "k": b64(b"x" * 32).decode(), "kid": "shared"})
    forged = FakeProvider(place.clock, "RS256", private=new_private("RS256"))
    text = provider.signed(provider.claims()).rpartition(".")[0]
    hashed = hmac.digest(msgspec.json.encode(provider.key), text.encode(), "sha256")
    shared = b64(msgspec.json.encode({"alg": "HS256", "kid": "shared"})) + b"." + text.split(".")[1].encode()
    tokens = [
        forged.signed(provider.claims()),
        provider.signed(provider.claims(), alg="none"),
        provider.signed(provider.claims(), alg="HS256"),
        provider.signed(provider.claims(), alg="PS256"),
        f"{text}.",
        f"{text}.{b64(hashed).decode()}",
        (shared + b"." + b64(hmac.digest(b"x" * 32, shared, "sha256"))).decode(),
        forged.signed(provider.claims(), jwk=forged.key, kid="one"),
    ]

    for token in tokens:
        with pytest.raises(InvalidToken):
            await harbour.process.identity.authenticate(token)


async def test_without_an_audience_no_token_of_the_provider_opens_the_door(place: Installation) -> None:
    harbour = dock(place, replace(SETTINGS, audience=""))

    for audience in ("muelle-api", "", None, "muelle"):
        with pytest.raises(InvalidToken):
            await harbour.process.identity.authenticate(harbour.provider.signed(harbour.provider.claims(aud=audience)))
    assert harbour.provider.asked == []


async def opened(harbour: Any) -> None:
    await harbour.process.identity.authenticate(harbour.provider.signed(harbour.provider.claims()))


async def test_keys_are_asked_for_again_when_one_is_new_and_not_more_often_than_that(place: Installation) -> None:
    harbour = dock(place)
    provider = harbour.provider
    await opened(harbour)
    asked = len(provider.asked)
    for number in range(50):
        with pytest.raises(InvalidToken):
            await harbour.process.identity.authenticate(provider.signed(provider.claims(), kid=f"x{number}"))
    assert len(provider.asked) == asked
    provider.key_id, provider.private = "two", new_private("ES256")
    place.clock.forward(seconds=REFETCH_SECONDS)

    await opened(harbour)

    assert len(provider.asked) == asked + 1
    with pytest.raises(InvalidToken):
        await harbour.process.identity.authenticate(provider.signed(provider.claims(), kid="one"))


async def test_keys_count_for_a_day_while_the_provider_is_away_and_not_longer(place: Installation) -> None:
    harbour = dock(place)
    await opened(harbour)
    harbour.provider.is_away = True
    place.clock.forward(seconds=FRESH_SECONDS)
    await opened(harbour)
    place.clock.forward(seconds=STALE_SECONDS)

    with pytest.raises(InvalidToken) as refused:
        await opened(harbour)

    assert refused.value.cause == "provider_failed"


async def test_where_keys_are_can_be_said_for_who_has_no_discovery(place: Installation) -> None:
    harbour = dock(place, replace(SETTINGS, client_id="", keys="https://id.example.com/jwks.json"))

    await opened(harbour)

    assert harbour.provider.asked == ["https://id.example.com/jwks.json"]
    with pytest.raises(ProviderSettingsInvalid):
        dock(place, replace(SETTINGS, keys="http://id.example.com/jwks.json"))


async def test_a_provider_that_names_another_issuer_is_not_believed(place: Installation) -> None:
    harbour = dock(place)
    harbour.provider.issuer = "https://evil.example.com"

    with pytest.raises(ProviderFailed):
        await harbour.doors.federation.begin("dock")
    with pytest.raises(InvalidToken):
        await opened(harbour)


async def test_one_cannot_sign_in_with_who_is_not_there_or_only_issues_tokens(place: Installation) -> None:
    harbour = dock(place, replace(SETTINGS, client_id=""))

    assert harbour.doors.federation.names() == []
    for name in ("dock", "other"):
        with pytest.raises(ProviderNotFound):
            await harbour.doors.federation.begin(name)
