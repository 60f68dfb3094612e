"""Where every test is required, a skip is a failure."""

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent.parent
SUITE = """
import pytest

def test_that_passes():
    pass

@pytest.mark.xfail(reason="known", strict=True)
def test_that_is_known_to_fail():
    assert False

@pytest.mark.skipif(True, reason="no server here")
def test_that_is_marked():
    pass

def test_that_finds_nothing():
    pytest.skip("nothing there")
"""
WHOLE_FILE = "import pytest\npytest.skip('not on this machine', allow_module_level=True)\n"


def run(folder: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    (folder / "pytest.ini").write_text("[pytest]\n")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(  # noqa: S603 - pytest itself
        command, cwd=folder, env={"PYTHONPATH": str(TESTS)}, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    (tmp_path / "test_suite.py").write_text(SUITE)
    (tmp_path / "test_whole_file.py").write_text(WHOLE_FILE)
    return tmp_path


def test_skips_are_visible_and_no_failure_on_a_desk(suite: Path) -> None:
    done = run(suite)

    assert done.returncode == 0
    assert "1 passed, 3 skipped, 1 xfailed" in done.stdout


def test_skips_are_failures_with_their_reason_where_all_is_required(suite: Path) -> None:
    done = run(suite, "-p", "plugins.no_skips", "--continue-on-collection-errors")

    assert done.returncode != 0
    for reason in ("no server here", "nothing there", "not on this machine"):
        assert f"(MUELLE_TEST_REQUIRE_ALL): {reason}" in done.stdout
    assert "skipped" not in done.stdout.splitlines()[-1]
