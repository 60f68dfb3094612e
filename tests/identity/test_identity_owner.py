import pytest

from identity.identity_world import LIMITS, World
from muelle.core import ManualClock
from muelle.identity import (
    AgentDraft,
    AuditFilter,
    Identity,
    InvalidKey,
    MemoryAuditTrail,
    MemoryIdentityStore,
    RevokedKey,
)
from muelle.identity.errors import OwnerMissing


async def test_the_first_start_creates_an_owner_who_may_do_everything(world: World) -> None:
    assert (world.owner.name, world.owner.kind, world.owner.tenant) == ("admin", "user", "default")
    assert world.owner.may("apis:manage", "anything")


async def test_the_second_start_creates_nothing(stored: World) -> None:
    before = await stored.store.epoch()
    assert await stored.another_process().ensure_owner() is None
    assert await stored.store.epoch() == before


async def test_the_local_command_line_acts_as_the_owner(world: World) -> None:
    operator = await world.identity.operator()
    assert (operator.id, operator.key) == (world.owner.id, None)
    assert operator.may("identity:manage", "anything")


async def test_before_the_first_start_there_is_no_operator() -> None:
    trail = MemoryAuditTrail()
    with pytest.raises(OwnerMissing):
        await Identity(MemoryIdentityStore(trail), trail, ManualClock(), LIMITS).operator()


async def test_a_replaced_owners_key_opens_and_the_lost_one_does_not(stored: World) -> None:
    replacement = await stored.identity.owner.replace_key()
    assert (await stored.identity.authenticate(replacement.reveal())).may("*", "*")
    with pytest.raises(RevokedKey):
        await stored.identity.authenticate(stored.owner_key)
    assert replacement.reveal() not in repr(replacement)


async def test_an_owner_who_lost_every_right_gets_them_back(world: World) -> None:
    await world.identity.agents.add(world.owner, AgentDraft("second"))
    await world.identity.grants.add(world.owner, "second", "*", "*")
    second, _ = await world.with_key("second")
    await world.identity.agents.disable(second, "admin")
    grants = await world.identity.grants.list(second, "admin")
    await world.identity.grants.revoke(second, "admin", grants.items[0].id)
    with pytest.raises(InvalidKey):
        await world.identity.authenticate(world.owner_key)

    assert (await world.identity.operator()).may("identity:manage", "admin")
    key = await world.identity.owner.replace_key()
    assert (await world.identity.authenticate(key.reveal())).may("*", "*")


async def test_the_making_of_the_owner_is_recorded(world: World) -> None:
    await world.identity.owner.replace_key()
    acts = await world.acts(AuditFilter(principal=None))
    made = {act.action: act.principal for act in acts if act.action.startswith("owner.")}
    assert made == {"owner.create": "local", "owner.replace_key": "local"}
