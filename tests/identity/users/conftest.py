"""Installations for the tests of users and tokens."""

from collections.abc import AsyncIterator

import pytest

from identity.users.users_world import Installation, install
from muelle.stores import Database
from muelle.stores.adapters.memory import open_memory


@pytest.fixture
async def place() -> AsyncIterator[Installation]:
    """Give an installation in memory."""
    async with open_memory() as database:
        yield await install(database)


@pytest.fixture
async def every_place(every_database: Database) -> Installation:
    """Give an installation on each kind of database."""
    return await install(every_database)
