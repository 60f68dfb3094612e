"""Runs that a run starts: saved workflows, each as a run of its own."""

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from muelle.core import MuelleError
from muelle.engine import ENDED, Job, RunRecord
from muelle.workflows.answer import plain_answer
from muelle.workflows.errors import ChildFailed, TooManyGenerations

if TYPE_CHECKING:
    from muelle.workflows.run import Run
    from muelle.workflows.runs import Runs

CHILD = "run:"
_MOST_GENERATIONS = 16
_ENCODE = msgspec.json.Encoder().encode


class Children:
    """Starts children and waits for them; the parent may leave memory meanwhile, and is nudged when they end."""

    def __init__(self) -> None:
        self.runs: Runs | None = None  # set once: runs and children need each other

    async def call(self, run: "Run", place: str, target: tuple[str, str], inputs: Mapping[str, Any]) -> Any:  # noqa: ANN401 - a JSON value
        """Return the child's answer; raise ChildFailed if it did not succeed at all."""
        runs = self.runs
        if runs is None:
            raise MuelleError
        name, version = target
        engine, principal = run.among.engine, run.principal
        await self._check_generations(run)
        job = Job(
            tenant=principal.tenant,
            principal=principal.id,
            kind="workflow",
            name=name,
            payload=_ENCODE({"workflow": name, "version": version, "inputs": inputs}),
            cause=f"{CHILD}{run.id}",
            idempotency_key=f"{CHILD}{run.id}/{place}",
        )
        child = (await engine.submit(job)).run
        if not engine.queues:
            await engine.perform_now(principal.tenant, child)
        record = await runs.find(principal, child)
        while record.status not in ENDED:
            await self._wait(run, record)
            record = await runs.find(principal, child)
        outcome = await runs.recall(principal, record)
        if record.status in {"error", "cancelled"}:
            cause = outcome.cause.code if outcome.cause else None
            raise ChildFailed(execution_id=child, status_of_run=record.status, cause=cause)
        return plain_answer(outcome)

    async def _wait(self, run: "Run", child: RunRecord) -> None:
        bell = asyncio.Event()
        waiting = asyncio.ensure_future(run.among.engine.wait(child.tenant, child.run))
        waiting.add_done_callback(lambda _: bell.set())
        try:
            far = run.among.clock.now() + timedelta(seconds=run.limits.run_seconds)
            await run.pauses.wait_until(far, bell, is_asking=False)
        finally:
            waiting.cancel()

    async def _check_generations(self, run: "Run") -> None:
        """Refuse a workflow that calls itself without end."""
        record = await run.among.journal.run(run.principal.tenant, run.id)
        for _ in range(_MOST_GENERATIONS):
            if record is None or not record.cause.startswith(CHILD):
                return
            parent = record.cause.removeprefix(CHILD)
            record = await run.among.journal.run(run.principal.tenant, type(run.id)(parent))
        raise TooManyGenerations(limit=_MOST_GENERATIONS)
