"""Finds the SQL in the source: every text that begins as SQL does, put together as far as that can be read."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "muelle"
UNKNOWN = "{}"  # what is only known when it runs
_SQL = re.compile(r"\s*(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|WITH \w+ AS)\s", re.ASCII)


@dataclass(frozen=True, slots=True)
class Sql:
    """A text, and the file that it is in."""

    file: str
    text: str


@cache
def sql_texts() -> tuple[Sql, ...]:
    """Return all SQL of the source, migrations aside."""
    files = [(path.relative_to(SOURCE).as_posix(), path) for path in sorted(SOURCE.rglob("*.py"))]
    ours = [(file, path) for file, path in files if not file.startswith("migrations/")]
    return tuple(sql for file, path in ours for sql in texts_of(file, path.read_text(encoding="utf-8")))


def texts_of(file: str, source: str) -> Iterator[Sql]:
    """Yield the SQL of one file."""
    tree = ast.parse(source)
    names = _constants(tree)
    inner: set[int] = set()
    for node in ast.walk(tree):  # from the outside in: parts of a text are none themselves
        if id(node) in inner or not isinstance(node, ast.Constant | ast.JoinedStr | ast.BinOp):
            continue
        text = _text(node, names)
        if text is not None:
            inner.update(id(child) for child in ast.walk(node))
            if _SQL.match(text):
                yield Sql(file, re.sub(r"\s+", " ", text).strip())


def _constants(tree: ast.Module) -> dict[str, str]:
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        target: ast.expr | None = node.target if isinstance(node, ast.AnnAssign) else None
        if isinstance(node, ast.Assign) and len(node.targets) == 1:
            target = node.targets[0]
        if isinstance(target, ast.Name) and isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None:
            text = _text(node.value, names)
            if text is not None:
                names[target.id] = text
    return names


def _text(node: ast.expr, names: dict[str, str]) -> str | None:
    """Return a text as far as it can be read, or None if it is none."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=parts):
            return "".join(_text(part, names) or UNKNOWN for part in parts)
        case ast.FormattedValue(value=ast.Name(id=name)):
            return names.get(name, UNKNOWN)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            texts = _text(left, names), _text(right, names)
            return None if texts == (None, None) else "".join(text or UNKNOWN for text in texts)
        case ast.Name(id=name):
            return names.get(name)
    return None
