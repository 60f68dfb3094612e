"""What the HTTP routes of triggers take and give. The OpenAPI document is made from these types."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.core import Secret
from muelle.workflows.triggers.checks import LONGEST_DESCRIPTION, LONGEST_SECRET, MOST_CONCURRENCY
from muelle.workflows.triggers.model import (
    LONGEST_OVERLAP,
    Delivery,
    Kind,
    Outcome,
    Trigger,
    TriggerDraft,
    Webhook,
)
from muelle.workflows.triggers.pattern import EventPattern

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"

Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
Text = Annotated[str, Meta(max_length=LONGEST_DESCRIPTION)]
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
Version = Annotated[str, Meta(max_length=100, examples=["latest", "^2.1"], description="A version, range or alias.")]
Inputs = Annotated[
    dict[str, Any],
    Meta(description="Inputs of the run, in which references such as /event/data/id are resolved; null: all of it."),
]
Priority = Annotated[int, Meta(ge=1, le=5, description="1 is first, 5 last.")]
Concurrency = Annotated[int, Meta(ge=0, le=MOST_CONCURRENCY, description="Runs of this trigger at once; 0: no bound.")]
RunsAs = Annotated[Name, Meta(description="Whom it runs as: an agent for whom you may act; else you.")]
SecretText = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=LONGEST_SECRET,
        description="The sender's secret; without one it is made here and shown once.",
        extra_json_schema={"writeOnly": True},
    ),
]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: what nobody declared is an error."""


class NewTrigger(_Strict, frozen=True, kw_only=True):
    """A trigger to add."""

    name: Name
    kind: Kind = "event"
    workflow: Name
    version: Version = "latest"
    description: Text = ""
    pattern: EventPattern = EventPattern()
    inputs: Inputs | None = None
    principal: RunsAs | None = None
    enabled: bool = True
    priority: Priority = 3
    concurrency: Concurrency = 0
    queue: Name = "default"
    webhook: Webhook | None = None
    secret: SecretText | None = None


class TriggerUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there; `pattern`, `inputs` and `webhook` as a whole."""

    name: Name | UnsetType = UNSET
    workflow: Name | UnsetType = UNSET
    version: Version | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    pattern: EventPattern | UnsetType = UNSET
    inputs: Inputs | UnsetType | None = UNSET
    principal: RunsAs | UnsetType = UNSET
    priority: Priority | UnsetType = UNSET
    concurrency: Concurrency | UnsetType = UNSET
    queue: Name | UnsetType = UNSET
    webhook: Webhook | UnsetType = UNSET


class Rotation(_Strict, frozen=True, kw_only=True):
    """A new secret for a webhook."""

    overlap_seconds: Annotated[
        float, Meta(ge=0, le=LONGEST_OVERLAP, description="How long the present secret is valid beside the new one.")
    ] = 86_400.0
    secret: SecretText | None = None


class Sample(_Strict, frozen=True, kw_only=True):
    """An event to try a trigger with: type, source, subject, data and whatever else it has."""

    event: dict[str, Any]


class SecretShape(msgspec.Struct, frozen=True, kw_only=True):
    """A secret's version without the secret."""

    version: int
    created_at: Moment
    expires_at: Moment | None


class TriggerShape(msgspec.Struct, frozen=True, kw_only=True):
    """A trigger. `path` is where its webhook is called; `secret` is shown only where it was made just now."""

    id: str
    name: str
    kind: Kind
    workflow: str
    version: str
    description: str
    pattern: EventPattern
    inputs: dict[str, Any] | None
    principal: str
    enabled: bool
    priority: int
    concurrency: int
    queue: str
    webhook: Webhook | None
    path: str | None
    secrets: tuple[SecretShape, ...]
    created_at: Moment
    updated_at: Moment
    secret: str | UnsetType = UNSET


class TriggerPage(msgspec.Struct, frozen=True, kw_only=True):
    """Triggers by name."""

    triggers: tuple[TriggerShape, ...]
    count: int
    next_cursor: str | None


class DeliveryShape(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event at a trigger."""

    id: str
    event_id: str
    event_type: str
    timestamp: Moment
    outcome: Outcome
    reason: str
    execution_id: str | None
    attempts: int


class DeliveryPage(msgspec.Struct, frozen=True, kw_only=True):
    """Deliveries, newest first."""

    deliveries: tuple[DeliveryShape, ...]
    count: int
    next_cursor: str | None


def draft_of(body: NewTrigger) -> TriggerDraft:
    """Return what a body asks for."""
    fields = {name: getattr(body, name) for name in TriggerDraft.__struct_fields__}
    if body.kind == "webhook" and body.webhook is None:
        fields["webhook"] = Webhook()
    return TriggerDraft(**fields)


def updated(present: Trigger, body: TriggerUpdate) -> TriggerDraft:
    """Return a trigger with what a body gives; whom it runs as stays unless the body says otherwise."""
    fields = {name: getattr(present, name) for name in TriggerDraft.__struct_fields__ if name != "principal"}
    given = {name: getattr(body, name) for name in body.__struct_fields__}
    return TriggerDraft(**{**fields, **{name: value for name, value in given.items() if value is not UNSET}})


def trigger_shape(trigger: Trigger, secret: Secret | None = None) -> TriggerShape:
    """Return a trigger as it is shown."""
    same = (name for name in TriggerShape.__struct_fields__ if name in Trigger.__struct_fields__)
    fields = {name: getattr(trigger, name) for name in same if name not in {"secrets", "principal"}}
    return TriggerShape(
        **fields,
        principal=trigger.runs_as,
        path=f"/hooks/{trigger.tenant}/{trigger.id}" if trigger.webhook else None,
        secrets=tuple(
            SecretShape(version=each.version, created_at=each.created, expires_at=each.expires)
            for each in trigger.secrets
        ),
        created_at=trigger.created,
        updated_at=trigger.updated,
        secret=secret.reveal() if secret else UNSET,
    )


def delivery_shape(delivery: Delivery) -> DeliveryShape:
    """Return a delivery as it is shown."""
    return DeliveryShape(
        id=delivery.id,
        event_id=delivery.event,
        event_type=delivery.type,
        timestamp=delivery.at,
        outcome=delivery.outcome,
        reason=delivery.reason,
        execution_id=delivery.run,
        attempts=delivery.attempts,
    )
