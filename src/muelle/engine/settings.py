"""What can be set about the engine."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineSettings:
    """How runs are kept, taken, and given up."""

    compress_bytes: int = 32 << 10  # inputs, documents, outputs and errors beyond this are compressed
    blob_bytes: int = 1 << 20  # and beyond this are kept as blobs, outside the database
    concurrency: Annotated[int, Meta(ge=1)] = 128  # runs that one worker advances at once
    tenant_share: Annotated[float, Meta(gt=0, le=1)] = 0.75  # of these that one tenant may hold
    queues: str = "default"  # which queues a worker takes from, separated by commas
    # A worker that did not renew its lease for so long is dead, and others take over its runs.
    lease_seconds: Annotated[float, Meta(ge=0.2)] = 5.0
    poll_seconds: Annotated[float, Meta(gt=0)] = 0.5  # how often work is looked for that nobody announced
    park_seconds: Annotated[float, Meta(ge=0)] = 1.0  # a run that only waits leaves memory if it waits longer
    wait_days: Annotated[float, Meta(gt=0)] = 30.0  # the longest that an approval or an event is waited for
    takeovers: Annotated[int, Meta(ge=1)] = 5  # workers that may die of a run before it is given up as dead
    failures: Annotated[int, Meta(ge=1)] = 3  # times that a run may crash its handler before it is given up as dead
    drain_seconds: Annotated[float, Meta(ge=0)] = 20.0  # how long a stopping worker lets runs reach a step's end
    submissions: Annotated[int, Meta(ge=1)] = 2_000  # jobs of one tenant that may be on their way into the queue
    idempotency_hours: Annotated[float, Meta(gt=0)] = 24.0  # how long an Idempotency-Key is remembered
    retention_days: Annotated[float, Meta(ge=0)] = 90.0  # how long runs that ended are kept; 0: for ever
    event_hours: Annotated[float, Meta(gt=0)] = 24.0  # how long events are kept after they left
    compact_chunks: Annotated[int, Meta(ge=2)] = 8  # a run that ended in more pieces than this is packed into one
