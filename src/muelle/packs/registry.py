"""The registry: all packs of one installation, checked once, and what they bring by name."""

import dataclasses
import keyword
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final

import msgspec

from muelle.packs.errors import (
    CyclicNeeds,
    DuplicateOperation,
    DuplicatePack,
    DuplicateTool,
    InvalidOperationName,
    InvalidPackName,
    InvalidPackSettings,
    InvalidToolName,
    LooseConfig,
    Undescribed,
    UnknownOperation,
    UnknownTool,
    UnmetNeed,
)
from muelle.packs.model import OperationType, Pack, ToolType

ABILITIES: Final = frozenset({"http", "storage"})
"""What every host gives: `step.http` and `step.storage`."""

RESERVED: Final = ABILITIES | {"disabled", "muelle"}
"""No pack's name: `disabled` is a setting of `[packs]`, the others already mean something where a pack says `needs`."""

_PACK = re.compile(r"(?=.{1,40}\Z)[a-z][a-z0-9]*(_[a-z0-9]+)*\Z")
_OPERATION = re.compile(r"[A-Z][A-Za-z0-9]{0,63}\Z")
_TOOL = re.compile(r"(?=.{1,64}\Z)[A-Za-z][A-Za-z0-9_-]*(\.[A-Za-z0-9_-]+)*\Z")


@dataclass(frozen=True, slots=True)
class Packs:
    """Packs that fit together, each after those that it needs. Build it with `Packs.of`.

    `owners` says which pack brings an operation or a tool (their names cannot meet: only operations begin with a
    capital and have no pack's dot). `disabled` are packs that are known and left out; their settings are not read.
    """

    packs: tuple[Pack, ...]
    operations: Mapping[str, OperationType[Any]]
    tools: Mapping[str, ToolType[Any]]
    operation_owners: Mapping[str, str]
    tool_owners: Mapping[str, str]
    disabled: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        packs: Iterable[Pack],
        *,
        abilities: frozenset[str] = ABILITIES,
        disabled: frozenset[str] = frozenset(),
    ) -> "Packs":
        """Check packs, alone and together; raise the error of `muelle.packs.errors` that names the first fault."""
        named = _named(packs)
        for pack in named.values():
            _check(pack)
        operation_owners, tool_owners = _owners(named.values())
        return cls(
            packs=tuple(named[each] for each in _in_order(named, abilities, disabled)),
            operations=MappingProxyType({each.name: each for pack in named.values() for each in pack.operations}),
            tools=MappingProxyType({each.name: each for pack in named.values() for each in pack.tools}),
            operation_owners=MappingProxyType(operation_owners),
            tool_owners=MappingProxyType(tool_owners),
            disabled=disabled,
        )

    def operation(self, name: str) -> OperationType[Any]:
        """Return the operation of that name, or raise UnknownOperation with the nearest ones."""
        found = self.operations.get(name)
        if found is None:
            raise UnknownOperation(operation=name[:100], nearest=get_close_matches(name[:100], self.operations, n=3))
        return found

    def tool(self, name: str) -> ToolType[Any]:
        """Return the tool of that name, or raise UnknownTool with the nearest ones."""
        found = self.tools.get(name)
        if found is None:
            raise UnknownTool(tool=name[:100], nearest=get_close_matches(name[:100], self.tools, n=3))
        return found


def _named(packs: Iterable[Pack]) -> dict[str, Pack]:
    named: dict[str, Pack] = {}
    for pack in packs:
        if not _PACK.match(pack.name) or pack.name in RESERVED or keyword.iskeyword(pack.name):
            raise InvalidPackName(pack=pack.name, reserved=sorted(RESERVED))
        if pack.name in named:
            raise DuplicatePack(pack=pack.name, versions=[named[pack.name].version, pack.version])
        named[pack.name] = pack
    return named


def _check(pack: Pack) -> None:
    """Check what can be said of a pack without knowing the others."""
    if pack.settings is not None and not dataclasses.is_dataclass(pack.settings):
        raise InvalidPackSettings(pack=pack.name, settings=repr(pack.settings))
    for operation in pack.operations:
        _check_operation(pack, operation)
    for tool in pack.tools:
        _check_tool(pack, tool)


def _check_operation(pack: Pack, operation: OperationType[Any]) -> None:
    if not _OPERATION.match(operation.name):
        raise InvalidOperationName(pack=pack.name, operation=operation.name)
    _check_config(operation.config, pack=pack.name, operation=operation.name)
    if not operation.summary.strip():
        raise Undescribed(pack=pack.name, operation=operation.name, field="summary")
    if not operation.example and operation.config.__struct_fields__:
        raise Undescribed(pack=pack.name, operation=operation.name, field="example")


def _check_tool(pack: Pack, tool: ToolType[Any]) -> None:
    if not _TOOL.match(tool.name):
        raise InvalidToolName(pack=pack.name, tool=tool.name)
    _check_config(tool.input, pack=pack.name, tool=tool.name)
    for field in ("title", "description"):
        if not getattr(tool, field).strip():
            raise Undescribed(pack=pack.name, tool=tool.name, field=field)


def _check_config(config: object, **of: str) -> None:
    is_struct = isinstance(config, type) and issubclass(config, msgspec.Struct)
    if not is_struct or not getattr(config, "__struct_config__").forbid_unknown_fields:  # noqa: B009 - a Struct's own
        raise LooseConfig(**of, config=getattr(config, "__qualname__", repr(config)))


def _owners(packs: Iterable[Pack]) -> tuple[dict[str, str], dict[str, str]]:
    operations: dict[str, str] = {}
    tools: dict[str, str] = {}
    for pack in packs:
        for operation in pack.operations:
            if operation.name in operations:
                raise DuplicateOperation(operation=operation.name, packs=[operations[operation.name], pack.name])
            operations[operation.name] = pack.name
        for tool in pack.tools:
            if tool.name in tools:
                raise DuplicateTool(tool=tool.name, packs=[tools[tool.name], pack.name])
            tools[tool.name] = pack.name
    return operations, tools


def _in_order(packs: Mapping[str, Pack], abilities: frozenset[str], disabled: frozenset[str]) -> list[str]:
    """Return names so that each stands after what it needs, and else in the order in which they were given."""
    for pack in packs.values():
        for need in sorted(pack.needs - abilities):
            if need not in packs:
                raise UnmetNeed(pack=pack.name, need=need, disabled=need in disabled, given=sorted(abilities))
    ordered: list[str] = []
    for each in packs:
        _place(each, packs, ordered, ())
    return ordered


def _place(name: str, packs: Mapping[str, Pack], ordered: list[str], above: Sequence[str]) -> None:
    if name in ordered:
        return
    if name in above:
        raise CyclicNeeds(packs=[*above[above.index(name) :], name])
    for need in sorted(packs[name].needs & packs.keys()):
        _place(need, packs, ordered, (*above, name))
    ordered.append(name)
