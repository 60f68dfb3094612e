"""What a run leaves in the journal and in the audit record, and when."""

import asyncio
from collections.abc import Awaitable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, cast

import pytest

from muelle.engine import Entry, Journal, RunFilter
from muelle.identity import AuditFilter
from muelle.workflows import Workflows
from workflows.runs_world import World, document, op


async def test_every_step_is_in_the_journal_when_the_answer_is_given(world: World) -> None:
    answer = await world.run(
        op("a", "Say", say=1, outputPath="/workflow/a"),
        op("b", "Say", fails=True),
        op("each", "Loop", inputPath="/input/x", operations=["turn"]),
        op("turn", "Say", say={"path": "/loop/item"}),
        inputs={"x": ["p", "q"]},
    )
    shown = await world.app.executions.show(world.me, answer["execution_id"])
    steps = [(step["operation_id"], step["status"], step.get("iteration", "")) for step in shown["operations"]]
    assert steps == [
        ("a", "success", ""),
        ("b", "failed", ""),
        ("turn", "success", "0"),
        ("turn", "success", "1"),
        ("each", "success", ""),
    ]
    assert shown["summary"] == {"succeeded": 3, "failed": 1, "skipped": 0}


async def test_what_came_before_an_effect_is_durable_before_the_effect_begins(world: World) -> None:
    run = asyncio.create_task(
        world.app.workflows.run(world.me, document(op("a", "Say", say=1), op("do", "Do", say=2, seconds=4)))
    )
    await world.settle()
    page = await world.app.stores.journal.runs(world.me.tenant, RunFilter(status="running"), 10)
    steps = await world.app.stores.journal.steps(world.me.tenant, page.runs[0].run)
    assert [step.operation for step in steps] == ["a"]
    world.clock.forward(seconds=4)
    await run


async def test_a_run_that_waits_is_listed_as_running(world: World) -> None:
    run = asyncio.create_task(world.app.workflows.run(world.me, document(op("ask", "Ask", say=1, seconds=4))))
    await world.settle()
    listed = await world.app.executions.page(world.me, RunFilter(), 10, None)
    assert [entry["status"] for entry in listed["executions"]] == ["running"]
    world.clock.forward(seconds=4)
    await run


async def test_a_run_and_a_refusal_are_acts_in_the_audit_record(world: World) -> None:
    await world.run(op("a", "Say", say=1))
    page = await world.app.stores.trail.page(world.me.tenant, AuditFilter(action="workflows:run"))
    assert [(act.decision, act.resource) for act in page.items] == [("allowed", "tale")]


async def test_thousands_of_turns_are_journalled_in_order(world: World) -> None:
    answer = await world.run(
        op("each", "Loop", inputPath="/input/x", operations=["say"]),
        op("say", "Say", say={"path": "/loop/index"}),
        inputs={"x": list(range(3000))},
    )
    steps = await world.app.stores.journal.steps(world.me.tenant, answer["execution_id"])
    assert [step.sequence for step in steps] == list(range(3001))


class Flushes:
    """A journal that tells of each append whether it was to be flushed."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self.told: list[bool] = []

    def append(self, entries: Sequence[Entry], *, flush: bool = True, lease: str | None = None) -> Awaitable[None]:
        self.told.append(flush)
        return self._journal.append(entries, flush=flush, lease=lease)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._journal, name)


@pytest.mark.parametrize(
    ("kinds", "flushes"),
    [(["Say"], [False]), (["Say", "Ask"], [True, True]), (["Say", "Do", "Say"], [True, True])],
)
async def test_the_disk_is_waited_for_only_where_something_outside_was_touched(
    world: World, kinds: list[str], flushes: list[bool]
) -> None:
    journal = Flushes(world.app.stores.journal)
    among = replace(world.app.workflows.among, journal=cast("Journal", journal))
    workflows = Workflows(world.app.planner, among, world.app.egress)
    await workflows.run(world.me, document(*(op(f"op{number}", kind, say=1) for number, kind in enumerate(kinds))))
    assert journal.told == flushes


async def test_runs_and_what_they_wait_for_are_spans(world: World) -> None:
    spans: list[str] = []

    class Tracer:
        @contextmanager
        def span(self, name: str, attributes: Mapping[str, str]) -> Iterator[None]:
            spans.append(f"{name} {attributes.get('operation', '')}".strip())
            yield

    workflows = Workflows(world.app.planner, replace(world.app.workflows.among, tracer=Tracer()), world.app.egress)
    await workflows.run(world.me, document(op("pure", "Say", say=1), op("ask", "Ask", say=2)))
    assert spans == ["run", "Ask ask"]
