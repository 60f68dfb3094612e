"""Opening limits as the settings have them."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from muelle.core import Clock, Metrics
from muelle.resilience.limits.errors import LimitsNotInstalled
from muelle.resilience.limits.limiter import Limiter
from muelle.resilience.limits.port import Counts
from muelle.resilience.limits.settings import LimitsSettings


@asynccontextmanager
async def open_limits(settings: LimitsSettings, clock: Clock, metrics: Metrics) -> AsyncIterator[Limiter]:
    """Open what decides, on Redis where the settings name one; connections are made by the first decision.

    Raises InvalidRate or LimitsNotInstalled.
    """
    settings.check()
    limiter = Limiter(_counts(settings), clock, metrics, settings)
    try:
        yield limiter
    finally:
        await limiter.close()


def _counts(settings: LimitsSettings) -> Counts | None:
    url = settings.redis.reveal()
    if not url:
        return None
    try:
        from muelle.resilience.limits.adapters.redis import RedisCounts  # noqa: PLC0415 - loads in 100 ms
    except ModuleNotFoundError as error:
        raise LimitsNotInstalled(reason=str(error)) from None
    return RedisCounts(url, settings.redis_prefix, settings.redis_seconds)
