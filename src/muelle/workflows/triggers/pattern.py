"""Event patterns: which CloudEvents start a run. Pure, and compiled once to a closure.

A pattern is `{"type": …, "source": …, "subject": …, "data": {PATH: …}, "expression": CEL}`. All that is given must
hold; in each place one of a list of conditions must. `data` names fields by path: `order/total`, `items[0].name`.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.core import Invalid, MuelleError
from muelle.packs import Json
from muelle.workflows.operations.expressions import decide_on, fault_of
from muelle.workflows.paths import Path, look, parse_path
from muelle.workflows.triggers.conditions import OfText, Test, conditions, fault, glob, literal, segments

Event = Mapping[str, Json]
"""A CloudEvent in its JSON form: id, type, source, subject, time, tenant, data."""

Unmet = Callable[[Event], str]
"""Return "" if an event fits, else the JSON pointer of what is not met, and the reason if there is more to say."""

Clause = str | dict[str, Any] | list[str | dict[str, Any]]
Clauses = None | bool | int | float | str | dict[str, Any] | list[Any]

MOST_FIELDS: Final = 50
_VALUE_BYTES: Final = 4 << 20  # of what an expression may make
_PLACES: Final[Mapping[str, OfText]] = {"type": segments, "source": glob, "subject": glob}


class EventPattern(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True, omit_defaults=True):
    """Which events are meant: all that is given must hold, and of a list of conditions one."""

    type: Annotated[
        Clause | UnsetType,
        Meta(description="Type: 'order.*' stands for one segment, 'order.**' for any; or a list of types."),
    ] = UNSET
    source: Annotated[Clause | UnsetType, Meta(description="Source; '*' stands for any characters.")] = UNSET
    subject: Annotated[Clause | UnsetType, Meta(description="Subject; '*' stands for any characters.")] = UNSET
    data: Annotated[
        dict[str, Clauses],
        Meta(
            description=(
                "Conditions on fields by path: a value, an object with one of equals, in, exists, prefix, suffix, "
                "glob, contains, numeric and anything-but, or a list of such."
            )
        ),
    ] = {}
    expression: Annotated[
        str | UnsetType,
        Meta(description="CEL expression on 'event' that gives true or false; at most 2,000 characters."),
    ] = UNSET


@dataclass(frozen=True, slots=True)
class CompiledPattern:
    """A pattern ready to be matched; `types` has all types that can fit, or is None where wildcards leave them open."""

    types: frozenset[str] | None
    unmet: Unmet


def compile_pattern(pattern: EventPattern, place: tuple[str | int, ...] = ("pattern",)) -> CompiledPattern:
    """Return the compiled pattern; raise InvalidTrigger with the JSON pointer of what is wrong.

    The cheap parts are looked at first; an expression only where all else holds.
    """
    parts = (*_attributes(pattern, place), *_fields(pattern, place))
    expression = "" if pattern.expression is UNSET else _checked_expression(pattern.expression, place)

    def unmet(event: Event) -> str:
        for path, test, pointer in parts:
            if not test(look(event, path)):
                return pointer
        return _denied(expression, event) if expression else ""

    return CompiledPattern(_exact_types(pattern.type), unmet)


def _attributes(pattern: EventPattern, place: tuple[str | int, ...]) -> Iterator[tuple[Path, Test, str]]:
    for name, of_text in _PLACES.items():
        given = getattr(pattern, name)
        if given is not UNSET:
            yield (name,), conditions(given, (*place, name), of_text), f"/{name}"


def _fields(pattern: EventPattern, place: tuple[str | int, ...]) -> Iterator[tuple[Path, Test, str]]:
    if len(pattern.data) > MOST_FIELDS:
        raise fault((*place, "data"), f"more than {MOST_FIELDS} fields")
    for text, given in pattern.data.items():
        here = (*place, "data", text[:200])
        try:
            path = parse_path(text)
        except Invalid:
            raise fault(here, "no path; write it as order/total or items[0].name") from None
        yield ("data", *path), conditions(given, here, literal), fault(("data", text), "").facts["field"]


def _checked_expression(expression: str, place: tuple[str | int, ...]) -> str:
    reason = fault_of(expression)
    if reason or not expression.strip():
        raise fault((*place, "expression"), reason or "is empty; leave it out")
    return expression


def _denied(expression: str, event: Event) -> str:
    try:
        holds = decide_on(expression, {"event": dict(event)}, _VALUE_BYTES)
    except MuelleError as error:
        return f"/expression: {error.facts.get('reason') or error.message}"
    return "" if holds else "/expression"


def _exact_types(given: Clause | UnsetType) -> frozenset[str] | None:
    texts = given if isinstance(given, list) else [given]
    exact = [text for text in texts if isinstance(text, str) and "*" not in text]
    return frozenset(exact) if len(exact) == len(texts) else None
