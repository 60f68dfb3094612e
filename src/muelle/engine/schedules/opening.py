"""Schedules on an engine: their verbs, and what each worker is to do again and again."""

from muelle.core import Ids
from muelle.engine.schedules.runs import Authorise, EngineRuns, by_anybody
from muelle.engine.schedules.scheduler import Scheduler
from muelle.engine.schedules.service import Prepare, Schedules, as_it_is
from muelle.engine.schedules.settings import ScheduleSettings
from muelle.engine.schedules.store import ScheduleStore
from muelle.engine.service import Engine
from muelle.engine.worker import Recurring
from muelle.identity import AuditTrail

_PAUSE = 0.01  # seconds between two turns, which sleep as long as nothing is due


def open_schedules(
    engine: Engine,
    trail: AuditTrail,
    settings: ScheduleSettings = ScheduleSettings(),  # noqa: B008 - frozen
    prepare: Prepare = as_it_is,
    authorise: Authorise = by_anybody,
) -> tuple[Schedules, Recurring]:
    """Return the verbs on schedules, and what workers recur to so that they fire."""
    store = ScheduleStore(engine.queue.database)
    runs = EngineRuns(engine, authorise)
    scheduler = Scheduler(store, runs, engine.clock, Ids(engine.clock), settings)
    schedules = Schedules(store, runs, trail, engine.clock, settings, prepare)
    return schedules, Recurring("Schedules", _PAUSE, scheduler.turn)
