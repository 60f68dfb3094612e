"""A run: it walks a plan, performs operations, and writes down what became of each.

The walk is ours alone to change; what an operation does is its own affair. An operation sees an `OperationStep` and
nothing else. Pure operations run at once on the loop; what waits or has effects is awaited. A run that is resumed is
walked again: what it remembers is put where it was, and not done a second time.
"""

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any, Literal

from muelle.core import Forbidden, MuelleError
from muelle.engine import StepStatus
from muelle.packs import MISSING, Http, Storage
from muelle.workflows.data_model import Tree
from muelle.workflows.depth import DEPTH
from muelle.workflows.errors import (
    DependencyFailed,
    NotNeeded,
    OperationCrashed,
    RunCancelled,
    RunStopped,
    RunTimedOut,
    TooManySteps,
)
from muelle.workflows.logbook import Logbook
from muelle.workflows.memory import Memory
from muelle.workflows.operations.abreast import overlapped
from muelle.workflows.order import Block
from muelle.workflows.outcomes import note_end, outcome_of
from muelle.workflows.pauses import Leaving, Pauses
from muelle.workflows.plan import Node, OnError
from muelle.workflows.putting_down import PUT_DOWN, put_down
from muelle.workflows.recall import recall_below, recall_known, undo
from muelle.workflows.record import Record, Tally
from muelle.workflows.refusals import refusal
from muelle.workflows.step import OperationStep
from muelle.workflows.storage import RunStorage
from muelle.workflows.surroundings import Assignment, Outcome, Surroundings
from muelle.workflows.values import Values, explained, first_data, is_heavy, stand_in

LOG = logging.getLogger("muelle.workflows")
_YIELD_EVERY = 64  # steps without waiting, after which others get their turn and the deadline is seen


class Run:
    """One run on its way."""

    __slots__ = (
        "_assigned", "_interrupted", "_is_cancelled", "_memory", "_pauses", "_places", "_steps", "_stopped",
        "_storage", "_touched", "_visits", "among", "http", "id", "kept", "limits", "log", "plan", "principal",
        "request", "tallies", "to_undo", "values",
    )  # fmt: skip

    def __init__(self, assigned: Assignment, among: Surroundings, http: Http) -> None:
        self.id = assigned.run
        self.plan = assigned.plan
        self.principal = assigned.principal
        self.limits = assigned.limits
        self.request = assigned.request
        self.among = among
        self.http = http
        memory = self._memory = assigned.memory
        lease = assigned.held.lease if assigned.held else None
        length = memory.length if memory else 0
        self.log = Logbook(among.journal, assigned.run, assigned.principal.tenant, lease, length)
        self.kept: dict[str, bytes] = memory.values if memory else {}
        self._storage: Storage | None = None
        self._pauses: Pauses | None = None
        if assigned.plan.is_async:
            began = assigned.began or among.clock.now()
            self._pauses = Pauses(among.clock, began, assigned.limits.run_seconds, assigned.deadline)
        self._assigned = assigned
        self.tallies: dict[str, Tally] = {}
        self._stopped: MuelleError | None = None
        self._is_cancelled = False
        self._interrupted: dict[OperationStep, Node] = {}
        self.to_undo: list[tuple[Node, Tree, str]] = []
        self._places: asyncio.Semaphore | None = None
        self._touched = assigned.accepted is not None
        self._steps = 0
        self._visits: dict[tuple[str, str], int] = {}
        self.values = Values(assigned.limits)

    @property
    def memory(self) -> Memory | None:
        """What the run remembers of an earlier life."""
        return self._memory

    @property
    def pauses(self) -> Pauses:
        """Whether the run stays in memory; a run of pure operations is never asked."""
        if self._pauses is None:
            self._pauses = Pauses(
                self.among.clock, self.among.clock.now(), self.limits.run_seconds, self._assigned.deadline
            )
        return self._pauses

    @property
    def storage(self) -> Storage:
        """What lasts beyond the step; most runs store nothing."""
        if self._storage is None:
            among = self.among
            self._storage = RunStorage(self.principal, self.id, among.blobs, among.values, self.log.keep, self.kept)
        return self._storage

    @property
    def depth(self) -> int:
        """How many runs led to this one by events."""
        return int(self.kept.get(DEPTH, b"0"))

    def keep(self, name: str, value: bytes) -> None:
        """Remember something by name, in later lives too."""
        self.kept[name] = value
        self.log.keep(name, value)

    def cancel(self) -> None:
        """End soon, as cancelled: what is in progress is interrupted, what has not begun is skipped.

        To be told so again, as by every beat of the lease, changes nothing: it goes on taking back what it did.
        """
        if self._is_cancelled:
            return
        self._is_cancelled = True
        self._stopped = self._stopped or RunCancelled()
        self.pauses.leave("cancelled")

    def pause(self, status: Literal["paused", "queued"]) -> None:
        """Leave memory once no operation is at work."""
        self.pauses.tell(status)

    def nudge(self) -> None:
        """Look again at what is waited for."""
        self.pauses.nudge()

    async def execute(self) -> Outcome | None:
        """Walk the whole plan; return once all that happened is durable, or None if the run left memory.

        Raises LeaseLost if the run is not ours any more, and what the database raises.
        """
        assigned = self._assigned
        began, start = self.among.clock.now(), self.among.clock.monotonic()
        if assigned.accepted is None:
            self.log.begin(assigned.started(began))
        tree = Tree(first_data(self.plan, assigned.inputs))
        if self.plan.is_async:
            await self._in_time(tree)
            if self.pauses.left and self.pauses.left != "cancelled":
                await self._park(self.pauses.left)
                return None
        else:
            await self.block(self.plan.main, tree, "")
        if self._stopped is not None:
            await self._give_up(self._stopped)
        took = int((self.among.clock.monotonic() - start) * 1_000_000)
        if assigned.accepted is not None:
            took = int((self.among.clock.now() - assigned.accepted).total_seconds() * 1_000_000)
        outcome = outcome_of(self, assigned.accepted or began, took, self._stopped)
        note_end(self, outcome, assigned.cause)
        await self.log.flush(is_lazy=not self._touched)
        return outcome

    async def _give_up(self, stopped: MuelleError) -> None:
        """Take along what a run that ends early has set going, and take back what it did if it was cancelled."""
        if isinstance(stopped, RunCancelled | RunTimedOut):
            await self.among.children.cancel(self)
        if isinstance(stopped, RunCancelled):
            self._stopped = None
            await undo(self, is_past=False)
            self._stopped = stopped

    async def recall(self, took: int) -> Outcome:
        """Walk a run that has ended, doing nothing, and return what became of it; `took` is in microseconds."""
        tree = Tree(first_data(self.plan, self._assigned.inputs))
        await self.block(self.plan.main, tree, "", is_past=True)
        await undo(self, is_past=True)
        return outcome_of(self, self._assigned.accepted or self.among.clock.now(), took, self._stopped)

    async def _park(self, status: Leaving) -> None:
        """Write down that the run leaves memory; it is this commit that gives it back."""
        held = self._assigned.held
        wake = self.pauses.wake if status == "waiting" else None
        self.log.park("waiting" if status == "waiting" else "paused" if status == "paused" else "queued", wake)
        await self.log.flush()
        if held is not None:
            held.wake = wake

    async def _in_time(self, tree: Tree) -> None:
        try:
            await self.pauses.within_time(self.block(self.plan.main, tree, ""), is_resumed=self._memory is not None)
        except TimeoutError:
            self._cut_off(RunTimedOut(limit=self.limits.run_seconds))
        if self.pauses.left == "cancelled":
            self._cut_off(self._stopped or RunCancelled())

    async def block(self, block: Block[Node], tree: Tree, turn: str, *, is_past: bool = False) -> bool:
        """Run some operations; return whether all of them succeeded or were handled.

        Where `is_past`, what stands above them has ended: only what is remembered of them counts.
        """
        if block.waits is not None and not is_past:
            return await self._overlapped(block, block.waits, tree, turn)
        is_good = True
        for node in block.nodes:
            is_good = await self._step(node, tree, turn, is_past=is_past) and is_good
        return is_good

    def go_on(self) -> None:
        """Raise RunStopped if an operation failed whose onError is 'stop', or the run was cancelled.

        A run that is cancelled while it remembers goes on remembering: what it has done is to be taken back.
        """
        if self._stopped is not None and (self.pauses.is_live or not isinstance(self._stopped, RunCancelled)):
            raise self._stopped

    async def _overlapped(self, block: Block[Node], waits: Sequence[Sequence[int]], tree: Tree, turn: str) -> bool:
        return all(await overlapped([partial(self._step, node, tree, turn) for node in block.nodes], waits))

    async def _step(  # noqa: C901 - what every step goes through; each coroutine more would cost it 0.2 us
        self, node: Node, tree: Tree, turn: str, *, is_past: bool = False
    ) -> bool:
        """Run one operation and write down what became of it; return whether it succeeded or was handled."""
        self._steps += 1
        if self._steps % _YIELD_EVERY == 0:
            await asyncio.sleep(0)
        began, visit = self.among.clock.now(), self._visited(node, turn) if node.is_async else 0
        if (memory := self._memory) is not None:
            if (known := await recall_known(self, memory, node, tree, turn, is_past=is_past)) is not None:
                return known
            began = memory.began(node.id, turn, visit) or began
        if node.is_async:
            await self.pauses.stand()
        if (reason := self._hindrance(node, tree)) is not None:
            return await self._skip(node, tree, turn, began, reason)
        step = OperationStep(self, node, tree, turn, began)
        step.visit = visit
        start = self.among.clock.monotonic()
        try:
            record = await self._attempt(node, step, tree)
        except PUT_DOWN as error:
            raise put_down(error) from error
        except MuelleError as error:
            return await self._fail(node, step, tree, explained(error, self.plan), start)
        except Exception as error:
            LOG.exception("An operation crashed", extra={"operation": node.id, "operation_type": node.type.name})
            return await self._fail(node, step, tree, OperationCrashed(fault=type(error).__name__), start)
        except asyncio.CancelledError:
            self._interrupted[step] = node
            raise
        record.took = self._took(step, start)
        self._tally(node, turn, record)
        if self.log.is_full:
            await self.log.flush()
        return True

    def _visited(self, node: Node, turn: str) -> int:
        """Return how often an operation was come to before in this turn: two failures may lead to the same one."""
        visit = self._visits.get((node.id, turn), 0)
        self._visits[node.id, turn] = visit + 1
        return visit

    async def _attempt(self, node: Node, step: OperationStep, tree: Tree) -> Record:
        """Perform an operation and put its output where it belongs."""
        output = await self._perform(node, step, tree)
        if node.is_parent:
            self._settle(step)
        record = Record("success", step.now, 0, step.attempts, step.cached, output, self.values.weighed(output))
        if node.write is not None:
            tree.write(node.write, output)
        if node.id == tree.tail:
            tree.output = output
        if node.compensate:
            self.to_undo.append((node, tree, step.turn))
        return record

    def _took(self, step: OperationStep, start: float) -> int:
        """Return the microseconds that a step took, with what it took in an earlier life."""
        if self._memory is not None and self._memory.began(step.operation, step.turn, step.visit):
            return max(0, int((self.among.clock.now() - step.now).total_seconds() * 1_000_000))
        return int((self.among.clock.monotonic() - start) * 1_000_000)

    def _hindrance(self, node: Node, tree: Tree) -> MuelleError | None:
        """Return why an operation is not to be run, or None."""
        if self._steps > self.limits.steps and self._stopped is None:
            self._stopped = TooManySteps(limit=self.limits.steps)
        if self._stopped is not None:
            return self._stopped
        if tree.broken and (cause := tree.broken_by(node.needs)):
            return DependencyFailed(cause=cause)
        return None

    async def _perform(self, node: Node, step: OperationStep, tree: Tree) -> Any:  # noqa: ANN401 - any JSON value
        config = node.config if node.config is not None else self.values.config(node, tree)
        if not node.is_async:
            if node.needs and is_heavy(node, tree):
                with self.pauses.at_work():
                    return await asyncio.to_thread(node.type.perform, config, step)
            return node.type.perform(config, step)
        with self.among.tracer.span(node.type.name, {"operation": node.id}):
            if node.is_parent:
                await self._prepare(node, step)
                return await node.type.perform(config, step)
            with self.pauses.at_work():
                await self._prepare(node, step)
                self._places = self._places or asyncio.Semaphore(self.limits.concurrency)
                async with self._places:
                    return await node.type.perform(config, step)

    async def _prepare(self, node: Node, step: OperationStep) -> None:
        """Have durable what an effect rests on, and that it is about to be had."""
        if node.effects == "writes":
            self._touched = True
            if self._assigned.held is not None and not (
                self._memory and self._memory.began(node.id, step.turn, step.visit)
            ):
                self.log.note_begin(node.id, step.turn, step.now)
            await self.log.flush()
        elif node.effects == "reads":
            self._touched = True
            self.log.hand_over()

    async def _fail(self, node: Node, step: OperationStep, tree: Tree, error: MuelleError, start: float) -> bool:
        if node.id == tree.tail:
            tree.output = MISSING
        if isinstance(error, RunStopped):
            return await self._skip(node, tree, step.turn, step.now, error)
        if isinstance(error, Forbidden):
            self.log.watch(refusal(self, error))
        record = Record("failed", step.now, self._took(step, start), step.attempts, error=error)
        self.follow(node, tree, record)
        await self._keep(node, step.turn, record)
        if node.on_error.kind == "goto":
            return await self.block(self.plan.block(node.on_error.goto), tree, step.turn)
        return record.is_handled

    def follow(self, node: Node, tree: Tree, record: Record) -> None:
        """Do what the document says follows from a failure, but for a branch."""
        match node.on_error:
            case OnError(kind="value", value=value):
                stand_in(node, tree, record, value)
            case OnError(kind="goto"):
                record.is_handled = True
            case OnError(kind="stop"):
                self._stopped = self._stopped or RunStopped(cause=node.id)
        if node.write is not None and not record.is_handled:
            tree.spoil(node.write, node.id)

    async def _skip(self, node: Node, tree: Tree, turn: str, began: datetime, reason: MuelleError) -> bool:
        if node.is_parent and self._memory is not None and isinstance(reason, RunCancelled):
            await recall_below(self, node, tree, turn, began)  # what was done there is to be taken back
        if node.write is not None:
            tree.spoil(node.write, node.id)
        if node.id == tree.tail:
            tree.output = MISSING
        await self._keep(node, turn, Record("skipped", began, error=reason))
        return False

    def _settle(self, step: OperationStep) -> None:
        """Bring together the turns of a loop, and note what a branch that was not needed any more has left."""
        step.settle()
        for interrupted, node in self._interrupted.items():
            skipped = Record("skipped", interrupted.now, error=NotNeeded(), is_handled=True)  # nothing went wrong
            self._tally(node, interrupted.turn, skipped)
        self._interrupted.clear()

    async def _keep(self, node: Node, turn: str, record: Record) -> None:
        self._tally(node, turn, record)
        if self.log.is_full:
            await self.log.flush()

    def _tally(self, node: Node, turn: str, record: Record) -> None:
        self.log.note(node.id, node.type.name, turn, record)
        self.count(node, turn, record)

    def count(self, node: Node, turn: str, record: Record) -> None:
        """Add a step to what became of its operation."""
        tally = self.tallies.get(node.id)
        if tally is None:
            tally = self.tallies[node.id] = Tally(record)
        tally.add(record, turn)

    def _cut_off(self, cause: MuelleError) -> None:
        """Write down what was interrupted and what was not reached."""
        self._stopped = cause
        status: StepStatus = "skipped" if isinstance(cause, RunCancelled) else "failed"
        for step, node in self._interrupted.items():
            self._tally(node, step.turn, Record(status, step.now, 0, step.attempts, error=cause))
        self._interrupted.clear()
        now = self.among.clock.now()
        for node in self.plan.main.nodes:
            if node.id not in self.tallies:
                self._tally(node, "", Record("skipped", now, error=cause))
