"""Commits that wait for the disk: appended on the loop, flushed beside it."""

import asyncio
import os
import sqlite3
import threading
from functools import partial
from pathlib import Path

import pytest

from muelle.stores import SqliteDatabase, Statement, StoresSettings
from muelle.stores.adapters import sqlite_file
from muelle.stores.adapters.sqlite_flush import WriteAheadLog
from muelle.stores.adapters.threads import Threads
from muelle.stores.errors import DatabaseFailed

_FULL = StoresSettings(synchronous="FULL")


class Disk(WriteAheadLog):
    """A log whose flushes are counted, held up, and made to fail."""

    def __init__(self) -> None:
        self.flushes = 0
        self.fails = False
        self.may_go_on = threading.Event()
        self.may_go_on.set()

    def flush(self) -> None:
        assert self.may_go_on.wait(10)
        self.flushes += 1
        if self.fails:
            raise OSError(5, "Input/output error")

    def close(self) -> None:
        """Have nothing to let go of."""


def _put(name: str) -> list[Statement]:
    return [Statement("INSERT INTO things (name) VALUES (?)", [(name,)])]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "muelle.db"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE things (name TEXT PRIMARY KEY)")
    connection.close()
    return path


def _opened(path: Path, disk: Disk, settings: StoresSettings = _FULL) -> SqliteDatabase:
    open_file = partial(sqlite_file.open_file, path, settings)
    inline = sqlite_file.open_file(path, settings, waits=False)
    writer, readers = Threads("writer", 1, open_file), Threads("reader", 1, open_file)
    return SqliteDatabase(writer, readers, inline, Threads[WriteAheadLog]("disk", 1, lambda: disk), settings)


async def test_nobody_is_answered_before_the_disk_has_flushed(path: Path) -> None:
    disk = Disk()
    disk.may_go_on.clear()
    database = _opened(path, disk)
    done = database.commit(_put("a"))
    assert await database.fetch("SELECT name FROM things") == []
    for _ in range(5):
        await asyncio.sleep(0)
    assert not done.done()
    disk.may_go_on.set()
    await done
    assert disk.flushes == 1
    await database.close()


async def test_what_comes_during_a_flush_shares_the_next_one(path: Path) -> None:
    disk = Disk()
    disk.may_go_on.clear()
    database = _opened(path, disk)
    pending = []
    for number in range(20):
        pending.append(database.commit(_put(str(number))))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    disk.may_go_on.set()
    await asyncio.gather(*pending)
    assert disk.flushes == 2
    assert len(await database.fetch("SELECT name FROM things")) == 20
    await database.close()


async def test_a_disk_that_refuses_a_flush_ends_all_writing_for_what_it_says_later_is_no_proof(path: Path) -> None:
    disk = Disk()
    disk.fails = True
    database = _opened(path, disk)
    with pytest.raises(DatabaseFailed, match="disk"):
        await database.commit(_put("a"))
    disk.fails = False
    with pytest.raises(DatabaseFailed):
        await database.commit(_put("b"))
    await database.close()


@pytest.mark.parametrize(("synchronous", "flush", "flushes"), [
    ("FULL", False, 1), ("EFFECTS", True, 1), ("EFFECTS", False, 0), ("NORMAL", True, 0),
])  # fmt: skip
async def test_the_setting_says_who_waits_for_the_disk(
    path: Path, synchronous: str, *, flush: bool, flushes: int
) -> None:
    disk = Disk()
    database = _opened(path, disk, StoresSettings(synchronous=synchronous))  # type: ignore[arg-type] # one of three
    await database.commit(_put("a"), flush=flush)
    assert disk.flushes == flushes
    await database.close()


async def test_closing_waits_for_the_flush_under_way(path: Path) -> None:
    disk = Disk()
    disk.may_go_on.clear()
    database = _opened(path, disk)
    done = database.commit(_put("a"))
    await asyncio.sleep(0)
    closing = asyncio.ensure_future(database.close())
    await asyncio.sleep(0)
    disk.may_go_on.set()
    await closing
    assert done.exception() is None


def test_a_log_that_was_made_anew_is_the_one_that_is_flushed(tmp_path: Path) -> None:
    path = tmp_path / "muelle.db"
    wal = tmp_path / "muelle.db-wal"
    log = WriteAheadLog(path)
    with pytest.raises(FileNotFoundError):
        log.flush()
    wal.write_bytes(b"first")
    log.flush()
    wal.rename(tmp_path / "old")
    wal.write_bytes(b"second")
    log.flush()
    assert os.fstat(log._file).st_ino == wal.stat().st_ino
    log.close()
