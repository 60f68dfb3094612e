"""A cache over an upstream that answers what a test says."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from muelle.core import ManualClock, NoMetrics, Upstream
from muelle.resilience.caching.cache import AnswerCache, Given, Question
from muelle.resilience.caching.memory import MemoryShelf
from muelle.resilience.caching.model import Caching, Shelf


@dataclass(frozen=True)
class Said:
    """An answer of the upstream."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"1"
    about: str = "https://a.example/"


def said(body: bytes = b"1", status: int = 200, **headers: str) -> Said:
    return Said(status, {name.replace("_", "-"): value for name, value in headers.items()}, body)


def cleaned(answer: Said) -> Said:
    return replace(answer, body=answer.body.replace(b"secret", b"***"))


class World:
    """A cache, its clock, and what the upstream was asked."""

    def __init__(self, shelf: Shelf | None = None, clock: ManualClock | None = None) -> None:
        self.clock = clock or ManualClock()
        self.shelf = shelf or MemoryShelf(1 << 20, 1 << 20)
        self.cache: AnswerCache[Said] = AnswerCache(self.shelf, self.clock, NoMetrics(), cleaned, refreshes=2)
        self.answers: list[Said | Exception] = []
        self.asked: list[dict[str, str]] = []
        self.gate: asyncio.Event | None = None

    async def fetch(self, asking: Mapping[str, str]) -> Said:
        self.asked.append(dict(asking))
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if self.gate is not None:
            await self.gate.wait()
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def get(self, key: str = "k", *, headers: Mapping[str, str] | None = None, **given: Any) -> Given[Said]:
        tags = given.pop("tags", ("t:", f"t:url:{key}"))
        rule = Caching(**{"seconds": 60.0, **given})
        question = Question(key=key, owner="t", rule=rule, tags=tags, headers=headers or {})
        return await self.cache.through(question, self.fetch)

    async def state(self, key: str = "k", **given: Any) -> str:
        return (await self.get(key, **given)).state


def failing() -> Exception:
    return Upstream(host="a.example")


async def settle() -> None:
    """Let everything happen that waits for nothing but its turn."""
    for _ in range(10):
        await asyncio.sleep(0)
