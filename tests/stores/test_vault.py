import stat
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from muelle.core import TenantId
from muelle.stores import Database, SqlVault, VaultSealed, migrate, open_sqlite, open_vault
from muelle.stores.errors import VaultKeyDamaged, VaultKeyExposed, VaultKeyMissing
from muelle.stores.vault import KEY_BYTES, make_key, read_key

_TENANT = TenantId("tenant_1")
_MAKE = """
import sys
from pathlib import Path
from muelle.stores.vault import make_key

print(make_key(Path(sys.argv[1])).hex())
"""


def _mode(file: Path) -> int:
    return stat.S_IMODE(file.stat().st_mode)


def _names(folder: Path) -> list[str]:
    return sorted(file.name for file in folder.iterdir())


def _lose(file: Path) -> None:
    file.unlink()


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_sqlite(tmp_path / "muelle.db") as database:
        await migrate(database)
        yield database


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    return tmp_path / "home" / "vault.key"


async def _change(database: Database, sql: str, *parameters: str | bytes) -> None:
    async with database.transaction() as transaction:
        assert await transaction.execute(sql, *parameters) == 1


async def test_the_first_start_makes_a_key_for_its_owner_alone(database: Database, key_file: Path) -> None:
    await (await open_vault(database, key_file)).put(_TENANT, "crm", "secret")
    assert _mode(key_file) == 0o600
    assert _names(key_file.parent) == ["vault.key"]
    assert await (await open_vault(database, key_file)).get(_TENANT, "crm") == "secret"


async def test_the_secret_is_nowhere_in_the_files(database: Database, key_file: Path) -> None:
    vault = await open_vault(database, key_file)
    await vault.put(_TENANT, "crm", "very-recognisable")
    files = [file.read_bytes() for file in key_file.parent.parent.rglob("*") if file.is_file()]
    assert not any(b"very-recognisable" in content for content in files)
    assert "***" in repr(vault)


async def test_the_same_secret_is_never_sealed_alike(database: Database) -> None:
    vault = SqlVault(database, b"k" * KEY_BYTES)
    for name in "ab":
        await vault.put(_TENANT, name, "secret")
    rows = await database.fetch("SELECT sealed FROM secrets")
    assert len({row[0] for row in rows} | {row[0][:13] for row in rows}) == 4


async def test_without_its_key_the_vault_does_not_open(database: Database, key_file: Path) -> None:
    await (await open_vault(database, key_file)).put(_TENANT, "crm", "secret")
    _lose(key_file)
    with pytest.raises(VaultKeyMissing) as refused:
        await open_vault(database, key_file)
    assert refused.value.facts == {"path": str(key_file)}
    assert _names(key_file.parent) == []


async def test_another_key_opens_nothing(database: Database) -> None:
    await SqlVault(database, b"k" * KEY_BYTES).put(_TENANT, "crm", "secret")
    with pytest.raises(VaultSealed):
        await SqlVault(database, b"x" * KEY_BYTES).get(_TENANT, "crm")


@pytest.mark.parametrize("column", ["tenant", "name"])
async def test_a_row_that_was_moved_does_not_open(database: Database, column: str) -> None:
    vault = SqlVault(database, b"k" * KEY_BYTES)
    await vault.put(_TENANT, "crm", "secret")
    await _change(database, f"UPDATE secrets SET {column} = ?", "other")  # noqa: S608 - fixed names
    moved = {"tenant": (TenantId("other"), "crm"), "name": (_TENANT, "other")}[column]
    with pytest.raises(VaultSealed):
        await vault.get(*moved)


@pytest.mark.parametrize("at", [0, 1, 12, 13, -17, -1])
async def test_a_changed_byte_does_not_open(database: Database, at: int) -> None:
    vault = SqlVault(database, b"k" * KEY_BYTES)
    await vault.put(_TENANT, "crm", "secret")
    sealed = bytearray((await database.fetch("SELECT sealed FROM secrets"))[0][0])
    sealed[at] ^= 1
    await _change(database, "UPDATE secrets SET sealed = ?", bytes(sealed))
    with pytest.raises(VaultSealed):
        await vault.get(_TENANT, "crm")


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x01" + b"n" * 12, b"\x01" + b"n" * 11 + b"c" * 16])
async def test_a_shortened_row_does_not_open(database: Database, sealed: bytes) -> None:
    vault = SqlVault(database, b"k" * KEY_BYTES)
    await vault.put(_TENANT, "crm", "secret")
    await _change(database, "UPDATE secrets SET sealed = ?", sealed)
    with pytest.raises(VaultSealed):
        await vault.get(_TENANT, "crm")


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610])
def test_a_key_that_others_may_touch_is_refused(key_file: Path, mode: int) -> None:
    make_key(key_file)
    key_file.chmod(mode)
    with pytest.raises(VaultKeyExposed) as refused:
        read_key(key_file)
    assert refused.value.facts == {"path": str(key_file), "mode": f"{mode:03o}"}


@pytest.mark.parametrize("content", [b"", b"zz" * KEY_BYTES, b"ab" * (KEY_BYTES - 1), b"ab" * (KEY_BYTES + 1), b"\xff"])
def test_a_damaged_key_is_refused(key_file: Path, content: bytes) -> None:
    make_key(key_file)
    key_file.write_bytes(content)
    with pytest.raises(VaultKeyDamaged):
        read_key(key_file)


def test_processes_that_start_at_once_get_one_key(key_file: Path) -> None:
    command = [sys.executable, "-c", _MAKE, str(key_file)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]  # noqa: S603 - fixed
    keys = {process.communicate(timeout=60)[0].strip() for process in processes}
    assert keys == {key_file.read_text().strip()}
