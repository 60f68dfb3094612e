"""Doorways for the tests of the HTTP door."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from doors.door_world import Doorway, Served, open_doorway, open_server


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    """Give an installation in memory."""
    async with open_doorway() as opened:
        yield opened


@pytest.fixture(params=["memory", "sqlite"])
async def lasting(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Doorway]:
    """Give an installation in memory, and one on SQLite."""
    async with open_doorway(tmp_path if request.param == "sqlite" else None) as opened:
        yield opened


@pytest.fixture
async def server() -> AsyncIterator[Served]:
    """Give an installation that listens."""
    async with open_server() as opened:
        yield opened
