"""Find code that nothing uses, but for what `dead_code.toml` lists with a reason.

Fields of data classes are left out: what they hold goes into answers, journals and settings, whose readers are no code
of ours; so are migrations, which Alembic reads. Tests count as users, for ports are used by their twins' contracts
before there is a room above.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

from vulture import Vulture

ROOT = Path(__file__).resolve().parent.parent
SCANNED = ("src", "packs", "scripts", "tests")
REPORTED = ("src/", "packs/", "scripts/")


def unused(root: Path) -> dict[str, str]:
    """Return what nothing uses: `path:name` and what kind of thing it is."""
    vulture = Vulture(ignore_decorators=["@pytest.*", "@router.*", "@click.*", "@*.command*"])
    vulture.scavenge([root / folder for folder in SCANNED if (root / folder).is_dir()])
    found = {}
    for item in vulture.get_unused_code(min_confidence=60):
        where = Path(item.filename).resolve().relative_to(root).as_posix()
        if (
            where.startswith(REPORTED)
            and "/migrations/" not in where
            and (item.typ != "variable" or item.first_lineno not in _fields(root / where))
        ):
            found[f"{where}:{item.name}"] = item.typ
    return found


def faults(found: Mapping[str, str], listed: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong: unused and not listed, or listed though used or gone."""
    yield from (f"{where}: this {kind} is not used" for where, kind in found.items() if where not in listed)
    yield from (
        f"{where}: is used or gone; take it off scripts/dead_code.toml" for where in listed if where not in found
    )


def main() -> int:
    """Check, print what is wrong, and return the number of faults."""
    listed = tomllib.loads((ROOT / "scripts/dead_code.toml").read_text(encoding="utf-8"))
    wrong = list(faults(unused(ROOT), listed))
    print("\n".join(wrong or [f"{len(listed)} exceptions"]))
    return len(wrong)


def _fields(path: Path) -> set[int]:
    """Return the lines on which a class body declares a typed field."""
    classes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.ClassDef)]
    return {node.lineno for each in classes for node in each.body if isinstance(node, ast.AnnAssign)}


if __name__ == "__main__":
    sys.exit(main())
