"""One contract for every register."""

from datetime import UTC, datetime

import pytest

from egress.egress_world import OTHER, TENANT
from muelle.core import TenantId
from muelle.egress import (
    Api,
    ApiId,
    Credential,
    CredentialId,
    Endpoint,
    MemoryRegister,
    Placement,
    Register,
    SqlRegister,
)
from muelle.stores import ConstraintViolated, Database

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)


def api(name: str = "crm", tenant: TenantId = TENANT, description: str = "") -> Api:
    return Api(
        id=ApiId(name),
        base_url="https://crm.example",
        description=description,
        endpoints=(Endpoint(method="GET", path="/{id}", parameters=({"name": "id", "enum": [1, None]},)),),
        credential=Placement(credential=CredentialId("key"), place="query", name="k"),
        timeout=1.5,
        tenant=tenant,
        created=NOW,
        updated=NOW,
    )


@pytest.fixture
def register(memory_or_database: Database | None) -> Register[Api]:
    return SqlRegister(memory_or_database, Api) if memory_or_database else MemoryRegister()


async def test_what_was_added_is_found_as_it_was(register: Register[Api]) -> None:
    await register.add(api())

    assert await register.find(TENANT, "crm") == api()
    assert await register.find(TENANT, "other") is None


async def test_another_tenant_finds_nothing(register: Register[Api]) -> None:
    await register.add(api())

    assert await register.find(OTHER, "crm") is None
    assert await register.all(OTHER) == []
    await register.replace(api(tenant=OTHER))
    await register.remove(OTHER, "crm")
    assert await register.all(TENANT) == [api()]


async def test_tenants_may_use_the_same_id(register: Register[Api]) -> None:
    await register.add(api())
    await register.add(api(tenant=OTHER))

    await register.remove(TENANT, "crm")

    assert await register.all(OTHER) == [api(tenant=OTHER)]


async def test_an_id_is_added_once(register: Register[Api]) -> None:
    await register.add(api())

    with pytest.raises(ConstraintViolated):
        await register.add(api(description="again"))

    assert await register.all(TENANT) == [api()]


async def test_what_was_replaced_is_found_changed(register: Register[Api]) -> None:
    await register.add(api())

    await register.replace(api(description="changed"))

    assert await register.find(TENANT, "crm") == api(description="changed")


async def test_replacing_or_removing_what_is_not_there_does_nothing(register: Register[Api]) -> None:
    await register.replace(api())
    await register.remove(TENANT, "crm")

    assert await register.all(TENANT) == []


async def test_items_come_in_the_order_of_their_ids(register: Register[Api]) -> None:
    for name in ("b", "A", "a", "B", "1"):
        await register.add(api(name))

    assert [item.id for item in await register.all(TENANT)] == ["1", "A", "B", "a", "b"]


async def test_credentials_are_kept_like_apis(database: Database) -> None:
    credential = Credential(
        id=CredentialId("key"),
        metadata={"a": [1, {"b": None}]},
        apis=(ApiId("crm"),),
        hosts=("https://a.example:443",),
        tenant=TENANT,
        created=NOW,
        updated=NOW,
    )
    register = SqlRegister(database, Credential)

    await register.add(credential)

    assert await register.find(TENANT, "key") == credential
    assert await SqlRegister(database, Api).find(TENANT, "key") is None
