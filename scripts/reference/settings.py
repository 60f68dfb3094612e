"""The page of settings: every leaf of the tree, with its type, default, variable and meaning."""

import ast
import dataclasses
import inspect
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any, get_type_hints

from muelle.core import Secret
from muelle.packs import Pack
from muelle.settings import Settings
from reference.modules import values
from reference.texts import Texts, row, table_head

PREFIX = "MUELLE__"


@dataclass(frozen=True, slots=True)
class Leaf:
    """One setting as it is declared; `default` is None if it has to be set."""

    name: str
    annotation: str
    default: str | None
    meaning: str

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return PREFIX + self.name.replace(".", "__").upper()


@dataclass(frozen=True, slots=True)
class Table:
    """One table of the settings file."""

    name: str
    summary: str
    leaves: tuple[Leaf, ...]


def page(texts: Texts) -> list[str]:
    """Return the lines of the page."""
    lines = [f"# {texts.heading('Settings')}", ""]
    for table in tables():
        lines += [f"## `[{table.name}]`" if table.name else "## `muelle.toml`", "", texts.sentence(table.summary), ""]
        lines += table_head(*(texts.heading(name) for name in ("Setting", "Type", "Default", "Meaning")))
        lines += [_row(leaf, texts) for leaf in table.leaves]
        lines.append("")
    return lines


def tables() -> Iterator[Table]:
    """Yield the tables of the root settings, then those of the packs."""
    for root, prefix in roots():
        yield from _tables(root, prefix)


def roots() -> Iterator[tuple[type[Any], str]]:
    """Yield each settings tree with the prefix of its names."""
    yield Settings, ""
    for pack in values(Pack):
        if pack.settings is not None:
            yield pack.settings, f"packs.{pack.name}."


def _tables(tree: type[Any], prefix: str) -> Iterator[Table]:
    hints = get_type_hints(tree)
    branches = {field.name: hints[field.name] for field in dataclasses.fields(tree) if _is_branch(hints[field.name])}
    leaves = tuple(leaf for leaf in _leaves(tree, prefix) if leaf.name.removeprefix(prefix) not in branches)
    if leaves:
        yield Table(prefix.rstrip("."), " ".join((inspect.getdoc(tree) or "").split()), leaves)
    for name, branch in branches.items():
        yield from _tables(branch, f"{prefix}{name}.")


def _is_branch(kind: object) -> bool:
    return isinstance(kind, type) and dataclasses.is_dataclass(kind)


def _leaves(tree: type[Any], prefix: str) -> Iterator[Leaf]:
    source = textwrap.dedent(inspect.getsource(tree))
    comments = _comments(source)
    declared = {field.name: field for field in dataclasses.fields(tree)}
    body = next(node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef)).body
    for node, following in zip(body, [*body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id in declared:
            field = declared[node.target.id]
            meaning = _text_below(following) or _comment_of(node, comments)
            yield Leaf(f"{prefix}{field.name}", _kind(node.annotation), _default(field), meaning)


def _kind(annotation: ast.expr) -> str:
    """Return a type as it is written, its bounds in words: Annotated[int, Meta(ge=1)] is 'int, >= 1'."""
    match annotation:
        case ast.Subscript(value=ast.Name(id="Annotated"), slice=ast.Tuple(elts=[kind, ast.Call(keywords=bounds)])):
            signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<", "pattern": "like", "min_length": "length >="}
            said = [f"{signs[str(bound.arg)]} {_bound(bound.value)}" for bound in bounds]
            return ", ".join((ast.unparse(kind), *said))
    return ast.unparse(annotation)


def _bound(value: ast.expr) -> str:
    """Return a bound as it is, or as it is written: 1 << 20."""
    return str(ast.literal_eval(value)) if isinstance(value, ast.Constant) else ast.unparse(value)


def _comments(source: str) -> dict[int, tuple[str, bool]]:
    """Return the comments by line: the text, and whether it has the line to itself."""
    return {
        token.start[0]: (token.string.lstrip("# "), not token.line[: token.start[1]].strip())
        for token in tokenize.generate_tokens(StringIO(source).readline)
        if token.type == tokenize.COMMENT
    }


def _comment_of(node: ast.stmt, comments: dict[int, tuple[str, bool]]) -> str:
    """Return the comment at the end of a declaration, or else the lines of comment right above it."""
    last = node.end_lineno or node.lineno
    if last in comments:
        return comments[last][0]
    above: list[str] = []
    line = node.lineno - 1
    while line in comments and comments[line][1]:
        above.insert(0, comments[line][0])
        line -= 1
    return " ".join(above)


def _text_below(node: ast.stmt | None) -> str:
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _default(field: "dataclasses.Field[Any]") -> str | None:
    if field.default is not dataclasses.MISSING:
        return _toml(field.default)
    if field.default_factory is not dataclasses.MISSING:
        return _toml(field.default_factory())
    return None


def _toml(value: object) -> str:
    """Return a value as the settings file has it."""
    match value:
        case bool():
            return str(value).lower()
        case Secret():
            return _toml(value.reveal())
        case str():
            return f'"{value}"'
        case tuple() | list() | frozenset():
            return f"[{', '.join(_toml(part) for part in value)}]"
        case _ if isinstance(value, dict):
            return "{}" if not value else str(value)
        case _:
            return str(value)


def _row(leaf: Leaf, texts: Texts) -> str:
    default = texts.heading("required") if leaf.default is None else f"`{leaf.default}`"
    meaning = f"{texts.sentence(leaf.meaning)} `{leaf.variable}`"
    return row(f"`{leaf.name}`", f"`{leaf.annotation}`", default, meaning)
