"""Time, where it is the database's."""

import asyncio
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta

import pytest

from chaos.programs import faketime
from muelle.core import SystemClock
from muelle.stores import Database, open_clock, open_memory
from muelle.stores.clock import ServerClock

AN_HOUR_OFF = """
import asyncio, sys, time
from muelle.stores import StoresSettings, open_clock
from muelle.stores.adapters.postgres import open_postgres

async def main():
    async with open_postgres(sys.argv[1], StoresSettings()) as database, open_clock(database) as clock:
        print(time.time(), clock.now().timestamp())

asyncio.run(main())
"""


async def test_a_database_tells_the_time(database: Database) -> None:
    async with open_clock(database) as clock:
        assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
        assert abs(clock.nanoseconds() - time.time_ns()) < 1_000_000_000


async def test_a_file_has_the_time_of_its_machine() -> None:
    async with open_memory() as database, open_clock(database) as clock:
        assert isinstance(clock, SystemClock)


def test_what_a_server_tells_holds_for_the_middle_of_the_question() -> None:
    clock = ServerClock()
    asked = time.perf_counter_ns()
    clock.hear(7_000_000_000_000, asked, asked + 2_000)

    passed = time.perf_counter_ns() - asked
    assert 7_000_000_000_000 - 1_000 <= clock.nanoseconds() <= 7_000_000_000_000 + passed + 1_000_000_000
    assert clock.now() - datetime(1970, 1, 1, 1, 56, 40, tzinfo=UTC) < timedelta(seconds=2)


async def test_a_clock_goes_on_and_sleepers_wake() -> None:
    clock = ServerClock()
    before, began = clock.nanoseconds(), clock.monotonic()
    await clock.sleep(0.01)

    assert clock.nanoseconds() - before >= 10_000_000
    assert clock.monotonic() - began >= 0.01


@pytest.mark.skipif(faketime() is None, reason="libfaketime is not installed (apt-get install faketime)")
async def test_a_machine_that_is_an_hour_off_has_the_servers_time(postgres_url: str) -> None:
    wrong = {"LD_PRELOAD": str(faketime()), "FAKETIME": "-3600", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
    command = [sys.executable, "-c", AN_HOUR_OFF, postgres_url]
    done = await asyncio.to_thread(
        subprocess.run, command, env={**os.environ, **wrong}, capture_output=True, text=True, check=True
    )
    machine, clock = map(float, done.stdout.split())

    assert time.time() - machine > 3_500
    assert abs(time.time() - clock) < 10
