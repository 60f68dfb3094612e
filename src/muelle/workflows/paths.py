"""Paths into the data model, and the data model itself.

A path is `/a/b/0` or `/a/b[0]`, the first slash optional, with JSON Pointer's escapes `~0` for `~` and `~1` for `/`,
and `~2` for a `[` that is part of a name. What a path means is a tuple of segments. A number indexes a list; in an
object it is a key.
"""

from functools import lru_cache
from typing import Any

from muelle.core import Invalid, MuelleError
from muelle.packs import MISSING, Missing

Path = tuple[str, ...]
ROOTS = ("workflow", "config", "input", "loop")
_LONGEST_INDEX = 10  # digits: no list has more items, and int() of many digits is slow


class InvalidPath(Invalid):
    """A path is '/' and segments, such as /workflow/users/0/name or /workflow/users[0].name."""

    code = "invalid_path"


class MissingData(MuelleError):
    """No data found."""

    code = "missing_data"
    category = "data_error"
    status = 422
    recoverable = True
    suggestions = ("Give the reference a default, or make sure that the operation that writes this path runs first.",)


class PathBlocked(MuelleError):
    """A value that is neither an object nor a list stands in the way of this path."""

    code = "path_blocked"
    category = "data_error"
    status = 422
    recoverable = True
    suggestions = ("Write to another path.",)


@lru_cache(maxsize=16_384)
def parse_path(text: str) -> Path:
    """Return the segments of a path; raise InvalidPath if it has none or an unclosed bracket."""
    bare = text.removeprefix("/")
    if not bare or bare.endswith("/") or "//" in bare:
        raise InvalidPath(path=text[:200])
    segments: list[str] = []
    for part in bare.split("/"):
        segments += _indexed(part, text) if "[" in part else (part,)
    if "~" in bare:
        segments = [segment.replace("~1", "/").replace("~2", "[").replace("~0", "~") for segment in segments]
    return tuple(segments)


def _indexed(part: str, text: str) -> list[str]:
    """Split `users[0].name` into its segments; a dot is a separator only right behind a bracket."""
    name, *rest = part.split("[")
    segments = [name] if name else []
    for piece in rest:
        index, bracket, tail = piece.partition("]")
        if (
            not bracket
            or not index.isascii()
            or not index.isdecimal()
            or (tail and (not tail.startswith(".") or len(tail) == 1))
        ):
            raise InvalidPath(path=text[:200])
        segments.append(index)
        if tail:
            segments.append(tail[1:])
    return segments


def format_path(path: Path) -> str:
    """Return the path's text; `parse_path` of it gives the path again."""
    return "".join(f"/{segment.replace('~', '~0').replace('/', '~1').replace('[', '~2')}" for segment in path)


def look(value: Any, path: Path) -> Any | Missing:  # noqa: ANN401 - any JSON value
    """Follow `path` into a JSON value; return MISSING where it leads nowhere."""
    for segment in path:
        if type(value) is dict:
            value = value.get(segment, MISSING)
            if value is MISSING:
                return MISSING
        elif type(value) is list and 0 <= (index := _index(segment)) < len(value):
            value = value[index]
        else:
            return MISSING
    return value


def _index(segment: str) -> int:
    """Return the index that a segment means in a list, or -1."""
    return int(segment) if segment.isascii() and segment.isdecimal() and len(segment) < _LONGEST_INDEX else -1


class Tree:
    """The data model of one run. It owns its two upper levels; what lies deeper is shared and never changed in place.

    `loop` is what `/loop/…` shows, or None outside of loops; it can be read only.
    """

    __slots__ = ("data", "loop")

    def __init__(self, data: dict[str, Any], loop: dict[str, Any] | None = None) -> None:
        self.data = data
        self.loop = loop

    def find(self, path: Path) -> Any | Missing:  # noqa: ANN401 - any JSON value
        """Return what is at `path`, or MISSING. What is returned is not to be changed."""
        if path[0] == "loop":
            return MISSING if self.loop is None else look(self.loop, path[1:])
        found: Any = look(self.data, path)
        # Level two is ours and will change: a reader that keeps it must not see that, nor find itself inside itself.
        return dict(found) if len(path) == 1 and type(found) is dict else found

    def write(self, path: Path, value: Any) -> None:  # noqa: ANN401 - any JSON value
        """Put `value` at `path`, making objects on the way; raise PathBlocked where something else stands."""
        first = path[0]
        if first == "loop":
            raise PathBlocked(path=format_path(path), suggestion="/loop can only be read.")
        if len(path) == 1:
            self.data[first] = dict(value) if type(value) is dict else value
            return
        branch = self.data.setdefault(first, {})
        if type(branch) is not dict:
            branch = self.data[first] = _put(branch, path[1:], value, path)
            return
        second = path[1]
        branch[second] = value if len(path) == 2 else _put(branch.get(second, MISSING), path[2:], value, path)  # noqa: PLR2004 - the two levels that it owns

    def within(self, loop: dict[str, Any]) -> "Tree":
        """Return the same data seen from inside a loop; writes are shared."""
        return Tree(self.data, loop)

    def apart(self, loop: dict[str, Any]) -> "Tree":
        """Return a copy seen from inside a loop; writes stay in the copy."""
        return Tree({key: dict(value) if type(value) is dict else value for key, value in self.data.items()}, loop)


def _put(value: Any, rest: Path, new: Any, whole: Path) -> Any:  # noqa: ANN401 - any JSON value
    """Return `value` with `new` at `rest`, copying what it changes."""
    if not rest:
        return new
    head, tail = rest[0], rest[1:]
    if value is MISSING or type(value) is dict:
        copy = {} if value is MISSING else dict(value)
        copy[head] = _put(copy.get(head, MISSING), tail, new, whole)
        return copy
    if type(value) is list and 0 <= (index := _index(head)) <= len(value):
        items = [*value, MISSING] if index == len(value) else list(value)
        items[index] = _put(items[index], tail, new, whole)
        return items
    raise PathBlocked(path=format_path(whole))
