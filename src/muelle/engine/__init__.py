"""Runs that survive: the journal, the queue, and what advances them."""

from muelle.engine.durable import durable
from muelle.engine.errors import InvalidCursor, InvalidLimit, LeaseLost, PayloadLost, RunEnded, UnknownRun
from muelle.engine.held import Control, Handler, Held, Work
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
from muelle.engine.queue import Queue
from muelle.engine.requests import CANCEL, NUDGE, PAUSE, REPLAY, RESUME, Change
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
    "Control",
    "Ending",
    "Engine",
    "EngineSettings",
    "Entry",
    "EventRaised",
    "Handler",
    "Held",
    "InvalidCursor",
    "InvalidLimit",
    "Job",
    "JobTemplate",
    "Journal",
    "LeaseLost",
    "Past",
    "PayloadLost",
    "Queue",
    "Recurring",
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
