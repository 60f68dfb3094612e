"""A front door is a list, not a library."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
DOORS = sorted([*ROOT.glob("src/*/*/__init__.py"), *ROOT.glob("packs/*/src/*/__init__.py")])
BY_NAME = [path.parent.relative_to(ROOT).as_posix() for path in DOORS]


def exports(tree: ast.Module) -> list[str]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == ["__all__"]:
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def imported(tree: ast.Module) -> Iterator[str]:
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (name.asname or name.name for name in node.names)


def is_list_or_import(node: ast.stmt) -> bool:
    is_docstring = isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    is_list = isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    return is_docstring or is_list or isinstance(node, ast.ImportFrom)


@pytest.mark.parametrize("door", DOORS, ids=BY_NAME)
def test_a_front_door_lists_exactly_what_it_imports(door: Path) -> None:
    tree = ast.parse(door.read_text())

    listed = exports(tree)

    assert set(listed) == set(imported(tree))
    assert len(listed) == len(set(listed))


@pytest.mark.parametrize("door", DOORS, ids=BY_NAME)
def test_a_front_door_holds_no_logic(door: Path) -> None:
    tree = ast.parse(door.read_text())

    logic = [ast.unparse(node) for node in tree.body if not is_list_or_import(node)]

    assert logic == []


@pytest.mark.parametrize("door", DOORS, ids=BY_NAME)
def test_a_front_door_imports_each_thing_from_where_it_is(door: Path) -> None:
    tree = ast.parse(door.read_text())

    stars_and_dots = [
        ast.unparse(node)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and (node.level or [name.name for name in node.names] == ["*"])
    ]

    assert stars_and_dots == []
