"""Settings: a frozen tree of dataclasses, read once from TOML and the environment.

Each room declares a dataclass with its defaults and units; the composition root joins them. A key that nobody declared
is an error that names the nearest one. `MUELLE__ROOM__KEY=value` overrides `[room] key` of the file.
"""

import dataclasses
import json
import math
from collections import abc
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from muelle.core.errors import Invalid

PREFIX = "MUELLE__"
T = TypeVar("T")


class UnknownSetting(Invalid):
    """There is no such setting."""

    code = "unknown_setting"
    suggestions = ("Correct its spelling; the settings page of the guide lists them all.",)


class InvalidSetting(Invalid):
    """A setting has a value that it cannot have."""

    code = "invalid_setting"


class MissingSetting(Invalid):
    """A setting that has no default is not set."""

    code = "missing_setting"
    suggestions = ("Set it in the settings file, or in the environment variable that the error names.",)


class Secret:
    """A string that never shows itself: `repr`, `str` and JSON give `***`; `reveal` gives the value."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the value; call this only where it leaves for its purpose."""
        return self._value

    def __repr__(self) -> str:
        """Hide the value."""
        return "***"

    def __eq__(self, other: object) -> bool:
        """Tell whether two secrets hold the same value."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Hash the value."""
        return hash(self._value)


def read_settings(tree: type[T], file: Mapping[str, Any], environment: Mapping[str, str]) -> T:
    """Build the settings `tree` (a dataclass of dataclasses); raise UnknownSetting or InvalidSetting."""
    return _build(tree, _merged(file, environment), ())


def setting_names(tree: type[Any], prefix: str = "") -> Iterator[str]:
    """Yield `room.key` for every leaf of a settings tree, in order of declaration."""
    hints = get_type_hints(tree)
    for field in dataclasses.fields(tree):
        path = f"{prefix}{field.name}"
        if dataclasses.is_dataclass(hints[field.name]):
            yield from setting_names(hints[field.name], f"{path}.")
        else:
            yield path


def _merged(file: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    merged = _copied(file)
    for variable, text in environment.items():
        if not variable.startswith(PREFIX):
            continue
        *rooms, key = variable[len(PREFIX) :].lower().split("__")
        branch = merged
        for room in rooms:
            branch = branch.setdefault(room, {})
            if not isinstance(branch, dict):
                raise InvalidSetting(setting=variable, expected=f"a table, not a value, as {room}")
        branch[key] = text
    return merged


def _copied(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _copied(value) if isinstance(value, Mapping) else value for key, value in tree.items()}


def _build(tree: type[T], given: Mapping[str, Any], path: tuple[str, ...]) -> T:
    hints = get_type_hints(tree, include_extras=True)  # Annotated with a Meta says the bounds of a value
    for key in given:
        if key not in hints:
            raise UnknownSetting(setting=".".join((*path, key)), nearest=get_close_matches(key, hints, n=1))
    values = {key: _value(hints[key], value, (*path, key)) for key, value in given.items()}
    for field in dataclasses.fields(tree):  # type: ignore[arg-type] # T is a dataclass; there is no bound that says so
        if field.name not in values and field.default is field.default_factory:  # both are dataclasses.MISSING
            missing = (*path, field.name)
            raise MissingSetting(setting=".".join(missing), variable=PREFIX + "__".join(missing).upper())
    return tree(**values)


def _value(kind: Any, given: Any, path: tuple[str, ...]) -> Any:  # noqa: ANN401 - any annotation, any TOML value
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        if not isinstance(given, Mapping):
            raise InvalidSetting(setting=".".join(path), expected="a table")
        return _build(kind, given, path)
    item = _tables_of(kind)
    if item is not None and isinstance(given, Mapping):
        return {name: _value(item, value, (*path, name)) for name, value in given.items()}
    if kind is Secret:
        return Secret(str(given))
    try:
        value = msgspec.convert(_split(kind, given), kind, strict=False)
    except (msgspec.ValidationError, ValueError) as error:
        raise InvalidSetting(setting=".".join(path), expected=str(error)) from None
    if isinstance(value, int | float) and not 0 <= value < math.inf:
        raise InvalidSetting(setting=".".join(path), expected="a number from 0 on")
    return value


def _tables_of(kind: Any) -> Any:  # noqa: ANN401 - any annotation
    """Return what each table of a mapping is built as, such as `[room.NAME]` for chosen names; None for others."""
    if get_origin(kind) is not abc.Mapping:
        return None
    item = get_args(kind)[1]
    return item if dataclasses.is_dataclass(item) else None


def _split(kind: Any, given: Any) -> Any:  # noqa: ANN401 - any annotation, any TOML value
    """Read a text for a list or table: JSON, or else parts separated by commas."""
    if not isinstance(given, str) or get_origin(kind) not in {tuple, list, dict, Mapping}:
        return given
    if given.lstrip().startswith(("[", "{")):
        return json.loads(given)
    return [part.strip() for part in given.split(",") if part.strip()]
