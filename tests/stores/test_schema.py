import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any, get_args

import pytest

from fixtures.databases import Open
from muelle.stores import Database, Dialect, StoresSettings, migrate
from muelle.stores.errors import SchemaForeign, SchemaTooNew
from muelle.stores.schema import MIGRATIONS, head, render, revision, snapshot

_SHAPE = {
    # SQLite keeps its table of AUTOINCREMENT, once it has it, for good.
    "sqlite": "SELECT type, name, sql FROM sqlite_master WHERE name <> 'sqlite_sequence' ORDER BY name",
    "postgresql": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, ordinal_position::text
        FROM information_schema.columns WHERE table_schema = 'public'
        UNION ALL SELECT tablename, indexname, indexdef, '', '', '' FROM pg_indexes WHERE schemaname = 'public'
        ORDER BY 1, 2, 3""",
}
_START = """
import asyncio, sys
from pathlib import Path
from muelle.core import Secret
from muelle.stores import StoresSettings, open_database

async def start():
    async with open_database(Path(sys.argv[1]), StoresSettings(url=Secret(sys.argv[2]))) as database:
        print((await database.fetch("SELECT version_num FROM alembic_version"))[0][0])
        print("alembic" in sys.modules)

asyncio.run(start())
"""


def revisions() -> list[str]:
    return sorted(file.name[:4] for file in (MIGRATIONS / "versions").glob("0*.py"))


async def apply(database: Database, statements: Iterable[str]) -> None:
    async with database.transaction() as transaction:
        for statement in statements:
            await transaction.execute(statement)


async def shape(database: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.fetch(_SHAPE[database.dialect])]


@pytest.mark.parametrize("dialect", get_args(Dialect))
def test_the_snapshot_is_what_the_migrations_make(dialect: Dialect) -> None:
    assert snapshot(dialect) == render(dialect, "base", head()), "run scripts/snapshot_schema.py"


def test_revisions_stand_in_one_line() -> None:
    assert revisions() == [f"{number:04}" for number in range(1, len(revisions()) + 1)]
    assert revisions()[-1] == head()


async def test_one_revision_after_another_leads_to_the_snapshot(empty_database: Database) -> None:
    await apply(empty_database, render(empty_database.dialect, "base", "0001"))
    for number, following in zip(revisions(), revisions()[1:], strict=False):
        await apply(empty_database, render(empty_database.dialect, number, following))
    step_by_step = await shape(empty_database)
    await apply(empty_database, render(empty_database.dialect, head(), "base"))
    emptied = await shape(empty_database)
    await apply(empty_database, snapshot(empty_database.dialect))
    assert emptied == []
    assert await shape(empty_database) == step_by_step


async def test_every_revision_can_be_taken_back(empty_database: Database) -> None:
    dialect = empty_database.dialect
    for number in revisions():
        await apply(empty_database, render(dialect, "base", number))
        before = await shape(empty_database)
        if number != head():
            following = f"{int(number) + 1:04}"
            await apply(empty_database, render(dialect, number, following))
            await apply(empty_database, render(dialect, following, number))
        assert await shape(empty_database) == before
        await apply(empty_database, render(dialect, number, "base"))


async def test_an_empty_database_gets_the_schema_and_a_second_time_changes_nothing(empty_database: Database) -> None:
    await migrate(empty_database)
    first = await shape(empty_database)
    await migrate(empty_database)
    assert await revision(empty_database.fetch, empty_database.dialect) == head()
    assert await shape(empty_database) == first


async def test_an_older_database_is_brought_up_to_date_and_keeps_its_rows(empty_database: Database) -> None:
    await apply(empty_database, render(empty_database.dialect, "base", "0001"))
    async with empty_database.transaction() as transaction:
        await transaction.execute("INSERT INTO secrets VALUES (?, ?, ?)", "t", "n", b"s")
    await migrate(empty_database)
    assert await revision(empty_database.fetch, empty_database.dialect) == head()
    assert len(await empty_database.fetch("SELECT * FROM secrets")) == 1


async def test_a_newer_database_is_left_alone(database: Database) -> None:
    async with database.transaction() as transaction:
        await transaction.execute("UPDATE alembic_version SET version_num = '9999'")
    before = await shape(database)
    with pytest.raises(SchemaTooNew) as refused:
        await migrate(database)
    assert refused.value.facts == {"database": "9999", "code": head()}
    assert await shape(database) == before


async def test_somebody_elses_database_is_left_alone(empty_database: Database) -> None:
    await apply(empty_database, ["CREATE TABLE invoices (id TEXT)"])
    with pytest.raises(SchemaForeign) as refused:
        await migrate(empty_database)
    assert refused.value.facts == {"tables": ["invoices"]}


@pytest.mark.parametrize("kind", get_args(Dialect))
def test_processes_that_start_at_once_share_one_schema_and_load_no_alembic(
    kind: Dialect, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = request.getfixturevalue("postgres_url") if kind == "postgresql" else ""
    command = [sys.executable, "-c", _START, str(tmp_path), url]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603 - fixed
        for _ in range(3)
    ]
    answers = [process.communicate(timeout=60) for process in processes]
    assert answers == [(f"{head()}\nFalse\n", "")] * 3


async def test_a_process_that_starts_does_not_wait_for_one_that_writes(opening: Open) -> None:
    async with opening(StoresSettings()) as first, opening(StoresSettings(busy_seconds=0.1)) as second:
        await migrate(first)
        async with first.transaction() as transaction:
            await transaction.execute("DELETE FROM secrets")
            await migrate(second)
