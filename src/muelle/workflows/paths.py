"""Paths into the data model.

A path is `/a/b/0` or `/a/b[0]`, the first slash optional, with JSON Pointer's escapes `~0` for `~` and `~1` for `/`,
and `~2` for a `[` that is part of a name. What a path means is a tuple of segments. A number indexes a list; in an
object it is a key. No segment is empty, and a path has at most 4,096 characters.
"""

from functools import lru_cache
from typing import Any

from muelle.core import Invalid, MuelleError
from muelle.packs import MISSING, Missing

Path = tuple[str, ...]
ROOTS = ("workflow", "config", "input", "loop")
LONGEST_PATH = 4_096  # characters
_LONGEST_KEPT = 256  # characters: the paths of strangers must not fill the memory
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


def parse_path(text: str) -> Path:
    """Return the segments of a path; raise InvalidPath if it has none, an unclosed bracket, or is too long."""
    return _kept(text) if len(text) <= _LONGEST_KEPT else _parsed(text)


def _parsed(text: str) -> Path:
    if len(text) > LONGEST_PATH:
        raise InvalidPath(path=text[:200], longest=LONGEST_PATH)
    bare = text.removeprefix("/")
    if not bare or bare.startswith("/") or bare.endswith("/") or "//" in bare:
        raise InvalidPath(path=text[:200])
    segments: list[str] = []
    for part in bare.split("/"):
        segments += _indexed(part, text) if "[" in part else (part,)
    if "~" in bare:
        segments = [segment.replace("~1", "/").replace("~2", "[").replace("~0", "~") for segment in segments]
    return tuple(segments)


_kept = lru_cache(maxsize=16_384)(_parsed)


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


def overlap(one: Path, other: Path) -> bool:
    """Tell whether one path is the other, or leads to it."""
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def look(value: Any, path: Path) -> Any | Missing:  # noqa: ANN401 - any JSON value
    """Follow `path` into a JSON value; return MISSING where it leads nowhere."""
    for segment in path:
        if type(value) is dict:
            value = value.get(segment, MISSING)
            if value is MISSING:
                return MISSING
        elif type(value) is list and 0 <= (index := index_of(segment)) < len(value):
            value = value[index]
        else:
            return MISSING
    return value


def index_of(segment: str) -> int:
    """Return the index that a segment means in a list, or -1."""
    return int(segment) if segment.isascii() and segment.isdecimal() and len(segment) < _LONGEST_INDEX else -1
