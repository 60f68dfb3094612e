"""Rooms that most commands do without: put together on an opened App when they are first asked for."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from muelle.app import App
from muelle.egress import Upkeep
from muelle.engine import Gauges, Outbox, Recurring, Retention, Worker
from muelle.identity import Sealer, SqlChain

if TYPE_CHECKING:
    from muelle.engine.job_doors.service import JobDesk
    from muelle.engine.schedules import Schedules
    from muelle.memory.discovery import Discovery
    from muelle.workflows.approvals.service import Approvals
    from muelle.workflows.event_waits import EventWaits
    from muelle.workflows.triggers.opening import TriggerDoors
    from muelle.workflows.versions.opening import SavedDoors

_EVENTS_SECONDS, _GAUGES_SECONDS, _SWEEP_SECONDS = 0.25, 5.0, 600.0
_RETAIN_SECONDS = 21_600.0  # it looks at the seals of all tenants, and acts are kept for days


def saved_of(app: App) -> "SavedDoors":
    """Return saved workflows."""
    return app.saved()


def approvals_of(app: App) -> "Approvals":
    """Return the verbs on approvals."""
    from muelle.workflows.approvals.service import Approvals  # noqa: PLC0415 - few commands need them

    return Approvals(app.engine, app.stores.trail, app.clock, app.ids)


def discovery_of(app: App) -> "Discovery":
    """Return discovery over all that there is."""
    from muelle.memory.discovery.outbound import ApiSource, CredentialSource, QuerySource  # noqa: PLC0415 - as above
    from muelle.workflows.discovered import OperationSource, WorkflowSource  # noqa: PLC0415 - as above
    from muelle.workflows.versions.store import SqlSavedStore  # noqa: PLC0415 - as above

    apis = ApiSource(app.egress)
    return app.memory.discovery(
        {
            "operation": OperationSource(app.planner.catalogue),
            "api": apis,
            "endpoint": apis,
            "credential": CredentialSource(app.stores.credentials),
            "query": QuerySource(app.egress),
            "workflow": WorkflowSource(SqlSavedStore(app.stores.database), saved_of(app).workflows),
        }
    )


def sealer_of(app: App) -> Sealer:
    """Return what seals the audit record."""
    stores = app.stores
    return Sealer(stores.database, stores.vault, stores.trail, app.clock, app.settings.identity)


def jobs_of(app: App) -> "JobDesk":
    """Return the verbs on jobs."""
    from muelle.engine.job_doors.service import JobDesk  # noqa: PLC0415 - few commands need them

    return JobDesk(app.engine, app.jobs, app.stores.trail, app.clock, app.ids)


def schedules_of(app: App) -> tuple["Schedules", Recurring]:
    """Return the verbs on schedules, and what workers recur to so that they fire."""
    from muelle.engine.schedules import open_schedules  # noqa: PLC0415 - time zones load in 30 ms
    from muelle.workflows.scheduled import ScheduledDocuments  # noqa: PLC0415 - as above

    documents = ScheduledDocuments(app.workflows, app.identity, saved_of(app).documents)
    trail = app.stores.trail
    return open_schedules(app.engine, trail, app.settings.schedules, documents.prepare, documents.authorise)


def triggers_of(app: App) -> "TriggerDoors":
    """Return the verbs on triggers, their consumer of events, and the door of webhooks."""
    from muelle.workflows.triggers.opening import open_triggers  # noqa: PLC0415 - it loads in 30 ms
    from muelle.workflows.triggers.service import TriggerParts  # noqa: PLC0415 - as above

    parts = TriggerParts(
        database=app.stores.database,
        vault=app.stores.vault,
        identity=app.identity,
        trail=app.stores.trail,
        clock=app.clock,
        ids=app.ids,
        submit=app.engine.submit,
        runs=app.stores.journal,
        settings=app.settings.workflows.triggers,
    )
    return open_triggers(parts)


def _event_waits(app: App) -> "EventWaits":
    from muelle.workflows.event_waits import EventWaits  # noqa: PLC0415 - stands on triggers

    return EventWaits(app.engine)


@asynccontextmanager
async def working(app: App, queues: Sequence[str] = ()) -> AsyncIterator[None]:
    """Take runs from queues, by default those of the settings, and advance them as long as the block runs.

    A worker also makes schedules fire, hands events on to triggers and to the runs that wait for them, and removes
    what is old.
    """
    named = queues or [name.strip() for name in app.settings.engine.queues.split(",") if name.strip()]
    _, firing = schedules_of(app)
    outbox = Outbox(app.engine.queue, app.metrics)
    outbox.register("triggers", triggers_of(app).consumer)
    outbox.register("waits", _event_waits(app))
    await outbox.begin()
    async with Worker(app.engine, named, (firing, *_recurring(app, outbox), *_sealing(app))).working():
        yield


def _sealing(app: App) -> tuple[Recurring, ...]:
    """Return what keeps the chain of the audit record; one in memory has none."""
    if not isinstance(app.stores.chain, SqlChain):
        return ()
    sealer = sealer_of(app)
    return (
        Recurring("Sealing the audit record", app.settings.identity.seal_seconds, sealer.recur),
        Recurring("Removing old acts", _RETAIN_SECONDS, sealer.retain),
    )


def _upkeep(app: App) -> Upkeep:
    return Upkeep(app.stores.credentials, app.egress.credentials, app.metrics, app.clock)


def _recurring(app: App, outbox: Outbox) -> tuple[Recurring, ...]:
    """Return what each worker does every so often."""
    engine = app.engine

    async def deliver() -> None:
        while engine.lease.worker is not None and await outbox.deliver(engine.lease.worker):
            pass

    return (
        Recurring("Handing events on", _EVENTS_SECONDS, deliver),
        Recurring("Looking after credentials", _SWEEP_SECONDS, _upkeep(app).tend),
        Recurring("Measuring the queue", _GAUGES_SECONDS, Gauges(engine.queue, app.metrics).measure),
        Recurring(
            "Removing what is old", _SWEEP_SECONDS, Retention(engine.queue, engine.journal, engine.settings).sweep
        ),
    )
