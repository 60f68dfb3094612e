"""Answers in Redis, shared by all processes. Redis itself forgets what is old; its `maxmemory` bounds what it holds."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import redis.asyncio as redis
from redis.exceptions import RedisError

from muelle.core import Clock
from muelle.resilience.caching.model import Fill, Kept
from muelle.resilience.errors import CacheUnreachable

_ENCODE: Final = msgspec.msgpack.Encoder().encode
_DECODER: Final = msgspec.msgpack.Decoder(Kept)
_MARK_SECONDS: Final = 3_600  # longer than any call can take
_MOST_SECONDS: Final = 30 * 86_400
_LEAF: Final = 500  # keys deleted by one command

# A tag's mark counts its drops; what was fetched before a drop is not kept after it. KEYS: answer, marks…, tags…
_PUT: Final = """
local marks = (#KEYS - 1) / 2
for place = 1, marks do
    if (redis.call('GET', KEYS[1 + place]) or '0') ~= ARGV[2 + place] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
for place = 1, marks do
    local tag = KEYS[1 + marks + place]
    redis.call('SADD', tag, KEYS[1])
    if redis.call('PTTL', tag) < tonumber(ARGV[2]) then redis.call('PEXPIRE', tag, ARGV[2]) end
end
return 1
"""
_DROP_TAG: Final = """
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[1])
local keys = redis.call('SMEMBERS', KEYS[2])
redis.call('DEL', KEYS[2])
local dropped = 0
for place = 1, #keys do dropped = dropped + redis.call('UNLINK', keys[place]) end
return dropped
"""


class RedisShelf:
    """Answers under `prefix`. An answer larger than `entry_bytes` is not kept."""

    def __init__(self, url: str, prefix: str, entry_bytes: int, seconds: float, clock: Clock) -> None:
        self._prefix = prefix
        self._entry_bytes = entry_bytes
        self._clock = clock
        self._client: Any = redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds)
        self._put = self._client.register_script(_PUT)
        self._drop_tag = self._client.register_script(_DROP_TAG)

    def _answer(self, key: str) -> str:
        return f"{self._prefix}:answer:{key}"

    def _mark(self, tag: str) -> str:
        return f"{self._prefix}:mark:{_short(tag)}"

    def _tag(self, tag: str) -> str:
        return f"{self._prefix}:tag:{_short(tag)}"

    async def get(self, key: str) -> Kept | None:
        """Return an answer, or None."""
        async with self._reached():
            found = await self._client.get(self._answer(key))
        try:
            return None if found is None else _DECODER.decode(found)
        except msgspec.MsgspecError:
            return None  # of another version: the next answer takes its place

    async def marks(self, tags: Sequence[str]) -> Sequence[int]:
        """Return how often something with each tag was dropped of late."""
        async with self._reached():
            found = await self._client.mget([self._mark(tag) for tag in tags])
        return [int(mark or 0) for mark in found]

    async def put(self, key: str, kept: Kept, marks: Sequence[int]) -> None:
        """Keep an answer, unless one of its tags was dropped since `marks` were read."""
        body = _ENCODE(kept)
        seconds = min(kept.expires - self._clock.nanoseconds() / 1e9, _MOST_SECONDS)
        if len(body) > self._entry_bytes or seconds <= 0:
            await self.drop([key])
            return
        keys = [self._answer(key), *map(self._mark, kept.tags), *map(self._tag, kept.tags)]
        async with self._reached():
            await self._put(keys=keys, args=[body, max(1, int(seconds * 1000)), *marks])

    async def drop(self, keys: Iterable[str] = (), tags: Iterable[str] = ()) -> int:
        """Throw answers away; return how many there were."""
        wanted = [self._answer(key) for key in keys]
        dropped = 0
        async with self._reached():
            for start in range(0, len(wanted), _LEAF):
                dropped += await self._client.unlink(*wanted[start : start + _LEAF])
            for tag in tags:
                dropped += await self._drop_tag(keys=[self._mark(tag), self._tag(tag)], args=[_MARK_SECONDS])
        return dropped

    async def fill(self) -> Fill:
        """Return how full Redis is: its keys and bytes, whoever put them there, and what it evicted."""
        async with self._reached():
            memory, stats = await self._client.info("memory"), await self._client.info("stats")
            keys = await self._client.dbsize()
        return Fill(keys, memory["used_memory"], memory.get("maxmemory", 0), stats.get("evicted_keys", 0))

    async def close(self) -> None:
        """Close all connections."""
        await self._client.aclose()

    @asynccontextmanager
    async def _reached(self) -> AsyncIterator[None]:
        try:
            yield
        except (RedisError, OSError) as error:
            raise CacheUnreachable(reason=type(error).__name__) from None


def _short(tag: str) -> str:
    return hashlib.blake2b(tag.encode(), digest_size=16).hexdigest()
