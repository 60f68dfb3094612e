"""Templates: `{name}`, `{a.b}`, `{list[0]}`, `{{` and `}}`, and nothing else.

A name is only ever looked up in the data: there are no attributes, no conversions and no format specs, so that a
template cannot reach into Python or pad a text to gigabytes.
"""

import re
from functools import lru_cache
from typing import Final

from muelle.packs import MISSING, Json, Limits
from muelle.workflows.operations.errors import InvalidTemplate, NameNotInData
from muelle.workflows.operations.records import finder
from muelle.workflows.operations.texts import afford_length, text_of

LONGEST_TEMPLATE: Final = 100_000  # characters
_TOKEN: Final = re.compile(r"\{\{|\}\}|\{[^{}]*\}|[{}]")
_NAME: Final = re.compile(r"(?:[^\[\]{}.:!/]+|\[\d{1,9}\])(?:\.[^\[\]{}.:!/]+|\[\d{1,9}\])*")
Part = tuple[bool, str]
"""A piece of a template: whether it is a name, and its text."""


@lru_cache(maxsize=256)
def parse_template(template: str) -> tuple[Part, ...]:
    """Return the pieces of a template; raise InvalidTemplate at what it cannot mean."""
    if len(template) > LONGEST_TEMPLATE:
        raise InvalidTemplate(f"The template is longer than {LONGEST_TEMPLATE} characters", length=len(template))
    parts: list[Part] = []
    end = 0
    for token in _TOKEN.finditer(template):
        parts.append((False, template[end : token.start()]))
        parts.append(_part(token.group(), token.start()))
        end = token.end()
    return (*(part for part in parts if part[0] or part[1]), (False, template[end:]))


def _part(token: str, position: int) -> Part:
    if token in ("{{", "}}"):
        return False, token[0]
    if len(token) == 1:
        raise InvalidTemplate(f"The brace '{token}' at character {position + 1} has no partner", position=position)
    name = token[1:-1].strip()
    if not _NAME.fullmatch(name):
        raise InvalidTemplate(f"'{token[:100]}' at character {position + 1} is no name", position=position)
    return True, name


def fill(template: str, value: Json, limits: Limits) -> str:
    """Return the template with the names of `value` in place; of anything but an object, `{value}` is the only name."""
    record = value if type(value) is dict else {"value": value}
    texts: list[str] = []
    length = 0
    for is_name, text in parse_template(template):
        texts.append(_look_up(record, text) if is_name else text)
        length += len(texts[-1])
        afford_length(length, limits)
    return "".join(texts)


def _look_up(record: dict[str, Json], name: str) -> str:
    found = finder(name)(record)
    if found is MISSING:
        raise NameNotInData(name=name)
    return text_of(found)
