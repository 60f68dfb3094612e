"""Putting what a run remembers where it was, when it is walked again."""

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from muelle.core import MuelleError
from muelle.engine import StepFinished
from muelle.workflows.data_model import Tree
from muelle.workflows.errors import DependencyFailed, NotNeeded
from muelle.workflows.memory import Memory, recalled_error, recalled_output
from muelle.workflows.plan import Node
from muelle.workflows.record import Record
from muelle.workflows.step import OperationStep

if TYPE_CHECKING:
    from muelle.workflows.run import Run

_LOG = logging.getLogger("muelle.workflows")


async def recall_known(run: "Run", memory: Memory, node: Node, tree: Tree, turn: str, *, is_past: bool) -> bool | None:
    """Put a step where it was that is remembered, and return whether it was good; None if it is to be done."""
    if (done := memory.step(node.id, turn)) is not None:
        return await recall_step(run, node, tree, done, is_past=is_past)
    if not is_past:
        return None
    if node.is_parent:  # the run ended before it did
        await recall_below(run, node, tree, turn, run.among.clock.now())
    return False


async def recall_step(run: "Run", node: Node, tree: Tree, done: StepFinished, *, is_past: bool) -> bool:
    """Put the outcome of a step where it was; what is below it is recalled first, and nothing else is done."""
    turn = done.iteration
    record = Record(done.status, done.at, done.took, done.attempts, done.cached, encoded=done.output)
    if node.is_parent and not _was_never_begun(done):
        await recall_below(run, node, tree, turn, done.at)
    match done.status:
        case "success":
            _recall_success(run, node, tree, record, turn)
        case "skipped":
            record.error = recalled_error(done.error)
            record.is_handled = record.error is not None and record.error.code == NotNeeded.code
            if node.write is not None and not record.is_handled:
                tree.spoil(node.write, node.id)
        case "failed":
            record.encoded, record.error = None, recalled_error(done.error)
            run.follow(node, tree, record)
    if node.id == tree.tail:
        tree.output = record.output
    run.count(node, turn, record)
    if done.status == "failed" and node.on_error.kind == "goto":
        return await run.block(run.plan.block(node.on_error.goto), tree, turn, is_past=is_past)
    return record.is_good


def _recall_success(run: "Run", node: Node, tree: Tree, record: Record, turn: str) -> None:
    if record.encoded is not None:
        record.output = recalled_output(record.encoded)
        run.values.add(len(record.encoded))
    if node.write is not None:
        tree.write(node.write, record.output)
    if node.compensate:
        run.to_undo.append((node, tree, turn))


def _was_never_begun(done: StepFinished) -> bool:
    """Tell whether there is nothing below a step: one that was skipped because the run ended may have begun."""
    if done.status != "skipped":
        return False
    error = recalled_error(done.error)
    return error is not None and error.code == DependencyFailed.code


async def recall_below(run: "Run", node: Node, tree: Tree, turn: str, began: datetime) -> None:
    """Recall what stands in a step that itself is not to be performed any more."""
    step = OperationStep(run, node, tree, turn, began, is_past=True)
    try:
        await node.type.perform(run.values.config(node, tree), step)
    except MuelleError:
        _LOG.debug("What is recalled failed again, as it should", extra={"operation": node.id})
    except Exception as error:  # noqa: BLE001 - what crashed then crashes again, and is in the record
        _LOG.debug("What is recalled crashed again: %s", error, extra={"operation": node.id})
    step.settle()


async def undo(run: "Run", *, is_past: bool) -> None:
    """Have what was done compensated, the last first."""
    for node, tree, turn in reversed(run.to_undo):
        await run.block(run.plan.block(node.compensate), tree, turn, is_past=is_past)
