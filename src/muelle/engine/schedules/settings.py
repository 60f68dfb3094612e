"""What can be set about schedules."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleSettings:
    """How schedules are kept and looked at."""

    per_tenant: int = 10_000  # schedules that one tenant may have
    poll_seconds: float = 1.0  # how often a worker looks for what other processes have changed
    grace_seconds: float = 10.0  # a firing that is taken up this late counts as on time
    claim_seconds: float = 30.0  # how long a worker may take to submit what is due before another one does
    batch: int = 100  # schedules that one look takes
