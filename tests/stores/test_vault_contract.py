import pytest

from muelle.core import TenantId
from muelle.stores import Database, MemoryVault, SqlVault, Vault
from muelle.stores.checks import LONGEST_NAME, LONGEST_SECRET
from muelle.stores.errors import InvalidSecret

_OURS, _THEIRS = TenantId("ours"), TenantId("theirs")


@pytest.fixture
def vault(memory_or_database: Database | None) -> Vault:
    return SqlVault(memory_or_database, b"k" * 32) if memory_or_database else MemoryVault()


async def test_another_tenants_secret_is_not_there(vault: Vault) -> None:
    await vault.put(_OURS, "crm", "ours")
    assert await vault.get(_THEIRS, "crm") is None
    assert not await vault.delete(_THEIRS, "crm")
    assert await vault.get(_OURS, "crm") == "ours"


async def test_a_later_secret_replaces_an_earlier(vault: Vault) -> None:
    await vault.put(_OURS, "crm", "first")
    await vault.put(_OURS, "crm", "sécond €")
    assert await vault.get(_OURS, "crm") == "sécond €"


async def test_what_is_deleted_is_gone(vault: Vault) -> None:
    await vault.put(_OURS, "crm", "secret")
    assert await vault.delete(_OURS, "crm")
    assert not await vault.delete(_OURS, "crm")
    assert await vault.get(_OURS, "crm") is None


async def test_secrets_and_names_have_a_longest_length(vault: Vault) -> None:
    name, secret = "n" * LONGEST_NAME, "s" * LONGEST_SECRET
    await vault.put(_OURS, name, secret)
    assert await vault.get(_OURS, name) == secret
    for refused in ((name + "n", secret), (name, secret + "s"), ("", secret), (name, ""), ("a\nb", secret)):
        with pytest.raises(InvalidSecret):
            await vault.put(_OURS, *refused)


async def test_an_error_never_shows_the_secret(vault: Vault) -> None:
    with pytest.raises(InvalidSecret) as refused:
        await vault.put(_OURS, "crm", "hidden" * LONGEST_SECRET)
    assert "hidden" not in str(refused.value)
    assert "hidden" not in repr(refused.value)
