"""What ran: executions as they are listed and shown, in A2E's shapes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec.structs import replace

from muelle.core import Attempt, PrincipalId, RunId
from muelle.engine import ENDED, Journal, Past, RunFilter, RunRecord, StepBegan, StepFinished, ValueKept, Wait, Waits
from muelle.identity import Principal
from muelle.packs import Limits
from muelle.workflows.errors import ExecutionNotFound
from muelle.workflows.planner import Planner
from muelle.workflows.step import ATTEMPT

_OTHERS = "*"
_ATTEMPT = msgspec.json.Decoder(Attempt)


class Executions:
    """The runs that a principal may see: its own, and with `runs:read` on '*' all of its tenant."""

    def __init__(self, journal: Journal, waits: Waits, planner: Planner, limits: Limits) -> None:
        self._journal = journal
        self._waits = waits
        self._planner = planner
        self._limits = limits

    async def page(self, principal: Principal, where: RunFilter, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page, newest first; one's own where others' may not be seen."""
        if not principal.may("runs:read", _OTHERS):
            if where.principal not in (None, principal.id) and not principal.may("runs:read", str(where.principal)):
                return {"executions": [], "count": 0, "next_cursor": None}
            where = replace(where, principal=where.principal or principal.id)
        page = await self._journal.runs(principal.tenant, where, limit, cursor)
        return {
            "executions": [entry_of(run) for run in page.runs],
            "count": len(page.runs),
            "next_cursor": page.cursor,
        }

    async def show(self, principal: Principal, run: str) -> dict[str, Any]:
        """Return one run with its steps so far; raise ExecutionNotFound also for those that may not be seen.

        Of one that has not ended: `under_way`, the effects that have begun, and `waits`, the questions that are open.
        """
        record = await self._journal.run(principal.tenant, RunId(run))
        if record is None or not _may_see(principal, record.principal):
            raise ExecutionNotFound(execution_id=run[:100])
        past = await self._journal.past(principal.tenant, record.run)
        steps = [entry for entry in past if isinstance(entry, StepFinished)]
        document = await self._journal.document(principal.tenant, record.run)
        return {
            **entry_of(record),
            **({} if record.status in ENDED else await self._present(record, past)),
            "operations": [step_of(step) for step in steps],
            "credentials_used": self._credentials(document, steps),
            "timeline": _timeline(record, past),
        }

    async def _present(self, record: RunRecord, past: Sequence[Past]) -> dict[str, Any]:
        finished = {(entry.operation, entry.iteration) for entry in past if isinstance(entry, StepFinished)}
        begun = [entry for entry in past if isinstance(entry, StepBegan)]
        return {
            "under_way": [began_of(entry) for entry in begun if (entry.operation, entry.iteration) not in finished],
            "waits": await open_waits(self._waits, record),
        }

    def _credentials(self, document: bytes | None, steps: Sequence[StepFinished]) -> list[str]:
        """Return the ids of the credentials that the operations that ran name; the plan of old may be gone."""
        planned = self._planner.look(document, self._limits) if document else None
        if planned is None or planned.plan is None:
            return []
        ran = {step.operation for step in steps if step.status != "skipped"}
        nodes = [node for name, node in planned.plan.nodes.items() if name in ran]
        return sorted({credential for node in nodes for credential in node.credentials})


def _may_see(principal: Principal, owner: PrincipalId) -> bool:
    return owner == principal.id or principal.may("runs:read", _OTHERS) or principal.may("runs:read", owner)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _json(encoded: bytes | None) -> Any:  # noqa: ANN401 - any JSON value
    return None if encoded is None else msgspec.Raw(encoded)


def entry_of(run: RunRecord) -> dict[str, Any]:
    """Return a run as it is listed."""
    return {
        "execution_id": run.run,
        "agent_id": run.principal,
        "workflow_id": run.workflow,
        "status": run.status,
        "timestamp": _time(run.started),
        "finished_at": _time(run.finished),
        "total_duration_ms": None if run.took is None else run.took / 1000,
        "summary": {"succeeded": run.succeeded, "failed": run.failed, "skipped": run.skipped},
        "kind": run.kind,
        "cause": run.cause or None,
        "version": run.version or None,
        "began_at": _time(run.began),
        "deadline": _time(run.deadline),
        "takeovers": run.takeovers,
        **({"error": _json(run.error)} if run.error else {}),
    }


def began_of(entry: StepBegan) -> dict[str, Any]:
    """Return an operation that has begun."""
    return {
        "operation_id": entry.operation,
        **({"iteration": entry.iteration} if entry.iteration else {}),
        "timestamp": _time(entry.at),
    }


async def open_waits(waits: Waits, run: RunRecord) -> list[dict[str, Any]]:
    """Return the questions of a run that wait for an answer."""
    return [_wait(wait) for wait in await waits.of(run.tenant, run.run) if wait.state == "open"]


def _wait(wait: Wait) -> dict[str, Any]:
    operation, _, iteration = wait.place.partition(":")
    return {
        "operation_id": operation,
        **({"iteration": iteration} if iteration else {}),
        "kind": wait.kind,
        "subject": wait.subject,
        "details": _json(wait.body),
        "timestamp": _time(wait.created),
        "expires_at": _time(wait.expires),
    }


def step_of(step: StepFinished) -> dict[str, Any]:
    """Return an operation that has ended."""
    return {
        "operation_id": step.operation,
        "operation_type": step.type,
        **({"iteration": step.iteration} if step.iteration else {}),
        "status": step.status,
        "timestamp": _time(step.at),
        "duration_ms": step.took / 1000,
        "attempts": step.attempts or int(step.status != "skipped"),
        "cached": step.cached,
        **({"result": _json(step.output)} if step.output is not None else {}),
        **({"error": _json(step.error)} if step.error is not None else {}),
    }


def _timeline(run: RunRecord, past: Sequence[Past]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{"timestamp": _time(run.started), "event": "run.started"}]
    for entry in past:
        if isinstance(entry, StepFinished):
            events.append(
                {
                    "timestamp": _time(entry.at),
                    "event": f"operation.{entry.status}",
                    "operation_id": entry.operation,
                    "duration_ms": entry.took / 1000,
                }
            )
        elif isinstance(entry, ValueKept) and entry.name.startswith(ATTEMPT):
            events.append(_attempt_of(entry))
    if run.finished is not None:
        events.append({"timestamp": _time(run.finished), "event": f"run.{run.status}"})
    return events


def _attempt_of(entry: ValueKept) -> dict[str, Any]:
    """Return an attempt that failed and was followed by another: what came of it, and how long was waited then."""
    attempt = _ATTEMPT.decode(entry.value)
    place = entry.name.removeprefix(ATTEMPT).rpartition("/")[0]
    operation, _, iteration = place.partition("~")[0].partition(":")
    return {
        "timestamp": _time(attempt.at),
        "event": "operation.attempt",
        "operation_id": operation,
        **({"iteration": iteration} if iteration else {}),
        "attempt": attempt.number,
        "outcome": attempt.outcome,
        "duration_ms": round(attempt.took * 1000, 3),
        "wait_ms": round(attempt.wait * 1000, 3),
    }
