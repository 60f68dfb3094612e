"""How often each principal may do what."""

from muelle.resilience.limits.errors import (
    InvalidRate,
    InvalidTarget,
    LimitReached,
    LimitsNotInstalled,
    LimitsUnreachable,
    UnknownRate,
)
from muelle.resilience.limits.limiter import Limiter, refusal
from muelle.resilience.limits.memory import MemoryCounts
from muelle.resilience.limits.model import RATE_NAMES, Charge, Decision, Rate, Standing, checked_rule
from muelle.resilience.limits.opening import open_limits
from muelle.resilience.limits.port import Counts
from muelle.resilience.limits.settings import LimitsSettings

__all__ = [
    "RATE_NAMES", "Charge", "Counts", "Decision", "InvalidRate", "InvalidTarget", "LimitReached", "Limiter",
    "LimitsNotInstalled", "LimitsSettings", "LimitsUnreachable", "MemoryCounts", "Rate", "Standing", "UnknownRate",
    "checked_rule", "open_limits", "refusal",
]  # fmt: skip
