"""What happens when an event meets a trigger: match, inputs, submission, and the delivery that tells of it."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from muelle.core import Clock, Conflict, Ids, MuelleError, RunId, TimedOut, Unavailable
from muelle.engine import Job
from muelle.packs import Json
from muelle.workflows.depth import DEPTH
from muelle.workflows.triggers.model import Delivery, Submit, Trial, Trigger
from muelle.workflows.triggers.pattern import CompiledPattern, Event, compile_pattern
from muelle.workflows.triggers.settings import TriggersSettings
from muelle.workflows.triggers.store import DeliveryStore
from muelle.workflows.triggers.template import Inputs, compile_inputs

_LOG = logging.getLogger(__name__)
_LONGEST_REASON = 500  # characters
_BEFORE = "idempotency_conflict"  # the engine's: there is a run of this event, of what the trigger was then
_ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Loaded:
    """A trigger ready to be fired."""

    trigger: Trigger
    pattern: CompiledPattern
    inputs: Inputs


def loaded(trigger: Trigger, settings: TriggersSettings) -> Loaded:
    """Return a trigger ready to be fired; raise InvalidTrigger."""
    return Loaded(trigger, compile_pattern(trigger.pattern), compile_inputs(trigger.inputs, settings.inputs_bytes))


def tried(ready: Loaded, event: Event) -> Trial:
    """Return what a trigger would do with an event."""
    unmet = ready.pattern.unmet(event)
    if unmet:
        return Trial(matches=False, unmet=unmet)
    try:
        return Trial(matches=True, inputs=ready.inputs(event))
    except MuelleError as error:
        return Trial(matches=True, error=error.problem())


def told_depth(event: Event) -> int:
    """Return how many runs led to an event by events, as its data say; 0 where they do not."""
    data = event.get("data")
    depth = data.get(DEPTH) if isinstance(data, Mapping) else None
    return depth if type(depth) is int and depth > 0 else 0


def event_key(event: Event) -> str:
    """Return the id of an event."""
    return str(event["id"])


class Firing:
    """Fires triggers. Nothing is raised but what the store raises: what goes wrong is the delivery's to tell."""

    def __init__(
        self, deliveries: DeliveryStore, submit: Submit, clock: Clock, ids: Ids, settings: TriggersSettings
    ) -> None:
        self._deliveries = deliveries
        self._submit = submit
        self._clock = clock
        self._ids = ids
        self.settings = settings

    async def fire(self, ready: Loaded, event: Event, depth: int = 0, unmet: str | None = None) -> Delivery:
        """Return what became of an event: submitted, unmatched, refused, failed (try again) or dead (kept).

        `depth` is how many runs led to it by events; `unmet` is what the pattern says of it, if that is known.
        """
        if unmet is None:
            unmet = ready.pattern.unmet(event)
        if unmet:
            return self.delivery(ready.trigger, event, outcome="unmatched", reason=unmet)
        if depth > self.settings.most_depth:
            reason = f"a chain of more than {self.settings.most_depth} runs by events"
            return self.delivery(ready.trigger, event, outcome="refused", reason=reason)
        try:
            accepted = await self._submit(self._job(ready, event))
        except Exception as error:  # noqa: BLE001 - one trigger's failure is not to stop the others; it is recorded
            if isinstance(error, Conflict) and error.code == _BEFORE:
                run = RunId(str(error.facts.get("execution", "")))
                return self.delivery(ready.trigger, event, outcome="submitted", run=run, reason=_told(error))
            return await self._failed(ready.trigger, event, error)
        return self.delivery(ready.trigger, event, outcome="submitted", run=accepted.run)

    def delivery(self, trigger: Trigger, event: Event, **parts: Json) -> Delivery:
        """Return the delivery of an event to a trigger, now."""
        return Delivery(
            id=self._ids.mint("delivery"),
            tenant=trigger.tenant,
            trigger=trigger.id,
            event=event_key(event),
            type=str(event.get("type", "")),
            at=self._clock.now(),
            **parts,
        )

    def _job(self, ready: Loaded, event: Event) -> Job:
        trigger = ready.trigger
        payload = {
            "workflow": trigger.workflow,
            "version": trigger.version,
            "inputs": ready.inputs(event),
        }
        return Job(
            kind="workflow",
            tenant=trigger.tenant,
            principal=trigger.principal,
            name=trigger.workflow,
            payload=_ENCODE(payload),
            queue=trigger.queue,
            priority=trigger.priority,
            concurrency_key=f"trigger:{trigger.id}" if trigger.concurrency else "",
            concurrency=trigger.concurrency,
            cause=f"trigger:{trigger.id}",
            idempotency_key=f"trigger:{trigger.id}:{event_key(event)}",
        )

    async def _failed(self, trigger: Trigger, event: Event, error: Exception) -> Delivery:
        """Count the failure; a dead letter is what cannot succeed as it is, or has failed often enough."""
        before = await self._deliveries.find(trigger.tenant, trigger.id, event_key(event))
        attempts = 1 + (before.attempts if before is not None and before.outcome in {"failed", "dead"} else 0)
        if not isinstance(error, MuelleError):
            _LOG.error("A trigger could not submit its run", exc_info=error, extra={"trigger": trigger.id})
        may_pass = isinstance(error, Unavailable | TimedOut) or not isinstance(error, MuelleError)
        if may_pass and attempts < self.settings.attempts:
            return self.delivery(trigger, event, outcome="failed", reason=_told(error), attempts=attempts)
        body = _ENCODE(event)
        return self.delivery(trigger, event, outcome="dead", reason=_told(error), attempts=attempts, body=body)


def _told(error: Exception) -> str:
    if not isinstance(error, MuelleError):
        return "internal_error: the cause is in the server's log"
    return f"{error.code}: {error.message}"[:_LONGEST_REASON]
