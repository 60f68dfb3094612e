"""What the journal holds: runs and steps, as values. It knows no A2E: outputs are bytes of JSON, types are names.

Structs of msgspec, for each run makes several, and data classes take five times as long to make and to define.
"""

from datetime import datetime
from typing import Literal

import msgspec

from muelle.core import PrincipalId, RunId, TenantId

RunStatus = Literal["running", "success", "partial_success", "error"]
StepStatus = Literal["success", "failed", "skipped"]


class RunStarted(msgspec.Struct, frozen=True, kw_only=True):
    """The first entry of a run. `document` is kept once for each `plan` hash (SHA-256, hex), not for each run."""

    run: RunId
    tenant: TenantId
    principal: PrincipalId
    workflow: str
    plan: str
    document: bytes
    inputs: bytes
    at: datetime


class StepFinished(msgspec.Struct, frozen=True, kw_only=True):
    """One finished step. `sequence` counts from 0 within the run; `iteration` is "" or loop indexes such as "3.0".

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


class RunFinished(msgspec.Struct, frozen=True, kw_only=True):
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


Entry = RunStarted | StepFinished | RunFinished


class RunRecord(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it is listed; `finished` and `took` are None while it runs."""

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


class RunFilter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs to list: each given field narrows; `since` is inclusive, `until` exclusive."""

    status: RunStatus | None = None
    principal: PrincipalId | None = None
    workflow: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class RunPage(msgspec.Struct, frozen=True):
    """Runs, newest first, and the cursor of the next page or None at the end."""

    runs: tuple[RunRecord, ...]
    cursor: str | None
