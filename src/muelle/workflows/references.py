"""References to the data model inside configs: what counts as one, and what it becomes.

Three forms, at any depth: an object `{"path": "/workflow/x", "transform"?: …, "default"?: …}`, a whole string that
begins with a root (`/workflow/x`), and `{/workflow/x}` inside a longer string.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote

import msgspec

from muelle.core import Invalid, TooLarge
from muelle.packs import MISSING, Missing
from muelle.workflows.data_model import Tree
from muelle.workflows.paths import ROOTS, MissingData, Path, format_path, parse_path

_WHOLE = tuple(f"/{root}/" for root in ROOTS)
_ROOT_NAMES = "|".join(ROOTS)
_INSIDE = re.compile(rf"\{{(/?(?:{_ROOT_NAMES})/[^{{}}\s]+)\}}")
LONGEST_TEXT = 16 << 20  # characters: a document can refer to a large text 70,000 times
_KEYS = frozenset({"path", "transform", "default"})


class BadTransform(Invalid):
    """This value cannot be transformed that way."""

    code = "transform_failed"
    category = "data_error"
    status = 422


class DotsInUrl(Invalid):
    """A value of dots alone cannot stand in the path of a URL: '..' would lead out of its place, however written."""

    code = "dots_in_url"
    category = "data_error"
    status = 422
    suggestions = ("Check where the value at this path comes from.",)


class TextTooLong(TooLarge):
    """A text becomes too long by the data that its references bring."""

    code = "text_too_long"
    category = "data_error"
    suggestions = ("Refer to the data as a whole, or to less of it.",)


class Reference:
    """A value to be read when the operation runs; without a default the data must be there."""

    __slots__ = ("default", "path", "transform")

    def __init__(self, path: Path, transform: str | None = None, default: Any | Missing = MISSING) -> None:  # noqa: ANN401 - any JSON value
        self.path = path
        self.transform = transform
        self.default = default

    @property
    def paths(self) -> tuple[Path, ...]:
        """What it reads."""
        return (self.path,)

    @property
    def is_soft(self) -> bool:
        """Whether it does without the data."""
        return self.default is not MISSING

    def resolve(self, tree: Tree) -> Any:  # noqa: ANN401 - any JSON value
        """Return the value; raise MissingData or BadTransform."""
        found = tree.find(self.path)
        if found is not MISSING and self.transform is not None:
            found = TRANSFORMS[self.transform](found)
        if found is not MISSING:
            return found
        if self.default is MISSING:
            raise MissingData(f"No data found at path: {format_path(self.path)}", path=format_path(self.path))
        return self.default


class Interpolation:
    """A string with references inside; `parts` are texts and paths in turn. In a URL values are percent-encoded."""

    __slots__ = ("is_url", "parts")

    def __init__(self, parts: tuple[str | Path, ...], *, is_url: bool) -> None:
        self.parts = parts
        self.is_url = is_url

    @property
    def paths(self) -> tuple[Path, ...]:
        """What it reads."""
        return tuple(part for part in self.parts if type(part) is tuple)

    @property
    def is_soft(self) -> bool:
        """Whether it does without the data: never."""
        return False

    def resolve(self, tree: Tree) -> str:
        """Return the text; raise MissingData, DotsInUrl or TextTooLong."""
        text = ""
        for part in self.parts:
            if isinstance(part, str):
                text += part
                continue
            found = tree.find(part)
            if found is MISSING:
                raise MissingData(f"No data found at path: {format_path(part)}", path=format_path(part))
            text += _encoded(_as_text(found), text, part) if self.is_url else _as_text(found)
            if len(text) > LONGEST_TEXT:
                raise TextTooLong(limit=LONGEST_TEXT)
        return text


def as_reference(value: Any, *, is_url: bool = False) -> Reference | Interpolation | None:  # noqa: ANN401 - any JSON value
    """Return what `value` refers to if it is one of the three forms, else None; raise InvalidPath or BadTransform."""
    if type(value) is str:
        return _in_text(value, is_url=is_url)
    if type(value) is dict and "path" in value and value.keys() <= _KEYS:
        return _in_object(value)
    return None


def _in_text(text: str, *, is_url: bool) -> Reference | Interpolation | None:
    if text.startswith(_WHOLE):
        return Reference(parse_path(text))
    if "{" not in text or not _INSIDE.search(text):
        return None
    pieces = enumerate(_INSIDE.split(text))
    parts = tuple(parse_path(piece) if index % 2 else piece for index, piece in pieces if piece)
    return Interpolation(parts, is_url=is_url)


def _in_object(value: Mapping[str, Any]) -> Reference | None:
    path = value["path"]
    if type(path) is not str or not is_rooted(path):
        return None
    transform = value.get("transform")
    if transform is not None and (type(transform) is not str or transform not in TRANSFORMS):
        raise BadTransform(transform=str(transform)[:100], known=list(TRANSFORMS))
    return Reference(parse_path(path), transform, value.get("default", MISSING))


def is_rooted(path: str) -> bool:
    """Tell whether a path begins with one of the data model's roots."""
    root = path.removeprefix("/")
    return root in ROOTS or root.startswith(tuple(f"{name}/" for name in ROOTS))


def _as_text(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return value if type(value) is str else msgspec.json.encode(value).decode()


def _encoded(text: str, before: str, path: Path) -> str:
    """Percent-encode by position: raw as the base of a URL, a host as it is, and closed in path, query and fragment."""
    if not before:
        return text
    _, mark, rest = before.partition("://")
    if mark and not any(sign in rest for sign in "/?#"):
        return quote(text, safe=".:-[]")
    if text and not text.strip(".") and not any(sign in rest for sign in "?#"):
        raise DotsInUrl(path=format_path(path))
    return quote(text, safe="")


def _length(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if type(value) in {str, list, dict}:
        return len(value)
    raise BadTransform(transform="length", expected="text, list or object")


def _keys(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if type(value) is dict:
        return list(value)
    raise BadTransform(transform="keys", expected="object")


def _values(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if type(value) is dict:
        return list(value.values())
    raise BadTransform(transform="values", expected="object")


def _end(name: str, index: int) -> Callable[[Any], Any]:
    def end(value: Any) -> Any:  # noqa: ANN401 - any JSON value
        if type(value) is list or type(value) is str:
            return value[index] if value else MISSING
        raise BadTransform(transform=name, expected="list or text")

    return end


def _number(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if type(value) is int or type(value) is float:
        return value
    try:
        return msgspec.json.decode(value.strip() if type(value) is str else b"", type=int | float)
    except msgspec.DecodeError:
        raise BadTransform(transform="number", expected="a number, or text that is one") from None


TRANSFORMS: Mapping[str, Callable[[Any], Any]] = {
    "length": _length,
    "keys": _keys,
    "values": _values,
    "first": _end("first", 0),
    "last": _end("last", -1),
    "json": lambda value: msgspec.json.encode(value).decode(),
    "string": _as_text,
    "number": _number,
}
