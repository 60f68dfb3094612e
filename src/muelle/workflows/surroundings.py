"""What goes into a run and what comes out of it, as values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from muelle.core import Clock, Ids, Metrics, MuelleError, RunId, Tracer
from muelle.engine import Engine, Held, Journal, RunStarted, RunStatus
from muelle.identity import Acts, AuditTrail, Principal
from muelle.packs import Limits, Opened, OperationType
from muelle.stores import Blobs, KeyValues
from muelle.workflows.memory import Memory
from muelle.workflows.plan import Plan
from muelle.workflows.record import Tally

if TYPE_CHECKING:
    from muelle.workflows.children import Children


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What runs are made among; the same for all runs of a service. `limits` hold where a principal has no others."""

    clock: Clock
    ids: Ids
    metrics: Metrics
    journal: Journal
    engine: Engine
    trail: AuditTrail
    acts: Acts
    blobs: Blobs
    values: KeyValues
    resources: Mapping[str, Opened[OperationType[Any]]]
    limits: Limits
    tracer: Tracer
    children: "Children"


class Assignment(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be run, for whom, within which bounds; `request` is the id of the request that asked for it.

    `held` is the run in this process's hands, None for one that has no effects and need not be held. `is_new` says that
    the journal does not know it; a queued one was `accepted` before, and its time counts from when it `began`. `memory`
    holds what it did in an earlier life; where `is_over`, nothing is done that is not remembered.
    """

    run: RunId
    plan: Plan
    principal: Principal
    limits: Limits
    inputs: Mapping[str, Any]
    encoded_inputs: bytes
    request: str
    held: Held | None = None
    accepted: datetime | None = None
    began: datetime | None = None
    deadline: datetime | None = None
    cause: str = ""
    version: str = ""
    memory: Memory | None = None
    is_over: bool = False

    def started(self, at: datetime) -> RunStarted:
        """Return the journal's first entry of a run that nobody queued."""
        return RunStarted(
            run=self.run,
            tenant=self.principal.tenant,
            principal=self.principal.id,
            workflow=self.plan.workflow,
            plan=self.plan.hash,
            document=self.plan.document,
            inputs=self.encoded_inputs,
            at=at,
            cause=self.cause,
            version=self.version,
            deadline=self.deadline,
        )


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run; `took` is in microseconds, `cause` is what ended it early.

    `succeeded` and `failed` count operations; they are 0 for a run that is told of again.
    """

    run: RunId
    plan: Plan
    status: RunStatus
    started: datetime
    took: int
    tallies: Mapping[str, Tally]
    cause: MuelleError | None
    succeeded: int = 0
    failed: int = 0
