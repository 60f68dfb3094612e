"""What an operation sees of its run: the `Step` of packs, on top of a run and its data model."""

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from muelle.core import HttpAnswer, HttpCall, PrincipalId, RunId, TenantId
from muelle.packs import MISSING, Http, Json, Limits, Missing, Storage
from muelle.workflows.data_model import Tree
from muelle.workflows.errors import NotReferredTo
from muelle.workflows.paths import MissingData, parse_path

if TYPE_CHECKING:
    from muelle.workflows.plan import Node
    from muelle.workflows.run import Run


class OperationStep:
    """One step. It counts the calls that its operation makes, for the record."""

    __slots__ = ("_node", "_now", "_run", "_tree", "_turns", "attempts", "cached", "turn")

    def __init__(self, run: "Run", node: "Node", tree: Tree, turn: str, now: datetime) -> None:
        self._run = run
        self._node = node
        self._tree = tree
        self._now = now
        self._turns: dict[int, Tree] = {}
        self.turn = turn
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

    async def sleep(self, seconds: float) -> None:
        """Wait, within the run's time."""
        await self._run.among.clock.sleep(seconds)

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Make a call on behalf of the run's principal, and count it."""
        self.attempts += 1
        answer = await self._run.http.call(call)
        self.attempts += answer.attempts - 1
        self.cached = answer.cached
        return answer

    async def perform(self, operations: Sequence[str]) -> bool:
        """Run operations that this one refers to; return whether all succeeded or were handled."""
        block = self._run.plan.block(self._permitted(operations))
        is_good = await self._run.block(block, self._tree, self.turn)
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
        await self._run.block(self._run.plan.block(names), tree, turn)
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
