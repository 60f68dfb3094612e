"""The durable record of runs."""

from muelle.engine.errors import InvalidCursor, InvalidLimit, PayloadLost
from muelle.engine.journal import Journal
from muelle.engine.memory import MemoryJournal
from muelle.engine.model import (
    Entry,
    RunFilter,
    RunFinished,
    RunPage,
    RunRecord,
    RunStarted,
    RunStatus,
    StepFinished,
    StepStatus,
)
from muelle.engine.settings import EngineSettings
from muelle.engine.store import SqlJournal

__all__ = [
    "EngineSettings",
    "Entry",
    "InvalidCursor",
    "InvalidLimit",
    "Journal",
    "MemoryJournal",
    "PayloadLost",
    "RunFilter",
    "RunFinished",
    "RunPage",
    "RunRecord",
    "RunStarted",
    "RunStatus",
    "SqlJournal",
    "StepFinished",
    "StepStatus",
]
