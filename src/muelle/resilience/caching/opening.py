"""Where answers are kept, by the settings."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from msgspec import Meta

from muelle.core import Clock, Metrics, Secret
from muelle.resilience.caching.memory import MemoryShelf
from muelle.resilience.caching.model import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreSettings:
    """Where answers are kept that may be given again, and how many; bytes and seconds."""

    kind: Literal["memory", "disk", "redis"] = "memory"  # memory: of this process; disk: a file in the home
    bytes: int = 64 << 20  # all answers, in memory or in the file; Redis is bounded by its own maxmemory
    entry_bytes: int = 4 << 20  # one answer; larger ones are not kept
    file: str = "cache/answers.db"  # the file, in the home
    url: Secret = field(default_factory=lambda: Secret("redis://127.0.0.1:6379/0"))  # the Redis server
    prefix: str = "muelle:cache"  # how keys in Redis begin
    seconds: Annotated[float, Meta(gt=0)] = 0.5  # how long Redis may take before calls go on without it
    refreshes: int = 32  # answers fetched at a time while stale ones are given


def open_shelf(settings: StoreSettings, home: Path | None, clock: Clock, metrics: Metrics) -> Shelf:
    """Return the store that the settings name; without a home, what would be a file is in memory."""
    if settings.kind == "redis":
        from muelle.resilience.adapters.redis_shelf import RedisShelf  # noqa: PLC0415 - 100 ms, and an extra

        return RedisShelf(settings.url.reveal(), settings.prefix, settings.entry_bytes, settings.seconds, clock)
    if settings.kind == "disk" and home is not None:
        from muelle.resilience.adapters.disk_shelf import DiskShelf  # noqa: PLC0415 - few need it

        return DiskShelf(home / settings.file, settings.bytes, settings.entry_bytes, clock, metrics)
    return MemoryShelf(settings.bytes, settings.entry_bytes, metrics)
