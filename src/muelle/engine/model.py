"""What the engine holds, as values. It knows no A2E: payloads and outputs are bytes of JSON, kinds and types are names.

Structs of msgspec, for each run makes several, and data classes take five times as long to make and to define. Entries
hold nothing that could lead back to them, so the garbage collector need not look at them (`gc=False`).
"""

from datetime import datetime
from typing import Literal

import msgspec

from muelle.core import PrincipalId, RunId, TenantId

RunStatus = Literal[
    "queued", "running", "waiting", "paused", "success", "partial_success", "error", "cancelled", "dead"
]
StepStatus = Literal["success", "failed", "skipped"]
ENDED = frozenset({"success", "partial_success", "error", "cancelled"})


class RunStarted(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The first entry of a run. `document` is kept once for each `plan` hash (SHA-256, hex), not for each run."""

    run: RunId
    tenant: TenantId
    principal: PrincipalId
    workflow: str
    plan: str
    document: bytes
    inputs: bytes
    at: datetime
    kind: str = "workflow"
    cause: str = ""
    version: str = ""
    deadline: datetime | None = None
    priority: int = 3


class RunBegan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A queued run was taken by a worker for the first time; `plan` is set if only now it is known what to run."""

    run: RunId
    tenant: TenantId
    at: datetime
    plan: str = ""
    document: bytes = b""
    version: str = ""
    inputs: bytes = b""


class StepBegan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An effect is about to be had: when it is repeated after a crash, it sees the same time."""

    run: RunId
    tenant: TenantId
    sequence: int
    operation: str
    iteration: str
    at: datetime


class StepFinished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One finished step. `sequence` counts the run's entries from 0; `iteration` is "" or loop indexes such as "3.0".

    `output` and `error` are JSON; `took` is in microseconds.
    """

    run: RunId
    tenant: TenantId
    sequence: int
    operation: str
    type: str
    iteration: str
    status: StepStatus
    at: datetime
    took: int
    attempts: int
    cached: bool
    output: bytes | None
    error: bytes | None


class ValueKept(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something that a run remembers by name: what `once` returned, what is stored for the run's own time."""

    run: RunId
    tenant: TenantId
    sequence: int
    name: str
    value: bytes


class WaitOpened(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The run waits for a person or an event; `place` is unique within the run, `body` JSON for whoever answers."""

    run: RunId
    tenant: TenantId
    place: str
    kind: Literal["approval", "event"]
    subject: str
    body: bytes
    at: datetime
    expires: datetime


class RunParked(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The run leaves memory until `wake`, or until it is nudged; `paused` runs have no time to wake at."""

    run: RunId
    tenant: TenantId
    status: Literal["waiting", "paused", "queued"]
    wake: datetime | None


class RunFinished(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last entry of a run; `took` is in microseconds, `error` is JSON."""

    run: RunId
    tenant: TenantId
    status: RunStatus
    at: datetime
    took: int
    succeeded: int
    failed: int
    skipped: int
    error: bytes | None
    has_waits: bool = False
    parent: str = ""


class EventRaised(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A fact on its way out; it leaves after the commit, at least once, in order for each run."""

    run: RunId
    tenant: TenantId
    id: str
    type: str
    source: str
    subject: str
    at: datetime
    data: bytes


Entry = (
    RunStarted | RunBegan | StepBegan | StepFinished | ValueKept | WaitOpened | RunParked | RunFinished | EventRaised
)
Past = StepBegan | StepFinished | ValueKept
"""What the journal gives back of a run, to be resumed from."""


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is listed; `started` is when it was accepted, `began` when a worker first took it.

    `began`, `finished` and `took` are None until then.
    """

    run: RunId
    tenant: TenantId
    principal: PrincipalId
    workflow: str
    plan: str
    status: RunStatus
    started: datetime
    finished: datetime | None
    took: int | None
    succeeded: int
    failed: int
    skipped: int
    error: bytes | None
    kind: str = "workflow"
    cause: str = ""
    version: str = ""
    began: datetime | None = None
    deadline: datetime | None = None
    takeovers: int = 0


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list: each given field narrows; `since` is inclusive, `until` exclusive."""

    status: RunStatus | None = None
    principal: PrincipalId | None = None
    workflow: str | None = None
    cause: str | None = None
    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class RunPage(msgspec.Struct, frozen=True):
    """Runs, newest first, and the cursor of the next page or None at the end."""

    runs: tuple[RunRecord, ...]
    cursor: str | None


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed in to be done; `name` is what lists show, `payload` JSON, kept as the run's inputs.

    `priority` goes from 1 (first) to 5. At most `concurrency` runs of one `concurrency_key` of a tenant go on at once,
    and at most `rate` of one `rate_key` begin in `rate_seconds`. A second job of the same principal under the same
    `idempotency_key` is the first one's run, if what was `asked` for is the same, in the words of whoever asked.
    `cause` tells what handed it in, such as "schedule:ID".
    """

    tenant: TenantId
    principal: PrincipalId
    kind: str
    name: str
    payload: bytes
    plan: str = ""
    document: bytes = b""
    version: str = ""
    queue: str = "default"
    priority: int = 3
    run_at: datetime | None = None
    concurrency_key: str = ""
    concurrency: int = 0
    rate_key: str = ""
    rate: int = 0
    rate_seconds: float = 0
    deadline: datetime | None = None
    cause: str = ""
    idempotency_key: str = ""
    asked: str = ""


class Submitted(msgspec.Struct, frozen=True):
    """Which run a job became, and whether it did so now."""

    run: RunId
    is_new: bool


class StoredEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event as the outbox hands it on; `position` grows in the order of handing on."""

    position: str
    id: str
    tenant: TenantId
    type: str
    source: str
    subject: str
    at: datetime
    data: bytes
