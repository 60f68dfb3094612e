from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from functools import cache
from pathlib import Path

import pytest

from identity.identity_world import World, memory_world, open_world
from muelle.identity import SqlAuditTrail, SqlIdentityStore
from muelle.stores import Database, Dialect, open_sqlite
from muelle.stores.schema import render


@pytest.fixture
async def world() -> World:
    return await memory_world()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def stored(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """Open the same world on every kind of store."""
    if request.param == "memory":
        yield await memory_world()
        return
    async with AsyncExitStack() as stack:
        if request.param == "sqlite":
            database: Database = await stack.enter_async_context(open_sqlite(tmp_path / "identity.db"))
        else:
            pytest.importorskip("asyncpg")
            from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - an extra

            url = request.getfixturevalue("postgres_url")
            database = await stack.enter_async_context(open_postgres(url))
        await create_tables(database)
        yield await open_world(SqlIdentityStore(database), SqlAuditTrail(database))


async def create_tables(database: Database) -> None:
    async with database.transaction() as transaction:
        for statement in identity_tables(database.dialect):
            await transaction.execute(statement)


@cache
def identity_tables(dialect: Dialect) -> tuple[str, ...]:
    """Return what the room's revisions do, save for the noting of the revision: its tables alone."""
    rendered = (*render(dialect, "0002", "0003"), *render(dialect, "0009", "0013"))
    return tuple(sql for sql in rendered if "alembic_version" not in sql)
