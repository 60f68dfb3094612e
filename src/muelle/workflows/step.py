"""What an operation sees of its run: the `Step` of packs, on top of a run and its data model."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec

from muelle.core import Attempt, HttpAnswer, HttpCall, PrincipalId, RunId, TenantId
from muelle.identity import Principal
from muelle.packs import MISSING, Answer, Http, Json, Limits, Missing, Question, Storage
from muelle.workflows.asking import asked
from muelle.workflows.data_model import Tree
from muelle.workflows.depth import with_depth
from muelle.workflows.errors import NotReferredTo
from muelle.workflows.paths import MissingData, parse_path

if TYPE_CHECKING:
    from muelle.workflows.plan import Node
    from muelle.workflows.run import Run

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
ATTEMPT = "attempt/"  # how what is remembered of an attempt is called, before its place
_CHANCE_BYTES = 6  # a float holds 53 bits


class OperationStep:
    """One step. It counts the calls that its operation makes, for the record."""

    __slots__ = (
        "_chances",
        "_events",
        "_is_past",
        "_node",
        "_now",
        "_run",
        "_tree",
        "_turns",
        "attempts",
        "cached",
        "turn",
        "visit",
    )

    def __init__(
        self, run: "Run", node: "Node", tree: Tree, turn: str, now: datetime, *, is_past: bool = False
    ) -> None:
        self._run = run
        self._node = node
        self._tree = tree
        self._now = now
        self._turns: dict[int, Tree] = {}
        self._is_past = is_past
        self._chances = 0
        self._events = 0
        self.turn = turn
        self.visit = 0  # how often the run came to the operation before in this turn
        self.attempts = 0
        self.cached = False

    @property
    def resource(self) -> Any:  # noqa: ANN401 - whatever the pack opened
        """What the pack of this operation opened."""
        return self._run.among.resources[self._node.type.name].resource

    @property
    def tenant(self) -> TenantId:
        """Whose run this is."""
        return self._run.principal.tenant

    @property
    def principal(self) -> PrincipalId:
        """Who runs it."""
        return self._run.principal.id

    @property
    def charged(self) -> Principal | None:
        """Who is charged for it: nobody for one that is only remembered."""
        return None if self._is_past else self._run.principal

    @property
    def run(self) -> RunId:
        """The run."""
        return self._run.id

    @property
    def operation(self) -> str:
        """The id of this operation in its document."""
        return self._node.id

    @property
    def now(self) -> datetime:
        """When this step began, in UTC."""
        return self._now

    @property
    def limits(self) -> Limits:
        """The bounds of this run."""
        return self._run.limits

    @property
    def http(self) -> Http:
        """Calls that leave."""
        return self

    @property
    def storage(self) -> Storage:
        """What lasts beyond the step."""
        return self._run.storage

    def read(self, path: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return what the data model has at `path`; raise MissingData if nothing."""
        found = self._tree.find(parse_path(path))
        if found is MISSING:
            raise MissingData(f"No data found at path: {path}", path=path)
        return found

    def find(self, path: str) -> Any | Missing:  # noqa: ANN401 - any JSON value
        """Return what the data model has at `path`, or MISSING."""
        return self._tree.find(parse_path(path))

    @property
    def place(self) -> str:
        """What tells this step from all others of the run."""
        place = f"{self._node.id}:{self.turn}" if self.turn else self._node.id
        return f"{place}~{self.visit}" if self.visit else place

    async def sleep(self, seconds: float) -> None:
        """Wait, within the run's time; the run stays in memory."""
        await self._run.among.clock.sleep(seconds)

    async def rest(self, until: datetime) -> None:
        """Wait until a time; the run may leave memory."""
        await self._run.pauses.sleep_until(until)

    async def ask(self, question: Question) -> Answer | None:
        """Wait for a person or an event; None if nobody answered in time."""
        return await asked(self._run, self.place, question, self._now)

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Return what `effect` returned, now or in an earlier life."""
        known = f"once/{self.place}/{name}"
        remembered = self._run.kept.get(known)
        if remembered is not None:
            return _DECODE(remembered)
        value = await effect()
        self._run.keep(known, _ENCODE(value))
        await self._run.log.flush()
        return value

    def emit(self, kind: str, subject: str, data: Json) -> str:
        """Raise an event, which leaves once this step is in the journal."""
        self._events += 1
        name = f"{self.place}:{self._events}"
        # When it is raised, not when the step began: what has been waited for since then counts.
        at = self._run.among.clock.now()
        self._run.log.raise_event(kind, subject, at, with_depth(data, self._run.depth), name)
        return f"{self._run.id}:{name}"

    def random(self) -> float:
        """Return a number from 0 up to 1: from the run's id, of which 74 bits are random, and the place."""
        self._chances += 1
        text = f"{self._run.id}/{self.place}/{self._chances}".encode()
        return int.from_bytes(blake2b(text, digest_size=_CHANCE_BYTES).digest(), "big") / (1 << 8 * _CHANCE_BYTES)

    async def call_workflow(self, name: str, version: str, inputs: Mapping[str, Json]) -> Json:
        """Run a saved workflow as a run of its own, and return its answer."""
        return await self._run.among.children.call(self._run, self.place, (name, version), inputs)

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Make a call on behalf of the run's principal, and count it."""
        self.attempts += 1
        answer = await self._run.http.call(replace(call, operation=self._node.type.name, on_attempt=self._tried))
        self.cached = answer.cached
        return answer

    def _tried(self, attempt: Attempt) -> None:
        """Note an attempt of a call that failed and is followed by another, for the timeline."""
        self.attempts += 1
        self._run.keep(f"{ATTEMPT}{self.place}/{self.attempts - 1}", _ENCODE(attempt))

    async def perform(self, operations: Sequence[str]) -> bool:
        """Run operations that this one refers to; return whether all succeeded or were handled."""
        block = self._run.plan.block(self._permitted(operations))
        is_good = await self._run.block(block, self._tree, self.turn, is_past=self._is_past)
        if self._is_past:
            return False  # so that no branch is given up before all that is remembered of it is in its place
        self._run.go_on()
        return is_good

    async def iterate(
        self, operations: Sequence[str], item: Json, index: int, length: int, *, apart: bool = False
    ) -> Json | Missing:
        """Run them as one turn of a loop; return the output of the last, or MISSING if it has none."""
        names = self._permitted(operations)
        frame = {"item": item, "index": index, "length": length}
        if self._tree.loop is not None:
            frame["parent"] = self._tree.loop
        turn = f"{self.turn}.{index}" if self.turn else str(index)
        tree = self._tree.apart(frame) if apart else self._tree.within(frame)
        if apart:
            self._turns[index] = tree
        tree.tail = names[-1] if names else None
        await self._run.block(self._run.plan.block(names), tree, turn, is_past=self._is_past)
        if not self._is_past:
            self._run.go_on()
        return tree.output

    def settle(self) -> None:
        """Bring together what turns wrote that ran apart, in the order of the items."""
        for index in sorted(self._turns):
            self._tree.settle(self._turns[index])

    def _permitted(self, operations: Sequence[str]) -> tuple[str, ...]:
        for name in operations:
            if name not in self._node.children:
                raise NotReferredTo(operation=name)
        return tuple(operations)
