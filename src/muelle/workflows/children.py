"""Runs that a run starts: saved workflows, each as a run of its own."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec

from muelle.core import MuelleError, RunId
from muelle.engine import CANCEL, ENDED, Job, RunEnded, RunRecord, UnknownRun
from muelle.workflows.answer import plain_answer
from muelle.workflows.depth import DEPTH
from muelle.workflows.errors import ChildFailed, TooManyGenerations
from muelle.workflows.outcomes import CHILD

if TYPE_CHECKING:
    from muelle.workflows.run import Run
    from muelle.workflows.runs import Runs

CHILD_KEPT = "child/"
"""How a run remembers its children: by the place of the operation that started each."""

_LOOK = timedelta(minutes=10)
_OVER = ENDED | {"dead"}
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
        engine, principal = run.among.engine, run.principal
        kept = run.kept.get(f"{CHILD_KEPT}{place}")
        child = RunId(kept.decode()) if kept else await self._start(run, place, target, inputs)
        if not engine.queues:
            await engine.perform_now(principal.tenant, child)
        record = await runs.find(principal, child)
        while record.status not in _OVER:
            await self._wait(run, record)
            record = await runs.find(principal, child)
        if record.status == "dead":
            raise ChildFailed(execution_id=child, status_of_run=record.status)
        outcome = await runs.recall(principal, record)
        if record.status in {"error", "cancelled"}:
            cause = outcome.cause.code if outcome.cause else None
            raise ChildFailed(execution_id=child, status_of_run=record.status, cause=cause)
        return plain_answer(outcome)

    async def cancel(self, run: "Run") -> None:
        """Cancel the children of a run that have not ended."""
        for name, child in run.kept.items():
            if name.startswith(CHILD_KEPT):
                with suppress(RunEnded, UnknownRun):
                    await run.among.engine.change(run.principal.tenant, RunId(child.decode()), CANCEL)

    async def _start(self, run: "Run", place: str, target: tuple[str, str], inputs: Mapping[str, Any]) -> RunId:
        """Start a child, once, and remember which; raise Refused, TooManyGenerations."""
        name, version = target
        engine, principal = run.among.engine, run.principal
        principal.require("workflows:run", name)
        await self._check_generations(run)
        payload = {"workflow": name, "version": version, "inputs": inputs, **({DEPTH: run.depth} if run.depth else {})}
        job = Job(
            tenant=principal.tenant,
            principal=principal.id,
            kind="workflow",
            name=name,
            payload=_ENCODE(payload),
            cause=f"{CHILD}{run.id}",
            idempotency_key=f"{CHILD}{run.id}/{place}",
        )
        child = (await engine.submit(job)).run
        # Longer than a key is remembered: the child may wait for a person for weeks.
        run.keep(f"{CHILD_KEPT}{place}", child.encode())
        return child

    async def _wait(self, run: "Run", child: RunRecord) -> None:
        bell = asyncio.Event()

        async def listen() -> None:
            with suppress(MuelleError):  # it was given up, as its record says
                await run.among.engine.wait(child.tenant, child.run)
            bell.set()

        listening = asyncio.create_task(listen())
        try:
            # Its own time and what it waits for are the child's affair; one that is given up nudges nobody.
            await run.pauses.wait_until(run.among.clock.now() + _LOOK, bell)
        finally:
            listening.cancel()

    async def _check_generations(self, run: "Run") -> None:
        """Refuse a workflow that calls itself without end."""
        record = await run.among.journal.run(run.principal.tenant, run.id)
        for _ in range(_MOST_GENERATIONS):
            if record is None or not record.cause.startswith(CHILD):
                return
            parent = record.cause.removeprefix(CHILD)
            record = await run.among.journal.run(run.principal.tenant, type(run.id)(parent))
        raise TooManyGenerations(limit=_MOST_GENERATIONS)
