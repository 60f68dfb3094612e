"""Installations to attack."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from attacks.attack_world import Victim, open_victim
from doors.door_world import Doorway, open_doorway


@pytest.fixture
async def doorway() -> AsyncIterator[Doorway]:
    """Give an installation in memory."""
    async with open_doorway() as opened:
        yield opened


@pytest.fixture
async def lasting(tmp_path: Path) -> AsyncIterator[Doorway]:
    """Give an installation on SQLite, in `home` of the test's folder."""
    (tmp_path / "home").mkdir()
    async with open_doorway(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
async def victim() -> AsyncIterator[Victim]:
    """Give a server that must not be reached."""
    async with open_victim() as opened:
        yield opened
