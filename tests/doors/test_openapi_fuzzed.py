"""The OpenAPI document tells the truth: a fuzzer that knows nothing else finds no fault, by the owner's own key."""

import asyncio
import os
import re
import sys
from pathlib import Path

from doors.door_world import Served

# A document or a name that fits the schema can still make no sense: that it is refused is no fault.
LEFT_OUT = "positive_data_acceptance"
EXAMPLES = os.environ.get("MUELLE_FUZZ_EXAMPLES", "6")  # of each operation; more by hand
SECONDS = 300


async def test_a_fuzzer_finds_no_fault(server: Served, tmp_path: Path) -> None:
    bounds = ["--max-examples", EXAMPLES, "--seed", "1", "--no-shrink", "--continue-on-failure"]
    checks = ["--checks", "all", "--exclude-checks", LEFT_OUT, "--header", f"X-API-Key: {server.owner_key}"]
    program = [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/openapi.json", *bounds, *checks]

    fuzzer = await asyncio.create_subprocess_exec(
        *program, cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    async with asyncio.timeout(SECONDS):
        said, _ = await fuzzer.communicate()

    faults = said.decode().partition(" WARNINGS ")[0]  # what follows tells what it could not reach
    assert fuzzer.returncode == 0, faults[-12_000:]
    told = re.search(rb"(\d+) selected / (\d+) total", said)
    assert told is not None
    assert told[1] == told[2]  # all of them
