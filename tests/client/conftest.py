"""A whole Muelle for the client to talk to."""

from collections.abc import AsyncIterator

import pytest

from client.live_server import LiveServer, open_live_server


@pytest.fixture
async def live_server() -> AsyncIterator[LiveServer]:
    async with open_live_server() as server:
        yield server
