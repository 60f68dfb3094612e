"""The values of the cache: the rule, what is kept, and where it can be kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Literal, Protocol

import msgspec
from msgspec import Meta

from muelle.core import Metric

BYTES = Metric("muelle_cache_bytes", "Bytes of the answers that are kept.", "gauge")
EVICTIONS = Metric("muelle_cache_evictions_total", "Answers that had to go for lack of room.", "counter")

State = Literal["hit", "stale", "revalidated", "miss", "shared", "bypass"]
"""`shared`: somebody else asked the same at the same time; `bypass`: the cache has no part in it."""

Mode = Literal["off", "asked", "headers"]
Stale = Annotated[float, Meta(ge=0, le=30 * 86_400)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Caching:
    """When an answer is given again. Only ever to GET and HEAD, and only with a grant for the call itself."""

    mode: Mode = "asked"  # asked: what a call or an Api asks for; headers: all that HTTP lets be kept
    seconds: Annotated[float, Meta(le=30 * 86_400)] = 0.0  # greatest age of an answer; 0 asks for none to be kept
    # For how long past that an answer is given while a new one is fetched; unset: as the answer allows.
    stale_while_revalidate_seconds: Stale | None = None
    stale_if_error_seconds: Stale | None = None  # for how long past that if the upstream fails; unset: as it allows
    obey: bool = True  # whether what answers say of being kept counts
    share: Literal["agent", "tenant"] = "agent"  # whether agents of a tenant with the same credential share answers
    coalesce: bool = True  # whether the same call at the same time is made once

    @property
    def is_on(self) -> bool:
        """Whether anything is kept."""
        return self.mode == "headers" or (self.mode == "asked" and self.seconds > 0)


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """An answer that is kept. Times are seconds since 1970; `age` is how old it was when it came.

    `about` is what whoever asks wants to remember of it, such as its URL.
    """

    status: int
    headers: dict[str, str]
    body: bytes
    asked: float
    got: float
    age: float
    tags: tuple[str, ...]
    expires: float
    about: str = ""

    @property
    def weight(self) -> int:
        """The bytes that it takes, and roughly what is around them."""
        headers = sum(len(name) + len(value) + _PER_HEADER for name, value in self.headers.items())
        return (
            len(self.body) + len(self.about) + headers + sum(len(tag) + _PER_HEADER for tag in self.tags) + _PER_ANSWER
        )


_PER_HEADER = 100  # two strings and their place in a dict
_PER_ANSWER = 600  # the object, its dict, its place in the store


@dataclass(frozen=True, slots=True)
class Fill:
    """What is in a store: answers and bytes, and what it may hold; `evicted` since it was opened, here."""

    answers: int
    bytes: int
    most_bytes: int
    evicted: int


class Shelf(Protocol):
    """Where answers are kept, by key, the least recently used first out."""

    async def get(self, key: str) -> Kept | None:
        """Return an answer, or None; raise CacheUnreachable."""
        ...

    async def marks(self, tags: Sequence[str]) -> Sequence[int]:
        """Return numbers that change when something with one of the tags is dropped; for `put`."""
        ...

    async def put(self, key: str, kept: Kept, marks: Sequence[int]) -> None:
        """Keep an answer, unless something with one of its tags was dropped since `marks` were read."""
        ...

    async def drop(self, keys: Iterable[str] = (), tags: Iterable[str] = ()) -> int:
        """Throw answers away; return how many there were."""
        ...

    async def fill(self) -> Fill:
        """Return how full it is."""
        ...

    async def close(self) -> None:
        """Let go of what it holds."""
        ...


class Plain(Protocol):
    """What the cache sees of an answer."""

    @property
    def status(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by lower-case name."""
        ...

    @property
    def body(self) -> bytes:
        """The body."""
        ...

    @property
    def about(self) -> str:
        """What is to be remembered of it besides."""
        ...
