"""Virtual environments of the peers: one for each, beside the product's own, made when it is first asked for.

Nothing of them is a dependency of Muelle. What is in place is used as it is; remove `.venv-bench` to have the newest.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[3]
FOLDER = ROOT / ".venv-bench"


class Missing(Exception):
    """A peer, or a server that it needs, is not here and cannot be installed; the text says why."""


@dataclass(frozen=True, slots=True)
class Environment:
    """A folder with a Python environment (`bin/`) and perhaps packages of npm (`npm/`)."""

    folder: Path

    def program(self, name: str) -> str:
        return str(self.folder / "bin" / name)

    def npm_program(self, name: str) -> str:
        return str(self.folder / "npm" / "node_modules" / ".bin" / name)

    def version(self, package: str) -> str:
        code = f"from importlib.metadata import version; print(version({package!r}))"
        return _output([self.program("python"), "-c", code])


def environment(name: str, packages: Sequence[str], npm: Sequence[str] = ()) -> Environment:
    """Return the environment of that name with these packages in it; raise Missing if they cannot be installed."""
    made = Environment(FOLDER / name)
    mark = made.folder / ".holds"
    wanted = "\n".join((*packages, *npm))
    if not mark.exists() or mark.read_text() != wanted:
        _install(made, packages)
        if npm:
            _install_npm(made.folder / "npm", npm)
        mark.write_text(wanted)
    return made


def _install(made: Environment, packages: Sequence[str]) -> None:
    uv = _uv()
    if uv:
        _do([uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(made.folder)])
        _do([uv, "pip", "install", "--quiet", "--python", made.program("python"), *packages])
    else:
        _do([sys.executable, "-m", "venv", "--clear", str(made.folder)])
        _do([made.program("python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages])


def _install_npm(folder: Path, packages: Sequence[str]) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise Missing("npm is not installed")
    folder.mkdir(parents=True)
    _do([npm, "install", "--silent", "--no-fund", "--no-audit", "--prefix", str(folder), *packages])


def _uv() -> str | None:
    return os.environ.get("UV") or shutil.which("uv") or shutil.which("uv", path=str(ROOT / ".tools" / "bin"))


def _do(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Missing(f"{' '.join(command[1:3])} failed: {(done.stderr or done.stdout).strip()[-400:]}")


def _output(command: list[str]) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
