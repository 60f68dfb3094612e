"""The inputs of a run, made from an event: JSON in which references to `/event/…` are resolved.

The same three forms as in documents: `{"path": "/event/data/x", "transform"?: …, "default"?: …}`, a whole string
`/event/data/x`, and `{/event/data/x}` inside a longer one. Data never become references.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

import msgspec

from muelle.core import MuelleError, TooLarge
from muelle.packs import Json
from muelle.workflows.data_model import Tree
from muelle.workflows.paths import Path, parse_path
from muelle.workflows.references import TRANSFORMS, Interpolation, Reference
from muelle.workflows.substitution import substituted
from muelle.workflows.triggers.conditions import fault
from muelle.workflows.triggers.errors import InvalidTrigger
from muelle.workflows.triggers.pattern import Event

Place = tuple[str | int, ...]
Inputs = Callable[[Event], dict[str, Json]]

ROOT: Final = "event"
MOST_REFERENCES: Final = 500
DEEPEST: Final = 32
LONGEST_TEMPLATE: Final = 64 << 10  # bytes of JSON
WHOLE_EVENT: Final[dict[str, Json]] = {"event": {"path": f"/{ROOT}"}}
_KEYS: Final = frozenset({"path", "transform", "default"})
_INSIDE: Final = re.compile(rf"\{{(/?{ROOT}/[^{{}}\s]+)\}}")


class InputsTooLarge(TooLarge):
    """The inputs that a trigger makes from this event are larger than allowed."""

    code = "inputs_too_large"
    suggestions = ("Refer to less of the event, or ask an operator to raise workflows.triggers.inputs_bytes.",)


def compile_inputs(template: dict[str, Json] | None, most_bytes: int, place: Place = ("inputs",)) -> Inputs:
    """Return what makes inputs from an event, of None `{"event": the event}`; raise InvalidTrigger.

    What is returned raises MissingData, BadTransform, TextTooLong or InputsTooLarge.
    """
    given = WHOLE_EVENT if template is None else template
    if len(msgspec.json.encode(given)) > LONGEST_TEMPLATE:
        raise fault(place, f"more than {LONGEST_TEMPLATE} bytes of JSON")
    references = [*_references(given, (), place)]
    if len(references) > MOST_REFERENCES:
        raise fault(place, f"more than {MOST_REFERENCES} references")

    def inputs(event: Event) -> dict[str, Json]:
        tree = Tree({ROOT: event})
        made: dict[str, Json] = substituted(given, [(at, reference.resolve(tree)) for at, reference in references])
        size = len(msgspec.json.encode(made))
        if size > most_bytes:
            raise InputsTooLarge(bytes=size, limit=most_bytes)
        return made

    return inputs


def _references(value: Json, at: Place, place: Place) -> Iterator[tuple[Place, Reference | Interpolation]]:
    if len(at) > DEEPEST:
        raise fault((*place, *at), f"nested deeper than {DEEPEST}")
    found = _reference(value, (*place, *at)) if at else None
    if found is not None:
        yield at, found
        return
    items: Any = value.items() if type(value) is dict else enumerate(value) if type(value) is list else ()
    for key, item in items:
        yield from _references(item, (*at, key), place)


def _reference(value: Json, place: Place) -> Reference | Interpolation | None:
    try:
        if type(value) is str:
            return _in_text(value)
        if type(value) is dict and "path" in value and value.keys() <= _KEYS:
            return _in_object(value, place)
    except InvalidTrigger:
        raise
    except MuelleError as error:
        raise fault(place, error.message) from None
    return None


def _in_text(text: str) -> Reference | Interpolation | None:
    if text == f"/{ROOT}" or text.startswith(f"/{ROOT}/"):
        return Reference(parse_path(text))
    if "{" not in text or not _INSIDE.search(text):
        return None
    pieces = enumerate(_INSIDE.split(text))
    parts: tuple[str | Path, ...] = tuple(parse_path(piece) if index % 2 else piece for index, piece in pieces if piece)
    return Interpolation(parts, is_url=False)


def _in_object(value: dict[str, Json], place: Place) -> Reference | None:
    path, transform = value["path"], value.get("transform")
    if type(path) is not str or path.removeprefix("/").partition("/")[0].partition("[")[0] != ROOT:
        return None
    if transform is not None and (type(transform) is not str or transform not in TRANSFORMS):
        raise fault((*place, "transform"), f"no transform; there are {', '.join(TRANSFORMS)}")
    default = {"default": value["default"]} if "default" in value else {}
    return Reference(parse_path(path), transform, **default)
