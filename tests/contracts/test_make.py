"""`make` in a fresh clone: it says what there is, and says so clearly when it cannot go on."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
TARGETS = ("setup", "up", "test", "check", "bench", "docs", "help")


@pytest.fixture
def fresh(tmp_path: Path) -> Path:
    """Hold what a fresh clone has that set-up reads, and nothing installed."""
    for folder in ("scripts", "locks"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    for file in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / file, tmp_path / file)
    return tmp_path


def make(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(  # noqa: S603 - fixed commands
        ["make", *arguments],  # noqa: S607 - the developer's make
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_make_alone_says_what_there_is(fresh: Path) -> None:
    said = make(fresh)

    assert said.returncode == 0, said.stderr
    assert set(TARGETS) <= set(re.findall(r"^  make ([a-z]+)", said.stdout, re.MULTILINE))
    assert not (fresh / ".venv").exists()


def test_a_python_that_does_not_suit_is_named_with_the_remedy(fresh: Path) -> None:
    said = make(fresh, "setup", "PYTHON=/nonexistent/python")

    assert said.returncode != 0
    assert "/nonexistent/python" in said.stderr
    assert "make setup PYTHON=" in said.stderr


def test_a_machine_without_uv_and_pip_is_told_so(fresh: Path) -> None:
    python = fresh / "python-without-pip"
    python.write_text('#!/bin/sh\ncase "$*" in *pip*) exit 1 ;; esac\n')
    python.chmod(0o755)

    said = make(fresh, "setup", f"PYTHON={python}", "UV=/nonexistent/uv")

    assert said.returncode != 0
    assert "neither uv nor pip" in said.stderr
