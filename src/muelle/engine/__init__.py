"""Runs that survive: the journal, the queue, and what advances them."""

from muelle.engine.durable import durable
from muelle.engine.errors import InvalidCursor, InvalidLimit, LeaseLost, PayloadLost, RunEnded, UnknownRun
from muelle.engine.gauges import Gauges
from muelle.engine.held import Control, Handler, Held, Work
from muelle.engine.job_step import JobStep
from muelle.engine.jobs import JobKind, Jobs, Order
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
from muelle.engine.outbox import Consumer, Outbox
from muelle.engine.queue import Queue
from muelle.engine.requests import CANCEL, NUDGE, PAUSE, REPLAY, RESUME, Change
from muelle.engine.retention import Retention
from muelle.engine.schedules import JobTemplate
from muelle.engine.service import Ending, Engine
from muelle.engine.settings import EngineSettings
from muelle.engine.store import SqlJournal
from muelle.engine.waits import Wait, Waits
from muelle.engine.worker import Recurring, Worker

__all__ = [
    "CANCEL",
    "ENDED",
    "NUDGE",
    "PAUSE",
    "REPLAY",
    "RESUME",
    "Change",
    "Consumer",
    "Control",
    "Ending",
    "Engine",
    "EngineSettings",
    "Entry",
    "EventRaised",
    "Gauges",
    "Handler",
    "Held",
    "InvalidCursor",
    "InvalidLimit",
    "Job",
    "JobKind",
    "JobStep",
    "JobTemplate",
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
    "RunPage",
    "RunParked",
    "RunRecord",
    "RunStarted",
    "RunStatus",
    "SqlJournal",
    "StepBegan",
    "StepFinished",
    "StepStatus",
    "StoredEvent",
    "Submitted",
    "UnknownRun",
    "ValueKept",
    "Wait",
    "WaitOpened",
    "Waits",
    "Work",
    "Worker",
    "durable",
]
