"""MergeData: several lists or objects made one."""

from collections.abc import Callable, Iterable, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.packs import MISSING, Json, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.comparing import fingerprint
from muelle.workflows.operations.errors import WrongInput
from muelle.workflows.operations.records import find_field

Sources = list[Json]
Combine = Callable[[Json, Json], Json]


class MergeData(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Make one list or object from several."""

    sources: Annotated[
        list[ReadPath], Meta(min_length=2, max_length=1_000, description="Paths of the lists or objects, in order.")
    ]
    strategy: Annotated[
        Literal["merge", "deepMerge", "concat", "union", "intersect"],
        Meta(
            description=(
                "merge: objects; later ones win. deepMerge: objects inside too. concat: lists one behind the "
                "other; what is "
                "no list counts as one item. union: items of all lists, each once. intersect: items that are in "
                "all lists. "
                "With 'key', merge and deepMerge also take lists of objects."
            )
        ),
    ]
    key: Annotated[
        str | None,
        Meta(
            description=(
                "For lists of objects: the field by which they are the same. merge and deepMerge combine those "
                "with equal "
                "key, union and intersect keep the first."
            )
        ),
    ] = None
    output_path: Annotated[WritePath, Meta(description="Path that receives the list or object.")]


def merge_data(config: MergeData, step: Step[Any]) -> Json:
    """Return what the strategy makes of the sources."""
    sources = [step.read(path) for path in config.sources]
    if config.strategy == "concat":
        return [item for source in sources for item in (source if type(source) is list else [source])]
    if config.strategy == "union":
        return _union(_lists(sources, config), config.key)
    if config.strategy == "intersect":
        return _intersect(_lists(sources, config), config.key)
    combine = _COMBINE[config.strategy]
    if config.key is not None and all(type(source) is list for source in sources):
        return _merge_by(config.key, sources, combine)
    return _fold(_objects(sources, config), combine)


def _lists(sources: Sources, config: MergeData) -> list[list[Json]]:
    for path, source in zip(config.sources, sources, strict=True):
        if type(source) is not list:
            raise WrongInput(f"The strategy '{config.strategy}' needs lists", path=path)
    return sources


def _objects(sources: Sources, config: MergeData) -> Sources:
    for path, source in zip(config.sources, sources, strict=True):
        if type(source) is not dict:
            hint = "; give 'key' to merge lists of objects" if type(source) is list else ""
            raise WrongInput(f"The strategy '{config.strategy}' needs objects{hint}", path=path)
    return sources


def _mark(item: Json, key: str | None) -> object:
    """Return what makes an item the same as another; an item without the key is the same as none but its equals."""
    value = MISSING if key is None else find_field(item, key)
    return (None, fingerprint(item)) if value is MISSING else (key, fingerprint(value))


def _union(lists: list[list[Json]], key: str | None) -> Json:
    first: dict[object, Json] = {}
    for items in lists:
        for item in items:
            first.setdefault(_mark(item, key), item)
    return [*first.values()]


def _intersect(lists: list[list[Json]], key: str | None) -> Json:
    marks = [{_mark(item, key) for item in items} for items in lists[1:]]
    shared: dict[object, Json] = {}
    for item in lists[0]:
        mark = _mark(item, key)
        if all(mark in found for found in marks):
            shared.setdefault(mark, item)
    return [*shared.values()]


def _merge_by(key: str, lists: list[list[Json]], combine: Combine) -> Json:
    merged: dict[object, Json] = {}
    for items in lists:
        for item in items:
            if type(item) is not dict:
                raise WrongInput("Only objects can be merged by key", key=key)
            mark = _mark(item, key)
            merged[mark] = combine(merged[mark], item) if mark in merged else item
    return [*merged.values()]


def _fold(objects: Iterable[Json], combine: Combine) -> Json:
    result: Json = {}
    for item in objects:
        result = combine(result, item)
    return result


def _shallow(left: Mapping[str, Json], right: Mapping[str, Json]) -> Json:
    return {**left, **right}


def _deep(left: Mapping[str, Json], right: Mapping[str, Json]) -> Json:
    merged = dict(left)
    for key, value in right.items():
        there = merged.get(key)
        merged[key] = _deep(there, value) if type(there) is dict and type(value) is dict else value
    return merged


_COMBINE: Final[dict[str, Combine]] = {"merge": _shallow, "deepMerge": _deep}

MERGE_DATA = OperationType(
    name="MergeData",
    summary="Make one list or object from several.",
    config=MergeData,
    perform=merge_data,
    example={
        "sources": ["/workflow/defaults", "/workflow/settings"],
        "strategy": "deepMerge",
        "outputPath": "/workflow/merged",
    },
)
