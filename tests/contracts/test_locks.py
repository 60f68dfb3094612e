"""What is installed is locked: by version and hash, from no particular registry."""

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = sorted((ROOT / "locks").glob("*.txt"))
REQUIREMENT = re.compile(r"^([a-z0-9-]+)==(\S+)(.*?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE)


def versions(name: str) -> dict[str, str]:
    return {found[1]: found[2] for found in REQUIREMENT.finditer((ROOT / "locks" / name).read_text())}


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9_-]", each)[0].lower().replace("_", "-") for each in requirements}


@pytest.mark.parametrize("lock", LOCKS, ids=[path.name for path in LOCKS])
def test_a_lock_holds_versions_and_hashes_and_nothing_else(lock: Path) -> None:
    rest = REQUIREMENT.sub("", lock.read_text())

    assert rest.strip() == ""


def test_running_and_developing_use_the_same_versions() -> None:
    runtime, dev = versions("runtime.txt"), versions("dev.txt")

    assert {name: version for name, version in runtime.items() if dev.get(name) != version} == {}


def test_every_declared_dependency_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]

    assert names(project["project"]["dependencies"] + groups["build"]) - versions("runtime.txt").keys() == set()
    assert names(groups["dev"]) - versions("dev.txt").keys() == set()
