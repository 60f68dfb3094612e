"""Runs that survive: the journal, the queue, and what advances them."""

from muelle.engine.attempt import JobKind
from muelle.engine.durability import durable, hush
from muelle.engine.errors import (
    GivenUp,
    IdempotencyConflict,
    InvalidCursor,
    InvalidJob,
    InvalidLimit,
    JobFailed,
    JobTimedOut,
    LeaseLost,
    PayloadLost,
    RunEnded,
    RunNotDead,
    RunNotPaused,
    UnknownKind,
    UnknownRun,
    UnknownWait,
    WaitClosed,
)
from muelle.engine.gauges import Gauges
from muelle.engine.held import Control, Handler, Held, Work
from muelle.engine.job_step import JobStep
from muelle.engine.jobs import Jobs
from muelle.engine.journal import Journal
from muelle.engine.model import (
    ENDED,
    Entry,
    EventRaised,
    Job,
    Past,
    RunBegan,
    RunFilter,
    RunFinished,
    RunPage,
    RunParked,
    RunRecord,
    RunStarted,
    RunStatus,
    StepBegan,
    StepFinished,
    StepStatus,
    StoredEvent,
    Submitted,
    ValueKept,
    WaitOpened,
)
from muelle.engine.order import Order
from muelle.engine.schedules import JobTemplate
from muelle.engine.schedules.settings import ScheduleSettings
from muelle.engine.service import Engine
from muelle.engine.settings import EngineSettings
from muelle.engine.stores.journal import SqlJournal
from muelle.engine.stores.outbox import Consumer, Outbox, raised_since
from muelle.engine.stores.queue import Queue
from muelle.engine.stores.requests import CANCEL, NUDGE, PAUSE, REPLAY, RESUME, Change
from muelle.engine.stores.retention import Retention
from muelle.engine.stores.waits import AskedOf, Wait, Waits
from muelle.engine.waiters import Ending
from muelle.engine.worker import Recurring, Worker

__all__ = [
    "CANCEL",
    "ENDED",
    "NUDGE",
    "PAUSE",
    "REPLAY",
    "RESUME",
    "AskedOf",
    "Change",
    "Consumer",
    "Control",
    "Ending",
    "Engine",
    "EngineSettings",
    "Entry",
    "EventRaised",
    "Gauges",
    "GivenUp",
    "Handler",
    "Held",
    "IdempotencyConflict",
    "InvalidCursor",
    "InvalidJob",
    "InvalidLimit",
    "Job",
    "JobFailed",
    "JobKind",
    "JobStep",
    "JobTemplate",
    "JobTimedOut",
    "Jobs",
    "Journal",
    "LeaseLost",
    "Order",
    "Outbox",
    "Past",
    "PayloadLost",
    "Queue",
    "Recurring",
    "Retention",
    "RunBegan",
    "RunEnded",
    "RunFilter",
    "RunFinished",
    "RunNotDead",
    "RunNotPaused",
    "RunPage",
    "RunParked",
    "RunRecord",
    "RunStarted",
    "RunStatus",
    "ScheduleSettings",
    "SqlJournal",
    "StepBegan",
    "StepFinished",
    "StepStatus",
    "StoredEvent",
    "Submitted",
    "UnknownKind",
    "UnknownRun",
    "UnknownWait",
    "ValueKept",
    "Wait",
    "WaitClosed",
    "WaitOpened",
    "Waits",
    "Work",
    "Worker",
    "durable",
    "hush",
    "raised_since",
]
