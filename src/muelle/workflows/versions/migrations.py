"""Inputs that were kept for an older version, brought to a newer one by what the versions between say.

A version may carry `migrateInputs`: `{"1.x": [{"do": "rename", "at": "/mail", "to": "email"}, …]}`. Steps are done in
order; each names places by JSON pointers, and what it does not find it leaves alone.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import deepcopy
from functools import partial
from typing import Any, Literal

import msgspec

from muelle.workflows.issues import pointer
from muelle.workflows.versions.errors import InputsNotMigrated, InvalidMigration
from muelle.workflows.versions.ranges import read_range
from muelle.workflows.versions.semver import Version

_MOST_STEPS = 200
_MOST_RANGES = 50
_Text = dict[str, Any]
Kind = Literal["string", "number", "integer", "boolean", "list"]


class _Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="do", omit_defaults=True):
    """One step."""


class Move(_Step, frozen=True, kw_only=True, tag="move"):
    """Take a value from one place to another, over what is there; objects on the way are made."""

    source: str = msgspec.field(name="from")
    to: str


class Rename(_Step, frozen=True, kw_only=True, tag="rename"):
    """Call a member of an object otherwise; `*` in `at` stands for every item of a list."""

    at: str
    to: str


class Remove(_Step, frozen=True, kw_only=True, tag="remove"):
    """Take a value away."""

    at: str


class Default(_Step, frozen=True, kw_only=True, tag="default"):
    """Put a value where there is none."""

    at: str
    value: Any


class Convert(_Step, frozen=True, kw_only=True, tag="convert"):
    """Make another kind of value of one: "3" a number, 3 a string, "yes" a boolean, x the list [x]. Null stays."""

    at: str
    to: Kind


class Replace(_Step, frozen=True, kw_only=True, tag="replace"):
    """Put other texts in place of some, such as {"low": "minor"}; others stay."""

    at: str
    values: dict[str, Any]


Step = Move | Rename | Remove | Default | Convert | Replace
Migrations = dict[str, list[Step]]


def read_migrations(given: object) -> Migrations:
    """Return migrations by range; raise InvalidMigration or InvalidRange."""
    if given is None:
        return {}
    try:
        migrations = msgspec.convert(given, Migrations)
    except msgspec.ValidationError as error:
        raise InvalidMigration(field="migrate_inputs", reason=str(error)[:300]) from None
    if len(migrations) > _MOST_RANGES or any(len(steps) > _MOST_STEPS for steps in migrations.values()):
        reason = f"more than {_MOST_RANGES} ranges, or than {_MOST_STEPS} steps in one"
        raise InvalidMigration(field="migrate_inputs", reason=reason)
    for written, steps in migrations.items():
        read_range(written, "migrate_inputs")
        for index, step in enumerate(steps):
            _check(step, pointer((written, index)))
    return migrations


def _check(step: Step, at: str) -> None:
    places = (step.source, step.to) if isinstance(step, Move) else (step.at,)
    for place in places:
        if not place.startswith("/") or len(place) > 500:  # noqa: PLR2004 - characters
            raise InvalidMigration(
                field="migrate_inputs", path=at, reason="a place is a pointer such as /customer/email"
            )
        if "*" in place.split("/") and isinstance(step, Move):
            raise InvalidMigration(
                field="migrate_inputs", path=at, reason="'move' takes one place to one other; no '*'"
            )
    if isinstance(step, Rename) and (not step.to or "/" in step.to):
        raise InvalidMigration(field="migrate_inputs", path=at, reason="'to' is the member's new name")


class Stop(msgspec.Struct, frozen=True):
    """A version on the way of some inputs, with what it says of older ones."""

    version: Version
    migrations: Migrations


def route(start: Version, goal: Version, stops: Sequence[Stop]) -> list[tuple[Version, list[Step]]] | None:
    """Return the fewest migrations that lead from one version's inputs to another's; None if there is no way.

    Within what is compatible (one major version; below 1.0.0 one minor one) inputs need none.
    """
    above = sorted(
        (stop for stop in stops if start < stop.version <= goal), key=lambda stop: stop.version, reverse=True
    )
    ways: list[tuple[Version, list[tuple[Version, list[Step]]]]] = [(start, [])]
    seen = {start}
    for present, way in ways:  # grows while it is walked: breadth first
        if _is_compatible(present, goal):
            return way
        for stop in above:
            if stop.version not in seen and (steps := _steps_from(present, stop, above)) is not None:
                seen.add(stop.version)
                ways.append((stop.version, [*way, (stop.version, steps)]))
    return None


def _steps_from(present: Version, stop: Stop, above: Iterable[Stop]) -> list[Step] | None:
    """Return what a version says of the inputs of an older one, or of one that takes these inputs as they are."""
    if stop.version <= present:
        return None
    alike = [present, *(each.version for each in above if _is_compatible(present, each.version))]
    for written, steps in stop.migrations.items():
        asked = read_range(written)
        if any(version in asked for version in alike):
            return steps
    return None


def _is_compatible(old: Version, new: Version) -> bool:
    line = (old.major,) if old.major else (0, old.minor)
    return old <= new and line == ((new.major,) if new.major else (0, new.minor))


def migrate(inputs: Mapping[str, Any], steps: Iterable[Step], version: str) -> dict[str, Any]:
    """Return the inputs after all steps; raise InputsNotMigrated, which names the field. The given ones stay."""
    tree: dict[str, Any] = {"": deepcopy(dict(inputs))}
    for step in steps:
        match step:
            case Move(source=source, to=to):
                _move(tree, source, to, version)
            case Rename(at=at, to=to):
                _each(tree, at, partial(_rename, to=to))
            case Remove(at=at):
                _each(tree, at, _take)
            case Default(at=at, value=value):
                _default(tree, at, value, version)
            case Convert(at=at, to=kind):
                _each(tree, at, partial(_convert, kind=kind, at=(at, version)))
            case Replace(at=at, values=values):
                _each(tree, at, partial(_replace, values=values))
    migrated: dict[str, Any] = tree[""]
    return migrated


def _segments(place: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in place.split("/")]


def _each(tree: Any, place: str, act: Callable[[Any, Any], None]) -> None:  # noqa: ANN401 - JSON
    """Do something to each value at a place, found by its holder and key; `*` stands for every item of a list."""
    *way, last = _segments(place)
    holders = [tree]
    for part in way:
        holders = [inner for holder in holders for inner in _inner(holder, part)]
    for holder in holders:
        for key in reversed(list(_keys(holder, last))):
            act(holder, key)


def _inner(holder: Any, part: str) -> list[Any]:  # noqa: ANN401 - JSON
    return [holder[key] for key in _keys(holder, part)]


def _keys(holder: Any, part: str) -> Iterable[Any]:  # noqa: ANN401 - JSON
    if isinstance(holder, dict):
        return [part] if part in holder else []
    if isinstance(holder, list):
        if part == "*":
            return range(len(holder))
        return [int(part)] if part.isascii() and part.isdigit() and int(part) < len(holder) else []
    return []


def _take(holder: Any, key: Any) -> None:  # noqa: ANN401 - JSON
    del holder[key]


def _rename(holder: Any, key: Any, to: str) -> None:  # noqa: ANN401 - JSON
    if isinstance(holder, dict) and key != to:
        holder[to] = holder.pop(key)


def _replace(holder: Any, key: Any, values: Mapping[str, Any]) -> None:  # noqa: ANN401 - JSON
    value = holder[key]
    if isinstance(value, str) and value in values:
        holder[key] = values[value]


def _move(tree: _Text, source: str, to: str, version: str) -> None:
    found: list[Any] = []
    _each(tree, source, lambda holder, key: found.append(holder.pop(key)))
    if found:
        holder, last = _made(tree, to, version)
        holder[last] = found[0]


def _default(tree: _Text, place: str, value: Any, version: str) -> None:  # noqa: ANN401 - JSON
    if "*" not in _segments(place):
        holder, last = _made(tree, place, version)
        holder.setdefault(last, deepcopy(value))
        return
    above, _, last = place.rpartition("/")
    _each(tree, above, lambda holder, key: _default_in(holder[key], _segments(last)[0], value))


def _default_in(holder: Any, key: str, value: Any) -> None:  # noqa: ANN401 - JSON
    if isinstance(holder, dict):
        holder.setdefault(key, deepcopy(value))


def _made(tree: _Text, place: str, version: str) -> tuple[dict[str, Any], str]:
    """Return the object in which a place lies, made where it was not, and the last part of the place."""
    *way, last = _segments(place)
    holder: Any = tree
    for part in way:
        holder = holder.setdefault(part, {}) if isinstance(holder, dict) else next(iter(_inner(holder, part)), None)
    if not isinstance(holder, dict):
        raise InputsNotMigrated(field=place, version=version, reason="what is above it is no object")
    return holder, last


def _convert(holder: Any, key: Any, kind: Kind, at: tuple[str, str]) -> None:  # noqa: ANN401 - JSON
    value = holder[key]
    if value is None:
        return
    try:
        holder[key] = _CONVERSIONS[kind](value)
    except (TypeError, ValueError, OverflowError, msgspec.DecodeError):
        field, version = at
        raise InputsNotMigrated(field=field, version=version, reason=f"it cannot be made a {kind}") from None


def _number(value: Any) -> float:  # noqa: ANN401 - JSON
    if isinstance(value, str):
        number: float = msgspec.json.decode(value.strip().encode(), type=int | float)
        return number
    if isinstance(value, int | float):
        return int(value) if isinstance(value, bool) else value
    raise TypeError


def _integer(value: Any) -> int:  # noqa: ANN401 - JSON
    number = _number(value)
    if number != int(number):
        raise ValueError
    return int(number)


def _string(value: Any) -> str:  # noqa: ANN401 - JSON
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def _boolean(value: Any) -> bool:  # noqa: ANN401 - JSON
    text = _string(value).strip().lower()
    if text not in _TRUTHS:
        raise ValueError
    return _TRUTHS[text]


def _list(value: Any) -> list[Any]:  # noqa: ANN401 - JSON
    return value if isinstance(value, list) else [value]


_CONVERSIONS: Mapping[Kind, Callable[[Any], Any]] = {
    "string": _string,
    "number": _number,
    "integer": _integer,
    "boolean": _boolean,
    "list": _list,
}
