"""Hearing what other processes say over PostgreSQL's NOTIFY."""

import asyncio
from collections.abc import Callable

from muelle.stores.adapters.postgres_server import FAILURES, Connection, connect_once, pauses
from muelle.stores.settings import StoresSettings


async def listening(url: str, settings: StoresSettings, channel: str, heard: Callable[[str], None]) -> None:
    """Listen for ever; connect again whenever the connection is lost, and say "" for what was missed."""
    while True:
        for pause in pauses():
            try:
                await _hear(url, settings, channel, heard)
                break  # it was connected: the next attempt is made at once
            except FAILURES:
                await asyncio.sleep(pause)


async def _hear(url: str, settings: StoresSettings, channel: str, heard: Callable[[str], None]) -> None:
    connection: Connection = await connect_once(url, settings)
    lost = asyncio.Event()
    try:
        connection.add_termination_listener(lambda _: lost.set())
        await connection.add_listener(channel, lambda *said: heard(said[3]))
        heard("")
        await lost.wait()
    finally:
        connection.terminate()
