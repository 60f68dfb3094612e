import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from muelle.core import TenantId
from muelle.egress import EnvelopeVault, KeyFiles, open_envelope
from muelle.stores import Database, SqlVault, Statement, VaultSealed, migrate, open_sqlite
from muelle.stores.checks import LONGEST_NAME, LONGEST_SECRET, check_secret
from muelle.stores.errors import InvalidSecret
from muelle.stores.vault import make_key, read_key

ACME, GLOBEX = TenantId("acme"), TenantId("globex")
FILES = KeyFiles(read_key, make_key, check_secret)
SECRETS = {(tenant, f"name{number}"): f"{tenant}-secret-{number}" for tenant in (ACME, GLOBEX) for number in range(3)}


class Interrupted(Exception):
    """The process ended here."""


class Breaking:
    """A database whose process ends after so many steps."""

    def __init__(self, database: Database, steps: int) -> None:
        self._database = database
        self._left = steps

    def _step(self) -> None:
        if not self._left:
            raise Interrupted
        self._left -= 1

    async def fetch(self, sql: str, *parameters: Any) -> Any:
        self._step()
        return await self._database.fetch(sql, *parameters)

    async def commit(self, statements: Sequence[Statement], *, flush: bool = True) -> None:
        self._step()
        await self._database.commit(statements, flush=flush)

    @asynccontextmanager
    async def transaction(self, seconds: float | None = None, *, alone: bool = True) -> AsyncIterator[Any]:
        self._step()
        async with self._database.transaction(seconds, alone=alone) as transaction:
            yield transaction
            self._step()


@pytest.fixture
async def files(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_sqlite(tmp_path / "muelle.db") as database:
        await migrate(database)
        make_key(tmp_path / "vault.key")
        yield database


def content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.is_file())


async def opened(database: Any, path: Path) -> EnvelopeVault:
    return await open_envelope(database, path / "vault.key", FILES)


async def filled(database: Database, path: Path) -> EnvelopeVault:
    vault = await opened(database, path)
    for (tenant, name), secret in SECRETS.items():
        await vault.put(tenant, name, secret)
    return vault


async def test_it_keeps_secrets_on_every_database(database: Database, tmp_path: Path) -> None:
    make_key(tmp_path / "vault.key")
    vault = await opened(database, tmp_path)

    await vault.put(ACME, "crm", "first")
    await vault.put(ACME, "crm", "sécond €")

    assert await (await opened(database, tmp_path)).get(ACME, "crm") == "sécond €"
    assert await vault.get(GLOBEX, "crm") is None
    assert (await vault.rekey()).data_keys == 1
    assert await (await opened(database, tmp_path)).get(ACME, "crm") == "sécond €"
    assert (await vault.delete(ACME, "crm"), await vault.delete(ACME, "crm")) == (True, False)
    assert await vault.get(ACME, "crm") is None


async def test_names_and_secrets_have_their_longest_length(files: Database, tmp_path: Path) -> None:
    vault = await opened(files, tmp_path)
    name, secret = "n" * LONGEST_NAME, "s" * LONGEST_SECRET

    await vault.put(ACME, name, secret)

    assert await vault.get(ACME, name) == secret
    for refused in ((name + "n", secret), (name, secret + "s"), ("", secret), (name, "")):
        with pytest.raises(InvalidSecret):
            await vault.put(ACME, *refused)


async def test_tenants_have_a_data_key_each_and_no_secret_lies_in_the_files(files: Database, tmp_path: Path) -> None:
    await filled(files, tmp_path)

    keys = await files.fetch("SELECT tenant, wrapped FROM vault_keys ORDER BY tenant")

    assert [row[0] for row in keys] == ["acme", "globex"]
    assert keys[0][1] != keys[1][1]
    assert b"acme-secret" not in content(tmp_path)


async def test_a_row_that_is_moved_to_another_name_or_tenant_does_not_open(files: Database, tmp_path: Path) -> None:
    vault = await filled(files, tmp_path)
    sealed = (await files.fetch("SELECT sealed FROM secrets WHERE tenant = 'acme' AND name = 'name0'"))[0][0]

    for tenant, name in ((ACME, "name1"), (GLOBEX, "name0")):
        await files.commit(
            [Statement("UPDATE secrets SET sealed = ? WHERE tenant = ? AND name = ?", [(sealed, tenant, name)])]
        )
        with pytest.raises(VaultSealed):
            await vault.get(tenant, name)


async def test_secrets_of_the_old_format_open_and_become_envelopes(files: Database, tmp_path: Path) -> None:
    old = SqlVault(files, read_key(tmp_path / "vault.key") or b"")
    await old.put(ACME, "crm", "of the old format")
    vault = await opened(files, tmp_path)
    assert await vault.get(ACME, "crm") == "of the old format"

    done = await vault.rekey()

    assert (done.secrets, done.was_resumed) == (1, False)
    assert await (await opened(files, tmp_path)).get(ACME, "crm") == "of the old format"
    assert (await files.fetch("SELECT sealed FROM secrets"))[0][0][:1] == b"\x02"


async def test_a_rekey_changes_the_key_and_no_secret_under_running_processes(files: Database, tmp_path: Path) -> None:
    running = await filled(files, tmp_path)
    sealed = await files.fetch("SELECT sealed FROM secrets ORDER BY tenant, name")
    before = read_key(tmp_path / "vault.key")

    done = await (await opened(files, tmp_path)).rekey()

    assert done.data_keys == 2
    assert read_key(tmp_path / "vault.key") != before
    assert await files.fetch("SELECT sealed FROM secrets ORDER BY tenant, name") == sealed
    await running.put(TenantId("new"), "crm", "of a new tenant")
    fresh = await opened(files, tmp_path)
    for vault in (running, fresh):
        assert {key: await vault.get(*key) for key in SECRETS} == SECRETS
        assert await vault.get(TenantId("new"), "crm") == "of a new tenant"


async def test_the_old_key_opens_nothing_after_a_rekey(files: Database, tmp_path: Path) -> None:
    vault = await filled(files, tmp_path)
    (tmp_path / "old").mkdir()
    os.link(tmp_path / "vault.key", tmp_path / "old" / "vault.key")

    await vault.rekey()

    with pytest.raises(VaultSealed):
        await (await opened(files, tmp_path / "old")).get(ACME, "name0")


async def test_a_rekey_that_is_interrupted_anywhere_loses_nothing_and_goes_on(tmp_path: Path) -> None:
    for steps in range(40):
        folder = tmp_path / str(steps)
        folder.mkdir()
        make_key(folder / "vault.key")
        async with open_sqlite(folder / "muelle.db") as database:
            await migrate(database)
            running = await filled(database, folder)
            await SqlVault(database, read_key(folder / "vault.key") or b"").put(ACME, "old", "of the old format")
            ended = False
            try:
                await (await opened(Breaking(database, steps), folder)).rekey()
                ended = True
            except Interrupted:
                await running.put(TenantId("new"), "crm", "kept meanwhile")
            after = await opened(database, folder)
            expected = {**SECRETS, (ACME, "old"): "of the old format"}
            assert {key: await after.get(*key) for key in expected} == expected, steps
            if ended:
                return
            is_open = (folder / "vault.key.next").exists()  # else only the renaming was left, and opening did it
            assert (await after.rekey()).was_resumed is is_open
            again = await opened(database, folder)
            assert {key: await again.get(*key) for key in expected} == expected, steps
            assert await again.get(TenantId("new"), "crm") == "kept meanwhile"
            assert not (folder / "vault.key.next").exists()
    pytest.fail("the rekey never came to its end")


async def test_another_machine_takes_the_successor_over_when_the_rekey_is_done(files: Database, tmp_path: Path) -> None:
    first = await filled(files, tmp_path)
    other = tmp_path / "other"
    other.mkdir()
    os.link(tmp_path / "vault.key", other / "vault.key")
    make_key(tmp_path / "vault.key.next")
    os.link(tmp_path / "vault.key.next", other / "vault.key.next")
    there = await opened(files, other)
    assert (other / "vault.key.next").exists()

    await first.rekey()

    assert await there.get(ACME, "name0") == "acme-secret-0"
    await opened(files, other)
    assert read_key(other / "vault.key") == read_key(tmp_path / "vault.key")
    assert not (other / "vault.key.next").exists()


async def test_a_key_that_is_not_on_this_machine_is_named_and_nothing_is_lost(files: Database, tmp_path: Path) -> None:
    await filled(files, tmp_path)
    strange = tmp_path / "strange"
    strange.mkdir()
    make_key(strange / "vault.key")
    vault = await opened(files, strange)

    with pytest.raises(VaultSealed):
        await vault.get(ACME, "name0")
    with pytest.raises(VaultSealed):
        await vault.put(TenantId("new"), "crm", "a secret")
    with pytest.raises(VaultSealed):
        await vault.rekey()

    assert (strange / "vault.key").exists()
    assert await (await opened(files, tmp_path)).get(ACME, "name0") == "acme-secret-0"
    assert "***" in repr(vault)
