"""Policies for what comes in and what goes out: limits, retries, breakers and caches."""

from muelle.resilience.attempts import Attempts, Errand
from muelle.resilience.breaker import BreakerStanding, Breaking
from muelle.resilience.caching.cache import AnswerCache, Given, Question
from muelle.resilience.caching.freshness import may_ask
from muelle.resilience.caching.model import Caching, Fill, Kept, Plain, Shelf
from muelle.resilience.caching.opening import StoreSettings, open_shelf
from muelle.resilience.errors import BreakerOpen, CacheUnreachable, InvalidPolicy
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
from muelle.resilience.policy import ORDER, Policy, PolicyChange
from muelle.resilience.retry import Retry, is_repeatable

__all__ = [
    "ORDER", "RATE_NAMES", "AnswerCache", "Attempts", "BreakerOpen", "BreakerStanding", "Breaking",
    "CacheUnreachable", "Caching", "Charge", "Decision", "Errand", "Fill", "Given", "InvalidPolicy", "InvalidRate",
    "InvalidTarget", "Kept", "LimitReached", "Limiter", "LimitsSettings", "LimitsUnreachable", "Plain", "Policy",
    "PolicyChange", "Question", "Rate", "Retry", "Shelf", "Standing", "StoreSettings", "checked_rule", "is_repeatable",
    "may_ask", "open_limits", "open_shelf", "refusal",
]  # fmt: skip
