"""What can be set about schedules."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """How schedules are kept and looked at."""

    per_tenant: Annotated[int, Meta(ge=1)] = 10_000  # schedules that one tenant may have
    poll_seconds: Annotated[float, Meta(gt=0)] = 1.0  # how often a worker looks for what other processes have changed
    grace_seconds: Annotated[float, Meta(ge=0)] = 10.0  # a firing that is taken up this late counts as on time
    # How long a worker may take to submit what is due; then another one does it, and nothing is doubled.
    claim_seconds: Annotated[float, Meta(gt=0)] = 30.0
    batch: Annotated[int, Meta(ge=1)] = 100  # schedules that one look takes
