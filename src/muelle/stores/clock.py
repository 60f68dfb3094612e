"""What time it is where the data is.

Several machines that share a database share its time too: a run that one puts down until a moment is taken up by
another, and a clock that somebody sets wrong would wake it an hour late, or end it as out of time.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from muelle.core import Clock, MuelleError, SystemClock
from muelle.stores.model import Database

_LOG = logging.getLogger(__name__)
_SECOND = 1_000_000_000
_NOW = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)"
_EVERY = 1.0  # seconds between looks: quartz is off by a millisecond in ten seconds at worst
_SLOW = 250_000_000  # nanoseconds; an answer that took longer says too little about when it was given


class ServerClock:
    """The time of a server, carried on by this machine's monotonic clock; to set the machine's time changes nothing."""

    __slots__ = ("_offset",)

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.perf_counter_ns()

    def now(self) -> datetime:
        """Return the present time, aware, in UTC."""
        return datetime.fromtimestamp((time.perf_counter_ns() + self._offset) / _SECOND, UTC)

    def nanoseconds(self) -> int:
        """Return the nanoseconds since 1970 in UTC."""
        return time.perf_counter_ns() + self._offset

    def monotonic(self) -> float:
        """Return seconds that never run backwards."""
        return time.perf_counter()

    async def sleep(self, seconds: float) -> None:
        """Return after `seconds`."""
        await asyncio.sleep(seconds)

    def hear(self, told: int, asked: int, heard: int) -> None:
        """Take over the server's time in nanoseconds, asked for and heard at these times of `time.perf_counter_ns`."""
        self._offset = told - (asked + heard) // 2


@asynccontextmanager
async def open_clock(database: Database) -> AsyncIterator[Clock]:
    """Yield the clock of a database: its server's, or this machine's where it is a file."""
    if database.dialect == "sqlite":
        yield SystemClock()
        return
    clock = ServerClock()
    await _look(clock, database, slowest=None)
    following = asyncio.create_task(_follow(clock, database))
    try:
        yield clock
    finally:
        following.cancel()
        await asyncio.wait([following])


async def _follow(clock: ServerClock, database: Database) -> None:
    while True:
        await asyncio.sleep(_EVERY)
        try:
            await _look(clock, database, slowest=_SLOW)
        except MuelleError as error:  # it goes on by itself meanwhile
            _LOG.debug("The time could not be asked for: %s", error)


async def _look(clock: ServerClock, database: Database, *, slowest: int | None) -> None:
    asked = time.perf_counter_ns()
    ((told,),) = await database.fetch(_NOW)
    heard = time.perf_counter_ns()
    if slowest is None or heard - asked <= slowest:
        clock.hear(told * 1000, asked, heard)
