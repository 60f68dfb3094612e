"""What a trigger is: on which events, or calls of a webhook, which saved workflow runs, with which inputs, as whom."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any, Literal, NewType, Protocol

import msgspec
from msgspec import Meta

from muelle.core import PrincipalId, RunId, TenantId
from muelle.engine import Job, RunRecord, Submitted
from muelle.workflows.triggers.pattern import EventPattern
from muelle.workflows.triggers.schemes import Scheme, StandardScheme

TriggerId = NewType("TriggerId", str)
Kind = Literal["event", "webhook"]
Outcome = Literal["submitted", "unmatched", "refused", "failed", "dead"]
BodyForm = Literal["json", "form", "raw"]

Submit = Callable[[Job], Awaitable[Submitted]]
"""`Engine.submit`: once it returns, the run is durable; Unavailable and TimedOut may be tried again."""

LARGEST_TOLERANCE = 3_600.0  # seconds; receipts are kept for longer, so that nothing is taken twice
LONGEST_OVERLAP = 7 * 86_400.0  # seconds


class Challenge(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """A handshake: where the body has `equals` at `path`, the answer is what it has at `answer`, and no run starts."""

    path: str = "type"
    equals: str = "url_verification"
    answer: str = "challenge"


class Webhook(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Who may call a webhook, and with what."""

    scheme: Scheme = StandardScheme()
    tolerance: Annotated[
        float, Meta(gt=0, le=LARGEST_TOLERANCE, description="Seconds that a signed time may differ from now.")
    ] = 300.0
    addresses: Annotated[
        tuple[str, ...], Meta(max_length=100, description="Networks that may call it; empty: all.")
    ] = ()
    accepts: Annotated[tuple[BodyForm, ...], Meta(min_length=1, max_length=3)] = ("json", "form", "raw")
    challenge: Challenge | None = None


class SecretVersion(msgspec.Struct, frozen=True, kw_only=True):
    """A secret of a webhook, which is in the Vault; valid until `expires`, which the newest has not."""

    version: int
    created: datetime
    expires: datetime | None = None


class TriggerDraft(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody asks for. `principal` is the name of whom it runs as, None whoever asks.

    `inputs` is a template; None gives the run the whole event as `event`. `concurrency` 0 sets no bound.
    """

    name: str
    kind: Kind = "event"
    workflow: str
    version: str = "latest"
    description: str = ""
    pattern: EventPattern = EventPattern()
    inputs: dict[str, Any] | None = None
    principal: str | None = None
    enabled: bool = True
    priority: int = 3
    concurrency: int = 0
    queue: str = "default"
    webhook: Webhook | None = None


class Trigger(msgspec.Struct, frozen=True, kw_only=True):
    """A stored trigger; `runs_as` is the name of `principal` when it was set."""

    id: TriggerId
    tenant: TenantId
    name: str
    kind: Kind
    workflow: str
    version: str
    description: str
    pattern: EventPattern
    inputs: dict[str, Any] | None
    principal: PrincipalId
    runs_as: str
    enabled: bool
    priority: int
    concurrency: int
    queue: str
    webhook: Webhook | None
    secrets: tuple[SecretVersion, ...] = ()
    created: datetime
    updated: datetime


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one event at one trigger; `event` is its id, and `body` is kept of dead letters alone."""

    id: str
    tenant: TenantId
    trigger: TriggerId
    event: str
    type: str
    at: datetime
    outcome: Outcome
    reason: str = ""
    run: RunId | None = None
    attempts: int = 1
    body: bytes | None = None


class Trial(msgspec.Struct, frozen=True, kw_only=True):
    """What a trigger would do with an event: `unmet` points at what does not fit, `error` at what fails."""

    matches: bool
    unmet: str = ""
    inputs: dict[str, Any] | None = None
    error: dict[str, Any] | None = None


class Known(Protocol):
    """The journal, as far as triggers know it."""

    async def run(self, tenant: TenantId, run: RunId) -> RunRecord | None:
        """Return a run, or None."""
        ...
