"""What is different between two versions: field by field, by JSON pointers, and as a text that people read."""

from collections.abc import Iterator, Mapping
from difflib import unified_diff
from typing import Any, Literal

import msgspec

from muelle.workflows.document import read_messages
from muelle.workflows.issues import pointer
from muelle.workflows.json_stream import Unreadable, read_stream
from muelle.workflows.versions.compatibility import Change, compare, required_bump
from muelle.workflows.versions.model import Content
from muelle.workflows.versions.semver import Bump

_ENDLESS = 1 << 30  # what was published was within the limits of its day
_DEPTH = 1_000
_MOST_EDITS = 1_000
_MOST_LINES = 5_000  # of each side: to compare more takes seconds
Place = tuple[str | int, ...]


class Edit(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One field that is there in one version only, or is another in both; null is a value and not the lack of one."""

    path: str
    kind: Literal["added", "removed", "changed"]
    before: Any = msgspec.UNSET
    after: Any = msgspec.UNSET


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """What leads from one version to another; `text` is empty where the versions are alike or too long to compare so.

    Pointers lead into `{operations: {ID: {type, config, onError}}, order, …, input_schema, output_schema}`.
    """

    edits: tuple[Edit, ...]
    changes: tuple[Change, ...]
    required_bump: Bump
    text: str


def difference(old: Content, new: Content, names: tuple[str, str]) -> Difference:
    """Return what is different; `names` stand above the text."""
    before, after = told(old), told(new)
    changes = compare(old.contract, new.contract)
    return Difference(
        edits=tuple(edit for edit, _ in zip(_edits(before, after, ()), range(_MOST_EDITS), strict=False)),
        changes=changes,
        required_bump=required_bump(changes),
        text=_text(before, after, names),
    )


def told(content: Content) -> dict[str, Any]:
    """Return a version as a tree: what its document says whatever way it is written, and its schemas."""
    try:
        draft = read_messages(read_stream(content.document, _ENDLESS, _DEPTH))
    except Unreadable:  # the language has changed since
        operations: dict[str, Any] = {"document": content.document.decode("utf-8", "replace")}
    else:
        ordered = {"order": draft.order, "root": draft.root, "execution": "sequential" if draft.is_sequential else None}
        operations = {
            "operations": {
                each.id: _given({"type": each.type, "config": each.config, "onError": each.on_error})
                for each in draft.operations.values()
            },
            **_given({**ordered, "onError": draft.on_error, "seeds": draft.seeds or None}),
        }
    schemas = {"input_schema": content.input_schema, "output_schema": content.output_schema}
    migrations = msgspec.to_builtins(content.migrate_inputs) or None
    return {**operations, **_given({**schemas, "migrate_inputs": migrations})}


def _given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _edits(before: Any, after: Any, at: Place) -> Iterator[Edit]:  # noqa: ANN401 - any JSON value
    if isinstance(before, dict) and isinstance(after, dict):
        for name in dict.fromkeys((*before, *after)):
            place = (*at, name)
            if name not in after:
                yield Edit(path=pointer(place), kind="removed", before=before[name])
            elif name not in before:
                yield Edit(path=pointer(place), kind="added", after=after[name])
            else:
                yield from _edits(before[name], after[name], place)
    elif isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        for index, (old, new) in enumerate(zip(before, after, strict=True)):
            yield from _edits(old, new, (*at, index))
    elif before != after or type(before) is not type(after):
        yield Edit(path=pointer(at), kind="changed", before=before, after=after)


def _text(before: Mapping[str, Any], after: Mapping[str, Any], names: tuple[str, str]) -> str:
    old, new = _lines(before), _lines(after)
    if max(len(old), len(new)) > _MOST_LINES:
        return ""
    return "\n".join(unified_diff(old, new, *names, lineterm=""))


def _lines(tree: Mapping[str, Any]) -> list[str]:
    return msgspec.json.format(msgspec.json.encode(tree), indent=2).decode().split("\n")
