"""Settings of runs that are handed in and followed over a door."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionsSettings:
    """How long may be waited and how many may listen."""

    streams: Annotated[int, Meta(ge=1)] = 20  # event streams that one principal may have open at once
    heartbeat_seconds: Annotated[float, Meta(gt=0)] = 15.0  # a stream in which nothing happens says so this often
    wait_seconds: Annotated[float, Meta(ge=0)] = 600.0  # the longest that a request waits for a run, whatever it asks
    ahead_days: Annotated[float, Meta(gt=0)] = 366.0  # how far ahead run_at and deadline may lie
