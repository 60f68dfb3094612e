"""Packs open after what they need and close in reverse, also when a later one fails."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest

from muelle.core import Invalid
from muelle.packs import Packs, open_packs
from packs.pack_samples import GREET, HEAR, pack


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    width: int = 1


def opener(name: str, diary: list[str]) -> Callable[[Any], AbstractAsyncContextManager[str]]:
    @asynccontextmanager
    async def opened(settings: DoorSettings | None) -> AsyncIterator[str]:
        diary.append(f"open {name}")
        yield f"{name} {settings.width if settings else ''}".strip()
        diary.append(f"close {name}")

    return opened


@asynccontextmanager
async def jammed(_settings: object) -> AsyncIterator[None]:
    raise ConnectionError("jammed")
    yield


async def test_packs_open_after_what_they_need_and_close_in_reverse() -> None:
    diary: list[str] = []
    front = pack("front", needs=frozenset({"gate"}), open=opener("front", diary))
    async with open_packs(Packs.of([front, pack("gate", open=opener("gate", diary))]), {}, {}):
        diary.append("work")
    assert diary == ["open gate", "open front", "work", "close front", "close gate"]


async def test_operations_and_tools_know_what_their_pack_opened() -> None:
    front = pack("front", settings=DoorSettings, open=opener("front", []), operations=(GREET,), tools=(HEAR,))
    async with open_packs(Packs.of([front]), {"front": {"width": 7}}, {}) as opened:
        assert opened.operations["Greet"].resource == "front 7"
        assert opened.tools["hall.hear"].resource == "front 7"
        assert opened.operations["Greet"].kind is GREET
        assert opened.operations["Greet"].pack == "front"


async def test_a_pack_that_opens_nothing_offers_its_settings() -> None:
    front = pack("front", settings=DoorSettings, operations=(GREET,))
    async with open_packs(Packs.of([front]), {}, {}) as opened:
        assert opened.operations["Greet"].resource == DoorSettings(width=1)
        assert opened.resources == {"front": DoorSettings(width=1)}


async def test_what_is_open_is_closed_when_a_later_pack_fails() -> None:
    diary: list[str] = []
    with pytest.raises(ConnectionError, match="jammed"):
        async with open_packs(Packs.of([pack("gate", open=opener("gate", diary)), pack("front", open=jammed)]), {}, {}):
            diary.append("work")
    assert diary == ["open gate"]


async def test_what_is_open_is_closed_properly_when_the_work_fails() -> None:
    closed: list[str] = []

    @asynccontextmanager
    async def careful(_settings: object) -> AsyncIterator[None]:
        try:
            yield
        finally:
            closed.append("gate")

    with pytest.raises(ZeroDivisionError):
        async with open_packs(Packs.of([pack("gate", open=careful)]), {}, {}):
            raise ZeroDivisionError
    assert closed == ["gate"]


async def test_nothing_is_opened_before_the_settings_of_all_are_checked() -> None:
    diary: list[str] = []

    def refuse(_settings: DoorSettings) -> None:
        raise Invalid(setting="packs.front.width")

    front = pack("front", settings=DoorSettings, check=refuse)
    with pytest.raises(Invalid):
        async with open_packs(Packs.of([pack("gate", open=opener("gate", diary)), front]), {}, {}):
            diary.append("work")
    assert diary == []
