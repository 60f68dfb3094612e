"""Chaos in small, on each database: `make chaos` is the whole of it."""

from pathlib import Path

import pytest

from chaos.trial import Options, Report, attempt
from fixtures.postgres import binaries

SMALL = Options(runs=200, seconds=60, workers=2, servers=1, lease=2.0, serve_every=5.0, window=60)
ON_A_FILE = Options(runs=200, seconds=60, database="sqlite", kill_every=2.0, lease=1.0, window=30)


async def trial(options: Options, folder: Path) -> Report:
    said: list[str] = []
    report = await attempt(options, folder, said.append)
    found = report.findings
    assert (found.lost, found.doubled, found.wrong) == ([], [], []), said
    assert found.runs == options.runs
    return report


@pytest.mark.skipif(binaries() is None, reason="PostgreSQL is not installed (apt-get install postgresql)")
async def test_every_run_ends_once_on_postgresql_whatever_is_killed(tmp_path: Path) -> None:
    report = await trial(SMALL, tmp_path)

    assert report.harms["workers killed"] > 2
    assert report.harms["restarts"] == 3


async def test_every_run_ends_once_in_one_process_on_a_file_that_is_killed(tmp_path: Path) -> None:
    report = await trial(ON_A_FILE, tmp_path)

    assert report.harms["servers killed"] > 0
