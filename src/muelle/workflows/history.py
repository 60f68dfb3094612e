"""What ran: executions as they are listed and shown, in A2E's shapes."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from muelle.core import PrincipalId, RunId
from muelle.engine import Journal, RunFilter, RunRecord, StepFinished
from muelle.identity import Principal
from muelle.packs import Limits
from muelle.workflows.errors import ExecutionNotFound
from muelle.workflows.planner import Planner

_OTHERS = "*"


class Executions:
    """The runs that a principal may see: its own, and with `runs:read` on '*' all of its tenant."""

    def __init__(self, journal: Journal, planner: Planner, limits: Limits) -> None:
        self._journal = journal
        self._planner = planner
        self._limits = limits

    async def page(self, principal: Principal, where: RunFilter, limit: int, cursor: str | None) -> dict[str, Any]:
        """Return a page, newest first; one's own where others' may not be seen."""
        if not principal.may("runs:read", _OTHERS):
            if where.principal not in (None, principal.id) and not principal.may("runs:read", str(where.principal)):
                return {"executions": [], "count": 0, "next_cursor": None}
            where = _of(where, where.principal or principal.id)
        page = await self._journal.runs(principal.tenant, where, limit, cursor)
        return {
            "executions": [_entry(run) for run in page.runs],
            "count": len(page.runs),
            "next_cursor": page.cursor,
        }

    async def show(self, principal: Principal, run: str) -> dict[str, Any]:
        """Return one run with its steps; raise ExecutionNotFound also for those that may not be seen."""
        record = await self._journal.run(principal.tenant, RunId(run))
        if record is None or not _may_see(principal, record.principal):
            raise ExecutionNotFound(execution_id=run[:100])
        steps = await self._journal.steps(principal.tenant, record.run)
        document = await self._journal.document(principal.tenant, record.run)
        return {
            **_entry(record),
            "operations": [_step(step) for step in steps],
            "credentials_used": self._credentials(document, steps),
            "timeline": _timeline(record, steps),
        }

    def _credentials(self, document: bytes | None, steps: Sequence[StepFinished]) -> list[str]:
        """Return the ids of the credentials that the operations that ran name; the plan of old may be gone."""
        planned = self._planner.look(document, self._limits) if document else None
        if planned is None or planned.plan is None:
            return []
        ran = {step.operation for step in steps if step.status != "skipped"}
        nodes = [node for name, node in planned.plan.nodes.items() if name in ran]
        return sorted({credential for node in nodes for credential in node.credentials})


def _of(where: RunFilter, principal: PrincipalId) -> RunFilter:
    return RunFilter(
        status=where.status, principal=principal, workflow=where.workflow, since=where.since, until=where.until
    )


def _may_see(principal: Principal, owner: PrincipalId) -> bool:
    return owner == principal.id or principal.may("runs:read", _OTHERS) or principal.may("runs:read", owner)


def _time(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _json(encoded: bytes | None) -> Any:  # noqa: ANN401 - any JSON value
    return None if encoded is None else msgspec.Raw(encoded)


def _entry(run: RunRecord) -> dict[str, Any]:
    return {
        "execution_id": run.run,
        "agent_id": run.principal,
        "workflow_id": run.workflow,
        "status": run.status,
        "timestamp": _time(run.started),
        "finished_at": _time(run.finished),
        "total_duration_ms": None if run.took is None else run.took / 1000,
        "summary": {"succeeded": run.succeeded, "failed": run.failed, "skipped": run.skipped},
        **({"error": _json(run.error)} if run.error else {}),
    }


def _step(step: StepFinished) -> dict[str, Any]:
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


def _timeline(run: RunRecord, steps: Sequence[StepFinished]) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = [{"timestamp": _time(run.started), "event": "run.started"}]
    events += [
        {
            "timestamp": _time(step.at),
            "event": f"operation.{step.status}",
            "operation_id": step.operation,
            "duration_ms": step.took / 1000,
        }
        for step in steps
    ]
    if run.finished is not None:
        events.append({"timestamp": _time(run.finished), "event": f"run.{run.status}"})
    return events
