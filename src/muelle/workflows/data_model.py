"""The data model of a run: one JSON tree, seen from the main order or from inside a loop."""

from typing import Any

from muelle.core import MuelleError
from muelle.packs import MISSING, Missing
from muelle.workflows.paths import Path, format_path, index_of, look, overlap

_FEW_PAIRS = 1_000  # of paths to be compared one by one


class PathBlocked(MuelleError):
    """A value that is neither an object nor a list stands in the way of this path."""

    code = "path_blocked"
    category = "data_error"
    status = 422
    recoverable = True
    suggestions = ("Write to another path.",)


class Tree:
    """The data, and what is known to be broken in it. It owns its two upper levels; what lies deeper never changes.

    `loop` is what `/loop/…` shows, or None outside of loops. `broken` has the paths that a failed operation should have
    written, each with that operation's id. `tail` is the operation whose output a turn of a loop gives, as `output`.
    """

    __slots__ = ("_log", "broken", "data", "loop", "output", "tail")

    def __init__(self, data: dict[str, Any], loop: dict[str, Any] | None = None) -> None:
        self.data = data
        self.loop = loop
        self.broken: dict[Path, str] = {}
        self.tail: str | None = None
        self.output: Any | Missing = MISSING
        self._log: list[tuple[Path, Any, str | None]] | None = None

    def find(self, path: Path) -> Any | Missing:  # noqa: ANN401 - any JSON value
        """Return what is at `path`, or MISSING. What is returned is not to be changed."""
        if path[0] == "loop":
            return MISSING if self.loop is None else look(self.loop, path[1:])
        found = look(self.data, path)
        # Level two is ours and will change: a reader that keeps it must not see that, nor find itself inside itself.
        return dict(found) if len(path) == 1 and isinstance(found, dict) else found

    def write(self, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Put `value` at `path`, making objects on the way; raise PathBlocked where something else stands."""
        if path[0] == "loop":
            raise PathBlocked(path=format_path(path), reason="/loop can only be read")
        self._put(path, value)
        if self.broken:
            for broken in [broken for broken in self.broken if broken[: len(path)] == path]:
                del self.broken[broken]
        if self._log is not None:
            self._log.append((path, value, None))

    def spoil(self, path: Path, cause: str) -> None:
        """Note that operation `cause` should have written `path` and did not."""
        self.broken[path] = cause
        if self._log is not None:
            self._log.append((path, None, cause))

    def broken_by(self, paths: tuple[Path, ...]) -> str | None:
        """Return the operation that failed to write something at, above or below one of `paths`, or None."""
        if len(paths) * len(self.broken) > _FEW_PAIRS:
            return self._broken_by_many(paths)
        for path in paths:
            for broken, cause in self.broken.items():
                if overlap(path, broken):
                    return cause
        return None

    def _broken_by_many(self, paths: tuple[Path, ...]) -> str | None:
        """Do the same without comparing each with each: 15,000 paths and 400 broken ones took 3 s."""
        above: dict[Path, str] = {}
        for broken, cause in self.broken.items():
            for depth in range(1, len(broken) + 1):
                above.setdefault(broken[:depth], cause)
        for path in paths:
            if path in above:
                return above[path]
            for depth in range(1, len(path)):
                if path[:depth] in self.broken:
                    return self.broken[path[:depth]]
        return None

    def within(self, loop: dict[str, Any]) -> "Tree":
        """Return the same data seen from a turn of a loop; writes are shared."""
        tree = Tree(self.data, loop)
        tree.broken = self.broken
        tree._log = self._log
        return tree

    def apart(self, loop: dict[str, Any]) -> "Tree":
        """Return a copy seen from a turn of a loop; writes stay in it until `settle`."""
        tree = Tree({key: dict(value) if type(value) is dict else value for key, value in self.data.items()}, loop)
        tree.broken = dict(self.broken)
        tree._log = []
        return tree

    def settle(self, turn: "Tree") -> None:
        """Take over what a turn that ran apart wrote."""
        for path, value, cause in turn._log or ():  # noqa: SLF001 - a turn is one of its own kind
            if cause is None:
                self.write(path, value)
            else:
                self.spoil(path, cause)

    def _put(self, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
        first, *rest = path
        if not rest:
            self.data[first] = dict(value) if isinstance(value, dict) else value
            return
        branch = self.data.setdefault(first, {})
        if type(branch) is not dict:
            self.data[first] = _put(branch, path[1:], value, path)
            return
        second, below = rest[0], path[2:]
        branch[second] = _put(branch.get(second, MISSING), below, value, path) if below else value


def _put(value: Any, rest: Path, new: Any, whole: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` with `new` at `rest`, copying what it changes."""
    if not rest:
        return new
    head, tail = rest[0], rest[1:]
    if isinstance(value, Missing | dict):
        copy = dict(value) if isinstance(value, dict) else {}
        copy[head] = _put(copy.get(head, MISSING), tail, new, whole)
        return copy
    if type(value) is list and 0 <= (index := index_of(head)) <= len(value):
        items = [*value, MISSING] if index == len(value) else list(value)
        items[index] = _put(items[index], tail, new, whole)
        return items
    raise PathBlocked(path=format_path(whole))
