import asyncio
import signal
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from muelle.stores import DatabaseBusy, SqliteDatabase, Statement, StoresSettings, open_sqlite
from muelle.stores.adapters import sqlite_file
from muelle.stores.errors import DatabaseCorrupt, DatabaseNotWritable, DiskFull, StatementRefused, TransactionTimedOut

_PUT = "INSERT INTO things (name) VALUES (?)"
_HASTY = StoresSettings(busy_seconds=0.05)
_TABLE = "CREATE TABLE IF NOT EXISTS things (name TEXT PRIMARY KEY)"
# Prints each name once its commit was answered, until it is killed.
_WRITER = """
import asyncio, sys
from pathlib import Path
from typing import Any
from muelle.stores import Statement, StoresSettings, open_sqlite

async def write(database, caller):
    number = 0
    while True:
        name = f"{sys.argv[3]}-{caller}-{number}"
        statement = Statement("INSERT INTO things (name) VALUES (?)", [(name,)])
        await database.commit([statement], flush=sys.argv[2] != "EFFECTS")
        print(name, flush=True)
        number += 1

async def main():
    settings = StoresSettings(synchronous=sys.argv[2], busy_seconds=30)
    async with open_sqlite(Path(sys.argv[1]), settings) as database:
        await asyncio.gather(*[write(database, caller) for caller in range(4)])

asyncio.run(main())
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "muelle.db"
    with sqlite3.connect(path) as connection:
        connection.execute(_TABLE)
    connection.close()
    return path


def _writer(path: Path, synchronous: str, name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", _WRITER, str(path), synchronous, name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603 - fixed


def _acknowledged(process: subprocess.Popen[str], count: int) -> set[str]:
    """Kill the writer after it has printed so many names; return all whole lines that it printed."""
    assert process.stdout
    lines = [process.stdout.readline() for _ in range(count)]
    process.send_signal(signal.SIGKILL)
    lines += process.stdout.readlines()
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL
    return {line.strip() for line in lines if line.endswith("\n")}


async def _stored(path: Path) -> set[str]:
    async with open_sqlite(path) as database:
        return {row[0] for row in await database.fetch("SELECT name FROM things")}


@pytest.mark.parametrize("synchronous", ["FULL", "EFFECTS", "NORMAL"])
async def test_a_killed_process_loses_nothing_that_it_acknowledged(path: Path, synchronous: str) -> None:
    acknowledged = _acknowledged(_writer(path, synchronous, "a"), 400)
    assert len(acknowledged) >= 400
    assert acknowledged <= await _stored(path)


@pytest.mark.parametrize("synchronous", ["FULL", "EFFECTS", "NORMAL"])
async def test_two_processes_write_to_one_file(path: Path, synchronous: str) -> None:
    processes = [_writer(path, synchronous, name) for name in "ab"]
    acknowledged = [_acknowledged(process, 100) for process in processes]
    assert acknowledged[0] | acknowledged[1] <= await _stored(path)


@pytest.mark.parametrize("synchronous", ["FULL", "NORMAL"])
async def test_a_file_that_another_holds_is_busy_and_serves_again_afterwards(path: Path, synchronous: str) -> None:
    other = sqlite3.connect(path, isolation_level=None)
    settings = StoresSettings(busy_seconds=0.05, synchronous="FULL" if synchronous == "FULL" else "NORMAL")
    async with open_sqlite(path, settings) as database:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(DatabaseBusy):
            await database.commit([Statement(_PUT, [("a",)])])
        with pytest.raises(DatabaseBusy):
            async with database.transaction():
                pass
        other.execute("ROLLBACK")
        other.close()
        await database.commit([Statement(_PUT, [("b",)])])
    assert await _stored(path) == {"b"}


async def test_a_commit_that_is_awaited_inside_a_transaction_ends_it_instead_of_waiting_for_ever(path: Path) -> None:
    queued: list[asyncio.Future[None]] = []

    async def wait_for_oneself(database: SqliteDatabase) -> None:
        async with database.transaction() as transaction:
            await transaction.execute(_PUT, "a")
            queued.append(database.commit([Statement(_PUT, [("b",)])]))
            await asyncio.shield(queued[0])

    async with open_sqlite(path, StoresSettings(transaction_seconds=0.05)) as database:
        with pytest.raises(TransactionTimedOut):
            await wait_for_oneself(database)
        await queued[0]
    assert await _stored(path) == {"b"}


async def test_readers_do_not_wait_for_writers(path: Path) -> None:
    async with open_sqlite(path, _HASTY) as database, database.transaction() as transaction:
        await transaction.execute(_PUT, "a")
        assert await database.fetch("SELECT * FROM things") == []


async def test_a_file_that_is_no_database_is_said_to_be_damaged(tmp_path: Path) -> None:
    path = tmp_path / "muelle.db"
    path.write_bytes(b"certainly not a database" * 100)
    with pytest.raises(DatabaseCorrupt) as refused:
        async with open_sqlite(path):
            pass
    assert refused.value.facts["path"] == str(path)


async def test_a_damaged_page_is_told_and_not_answered(path: Path) -> None:
    async with open_sqlite(path) as database:
        await database.commit([Statement(_PUT, [(f"{number:05}" * 20,) for number in range(2000)])])
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * 40_000)
    async with open_sqlite(path) as database:
        with pytest.raises(DatabaseCorrupt):
            await database.fetch("SELECT count(name) FROM things WHERE name > ''")


async def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    path = tmp_path / "file" / "muelle.db"
    with pytest.raises(DatabaseNotWritable) as refused:
        async with open_sqlite(path):
            pass
    assert refused.value.facts["path"] == str(path)


async def test_the_file_belongs_to_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "home" / "muelle.db"
    async with open_sqlite(path) as database:
        async with database.transaction() as transaction:
            await transaction.execute(_TABLE)
        modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert set(modes.values()) == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert "muelle.db-wal" in modes


def test_a_full_disk_is_told_to_every_caller_and_space_makes_it_work_again(path: Path) -> None:
    connection = sqlite_file.open_file(path, StoresSettings())
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages}")  # SQLite answers as it does when the disk is full
    large = [[Statement(_PUT, [(name * 20_000,)])] for name in "ab"]
    full = sqlite_file.write(connection, large)
    connection.execute("PRAGMA max_page_count = 1000")
    again = sqlite_file.write(connection, large)
    connection.close()
    assert [type(outcome) for outcome in full] == [DiskFull, DiskFull]
    assert again == [None, None]


async def test_settings_reach_the_file(path: Path) -> None:
    async with open_sqlite(path) as database, database.transaction() as transaction:
        assert await transaction.fetch("PRAGMA journal_mode") == [("wal",)]
        assert await transaction.fetch("PRAGMA synchronous") == [(2,)]
        assert await transaction.fetch("PRAGMA foreign_keys") == [(1,)]


async def test_a_foreign_key_between_merged_commits_holds(path: Path) -> None:
    async with open_sqlite(path) as database:
        async with database.transaction() as transaction:
            await transaction.execute("CREATE TABLE parts (name TEXT REFERENCES things(name))")
        part = "INSERT INTO parts (name) VALUES (?)"
        known = [Statement(_PUT, [("a",)]), Statement(part, [("a",)])]
        late = [Statement(part, [("b",)])]
        outcomes = await asyncio.gather(
            *[database.commit(commit) for commit in (known, late, known[:0])], return_exceptions=True
        )
        assert [getattr(outcome, "facts", None) for outcome in outcomes] == [
            None,
            {"kind": "foreign_key", "constraint": ""},
            None,
        ]


async def test_values_that_a_column_cannot_hold_are_refused(path: Path) -> None:
    async with open_sqlite(path) as database:
        unfit: Any = object()
        with pytest.raises(StatementRefused):
            await database.fetch("SELECT ?", unfit)


async def test_unflushed_commits_are_seen_at_once_and_flushed_by_the_next_that_must_be(path: Path) -> None:
    async with open_sqlite(path) as database:
        done = [database.commit([Statement(_PUT, [("a",)])], flush=False)]
        done.append(database.commit([Statement(_PUT, [("b",)])]))
        await asyncio.gather(*done)
        assert await database.fetch("SELECT name FROM things ORDER BY name") == [("a",), ("b",)]


async def test_the_wal_does_not_grow_with_the_number_of_unflushed_commits(path: Path) -> None:
    async with open_sqlite(path, StoresSettings(wal_bytes=4 << 20, readers=1)) as database:
        for number in range(4000):
            await database.commit([Statement(_PUT, [(f"{number:05}" * 20,)])], flush=False)
            if number % 600 == 599:  # it was looked at: the only reader answers after it has done that
                await database.fetch("SELECT 1")
        grown = path.with_name("muelle.db-wal").stat().st_size
    assert grown < 24 << 20  # 40 MB without a limit; 600 commits write 6 MB
