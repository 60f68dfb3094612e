"""Loop: operations once for each item of a list."""

from collections.abc import Iterator
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.packs import MISSING, Json, OperationId, OperationType, ReadPath, Step, WritePath
from muelle.workflows.operations.abreast import abreast
from muelle.workflows.operations.conditional import ids_of
from muelle.workflows.operations.errors import TooManyIterations, TooMuchAtOnce, WrongInput


class Loop(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Run operations once for each item of a list, with /loop/item, /loop/index and /loop/length."""

    input_path: Annotated[ReadPath, Meta(description="Path of the list; at most 10,000 items, unless configured.")]
    operations: Annotated[
        OperationId | list[OperationId],
        Meta(
            description=(
                "Id or ids of the operations to run, in order, for each item. They run only here, and see /loop/item, "
                "/loop/index (from 0), /loop/length, and in a loop within a loop /loop/parent/item and so on."
            )
        ),
    ]
    concurrency: Annotated[
        int,
        Meta(
            ge=1,
            description=(
                "How many items to work on at the same time (1). With more than one, what a turn writes is seen by "
                "the others "
                "only after the loop."
            ),
        ),
    ] = 1
    output_path: Annotated[
        WritePath | None,
        Meta(description="Path that receives the list of the last operation's outputs, in item order; null for none."),
    ] = None


async def loop(config: Loop, step: Step[Any]) -> Json:
    """Return the outputs of the last operation, in item order."""
    items = step.read(config.input_path)
    if type(items) is not list:
        raise WrongInput("Loop needs a list", path=config.input_path)
    if len(items) > step.limits.loop_iterations:
        raise TooManyIterations(items=len(items), limit=step.limits.loop_iterations)
    if config.concurrency > step.limits.concurrency:
        raise TooMuchAtOnce(concurrency=config.concurrency, limit=step.limits.concurrency)
    outputs: list[Json] = [None] * len(items)
    waiting = iter(enumerate(items))
    if config.concurrency == 1:
        await _work(config, step, waiting, outputs)
        return outputs
    async with abreast() as tasks:
        for _ in range(min(config.concurrency, len(items))):
            tasks.create_task(_work(config, step, waiting, outputs))
    return outputs


async def _work(config: Loop, step: Step[Any], waiting: Iterator[tuple[int, Json]], outputs: list[Json]) -> None:
    """Take the next item until none waits; several workers share `waiting`."""
    operations, apart = ids_of(config.operations), config.concurrency > 1
    for index, item in waiting:
        output = await step.iterate(operations, item, index, len(outputs), apart=apart)
        outputs[index] = None if output is MISSING else output


LOOP = OperationType(
    name="Loop",
    summary="Run operations once for each item of a list.",
    config=Loop,
    perform=loop,
    example={"inputPath": "/workflow/users", "operations": ["notify"], "outputPath": "/workflow/sent"},
)
