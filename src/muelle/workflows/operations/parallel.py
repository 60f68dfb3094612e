"""Parallel: branches side by side."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from muelle.packs import Json, OperationId, OperationType, Step, WritePath
from muelle.workflows.operations.abreast import abreast
from muelle.workflows.operations.conditional import ids_of
from muelle.workflows.operations.errors import InvalidCondition, JoinNotReached, TooMuchAtOnce

Status = Literal["running", "success", "failed", "cancelled"]


class Parallel(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Run branches at the same time, until as many have succeeded as 'join' says."""

    branches: Annotated[
        list[OperationId | list[OperationId]],
        Meta(
            min_length=1,
            description=(
                "The branches: each an id or a list of ids, run in order within its branch. They run only here. At "
                "most 64 "
                "branches, unless configured."
            ),
        ),
    ]
    join: Annotated[
        Literal["all", "any"] | Annotated[int, Meta(ge=1)],
        Meta(
            description=(
                "How many branches must succeed: all (the default), any (one), or a number. Once enough have, the "
                "others "
                "are cancelled. If too few succeed, Parallel fails with join_not_reached, after all have ended."
            )
        ),
    ] = "all"
    output_path: Annotated[
        WritePath | None,
        Meta(description="Path that receives a list with {branch, status} of each: success, failed or cancelled."),
    ] = None


async def parallel(config: Parallel, step: Step[Any]) -> Json:
    """Return what became of each branch; raise JoinNotReached if too few succeeded."""
    count = len(config.branches)
    if count > step.limits.concurrency:
        raise TooMuchAtOnce(branches=count, limit=step.limits.concurrency)
    needed = _needed(config.join, count)
    if needed > count:
        raise InvalidCondition("'join' is more than there are branches", join=needed, branches=count)
    statuses: list[Status] = ["running"] * count
    running: list[asyncio.Task[None]] = []

    async def run(index: int, operations: list[str]) -> None:
        try:
            succeeded = await step.perform(operations)
        except asyncio.CancelledError:
            statuses[index] = "cancelled"
            raise
        statuses[index] = "success" if succeeded else "failed"
        if statuses.count("success") == needed:
            for task in running:
                task.cancel()

    async with abreast() as tasks:
        running += [tasks.create_task(run(index, ids_of(branch))) for index, branch in enumerate(config.branches)]
    return _outcome(["cancelled" if status == "running" else status for status in statuses], needed)


def _needed(join: str | int, branches: int) -> int:
    if isinstance(join, int):
        return join
    return 1 if join == "any" else branches


def _outcome(statuses: list[Status], needed: int) -> Json:
    succeeded = statuses.count("success")
    if succeeded < needed:
        raise JoinNotReached(succeeded=succeeded, needed=needed, statuses=statuses)
    return [{"branch": index, "status": status} for index, status in enumerate(statuses)]


def check_parallel(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a join that no number of successes can reach."""
    branches, join = config.get("branches"), config.get("join")
    if isinstance(branches, list) and isinstance(join, int) and not isinstance(join, bool) and join > len(branches):
        return [("/join", f"'join' is {join}, but there are {len(branches)} branches")]
    return []


PARALLEL = OperationType(
    name="Parallel",
    summary="Run branches of operations at the same time.",
    config=Parallel,
    perform=parallel,
    check=check_parallel,
    example={"branches": [["fetch-a", "clean-a"], ["fetch-b"]], "join": "all"},
)
