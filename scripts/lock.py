"""Write the lock files: every package that Muelle is installed with, by version and hash.

They are made with `uv pip compile` rather than `uv lock`, whose file names the registry of each package: these name
none, so that a mirror serves as well. Configuration of the machine (its mirrors, its folders of wheels) is left out:
the hashes are those of the public packages.
"""

import os
import subprocess
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ROOT / "locks"
TESTED_EXTRAS = ("postgres", "redis", "search", "telemetry")
COMPILE = (
    *("pip", "compile", "--quiet", "--no-config", "--universal", "--python-version", "3.11"),
    *("--generate-hashes", "--no-emit-index-url", "--no-header", "--no-annotate", "--upgrade"),
)


def main() -> None:
    """Lock what development needs, then the part of it that running needs, at the same versions."""
    extras = [part for extra in TESTED_EXTRAS for part in ("--extra", extra)]
    _lock("dev.txt", "pyproject.toml", *extras, "--group", "dev", "--group", "build", packs=True)
    _lock("runtime.txt", "pyproject.toml", "--group", "build", "--constraint", "locks/dev.txt", packs=True)
    _lock("uv.txt", "--group", "setup")


def _lock(file: str, *sources: str, packs: bool = False) -> None:
    wanted = _pack_requirements() if packs else ""
    sources = (*sources, "-") if packs else sources
    command = [os.environ.get("UV", "uv"), *COMPILE, *sources, "--output-file", str(LOCKS / file)]
    subprocess.run(command, input=wanted, text=True, cwd=ROOT, env=_environment(), check=True)
    print(f"locks/{file}: {(LOCKS / file).read_text().count('==')} packages")


def _pack_requirements() -> str:
    """Return what the first-party packs need besides Muelle, one requirement a line."""
    projects = [tomllib.loads(path.read_text())["project"] for path in sorted(ROOT.glob("packs/*/pyproject.toml"))]
    needs = [need for project in projects for need in project.get("dependencies", ())]
    return "".join(f"{need}\n" for need in needs if not need.startswith("muelle"))


def _environment() -> dict[str, str]:
    """Return the environment without what would let this machine's own indexes and wheels in."""
    kept = ("UV_CACHE_DIR", "UV_PYTHON")
    return {name: value for name, value in os.environ.items() if not name.startswith(("UV_", "PIP_")) or name in kept}


if __name__ == "__main__":
    main()
