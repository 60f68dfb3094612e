from collections.abc import AsyncIterator

import pytest

from workflows.protocol.protocol_world import Dock, Echo, open_dock, open_echo


@pytest.fixture
async def dock() -> AsyncIterator[Dock]:
    async with open_dock() as opened:
        yield opened


@pytest.fixture
async def echo() -> AsyncIterator[Echo]:
    async with open_echo(Echo()) as opened:
        yield opened
