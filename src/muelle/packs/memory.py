"""The memory twins of steps, with which a pack tests its operations, tools and jobs without a server."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from muelle.core import HttpAnswer, HttpCall, MuelleError, PrincipalId, RunId, TenantId
from muelle.packs.model import MISSING, Answer, Http, Json, Limits, Missing, Question, Space, Storage


class MemoryHttp:
    """An `Http` that hands each call to a function and remembers it in `calls`; nothing leaves."""

    def __init__(self, answer: Callable[[HttpCall], HttpAnswer | Awaitable[HttpAnswer]]) -> None:
        self.calls: list[HttpCall] = []
        self._answer = answer

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Remember the call and return what the function makes of it; it may raise, as the real one does."""
        self.calls.append(call)
        answer = self._answer(call)
        return answer if isinstance(answer, HttpAnswer) else await answer


class MemoryStorage:
    """A `Storage` in a dict."""

    def __init__(self) -> None:
        self.kept: dict[tuple[Space, str], tuple[bytes, str]] = {}

    async def put(self, space: Space, key: str, value: bytes, content_type: str) -> None:
        """Keep `value`, replacing what was there."""
        self.kept[space, key] = (value, content_type)

    async def get(self, space: Space, key: str) -> tuple[bytes, str] | None:
        """Return the value and its content type, or None."""
        return self.kept.get((space, key))


class MissingHere(MuelleError):
    """The data model of this step has nothing at that path."""

    code = "missing_data"
    category = "data_error"
    status = 422
    recoverable = True
    suggestions = ("Give the step that data.",)


def refuse(call: HttpCall) -> HttpAnswer:
    """Answer no call: what a MemoryStep does that was given no `http`."""
    unexpected = f"unexpected call: {call.method} {call.url}"
    raise AssertionError(unexpected)


class MemoryStep:
    """A `Step` of which a test sets everything: what it reads (`data`, by exact path), its resource, http and clock.

    `slept`, `performed` and `iterated` tell what the operation asked for. `perform` and `iterate` run nothing.
    """

    def __init__(
        self, resource: object = None, *, http: Http | None = None, data: Mapping[str, Json] | None = None
    ) -> None:
        self.resource: Any = resource
        self.http: Http = http or MemoryHttp(refuse)
        self.storage: Storage = MemoryStorage()
        self.data = dict(data or {})
        self.tenant = TenantId("tenant_1")
        self.principal = PrincipalId("agent_1")
        self.run = RunId("run_1")
        self.operation = self.place = "operation"
        self.now = datetime(2026, 1, 1, tzinfo=UTC)
        self.limits = Limits()
        self.slept: list[float] = []
        self.asked: list[Question] = []
        self.answers: list[Answer] = []
        self.remembered: dict[str, Json] = {}
        self.emitted: list[tuple[str, str, Json]] = []
        self.chances: list[float] = []
        self.called: list[tuple[str, str, dict[str, Json]]] = []
        self.workflows: dict[str, Json] = {}
        self.performed: list[tuple[str, ...]] = []
        self.iterated: list[tuple[tuple[str, ...], Json, int, int]] = []

    def read(self, path: str) -> Json:
        """Return what `data` has at that very path, or raise the error `missing_data`."""
        if path not in self.data:
            raise MissingHere(path=path)
        return self.data[path]

    def find(self, path: str) -> Json | Missing:
        """Return what `data` has at that very path, or MISSING."""
        return self.data.get(path, MISSING)

    async def sleep(self, seconds: float) -> None:
        """Remember how long, and go on at once."""
        self.slept.append(seconds)

    async def rest(self, until: datetime) -> None:
        """Remember how long, and go on at once."""
        self.slept.append((until - self.now).total_seconds())

    async def ask(self, question: Question) -> Answer | None:
        """Remember the question and return what `answers` has next, or None."""
        self.asked.append(question)
        return self.answers.pop(0) if self.answers else None

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Return what `effect` returns, the first time for each name."""
        if name not in self.remembered:
            self.remembered[name] = await effect()
        return self.remembered[name]

    def emit(self, kind: str, subject: str, data: Json) -> str:
        """Remember the event."""
        self.emitted.append((kind, subject, data))
        return f"{self.run}:{self.operation}:{len(self.emitted)}"

    def random(self) -> float:
        """Return the next of `chances`, or one half."""
        return self.chances.pop(0) if self.chances else 0.5

    async def call_workflow(self, name: str, version: str, inputs: Mapping[str, Json]) -> Json:
        """Remember the call and return what `workflows` has under the name."""
        self.called.append((name, version, dict(inputs)))
        return self.workflows[name]

    async def perform(self, operations: Sequence[str]) -> bool:
        """Remember them; all of them are taken to succeed."""
        self.performed.append(tuple(operations))
        return True

    async def iterate(
        self,
        operations: Sequence[str],
        item: Json,
        index: int,
        length: int,
        *,
        apart: bool = False,  # noqa: ARG002 - nothing overlaps here
    ) -> Json | Missing:
        """Remember them and return the item."""
        self.iterated.append((tuple(operations), item, index, length))
        return item


class MemoryJobStep:
    """A `JobStep` of which a test sets everything. Given another one's `remembered`, it is the next call of that job.

    `rested` tells for how long the job asked to rest; it goes on at once.
    """

    def __init__(
        self, resource: object = None, *, http: Http | None = None, remembered: dict[str, Json] | None = None
    ) -> None:
        self.resource: Any = resource
        self.http: Http = http or MemoryHttp(refuse)
        self.tenant = TenantId("tenant_1")
        self.principal = PrincipalId("agent_1")
        self.run = RunId("run_1")
        self.time = datetime(2026, 1, 1, tzinfo=UTC)
        self.remembered = {} if remembered is None else remembered
        self.rested: list[float] = []
        self.chances: list[float] = []

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Return what `effect` returns, as JSON has it, the first time for each name."""
        if name not in self.remembered:
            self.remembered[name] = msgspec.json.decode(msgspec.json.encode(await effect()))
        return self.remembered[name]

    async def now(self) -> datetime:
        """Return `time`."""
        return self.time

    def random(self) -> float:
        """Return the next of `chances`, or one half."""
        return self.chances.pop(0) if self.chances else 0.5

    async def rest(self, seconds: float) -> None:
        """Remember how long, and go on at once."""
        self.rested.append(seconds)
