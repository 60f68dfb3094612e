"""Settings of triggers."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggersSettings:
    """Bounds of triggers and inbound webhooks."""

    most: int = 500  # triggers of a tenant
    most_depth: int = 8  # how long a chain of runs may get in which each starts the next by an event
    attempts: Annotated[int, Meta(ge=1)] = 5  # submissions of one event before it becomes a dead letter
    inputs_bytes: int = 1 << 20  # the inputs that a trigger makes, written as JSON
    kept: Annotated[int, Meta(ge=1)] = 100  # deliveries of each trigger that are remembered
    kept_dead: Annotated[int, Meta(ge=1)] = 1_000  # dead letters of each trigger that are kept to be sent again
    unmatched_per_minute: int = 60  # events that came near to a trigger and are noted among its deliveries
    hook_bytes: int = 1 << 20  # the body of an inbound webhook
    hook_per_minute: Annotated[int, Meta(ge=1)] = 600  # calls of one webhook that one process takes
    refused_per_minute: int = 60  # refused calls of webhooks that are recorded
    receipt_hours: Annotated[float, Meta(ge=2)] = 24.0  # how long the ids of webhooks are remembered
