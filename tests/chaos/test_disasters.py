"""What no retry mends by itself: a full disk, a database that is gone for long, a torn write-ahead log."""

import asyncio
import os
import resource
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from chaos.client import EXECUTIONS
from chaos.outage import CLIENTS, is_refused_for_now, outage
from chaos.station import PATIENCE, Said, Station, open_station
from fixtures.postgres import PostgresServer

LARGE = "x" * 100_000
SEVERAL = 20
MEGABYTE = 1 << 20


async def submit_until_refused(station: Station) -> Said:
    async with asyncio.timeout(PATIENCE):
        while (said := await station.submit(LARGE)).is_acknowledged:
            pass
    return said


async def submit_until_taken(station: Station) -> None:
    async with asyncio.timeout(PATIENCE):
        while not (await station.submit("again")).is_acknowledged:  # noqa: ASYNC110 - another process must mend itself
            await asyncio.sleep(0.1)


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[bool]:
    """Mount a small disk at a folder, if this machine allows it; yield whether it did."""
    folder.mkdir()
    mount = ["/bin/mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    try:
        yield is_mounted
    finally:
        if is_mounted:
            subprocess.run(["/bin/umount", "--lazy", str(folder)], check=True)


@contextmanager
def no_room(station: Station, *, is_disk: bool) -> Iterator[None]:
    """Leave no room for the database to grow: fill its disk, or else forbid its process larger files."""
    if is_disk:
        ballast = station.home.parent / "ballast"
        with ballast.open("wb", buffering=0) as file, suppress(OSError):  # it is full then
            while file.write(b"\0" * MEGABYTE) == MEGABYTE:
                pass
        yield
        ballast.unlink()
        return
    pid, most = station.program.pid, (station.home / "muelle.db-wal").stat().st_size + 8192
    former = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, former[1]))
    yield
    with suppress(ProcessLookupError):  # it was killed, and its limit is gone with it
        resource.prlimit(pid, resource.RLIMIT_FSIZE, former)


@pytest.fixture(params=["full disk", "largest file"])
async def cramped(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[tuple[Station, bool]]:
    """Give a server with some runs, and whether its disk is small; where none can be mounted, a file is made to be."""
    with small_disk(tmp_path / "disk", 24) as is_mounted:
        is_disk = is_mounted and request.param == "full disk"
        async with open_station((tmp_path / "disk" if is_disk else tmp_path) / "home") as station:
            for _ in range(SEVERAL):
                await station.take("before")
            yield station, is_disk


async def test_a_full_disk_refuses_clearly_lets_read_and_recovers_with_all_that_was_acknowledged(
    cramped: tuple[Station, bool],
) -> None:
    station, is_disk = cramped
    with no_room(station, is_disk=is_disk):
        said = await submit_until_refused(station)
        listed = await station.ask("GET", EXECUTIONS)
    await submit_until_taken(station)

    assert is_refused_for_now(said, "disk_full", "database_failed"), said
    assert listed.status == 200
    assert len(station.acknowledged) > SEVERAL
    assert await station.unended() == {}
    assert station.program.is_running


async def test_a_server_killed_while_the_disk_is_full_has_all_that_was_acknowledged(
    cramped: tuple[Station, bool],
) -> None:
    station, is_disk = cramped
    with no_room(station, is_disk=is_disk):
        await submit_until_refused(station)
        station.program.kill()
    await station.start()
    await submit_until_taken(station)

    assert await station.unended() == {}


async def test_a_database_that_is_gone_for_long_is_named_and_back_as_soon_as_it_is(
    fragile_postgres_server: PostgresServer, tmp_path: Path
) -> None:
    seen = await outage(fragile_postgres_server, tmp_path / "home", 1.0)
    assert seen.badly_refused == []
    assert len(seen.refusals) > CLIENTS
    assert seen.unended == {}


async def acknowledged_by_size(station: Station) -> list[tuple[int, str]]:
    """Submit runs one after the other; return how long the write-ahead log was when each had been acknowledged."""
    log = station.home / "muelle.db-wal"
    found = []
    for _ in range(SEVERAL):
        await station.take("before")
        await station.unended()
        found.append((log.stat().st_size, station.acknowledged[-1]))
    sizes = [size for size, _ in found]
    assert sizes == sorted(sizes), "the log began anew; submit fewer"
    return found


@pytest.mark.parametrize("how", ["cut off", "garbled", "followed by noise"])
async def test_a_torn_write_ahead_log_costs_nothing_that_was_acknowledged_before_the_tear(
    tmp_path: Path, how: str
) -> None:
    async with open_station(tmp_path / "home") as station:
        found = await acknowledged_by_size(station)
        station.program.kill()
        log = station.home / "muelle.db-wal"
        torn_at = found[SEVERAL // 2][0] + 1_000  # inside a frame that came later
        tear(log, torn_at, how)
        await station.start()
        safe = [run for size, run in found if size <= torn_at or how == "followed by noise"]
        station.acknowledged[:] = safe
        await submit_until_taken(station)

        assert len(safe) > SEVERAL // 2
        assert await station.unended() == {}


def tear(log: Path, at: int, how: str) -> None:
    """Damage a file from a place on."""
    with log.open("r+b") as file:
        if how == "cut off":
            file.truncate(at)
        else:
            file.seek(*((0, os.SEEK_END) if how == "followed by noise" else (at,)))
            file.write(os.urandom(9_999))


async def test_a_damaged_database_file_is_named_and_nothing_is_made_anew_in_its_place(tmp_path: Path) -> None:
    async with open_station(tmp_path / "home") as station:
        await station.take("before")
        station.program.kill()
        damaged = b"\0" * 8192
        (station.home / "muelle.db").write_bytes(damaged)
        (station.home / "muelle.db-wal").unlink()  # it would mend the file: all of it is still in there
        with pytest.raises(AssertionError, match="damaged"):
            await station.start()

        assert (station.home / "muelle.db").read_bytes() == damaged
