"""A new user's terminal."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stories.terminal import Terminal, serving


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """Hold a fresh home with a server on it, and an empty folder to work in."""
    home, folder = tmp_path / "home", tmp_path / "folder"
    home.mkdir()
    folder.mkdir()
    with serving(home) as url:
        yield Terminal(home, folder, url)
