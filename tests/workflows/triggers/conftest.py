from collections.abc import AsyncIterator

import pytest

from workflows.triggers.trigger_world import World, open_world


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
