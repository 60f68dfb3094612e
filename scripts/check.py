"""Run every check that needs no server, several at a time, and say of each how long it took.

The output of a check is shown only if it fails. `check.py NAME …` runs those alone.
"""

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
BIN = Path(PYTHON).parent


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one check ended: `text` is what it printed."""

    name: str
    code: int
    seconds: float
    text: str


CHECKS: dict[str, Sequence[str]] = {  # the slowest first, so that the others run beside it
    "types": (str(BIN / "mypy"),),
    "contracts": (PYTHON, "-m", "pytest", "tests/contracts", "--tb=short"),
    "style": (str(BIN / "ruff"), "check", "--output-format", "concise", "."),
    "format": (str(BIN / "ruff"), "format", "--check", "--output-format", "concise", "."),
    "floors": (str(BIN / "lint-imports"), "--no-cache", "--no-logo"),
    "sizes": (PYTHON, "scripts/sizes.py"),
    "reasons": (PYTHON, "scripts/reasons.py"),
    "dead code": (PYTHON, "scripts/dead_code.py"),
    "dependencies": (str(BIN / "deptry"), "."),
    "reference": (PYTHON, "scripts/generate_reference.py", "--check"),
    "guide": (PYTHON, "scripts/build_docs.py", "--check"),
}


def run(name: str) -> Outcome:
    """Run one check to its end."""
    began = time.perf_counter()
    environment = {**os.environ, "NO_COLOR": "1"}
    done = subprocess.run(
        CHECKS[name], cwd=ROOT, env=environment, text=True, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, check=False
    )
    return Outcome(name, done.returncode, time.perf_counter() - began, done.stdout)


def main(names: Sequence[str]) -> int:
    """Run the checks of these names, or all, and return 1 if one failed."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"There is no check {unknown[0]!r}; there are: {', '.join(CHECKS)}.")
        return 2
    failed = False
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for outcome in pool.map(run, names or CHECKS):
            failed |= outcome.code != 0
            print(f"{'FAILED' if outcome.code else 'ok':<7}{outcome.name:<14}{outcome.seconds:5.1f} s", flush=True)
            if outcome.code:
                print(outcome.text, flush=True)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
