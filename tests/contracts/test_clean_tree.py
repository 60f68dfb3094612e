"""Nothing in the repository names a machine's folder or a package registry: it works wherever it is."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SKIPPED = {".git", ".venv", ".tools", "site", "node_modules"}

# Written in parts, so that this file does not hold what it looks for.
REGISTRIES = [
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian"),
        ("crates", "io"),
        ("proxy", "golang"),
    )
]
FOLDERS = ["/".join(("", *parts, "")) for parts in (("work",), ("root",), ("opt", "wheels"), ("tmp", "h"))]
NOT_PART_OF_A_PATH = r"(?<![\w.}\])*~/-])"
FORBIDDEN = re.compile("|".join([*map(re.escape, REGISTRIES), *(NOT_PART_OF_A_PATH + each for each in FOLDERS)]))


def files() -> list[Path]:
    if (ROOT / ".git").exists():
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard", "-z"],  # noqa: S607 - the developer's git
            cwd=ROOT,
            check=True,
            capture_output=True,
        )
        return [ROOT / name for name in listed.stdout.decode().split("\0") if name and (ROOT / name).is_file()]
    return [path for path in ROOT.rglob("*") if path.is_file() and not SKIPPED & set(path.relative_to(ROOT).parts)]


def found_in(path: Path) -> list[str]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError:  # a picture or the like
        return []
    where = path.relative_to(ROOT)
    return [f"{where}:{n}: {line.strip()[:80]}" for n, line in enumerate(lines, 1) if FORBIDDEN.search(line)]


def test_no_file_names_a_registry_or_a_folder_of_one_machine() -> None:
    assert [found for path in files() for found in found_in(path)] == []


@pytest.mark.parametrize("text", [f"see https://{REGISTRIES[0]}/x", f"cp {FOLDERS[0]}main x", f"'{FOLDERS[1]}x'"])
def test_a_forbidden_name_is_seen(text: str) -> None:
    assert FORBIDDEN.search(text)


@pytest.mark.parametrize("text", ["/workflow/x", "src/work/x.py", "{base}/root/x", "https://example.org/work/"])
def test_a_path_of_something_else_is_none(text: str) -> None:
    assert not FORBIDDEN.search(text)
