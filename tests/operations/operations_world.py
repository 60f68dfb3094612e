"""A step over a plain dict, with a clock moved by hand, and doubles for HTTP and storage."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from muelle.core import HttpAnswer, HttpCall, ManualClock, MuelleError, PrincipalId, RunId, TenantId
from muelle.packs import MISSING, Answer, Json, Limits, Missing, Question, Space
from muelle.workflows.operations import BUILT_IN

TYPES = {operation.name: operation for operation in BUILT_IN.operations}
Iterate = Callable[[Json, int], Awaitable[Json | Missing]]


class MissingData(MuelleError):
    """No data found."""

    code = "missing_data"
    category = "data_error"


class FakeHttp:
    """Gives the answers that it was told to give, in order, the last one for ever; keeps what was called."""

    def __init__(self) -> None:
        self.answers: list[HttpAnswer | MuelleError] = []
        self.calls: list[HttpCall] = []

    def answer(self, status: int = 200, body: bytes = b"{}", **headers: str) -> None:
        named = {"content_type": "application/json", **headers}
        lines = {name.replace("_", "-"): value for name, value in named.items() if value}
        self.answers.append(HttpAnswer(status=status, headers=lines, body=body, url="https://a.example/", duration=0.1))

    async def call(self, call: HttpCall) -> HttpAnswer:
        self.calls.append(call)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, MuelleError):
            raise answer
        return answer


class FakeStorage:
    """Keeps values in a dict by space and key."""

    def __init__(self) -> None:
        self.kept: dict[tuple[str, str], tuple[bytes, str]] = {}

    async def put(self, space: Space, key: str, value: bytes, content_type: str) -> None:
        self.kept[space, key] = (value, content_type)

    async def get(self, space: Space, key: str) -> tuple[bytes, str] | None:
        return self.kept.get((space, key))


class FakeStep:
    """One step. `perform` and `iterate` write down what they are asked for; `branches` and `body` say what happens."""

    def __init__(self, data: Mapping[str, Json], limits: Limits | None = None) -> None:
        self.data = dict(data)
        self.clock = ManualClock(datetime(2026, 3, 1, 12, 30, tzinfo=UTC))
        self.now = self.clock.now()
        self.limits = limits or Limits()
        self.http = FakeHttp()
        self.storage = FakeStorage()
        self.resource = None
        self.tenant, self.principal, self.run = TenantId("t-1"), PrincipalId("p-1"), RunId("r-1")
        self.operation = self.place = "op"
        self.slept: list[float] = []
        self.rested: list[datetime] = []
        self.asked: list[Question] = []
        self.answer: Answer | None = None
        self.emitted: list[tuple[str, str, Json]] = []
        self.called: list[tuple[str, str, Mapping[str, Json]]] = []
        self.child: Json = None
        self.remembered: dict[str, Json] = {}
        self.performed: list[list[str]] = []
        self.turns: list[tuple[int, int, bool]] = []
        self.body: Iterate | None = None
        self.branches: dict[str, Callable[[], Awaitable[bool]]] = {}

    def find(self, path: str) -> Json | Missing:
        value: Json = self.data
        for segment in path.removeprefix("/").replace("[", "/").replace("]", "").split("/"):
            if isinstance(value, list) and segment.isdecimal() and int(segment) < len(value):
                value = value[int(segment)]
            elif isinstance(value, dict) and segment in value:
                value = value[segment]
            else:
                return MISSING
        return value

    def read(self, path: str) -> Json:
        found = self.find(path)
        if found is MISSING:
            raise MissingData(f"No data found at path: {path}", path=path)
        return found

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    async def rest(self, until: datetime) -> None:
        self.rested.append(until)

    async def ask(self, question: Question) -> Answer | None:
        self.asked.append(question)
        return self.answer

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        if name not in self.remembered:
            self.remembered[name] = await effect()
        return self.remembered[name]

    def random(self) -> float:
        return 0.5

    def emit(self, kind: str, subject: str, data: Json) -> str:
        self.emitted.append((kind, subject, data))
        return f"{self.run}:{self.operation}:{len(self.emitted)}"

    async def call_workflow(self, name: str, version: str, inputs: Mapping[str, Json]) -> Json:
        self.called.append((name, version, inputs))
        return self.child

    async def perform(self, operations: Sequence[str]) -> bool:
        self.performed.append(list(operations))
        branch = self.branches.get(operations[0])
        return True if branch is None else await branch()

    async def iterate(
        self, operations: Sequence[str], item: Json, index: int, length: int, *, apart: bool = False
    ) -> Json | Missing:
        self.performed.append(list(operations))
        self.turns.append((index, length, apart))
        return item if self.body is None else await self.body(item, index)


async def run(name: str, step: FakeStep, **config: Json) -> Json:
    """Perform an operation with a config as it is written in a document."""
    kind = TYPES[name]
    assert not list(kind.check(config)) if kind.check else True
    output = kind.perform(msgspec.convert(config, kind.config), step)
    return await output if asyncio.iscoroutine(output) else output


def perform(name: str, value: Json, limits: Limits | None = None, **config: Json) -> Json:
    """Perform a pure operation on a value at /workflow/x; return its output."""
    kind = TYPES[name]
    names = {field.encode_name for field in msgspec.structs.fields(kind.config)}
    paths = {"inputPath": "/workflow/x", "outputPath": "/workflow/y"}
    whole = {**{key: path for key, path in paths.items() if key in names}, **config}
    return kind.perform(msgspec.convert(whole, kind.config), FakeStep({"workflow": {"x": value}}, limits))


def faults(name: str, **config: Json) -> list[tuple[str, str]]:
    """Return what the check of an operation type finds in a raw config."""
    check = TYPES[name].check
    assert check is not None
    return list(check(config))
