"""Whatever is in a document, and whenever its process dies: the answer is that of a run that nothing disturbed."""

import asyncio
from typing import Any

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from muelle.engine import RunRecord
from muelle.workflows import Outcome, plain_answer
from workflows.durable_world import LEASE, Durable, Process, open_durable
from workflows.runs_world import op
from workflows.test_overlap import operations

Ops = list[dict[str, Any]]
PARKING = {"MUELLE_ENGINE__PARK_SECONDS": "0"}  # whatever waits leaves memory
QUICK = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_TURNS = 80  # of the loop without a sign, after which nothing happens by itself
_VOLATILE = frozenset({"duration_ms", "execution_id"})


def loop(number: int, *, abreast: bool) -> Ops:
    """Return a loop whose body waits, fails at one item, and stores what it saw."""
    name, body = f"loop{number}", [f"turn{number}", f"nap{number}", f"last{number}"]
    fails = {**op(body[0], "Do", say={"path": "/loop/item"}, outputPath=f"/workflow/t{number}", seconds=0.2)}
    return [
        op(name, "Loop", inputPath="/input/items", operations=body, outputPath=f"/workflow/{name}")
        if not abreast
        else op(name, "Loop", inputPath="/input/items", operations=body, outputPath=f"/workflow/{name}", concurrency=2),
        fails,
        op(body[1], "Wait", duration=700),
        op(body[2], "Ask", say={"at": {"path": "/loop/index"}, "saw": {"path": f"/workflow/t{number}"}}),
    ]


def branches(number: int, join: str) -> Ops:
    """Return branches side by side; with `any` it is always the same one that ends first."""
    quick, slow = [f"quick{number}"], [f"long{number}", f"behind{number}"]
    return [
        op(f"fork{number}", "Parallel", branches=[slow, quick], join=join, outputPath=f"/workflow/f{number}"),
        op(quick[0], "Do", say="quick", outputPath=f"/workflow/q{number}"),
        op(slow[0], "Wait", duration=2_000 if join == "all" else 600_000),
        op(slow[1], "Do", say="slow", outputPath=f"/workflow/s{number}"),
    ]


def detour(number: int) -> Ops:
    """Return a failure that leads elsewhere, a condition, and something stored for the run's time."""
    return [
        op(f"bad{number}", "Do", fails=True, say=f"bad{number}", on_error={"goto": [f"mend{number}", f"put{number}"]}),
        op(f"mend{number}", "Do", say={"m": number}, outputPath=f"/workflow/m{number}", seconds=0.3),
        op(f"put{number}", "StoreData", inputPath=f"/workflow/m{number}", storage="sessionStorage", key="k"),
        op(
            f"if{number}",
            "Conditional",
            condition={"path": f"/workflow/m{number}/m", "operator": "==", "value": number},
            ifTrue=[f"get{number}"],
            ifFalse=f"never{number}",
        ),
        op(f"get{number}", "LoadData", storage="sessionStorage", key="k", outputPath=f"/workflow/g{number}"),
        op(f"never{number}", "Do", say="never"),
    ]


@st.composite
def documents(draw: st.DrawFn) -> Ops:
    """Draw operations that get in each other's way, and control flow of every kind between them."""
    made: Ops = draw(operations())
    for number in range(draw(st.integers(0, 2))):
        block = draw(
            st.sampled_from(
                [
                    [op(f"wait{number}", "Wait", duration=1_500)],
                    loop(number, abreast=False),
                    loop(number, abreast=True),
                    branches(number, "all"),
                    branches(number, "any"),
                    detour(number),
                ]
            )
        )
        at = draw(st.integers(0, len(made)))
        made[at:at] = block
    return made


def plain(value: Any) -> Any:
    """Leave out of an answer what no two runs share."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in _VOLATILE}
    return [plain(item) for item in value] if isinstance(value, list) else value


async def settle(process: Process) -> None:
    """Let everything that can go on without the clock go on; a database in memory needs no time."""
    calm, before = 0, process._signs()
    while calm < _TURNS:
        await asyncio.sleep(0)
        calm, before = (calm + 1 if process._signs() == before else 0), process._signs()


async def drive(process: Process, run: str) -> RunRecord:
    """Work until a run has ended, or the process is dead."""
    for _ in range(300):
        await process._look()
        await settle(process)
        record = await process.record(run)
        if record.finished is not None or process.switch.is_off:
            return record
        process.clock.forward(seconds=0.5)
    raise AssertionError(f"it does not end: {record}")


async def told(process: Process, run: str) -> tuple[Any, Any]:
    """Work until a run has ended; return its answer as it was given then, if anybody here was told, and as recalled."""
    waiting = asyncio.create_task(process.app.engine.wait(process.me.tenant, (await process.record(run)).run))
    await asyncio.sleep(0)
    await drive(process, run)
    ending = await waiting
    assert ending is not None
    recalled = plain(await process.answer(run))
    return plain(plain_answer(ending.result)) if isinstance(ending.result, Outcome) else recalled, recalled


async def undisturbed(durable: Durable, drawn: Ops) -> Any:
    process = await durable.process()
    given_then, recalled = await told(process, await process.submit(*drawn, inputs={"items": [1, 2, 3]}))
    assert recalled == given_then
    await process.die()
    return given_then


async def disturbed(durable: Durable, drawn: Ops, deaths: list[int]) -> Any:
    process = await durable.process()
    process.switch.left = deaths[0]
    run = await process.submit(*drawn, inputs={"items": [1, 2, 3]})
    for left in [*deaths[1:], None]:
        record = await drive(process, run)
        note(f"{record.status} after {process.switch.appends} appends")
        if record.finished is not None and not process.switch.is_off:
            return plain(await process.answer(run))
        await process.die()
        process = await durable.process()
        process.switch.left = left
        durable.clock.forward(seconds=LEASE)
    given_then, recalled = await told(process, run)
    assert recalled == given_then
    return given_then


@QUICK
@given(documents(), st.lists(st.integers(0, 9), min_size=1, max_size=3))
def test_a_run_whose_processes_die_gives_the_answer_of_one_that_nothing_disturbed(
    drawn: Ops, deaths: list[int]
) -> None:
    async def both() -> tuple[Any, Any]:
        async with open_durable(None, PARKING) as durable:
            expected = await undisturbed(durable, drawn)
            return await disturbed(durable, drawn, deaths), expected

    found, expected = asyncio.run(both())
    assert found == expected


@QUICK
@given(documents(), st.integers(0, 12), st.booleans())
def test_what_is_recalled_of_a_cancelled_run_is_what_was_said_when_it_ended(
    drawn: Ops,
    halves: int,
    is_asleep: bool,  # noqa: FBT001 - hypothesis draws it
) -> None:
    async def cancelled() -> tuple[Any, Any]:
        async with open_durable(None, PARKING if is_asleep else {}) as durable:
            process = await durable.process()
            run = await process.submit(*drawn, inputs={"items": [1, 2, 3]})
            for _ in range(halves):
                await process._look()
                await settle(process)
                durable.clock.forward(seconds=0.5)
            await settle(process)
            if (await process.record(run)).finished is None:
                await process.app.runs.change(process.me, run, "cancel")
            if (await process.record(run)).finished is not None:
                return None, None
            return await told(process, run)

    given_then, recalled = asyncio.run(cancelled())
    assert recalled == given_then


@settings(max_examples=100, deadline=None)
@given(documents())
def test_what_is_recalled_of_a_synchronous_run_is_its_answer(drawn: Ops) -> None:
    async def both() -> tuple[Any, Any]:
        async with open_durable() as durable:
            process = await durable.process(queues=())
            running = asyncio.create_task(
                process.app.workflows.run(process.me, process.document(*drawn), {"items": [1, 2, 3]})
            )
            while not running.done():
                await settle(process)
                durable.clock.forward(seconds=0.5)
            outcome = await running
            return plain(plain_answer(outcome)), plain(await process.answer(outcome.run))

    given_then, recalled = asyncio.run(both())
    assert recalled == given_then
