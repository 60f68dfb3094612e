"""Installations for the tests of users and tokens."""

from collections.abc import AsyncIterator

import pytest

from identity.users.people_world import Town
from identity.users.people_world import town as build
from identity.users.users_world import Installation, install
from muelle.stores import Database
from muelle.stores.adapters.memory import open_memory


@pytest.fixture
async def place() -> AsyncIterator[Installation]:
    """Give an installation in memory."""
    async with open_memory() as database:
        yield await install(database)


@pytest.fixture
async def every_place(database: Database) -> Installation:
    """Give an installation on each kind of database."""
    return await install(database)


@pytest.fixture
def town(place: Installation) -> Town:
    """Give an installation in memory in which people can sign up."""
    return build(place)


@pytest.fixture
def every_town(every_place: Installation) -> Town:
    """Give the same on each kind of database."""
    return build(every_place)
