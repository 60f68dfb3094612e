"""What a pack is made of: operation types, tools, and what they see while they run.

A pack is a value. Importing one registers nothing; the composition root reads it through these steps:
describe (the value itself) -> configure (its settings are read) -> check -> open -> close.
"""

import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, Protocol, TypeVar

import msgspec

from muelle.core import HttpAnswer, HttpCall, PrincipalId, RunId, TenantId

Json = Any
"""Any JSON value: None, bool, int, float, str, list of Json, dict of str to Json."""

Effects = Literal["pure", "reads", "writes"]
"""`pure`: only the data model. `reads`: asks the world, changes nothing (may overlap). `writes`: keeps its place."""

Space = Literal["file", "database", "localStorage", "indexedDB", "sessionStorage"]

# What a field of a config means to the planner. `role` is read from Meta.extra by the planner.
ReadPath = Annotated[str, msgspec.Meta(description="Path in the data model to read.", extra={"role": "read"})]
SoftReadPath = Annotated[
    str, msgspec.Meta(description="Path in the data model to read; may be absent.", extra={"role": "soft-read"})
]
WritePath = Annotated[str, msgspec.Meta(description="Path in the data model to write.", extra={"role": "write"})]
OperationId = Annotated[
    str, msgspec.Meta(description="The id of an operation that runs only here.", extra={"role": "operation"})
]
Url = Annotated[str, msgspec.Meta(description="URL; references in it are percent-encoded.", extra={"role": "url"})]
Literally = Annotated[
    str, msgspec.Meta(description="Text in which references are not resolved.", extra={"role": "literal"})
]
SecretJson = Annotated[Any, msgspec.Meta(description="Any value; may hold credentialRefs.", extra={"role": "secret"})]


class Missing:
    """What `Step.find` returns where the data model has nothing; null is a value and not this."""

    __slots__ = ()

    def __bool__(self) -> Literal[False]:
        """Nothing is false."""
        return False

    def __repr__(self) -> str:
        """Say so."""
        return "MISSING"


MISSING = Missing()


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run, for a tenant and an agent; each has a code of its own when it is passed."""

    operations: int = 1_000  # in one document
    steps: int = 100_000  # operations performed in a run, each turn of each loop counted
    loop_iterations: int = 10_000  # of one loop
    run_seconds: float = 1_800  # a whole run, its waits included
    document_bytes: int = 1 << 20  # a document as it is sent
    data_bytes: int = 64 << 20  # the data model, written as JSON
    depth: int = 64  # how deep documents, data, branches and loops may be nested
    number_digits: int = 1_000  # of a number that Calculate makes
    concurrency: int = 64  # operations of one run at the same time


class Http(Protocol):
    """Calls that leave, on behalf of the principal of the run: authorised, guarded, with credentials injected."""

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Make the call; raise a MuelleError if it is refused or fails to be answered (a status is no failure)."""
        ...


class Storage(Protocol):
    """What StoreData and LoadData keep: `key` is in the run's tenant, agent or run, as the space says."""

    async def put(self, space: Space, key: str, value: bytes, content_type: str) -> None:
        """Keep `value`, replacing what was there."""
        ...

    async def get(self, space: Space, key: str) -> tuple[bytes, str] | None:
        """Return the value and its content type, or None."""
        ...


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a person (`approval`) or waited for (`event`): `details` are for whoever answers."""

    kind: Literal["approval", "event"]
    subject: str
    details: Mapping[str, Json]
    seconds: float


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered: any JSON value, by whom, and when."""

    value: Json
    by: str
    at: datetime


R_co = TypeVar("R_co", covariant=True)


class Step(Protocol[R_co]):
    """What an operation sees of its run. Time comes from here, and so does every effect."""

    @property
    def resource(self) -> R_co:
        """What the pack's `open` yielded; the pack's settings if it has no `open`."""
        ...

    @property
    def tenant(self) -> TenantId:
        """Whose run this is."""
        ...

    @property
    def principal(self) -> PrincipalId:
        """Who runs it."""
        ...

    @property
    def run(self) -> RunId:
        """The run."""
        ...

    @property
    def operation(self) -> str:
        """The id of this operation in its document."""
        ...

    @property
    def place(self) -> str:
        """What tells this step from all others of its run, in every life of it: the operation, its turn and visit."""
        ...

    @property
    def now(self) -> datetime:
        """When this step began, in UTC; the same on replay."""
        ...

    @property
    def limits(self) -> Limits:
        """The bounds of this run."""
        ...

    @property
    def http(self) -> Http:
        """Calls that leave."""
        ...

    @property
    def storage(self) -> Storage:
        """What lasts beyond the step."""
        ...

    def read(self, path: str) -> Json:
        """Return what the data model has at `path`; raise the error `missing_data` if nothing. Do not change it."""
        ...

    def find(self, path: str) -> Json | Missing:
        """Return what the data model has at `path`, or MISSING. Do not change it."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait, within the run's time; the run stays in memory."""
        ...

    async def rest(self, until: datetime) -> None:
        """Wait until a time, within the run's time; the run may leave memory meanwhile.

        Then, or after a crash, the operation is performed again from its beginning, with the same `now`.
        """
        ...

    async def ask(self, question: Question) -> Answer | None:
        """Wait for a person or an event, longer than the run's own time if need be; None if nobody answered in time.

        The run may leave memory meanwhile, as with `rest`. An operation asks at most once.
        """
        ...

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Return what `effect` returned, and remember it: in this step it is not had again, however often it is redone.

        For operations that have several effects; each is had at least once, and hardly ever twice.
        """
        ...

    def emit(self, kind: str, subject: str, data: Json) -> str:
        """Raise an event, which leaves once this step is in the journal; return its id, the same on replay."""
        ...

    def random(self) -> float:
        """Return a number from 0 up to 1 that nobody foresees; the same on replay."""
        ...

    async def call_workflow(self, name: str, version: str, inputs: Mapping[str, Json]) -> Json:
        """Run a saved workflow of the tenant as a run of its own, wait for it, and return its answer (protocol 5)."""
        ...

    async def perform(self, operations: Sequence[str]) -> bool:
        """Run operations that this one refers to, once, in order; return whether all succeeded or were handled."""
        ...

    async def iterate(
        self, operations: Sequence[str], item: Json, index: int, length: int, *, apart: bool = False
    ) -> Json | Missing:
        """Run them once as the body of a loop, with `/loop/item` and the rest; return the last one's output.

        With `apart`, as several turns at once need, a turn sees only its own writes until all have ended.
        """
        ...


C = TypeVar("C")


@dataclass(frozen=True, slots=True, kw_only=True)
class OperationType(Generic[C]):
    """A kind of operation.

    `config` is a msgspec Struct (rename="camel", forbid_unknown_fields) whose annotations tell the planner what the
    operation reads and writes. `perform(config, step)` returns the output, which is written to the field with the role
    "write"; a plain function runs at once on the loop, a coroutine function is awaited. `effects` may depend on the
    config as it was written (references not resolved). `check` looks at such a config beyond its types and yields
    (JSON pointer, message) for each fault. `calls` gives method and URL of the HTTP call that a config will make;
    `reads` gives what a config may read beyond its typed fields, as paths split into segments.
    """

    name: str
    summary: str
    config: type[C]
    perform: Callable[[C, Any], Json | Awaitable[Json]]
    effects: Effects | Callable[[Mapping[str, Json]], Effects] = "pure"
    check: Callable[[Mapping[str, Json]], Sequence[tuple[str, str]]] | None = None
    calls: Callable[[Mapping[str, Json]], tuple[str, str] | None] | None = None
    reads: Callable[[Mapping[str, Json]], Sequence[tuple[str, ...]]] | None = None
    example: Mapping[str, Json] = field(default_factory=dict)
    permission: str = "operations:use"

    @property
    def is_async(self) -> bool:
        """Whether `perform` is to be awaited."""
        return inspect.iscoroutinefunction(self.perform)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolType(Generic[C]):
    """Something callable by name with a schema; `call(arguments, step)` returns a JSON value."""

    name: str
    title: str
    description: str
    input: type[C]
    call: Callable[[C, Any], Awaitable[Json]]
    read_only: bool = False
    idempotent: bool = False
    destructive: bool = False


class JobStep(Protocol[R_co]):
    """What a job sees of its run. It may be called again from its beginning: its effects go through `once`."""

    @property
    def resource(self) -> R_co:
        """What the pack's `open` yielded; the pack's settings if it has no `open`."""
        ...

    @property
    def run(self) -> RunId:
        """The run."""
        ...

    @property
    def tenant(self) -> TenantId:
        """Whose it is."""
        ...

    @property
    def principal(self) -> PrincipalId:
        """Who handed it in."""
        ...

    @property
    def http(self) -> Http:
        """Calls that leave, with the grants that whoever handed it in has now."""
        ...

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Return what `effect` returns, and remember it by a name that is unique in the run.

        The job may be stopped here, before the effect is had, and called again later: by a worker that shuts down, or
        by whoever pauses it.
        """
        ...

    async def now(self) -> datetime:
        """Return the time in UTC; the same when the job is called again."""
        ...

    def random(self) -> float:
        """Return a number from 0 up to 1; the same when the job is called again."""
        ...

    async def rest(self, seconds: float) -> None:
        """Wait; for long, the job leaves memory and is called again."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class JobType(Generic[C]):
    """Work that is handed in and done in the background; `perform(payload, step)` returns a JSON value.

    It is tried `attempts` times, with pauses that double from `pause_seconds`; then it is dead until it is replayed.
    """

    name: str
    summary: str
    payload: type[C]
    perform: Callable[[C, Any], Awaitable[Json]]
    attempts: int = 3
    pause_seconds: float = 1.0
    queue: str = "default"
    priority: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Pack:
    """A value that adds to Muelle. `needs` are names of abilities that must be there: `http`, `storage`, other packs.

    `settings` is a frozen dataclass, read from `[packs.NAME]`; `check(settings)` raises Invalid if they cannot work;
    `open(settings)` yields what its steps see as `step.resource`, and closes it at the end.
    """

    name: str
    version: str = "0"
    needs: frozenset[str] = frozenset()
    settings: type[Any] | None = None
    operations: tuple[OperationType[Any], ...] = ()
    tools: tuple[ToolType[Any], ...] = ()
    jobs: tuple[JobType[Any], ...] = ()
    check: Callable[[Any], None] | None = None
    open: Callable[[Any], AbstractAsyncContextManager[Any]] | None = None
