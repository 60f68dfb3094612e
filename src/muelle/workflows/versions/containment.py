"""Whether one schema takes all that another one takes, and where it does not.

The library proves containment; what it cannot prove (recursive schemas, mostly) is looked at part by part. What is
proved by neither counts as narrower: no change passes as harmless that is not known to be.
"""

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import msgspec

from muelle.workflows.issues import pointer
from muelle.workflows.versions.schemas import NOTES, Schema

Place = tuple[str | int, ...]
_OBJECT = frozenset({"type", "properties", "required", "additionalProperties"})
_ARRAY = frozenset({"type", "items"})
_MOST = 50  # narrowings: nobody reads more
_MOST_STEPS = 2_000  # subschemas compared: definitions that share others can be walked again and again


class Narrowing(msgspec.Struct, frozen=True):
    """Where the second schema refuses what the first one takes; `path` is a pointer into the second if it is there."""

    path: str
    message: str


def narrowed(first: Schema, second: Schema) -> list[Narrowing]:
    """Return where `second` refuses what `first` takes; empty only if it takes all of it."""
    if covers(second, first):
        return []
    walk = _Walk(first, second)
    found = list(dict.fromkeys(walk.narrowed(first, second, ())))
    return found[:_MOST]


def covers(wide: Any, narrow: Any) -> bool:  # noqa: ANN401 - a schema, true or false
    """Tell whether `wide` is known to take all that `narrow` takes."""
    if wide is True or wide == {} or narrow is False or wide == narrow:
        return True
    return _proved(_encoded(wide), _encoded(narrow))


def _encoded(schema: Any) -> bytes:  # noqa: ANN401 - as above
    return msgspec.json.encode(schema, order="deterministic")


@lru_cache(maxsize=512)
def _proved(wide: bytes, narrow: bytes) -> bool:
    from jsonschema_rs import Draft202012, RegexOptions, canonical, canonicalize  # noqa: PLC0415 - as in schemas

    def read(schema: bytes) -> Any:  # noqa: ANN401 - the library's
        value = msgspec.json.decode(schema)
        return canonicalize(value, draft=Draft202012, validate_formats=True, pattern_options=RegexOptions())

    try:
        verdict = read(wide).covers(read(narrow))
    except (canonical.UnsupportedOperand, canonical.UnsupportedResult):
        return False
    return bool(verdict == canonical.Containment.YES)


class _Walk:
    """One comparison, part by part; `assumed` are the pairs of definitions that are being looked at already."""

    def __init__(self, first: Schema, second: Schema) -> None:
        self._first = first
        self._second = second
        self._assumed: set[tuple[bytes, bytes]] = set()
        self._steps = 0

    def narrowed(self, first: Any, second: Any, at: Place) -> Iterator[Narrowing]:  # noqa: ANN401 - schemas
        self._steps += 1
        if self._steps > _MOST_STEPS:
            yield Narrowing(pointer(at), "too much differs to tell what")
            return
        if self._covers(second, first):
            return
        first_ref, second_ref = _ref(first), _ref(second)
        if first_ref or second_ref:
            pair = (_encoded(first), _encoded(second))
            if pair not in self._assumed:
                self._assumed.add(pair)
                place = tuple(second_ref.split("/")[1:]) if second_ref else at
                yield from self.narrowed(
                    self._target(self._first, first, first_ref), self._target(self._second, second, second_ref), place
                )
        elif _is_plain(first, "object", _OBJECT) and _is_plain(second, "object", _OBJECT):
            yield from self._objects(first, second, at)
        elif _is_plain(first, "array", _ARRAY) and _is_plain(second, "array", _ARRAY):
            yield from self.narrowed(first.get("items", True), second.get("items", True), (*at, "items"))
        elif _may_be_null(first) and isinstance(second, dict):
            yield from self._nullable(first, second, at)
        else:
            yield from self._keywords(first, second, at)

    def _covers(self, wide: Any, narrow: Any) -> bool:  # noqa: ANN401 - schemas
        return covers(_rooted(wide, self._second), _rooted(narrow, self._first))

    def _target(self, root: Schema, schema: Any, ref: str) -> Any:  # noqa: ANN401 - schemas
        if not ref:
            return schema
        target: Any = root
        for part in ref.split("/")[1:]:
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            target = target[int(name)] if isinstance(target, list) else target[name]
        return target

    def _objects(self, first: Schema, second: Schema, at: Place) -> Iterator[Narrowing]:
        """Compare objects by their properties: with these keywords alone, that is all that there is."""
        before, after = first.get("properties", {}), second.get("properties", {})
        for name in sorted(set(second.get("required", ())) - set(first.get("required", ()))):
            yield Narrowing(pointer((*at, "required")), f"'{name}' must be given")
        for name in sorted(before.keys() | after.keys()):
            old = before.get(name, first.get("additionalProperties", True))
            new = after.get(name, second.get("additionalProperties", True))
            place = (*at, "properties", name)
            if old is not False and new is False:
                yield Narrowing(pointer(place), f"'{name}' must not be given")
            elif name not in before and old is not False:
                for narrowing in self.narrowed(old, new, place):
                    yield Narrowing(narrowing.path, f"'{name}' could be anything: {narrowing.message}")
            else:
                yield from self.narrowed(old, new, place)
        others = (first.get("additionalProperties", True), second.get("additionalProperties", True))
        if others[0] is not False and others[1] is False:
            yield Narrowing(pointer((*at, "additionalProperties")), "what is not named must not be given")
        else:
            yield from self.narrowed(*others, (*at, "additionalProperties"))

    def _nullable(self, first: Mapping[str, Any], second: Mapping[str, Any], at: Place) -> Iterator[Narrowing]:
        """Look at null and at the rest apart: what may be left empty is mostly written so."""
        is_found = False
        if not self._covers(second, {"type": "null"}):
            is_found = True
            yield Narrowing(pointer(at), "null is refused")
        rest, other = _without_null(first), _without_null(second)
        if other is not second or rest is not first:
            for narrowing in self.narrowed(rest, other, at):
                is_found = True
                yield narrowing
        if not is_found:
            yield Narrowing(pointer(at), "some values are refused")

    def _keywords(self, first: Any, second: Any, at: Place) -> Iterator[Narrowing]:  # noqa: ANN401 - schemas
        """Name the keywords that make `second` narrower, one by one; where none does alone, say that they do."""
        is_found = False
        for keyword in second if isinstance(second, dict) and isinstance(first, dict) else ():
            if keyword in NOTES or first.get(keyword) == second[keyword]:
                continue
            if not self._covers({**first, keyword: second[keyword]}, first):
                is_found = True
                was = f" (was {_short(first[keyword])})" if keyword in first else ""
                yield Narrowing(pointer((*at, keyword)), f"{keyword} is {_short(second[keyword])}{was}")
        if not is_found:
            yield Narrowing(pointer(at), "some values are refused")


def _rooted(schema: Any, root: Schema) -> Any:  # noqa: ANN401 - schemas
    """Return a part of a schema with the definitions that it may refer to."""
    definitions = root.get("$defs")
    return {**schema, "$defs": definitions} if definitions and isinstance(schema, dict) else schema


def _ref(schema: Any) -> str:  # noqa: ANN401 - schemas
    """Return where a schema leads that says nothing else, or nothing."""
    if not isinstance(schema, dict) or "$ref" not in schema or schema.keys() - NOTES - {"$ref", "$defs"}:
        return ""
    return str(schema["$ref"])


def _is_plain(schema: Any, kind: str, keywords: frozenset[str]) -> bool:  # noqa: ANN401 - schemas
    return isinstance(schema, dict) and schema.get("type") == kind and not schema.keys() - keywords - NOTES - {"$defs"}


def _may_be_null(schema: Any) -> bool:  # noqa: ANN401 - schemas
    return isinstance(schema, dict) and _without_null(schema) is not schema


def _without_null(schema: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a schema
    """Return a schema of several types, or of two branches, less null; the same where null is not written so."""
    kinds, branches = schema.get("type"), schema.get("anyOf")
    if isinstance(kinds, list) and "null" in kinds and len(kinds) > 1 and "enum" not in schema:
        rest = [kind for kind in kinds if kind != "null"]
        return {**schema, "type": rest[0] if len(rest) == 1 else rest}
    if isinstance(branches, list) and {"type": "null"} in branches and not schema.keys() - NOTES - {"anyOf", "$defs"}:
        rest = [branch for branch in branches if branch != {"type": "null"}]
        if rest:
            return rest[0] if len(rest) == 1 else {"anyOf": rest}
    return schema


def _short(value: Any) -> str:  # noqa: ANN401 - any JSON value
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 80 else f"{text[:80]}…"  # noqa: PLR2004 - characters: a line
