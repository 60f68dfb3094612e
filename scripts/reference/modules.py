"""Everything that the source declares: all modules are imported, for what is not imported cannot be documented."""

import importlib
import pkgutil
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TypeVar

ROOT = Path(__file__).resolve().parent.parent.parent
NOT_FOR_IMPORT = ("__main__", "migrations.env")
"""Programs: Alembic runs `env` within a context of its own."""

T = TypeVar("T")


@cache
def modules() -> tuple[ModuleType, ...]:
    """Return every module of Muelle and of the first-party packs, imported, in order of names.

    The packs are those of this folder, whether they are installed or not.
    """
    packs = sorted(path.parent for path in ROOT.glob("packs/*/src/*/__init__.py"))
    sys.path += [str(pack.parent) for pack in packs if str(pack.parent) not in sys.path]
    roots = ["muelle", *(pack.name for pack in packs)]
    return tuple(importlib.import_module(name) for root in roots for name in _names(root))


def product_class(kind: type[object]) -> bool:
    """Tell whether a class is Muelle's own, not a test's or a library's."""
    return kind.__module__.partition(".")[0] == "muelle"


def subclasses(root: type[T]) -> Iterator[type[T]]:
    """Yield a class and everything of Muelle that is derived from it, each once, in order of names."""
    modules()
    seen: set[type[T]] = {root}
    waiting = [root]
    while waiting:
        fresh = [child for child in waiting.pop().__subclasses__() if child not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    yield from sorted((kind for kind in seen if product_class(kind)), key=lambda kind: (kind.__name__, kind.__module__))


def values(kind: type[T]) -> Iterator[T]:
    """Yield every value of a type that is an attribute of a module, each once."""
    seen: set[int] = set()
    for module in modules():
        for value in vars(module).values():
            if isinstance(value, kind) and id(value) not in seen:
                seen.add(id(value))
                yield value


def _names(root: str) -> Iterator[str]:
    yield root
    found = pkgutil.walk_packages(importlib.import_module(root).__path__, f"{root}.")
    yield from sorted(module.name for module in found if not module.name.endswith(NOT_FOR_IMPORT))
