"""Policies for what comes in and what goes out: limits, retries, breakers and caches."""

from muelle.resilience.limits import (
    RATE_NAMES,
    Charge,
    Decision,
    InvalidRate,
    InvalidTarget,
    Limiter,
    LimitReached,
    LimitsSettings,
    LimitsUnreachable,
    Rate,
    Standing,
    checked_rule,
    open_limits,
    refusal,
)

__all__ = [
    "RATE_NAMES", "Charge", "Decision", "InvalidRate", "InvalidTarget", "LimitReached", "Limiter", "LimitsSettings",
    "LimitsUnreachable", "Rate", "Standing", "checked_rule", "open_limits", "refusal",
]  # fmt: skip
