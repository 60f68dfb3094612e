"""Find checks that are silenced without a written reason.

In source: `# noqa: CODE - reason`, `# type: ignore[code]  # reason` and `# pragma: no cover - reason`. In
pyproject.toml: each line that excepts something from a check ends with a comment.
"""

import re
import sys
import tokenize
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ("src", "packs", "scripts", "tests")
SILENCED = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:|pyright:|mypy:|ruff:)", re.IGNORECASE)
REASONED = re.compile(
    r"#\s*(noqa: [A-Z]+\d+(, ?[A-Z]+\d+)*|type: ignore\[[a-z, -]+\]|pragma: no cover|ruff: noqa: [A-Z]+\d+)"
    r"\s*(-|#)\s*['`\"\w].{3,}"
)
EXCEPTIONS_IN = {
    "[tool.ruff.lint]": ("ignore",),
    "[tool.ruff.lint.per-file-ignores]": (),
    "[[tool.mypy.overrides]]": ("ignore_missing_imports", "disable_error_code"),
    "[tool.deptry]": ("extend_exclude", "ignore"),
    "[tool.deptry.per_rule_ignores]": (),
    "[tool.vulture]": ("exclude", "ignore_names", "ignore_decorators"),
    "[[tool.importlinter.contracts]]": ("ignore_imports",),
}
"""The tables of pyproject.toml that hold exceptions, and which of their keys do; all of them if none is named."""


def in_source(path: Path, root: Path) -> Iterator[str]:
    """Yield one line for each comment of the file that silences a check and does not say why."""
    with path.open("rb") as source:
        for token in tokenize.tokenize(source.readline):
            if token.type == tokenize.COMMENT and SILENCED.match(token.string) and not REASONED.match(token.string):
                yield f"{path.relative_to(root)}:{token.start[0]}: silenced without a reason: {token.string}"


def in_pyproject(text: str) -> Iterator[str]:
    """Yield one line for each exception in the text of a pyproject.toml that does not say why."""
    keys: tuple[str, ...] | None = None
    excepting = False
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("["):
            keys = EXCEPTIONS_IN.get(line.split("#")[0].strip())
            excepting = False
        elif keys is not None:
            opened = re.match(r'"?([\w*/.-]+)"? = ', line)
            if opened:
                excepting = not keys or opened.group(1) in keys
            if excepting and _excepts(line) and not re.search(r"[\]\}\",a-z]\s+# \w", line):
                yield f"pyproject.toml:{number}: an exception without a reason: {line.strip()}"


def _excepts(line: str) -> bool:
    """Tell whether the line itself excepts something: it is not only the bracket of a list of exceptions."""
    value = line.partition(" = ")[2] if re.match(r'"?[\w*/.-]+"? = ', line) else line
    return value.strip() not in {"[", "]", "[]", "", "{", "}"} and not value.lstrip().startswith("#")


def main() -> int:
    """Check every file, print what is wrong, and return the number of faults."""
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    faults = [fault for path in paths for fault in in_source(path, ROOT)]
    faults += in_pyproject((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    print("\n".join(faults or [f"{len(paths)} files"]))
    return len(faults)


if __name__ == "__main__":
    sys.exit(main())
