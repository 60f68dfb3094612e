"""The step that operations are tried on."""

import pytest

from operations.operations_world import FakeStep


@pytest.fixture
def step() -> FakeStep:
    """Return a step over an empty data model."""
    return FakeStep({"workflow": {}, "config": {}, "input": {}})
