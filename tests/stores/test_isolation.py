"""Row-level security: tried as the owner of the tables, who is no superuser, for those see everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from muelle.stores import Database, StoresSettings, migrate
from muelle.stores.scope import ALL, SETTING, bound, scope_of

asyncpg: Any = pytest.importorskip("asyncpg")
_KEPT = "INSERT INTO key_values (tenant, space, key, value, content_type) VALUES ($1, 's', 'k', '', '')"
_READ = "SELECT tenant FROM key_values WHERE tenant = ? ORDER BY tenant"
_ISOLATED = (
    "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = 'public' AND c.relkind = 'r' AND c.relrowsecurity AND c.relforcerowsecurity"
)
_WITH_TENANT = (
    "SELECT table_name FROM information_schema.columns WHERE table_schema = 'public' AND column_name = 'tenant'"
)
# Tables that belong to no tenant, and why.
_GLOBAL = {
    "alembic_version", "cursors", "fences", "workers", "identity_epoch", "identity_ledger", "trigger_epoch",  # ours
    "search_counter",  # keys of all tenants' entries
    "token_keys", "vault_master",  # the installation's keys
    "user_attempts", "user_mails",  # of strangers too, who have no tenant
    # Found by what only their owner knows, and then by the owner's row.
    "user_passkeys", "user_recovery_codes", "user_refresh_tokens",
}  # fmt: skip


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

    async with open_postgres(url, StoresSettings(connections=1)) as database:
        await migrate(database)
        yield database


@asynccontextmanager
async def session(url: str, scope: str | None) -> AsyncIterator[Any]:
    """Give a session of the tables' owner beside Muelle's own, with the setting or without."""
    connection = await asyncpg.connect(url, server_settings={} if scope is None else {SETTING: scope})
    try:
        yield connection
    finally:
        await connection.close()


async def filled(url: str) -> None:
    async with opened(url), session(url, ALL) as all_tenants:
        for tenant in ("a", "b"):
            await all_tenants.execute(_KEPT, tenant)


async def test_every_table_with_a_tenant_is_isolated_and_the_others_are_known(owner_url: str) -> None:
    async with opened(owner_url) as database:
        isolated = {row[0] for row in await database.fetch(_ISOLATED)}
        with_tenant = {row[0] for row in await database.fetch(_WITH_TENANT)}
        everything = {
            row[0] for row in await database.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        }
    assert isolated == with_tenant | {"identity_tenants"}
    assert everything - isolated == _GLOBAL


async def test_who_names_no_tenant_sees_nothing_though_the_tables_are_theirs(owner_url: str) -> None:
    await filled(owner_url)
    async with session(owner_url, None) as nobody:
        for table in [row[0] for row in await nobody.fetch(_ISOLATED)]:
            assert await nobody.fetchval(f"SELECT count(*) FROM {table}") == 0, table  # noqa: S608 - the server told the name
        assert await nobody.execute("DELETE FROM key_values") == "DELETE 0"
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await nobody.execute(_KEPT, "c")


async def test_a_tenant_sees_and_changes_only_its_own(owner_url: str) -> None:
    await filled(owner_url)
    async with session(owner_url, "a") as of_a:
        assert [row[0] for row in await of_a.fetch("SELECT tenant FROM key_values")] == ["a"]
        assert await of_a.execute("UPDATE key_values SET content_type = 'x'") == "UPDATE 1"
        assert await of_a.execute("DELETE FROM key_values WHERE tenant = 'b'") == "DELETE 0"
        for sql in (_KEPT, "UPDATE key_values SET tenant = $1"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await of_a.execute(sql, "b")
    async with session(owner_url, ALL) as everybody:
        assert await everybody.fetchval("SELECT count(*) FROM key_values") == 2


async def test_a_condition_with_a_mistake_in_it_still_finds_nothing_of_others(owner_url: str) -> None:
    await filled(owner_url)
    async with opened(owner_url) as database:
        mistaken = "SELECT tenant FROM key_values WHERE tenant = ? OR 1 = 1"
        assert [row[0] for row in await database.fetch(mistaken, "a")] == ["a"]


async def test_one_connection_asks_as_one_after_the_other(owner_url: str) -> None:
    await filled(owner_url)
    async with opened(owner_url) as database:
        for _ in range(2):
            for tenant in ("a", "b", "c"):
                rows = await database.fetch(_READ, tenant)
                assert [row[0] for row in rows] == [tenant] * (tenant != "c")
            assert len(await database.fetch("SELECT tenant FROM key_values")) == 2
            async with database.transaction() as transaction:
                assert len(await transaction.fetch("SELECT tenant FROM key_values")) == 2


async def test_a_query_that_was_given_up_leaves_nobody_elses_scope(owner_url: str) -> None:
    await filled(owner_url)
    async with opened(owner_url) as database:
        for _ in range(20):
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0):
                    await database.fetch(_READ, "b")
            assert [row[0] for row in await database.fetch(_READ, "a")] == ["a"]


@pytest.mark.parametrize(
    ("sql", "parameters", "scope"),
    [
        ("SELECT 1 FROM t WHERE tenant = ? AND id = ?", ("a", "x"), "a"),
        ("SELECT 1 FROM t WHERE id = ? AND r.tenant = ?", ("x", "a"), "a"),
        ("SELECT '?', 'tenant = ?' FROM t WHERE id = ?", ("x",), ALL),
        ("SELECT '?' FROM t WHERE tenant = ?", ("a",), "a"),
        ("SELECT 1 FROM t WHERE tenant = ? AND at > (SELECT max(at) FROM t)", ("a",), ALL),
        ("SELECT 1 FROM t WHERE tenant = ? AND at > (SELECT max(at) FROM t WHERE tenant = ?)", ("a", "a"), "a"),
        ("SELECT 1 FROM t WHERE tenant = ? AND at > (SELECT max(at) FROM t WHERE tenant = ?)", ("a", "b"), ALL),
        ("SELECT 1 FROM t WHERE tenant > ? OR (tenant = ? AND id > ?)", ("a", "a", "x"), ALL),
        ("SELECT 1 FROM t WHERE id = ? AND tenant <> ?", ("x", "a"), ALL),
        ("SELECT 1 FROM t", (), ALL),
        ("SELECT 1 FROM t WHERE old_tenant = ?", ("a",), ALL),
    ],
)
def test_a_query_runs_as_the_tenant_that_all_its_parts_name(sql: str, parameters: tuple[str, ...], scope: str) -> None:
    assert scope_of(sql, parameters) == scope
    assert bound(sql) == bound(sql)
