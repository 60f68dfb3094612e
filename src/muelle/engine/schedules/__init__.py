"""Schedules: cron with seconds and time zones, intervals, one moment; what they do when it is time."""

from muelle.engine.schedules.model import FiringRules, JobTemplate, Schedule, ScheduleDraft, ScheduleId
from muelle.engine.schedules.opening import open_schedules
from muelle.engine.schedules.runs import EngineRuns, Runs
from muelle.engine.schedules.scheduler import Scheduler
from muelle.engine.schedules.service import Prepare, Schedules
from muelle.engine.schedules.settings import ScheduleSettings
from muelle.engine.schedules.store import ScheduleStore
from muelle.engine.schedules.timing import At, Cron, Every, Timing, firings_between, next_firing

__all__ = [
    "At", "Cron", "EngineRuns", "Every", "FiringRules", "JobTemplate", "Prepare", "Runs", "Schedule", "ScheduleDraft",
    "ScheduleId", "ScheduleSettings", "ScheduleStore", "Scheduler", "Schedules", "Timing", "firings_between",
    "next_firing", "open_schedules",
]  # fmt: skip
