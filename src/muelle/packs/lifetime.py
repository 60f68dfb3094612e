"""The life of packs: configure, check, open, close."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from muelle.packs.model import OperationType, Pack, ToolType
from muelle.packs.registry import Packs
from muelle.packs.settings import read_pack_settings

K = TypeVar("K")


@dataclass(frozen=True, slots=True)
class Opened(Generic[K]):
    """An operation or a tool, the pack that brings it, and what its steps see as `step.resource`."""

    kind: K
    pack: str
    resource: Any


@dataclass(frozen=True, slots=True)
class OpenedPacks:
    """Packs at work. `operations[name]` and `tools[name]` know their resource; `resources` has it by pack."""

    packs: Packs
    operations: Mapping[str, Opened[OperationType[Any]]]
    tools: Mapping[str, Opened[ToolType[Any]]]
    resources: Mapping[str, Any]


@asynccontextmanager
async def open_packs(
    packs: Packs, tables: Mapping[str, Any], environment: Mapping[str, str]
) -> AsyncIterator[OpenedPacks]:
    """Configure, check and open every pack, each after those that it needs; close them in reverse.

    Nothing is opened before the settings of all have been read and checked. If one cannot be opened, those before it
    are closed. `tables` is `[packs]` of the settings file and `environment` the environment (see `divide_settings`).
    """
    settings = read_pack_settings(packs, tables, environment)
    for pack in packs.packs:
        if pack.check is not None:
            pack.check(settings[pack.name])
    async with AsyncExitStack() as stack:
        resources = {pack.name: await _open(pack, settings[pack.name], stack) for pack in packs.packs}
        yield _opened(packs, resources)


async def _open(pack: Pack, settings: Any, stack: AsyncExitStack) -> Any:  # noqa: ANN401 - the pack's own types
    if pack.open is None:
        return settings
    return await stack.enter_async_context(pack.open(settings))


def _opened(packs: Packs, resources: Mapping[str, Any]) -> OpenedPacks:
    operations = {
        name: Opened(kind, packs.operation_owners[name], resources[packs.operation_owners[name]])
        for name, kind in packs.operations.items()
    }
    tools = {
        name: Opened(kind, packs.tool_owners[name], resources[packs.tool_owners[name]])
        for name, kind in packs.tools.items()
    }
    return OpenedPacks(packs, MappingProxyType(operations), MappingProxyType(tools), MappingProxyType(resources))
