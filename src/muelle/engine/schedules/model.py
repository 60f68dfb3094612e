"""What a schedule is: when it fires, what it submits then, by which rules, and how far it has come."""

from datetime import datetime
from typing import Any, Literal, NewType

import msgspec

from muelle.core import PrincipalId, RunId, TenantId
from muelle.engine.schedules.timing import Timing

ScheduleId = NewType("ScheduleId", str)
CatchUp = Literal["none", "last", "all"]
Overlap = Literal["allow", "skip", "queue", "cancel"]

RESERVED = frozenset({"preview"})  # paths of the HTTP API beside those of schedules

LONGEST_JITTER = 3600  # seconds
LONGEST_TEXT = 1000  # characters of a description or a note
MOST_CAUGHT_UP = 1000  # firings at once
LONGEST_DEADLINE = 366 * 86_400  # seconds
MOST_BYTES = 1 << 20  # of a payload and of a document


class JobTemplate(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What each firing submits: the job's kind, the name that lists show, and its payload, which is JSON.

    `deadline` is in seconds from the firing, 0 for none.
    """

    name: str
    payload: bytes
    kind: str = "workflow"
    document: bytes = b""
    plan: str = ""
    queue: str = "default"
    priority: int = 3
    deadline: int = 0


class FiringRules(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What happens when firings were missed or the run before is not done, and between which times there are any.

    `most` bounds what `all` catches up; `jitter` is in seconds; `start` is included, `end` is not.
    """

    catch_up: CatchUp = "last"
    most: int = 100
    overlap: Overlap = "allow"
    jitter: int = 0
    start: datetime | None = None
    end: datetime | None = None


class Progress(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far a schedule has come.

    `next_at` is the next firing and `wake_at` when somebody has to look: later by the jitter, sooner if the firing
    `waiting_at` waits for a run to end. `last_at` and `last_run` are of the last firing that was submitted, and
    `problem` says why the last one that was due was not.
    """

    next_at: datetime | None = None
    wake_at: datetime | None = None
    waiting_at: datetime | None = None
    last_at: datetime | None = None
    last_run: RunId | None = None
    problem: str = ""


class ScheduleDraft(msgspec.Struct, frozen=True, kw_only=True):
    """A schedule as it is handed in."""

    id: ScheduleId
    timing: Timing
    template: JobTemplate
    rules: FiringRules = FiringRules()
    description: str = ""
    paused: bool = False
    note: str = ""


class Schedule(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A schedule. Its runs are those of `principal`: whoever said last what is to be run, with their grants then.

    `revision` grows with each change by a person; what the scheduler writes does not count.
    """

    id: ScheduleId
    tenant: TenantId
    principal: PrincipalId
    timing: Timing
    template: JobTemplate
    rules: FiringRules
    created: datetime
    updated: datetime
    description: str = ""
    paused: bool = False
    note: str = ""
    revision: int = 1
    progress: Progress = Progress()

    @property
    def cause(self) -> str:
        """What the runs of this schedule name as their cause."""
        return f"schedule:{self.id}"

    def with_(self, **changes: Any) -> "Schedule":  # noqa: ANN401 - any field
        """Return the schedule with other values."""
        return msgspec.structs.replace(self, **changes)

    def at(self, **changes: Any) -> "Schedule":  # noqa: ANN401 - any field of progress
        """Return the schedule with other progress."""
        return self.with_(progress=msgspec.structs.replace(self.progress, **changes))
