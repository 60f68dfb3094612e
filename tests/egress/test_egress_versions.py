from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from egress.egress_world import OTHER, SECRET, World, agent, reply
from muelle.core import CredentialRef, Metric, Secret, TenantId
from muelle.egress import Credential, CredentialDraft, CredentialId, MemoryUses, SqlRegister, SqlUses, Upkeep, Uses
from muelle.egress.credentials import MAX_GRACE
from muelle.egress.errors import CredentialExpired, CredentialNotFound, InvalidCredential
from muelle.identity import Refused, Rule
from muelle.stores import Database

KEY = CredentialId("key")
HEADERS = {"Authorization": CredentialRef("key")}
NEW = Secret("another-token-value")
HOUR = timedelta(hours=1)
TENANT = agent().tenant


def accepts(world: World, *secrets: str, status: int = 401) -> None:
    def answer(seen: Any) -> bytes:
        return reply(
            200 if seen.headers["authorization"] in secrets else status, seen.headers["authorization"].encode()
        )

    world.server.answers("/", answer)


async def rotate(world: World, grace: timedelta = timedelta(), **given: Any) -> Credential:
    return await world.egress.credentials.rotate(agent(), KEY, NEW, grace, **given)


async def call(world: World) -> Any:
    return await world.get(world.server.url(), headers=HEADERS)


async def test_a_rotated_secret_is_sent_and_the_one_before_is_gone(world: World) -> None:
    await world.credential()

    rotated = await rotate(world)
    await call(world)

    assert (rotated.version, rotated.retired, rotated.rotated) == (2, None, world.clock.now())
    assert world.server.seen[0].headers["authorization"] == NEW.reveal()
    assert list(world.vault._secrets.values()) == [NEW.reveal()]


async def test_while_its_grace_lasts_the_secret_before_does_where_the_new_one_is_refused(world: World) -> None:
    await world.credential()
    accepts(world, SECRET)

    await rotate(world, HOUR)
    answer = await call(world)

    assert (answer.status, answer.body) == (200, b"***")
    assert [seen.headers["authorization"] for seen in world.server.seen] == [NEW.reveal(), SECRET]


async def test_after_its_grace_the_secret_before_is_sent_no_more(world: World) -> None:
    await world.credential()
    accepts(world, SECRET)
    await rotate(world, HOUR)

    world.clock.forward(seconds=3600)
    answer = await call(world)

    assert (answer.status, len(world.server.seen)) == (401, 1)


async def test_what_is_forbidden_is_not_asked_again_with_another_secret(world: World) -> None:
    await world.credential()
    accepts(world, SECRET, status=403)
    await rotate(world, HOUR)

    assert (await call(world)).status == 403
    assert len(world.server.seen) == 1


async def test_a_key_that_signs_falls_back_where_it_is_forbidden(world: World) -> None:
    await world.credential("a-shared-key", type="hmac", options={"parts": ["path"]})
    world.server.answers("/", lambda _: reply(403 if len(world.server.seen) == 1 else 200))
    await rotate(world, HOUR)

    answer = await world.get(world.server.url(), headers={"X-Signature": CredentialRef("key")})

    assert answer.status == 200
    assert len({seen.headers["x-signature"] for seen in world.server.seen}) == 2


async def test_only_the_last_version_has_a_grace(world: World) -> None:
    await world.credential()
    await rotate(world, HOUR)

    third = await rotate(world, HOUR)

    assert (third.version, third.retired and third.retired.version) == (3, 2)
    assert sorted(name for _, name in world.vault._secrets) == ["credential.key.2", "credential.key.3"]


@pytest.mark.parametrize(
    ("grace", "fits"), [(MAX_GRACE, True), (MAX_GRACE + timedelta(seconds=1), False), (-HOUR, False)]
)
async def test_a_grace_has_a_longest_time(world: World, grace: timedelta, *, fits: bool) -> None:
    await world.credential()
    if fits:
        assert (await rotate(world, grace)).retired is not None
        return
    with pytest.raises(InvalidCredential) as error:
        await rotate(world, grace)
    assert error.value.facts["field"] == "grace"


async def test_a_removed_credential_leaves_no_version_behind(world: World) -> None:
    await world.credential()
    await rotate(world, HOUR)

    await world.egress.credentials.remove(agent(), KEY)

    assert world.vault._secrets == {}


async def test_strangers_and_other_tenants_rotate_nothing(world: World) -> None:
    await world.credential()

    with pytest.raises(Refused):
        await world.egress.credentials.rotate(agent(Rule("credentials:use", "key")), KEY, NEW)
    with pytest.raises(CredentialNotFound):
        await world.egress.credentials.rotate(agent(tenant=OTHER), KEY, NEW)
    assert [act.action for act in world.trail._acts.values()] == ["credentials.add", "credentials.rotate"]


async def test_an_expired_secret_is_not_sent(world: World) -> None:
    await world.credential(expires=world.clock.now() + HOUR)
    world.clock.forward(seconds=3599)
    assert (await call(world)).status == 200

    world.clock.forward(seconds=1)
    with pytest.raises(CredentialExpired) as error:
        await call(world)

    assert error.value.facts["credential"] == "key"
    await rotate(world)
    assert (await call(world)).status == 200


@pytest.mark.parametrize(
    ("expires", "status"),
    [(None, "valid"), (timedelta(days=14, seconds=1), "valid"), (timedelta(days=14), "expiring"), (HOUR, "expiring")],
)
async def test_what_expires_soon_says_so(world: World, expires: timedelta | None, status: str) -> None:
    kept = await world.credential(expires=expires and world.clock.now() + expires)

    (standing,) = await world.egress.credentials.standings([kept])

    assert standing.status == status
    if expires:
        world.clock.forward(seconds=expires.total_seconds())
        (standing,) = await world.egress.credentials.standings([kept])
        assert standing.status == "expired"


@pytest.mark.parametrize("expires", [datetime(2020, 1, 1, tzinfo=UTC), datetime(2999, 1, 1)])  # noqa: DTZ001 - the fault
async def test_an_end_lies_ahead_and_has_a_time_zone(world: World, expires: datetime) -> None:
    with pytest.raises(InvalidCredential) as error:
        await world.credential(expires=expires)
    assert error.value.facts["field"] == "expires"


async def test_a_credential_without_a_secret_of_its_own_has_none_to_send(world: World) -> None:
    hosts = (world.server.url().rstrip("/"),)
    await world.egress.credentials.add(agent(), CredentialDraft(id=KEY, hosts=hosts), None)

    with pytest.raises(CredentialNotFound):
        await call(world)


async def test_the_last_use_is_noted_once_a_minute(world: World) -> None:
    kept = await world.credential()
    began = world.clock.now()

    for _ in range(3):
        await call(world)
        world.clock.forward(seconds=20)
    (first,) = await world.egress.credentials.standings([kept])
    await call(world)
    (second,) = await world.egress.credentials.standings([kept])

    assert (first.used, second.used) == (began, began + timedelta(minutes=1))


@pytest.fixture
def uses(memory_or_database: Database | None) -> Uses:
    return SqlUses(memory_or_database) if memory_or_database else MemoryUses()


async def test_uses_are_kept_by_tenant_and_never_go_back(uses: Uses) -> None:
    at = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=timezone(HOUR))
    await uses.note(TENANT, KEY, at)
    await uses.note(TENANT, KEY, at - HOUR)

    assert await uses.of(TENANT) == {KEY: at}
    assert await uses.of(OTHER) == {}
    await uses.forget(TENANT, KEY)
    assert await uses.of(TENANT) == {}


class Gauges:
    """Remembers gauges."""

    def __init__(self) -> None:
        self.seen: dict[tuple[str, ...], float] = {}

    def count(self, metric: Metric, *labels: str, by: float = 1) -> None:
        """Forget it."""

    def observe(self, metric: Metric, value: float, *labels: str) -> None:
        """Forget it."""

    def gauge(self, metric: Metric, value: float, *labels: str) -> None:
        self.seen[metric.name, *labels] = value


async def test_upkeep_forgets_what_has_no_grace_and_counts_what_expires(world: World) -> None:
    await world.credential()
    await world.credential(id=CredentialId("soon"), expires=world.clock.now() + 2 * HOUR)
    await world.credential(by=agent(tenant=OTHER))
    await rotate(world, HOUR)
    gauges = Gauges()
    upkeep = Upkeep(world.parts.credentials, world.egress.credentials, gauges, world.clock)

    await upkeep.tend()
    assert len(world.vault._secrets) == 4
    world.clock.forward(seconds=3600)
    await upkeep.tend()

    assert (TENANT, "credential.key") not in world.vault._secrets
    assert (await world.egress.credentials.show(agent(), KEY)).retired is None
    assert gauges.seen == {
        ("muelle_credentials", "valid"): 2,
        ("muelle_credentials", "expiring"): 1,
        ("muelle_credentials", "expired"): 0,
    }


async def test_everyones_credentials_are_read_page_by_page(database: Database) -> None:
    register = SqlRegister(database, Credential)
    now = datetime(2026, 1, 2, tzinfo=UTC)
    for tenant, name in (("b", "x"), ("a", "y"), ("a", "x"), ("c", "x")):
        item = Credential(id=CredentialId(name), tenant=TenantId(tenant), created=now, updated=now, hosts=("h",))
        await register.add(item)

    first = await register.everyones(("", ""), 3)
    rest = await register.everyones((first[-1].tenant, first[-1].id), 3)

    assert [(each.tenant, each.id) for each in (*first, *rest)] == [("a", "x"), ("a", "y"), ("b", "x"), ("c", "x")]
