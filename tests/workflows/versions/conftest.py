"""Saved workflows for tests."""

import pytest

from workflows.versions.saved_world import World, memory_world


@pytest.fixture
def world() -> World:
    return memory_world()
