"""Packs of which each test changes one thing."""

from dataclasses import replace
from typing import Any

import msgspec

from muelle.packs import OperationType, Pack, ToolType, WritePath


class Greet(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    output_path: WritePath
    times: int = 1


class Loose(msgspec.Struct):
    text: str


class Empty(msgspec.Struct, forbid_unknown_fields=True):
    pass


def say(config: Greet, _step: object) -> str:
    return "hello " * config.times


async def hear(_arguments: Greet, _step: object) -> None:
    return None


GREET = OperationType(
    name="Greet", summary="Say hello.", config=Greet, perform=say, example={"outputPath": "/workflow/greeting"}
)
HEAR = ToolType(name="hall.hear", title="Hear", description="Hear what is said.", input=Greet, call=hear)


def pack(name: str = "hall", **changes: Any) -> Pack:
    return replace(Pack(name=name), **changes)
