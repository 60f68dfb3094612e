"""Measure files and functions, with a ratchet: what is too large today is listed by name and may only shrink.

Goals for the product's source: functions median 8 lines and 95th percentile 35, files 95th percentile 400. No function
has more than 60 lines or 6 parameters and no file more than 400 lines, but for those in `sizes.toml`, each at the size
it has now. `--shrink` writes smaller sizes into that file and drops what has become small; it never adds.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from statistics import median, quantiles

ROOT = Path(__file__).resolve().parent.parent
RATCHET = Path("scripts/sizes.toml")
PRODUCT = ("src", "packs/*/src")
ALL = (*PRODUCT, "scripts", "tests")
MOST = {"file": 400, "function": 60, "parameters": 6}
GOALS = {"function median": 8, "function p95": 35, "file p95": 400}


@dataclass(frozen=True, slots=True)
class Size:
    """One measurement: `what` is file, function or parameters; `where` names it from the root of the repository."""

    what: str
    where: str
    count: int

    @property
    def is_too_large(self) -> bool:
        """Whether it is past the limit for its kind."""
        return self.count > MOST[self.what]


def measure(root: Path, folders: tuple[str, ...]) -> Iterator[Size]:
    """Yield the size of every file and function in Python files below the folders, which are glob patterns."""
    for path in sorted(chain.from_iterable(root.glob(f"{folder}/**/*.py") for folder in folders)):
        text = path.read_text(encoding="utf-8")
        where = path.relative_to(root).as_posix()
        yield Size("file", where, len(text.splitlines()))
        fixtures_are_arguments = where.startswith("tests/")
        for size in _functions(ast.parse(text), where):
            if size.what != "parameters" or not fixtures_are_arguments:
                yield size


def faults(sizes: list[Size], ratchet: Mapping[str, int]) -> Iterator[str]:
    """Yield what is wrong: too large and not listed, larger than listed, or listed though smaller by now."""
    listed = dict(ratchet)
    for size in sizes:
        allowed = listed.pop(size.where, None) if size.is_too_large else None
        if not size.is_too_large or size.count == allowed:
            continue
        if allowed is None or size.count > allowed:
            most = allowed or MOST[size.what]
            yield f"{size.where}: {size.count} {_unit(size)}, at most {most} allowed"
        else:
            yield f"{size.where}: shrank from {allowed} to {size.count}; keep it so: python scripts/sizes.py --shrink"
    for where in listed:
        yield f"{where}: is small now; take it off the list: python scripts/sizes.py --shrink"


def goals(sizes: list[Size]) -> dict[str, float]:
    """Return the measures that have a goal for the whole product."""
    functions = [size.count for size in sizes if size.what == "function"]
    files = [size.count for size in sizes if size.what == "file"]
    return {
        "function median": median(functions),
        "function p95": quantiles(functions, n=20)[-1],
        "file p95": quantiles(files, n=20)[-1],
    }


def main(arguments: list[str]) -> int:
    """Check, print what is wrong, and return the number of faults."""
    listed: dict[str, int] = tomllib.loads((ROOT / RATCHET).read_text(encoding="utf-8"))
    sizes = list(measure(ROOT, ALL))
    if "--shrink" in arguments:
        listed = _shrunk(sizes, listed)
        _write(listed)
    reached = goals(list(measure(ROOT, PRODUCT)))
    wrong = list(faults(sizes, listed))
    wrong += [
        f"{name} is {reached[name]:.1f}, the goal is {goal}" for name, goal in GOALS.items() if reached[name] > goal
    ]
    print("\n".join(wrong or [", ".join(f"{name} {value:.0f}" for name, value in reached.items())]))
    return len(wrong)


def _functions(tree: ast.AST, where: str) -> Iterator[Size]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            name = f"{where}::{node.name}"
            yield Size("function", name, (node.end_lineno or node.lineno) - node.lineno + 1)
            if not _is_route(node):
                yield Size("parameters", f"{name}()", _parameters(node))
            yield from _functions(node, name)
        elif isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{where}::{node.name}")
        else:
            yield from _functions(node, where)


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    every = (*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs)
    return sum(argument.arg not in {"self", "cls"} for argument in every)


def _is_route(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a function answers a route or a command: its parameters are those of the request."""
    return any(ast.unparse(each).startswith(("router.", "click.")) for each in node.decorator_list)


def _unit(size: Size) -> str:
    return "parameters" if size.what == "parameters" else "lines"


def _shrunk(sizes: list[Size], listed: Mapping[str, int]) -> dict[str, int]:
    now = {size.where: size.count for size in sizes if size.is_too_large}
    return {where: min(allowed, now[where]) for where, allowed in listed.items() if where in now}


def _write(listed: Mapping[str, int]) -> None:
    comment = (ROOT / RATCHET).read_text(encoding="utf-8").partition("\n\n")[0]
    lines = [f'"{where}" = {count}' for where, count in sorted(listed.items())]
    (ROOT / RATCHET).write_text("\n".join([comment, "", *lines, ""]), encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
