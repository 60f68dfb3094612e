"""The cache: kept answers given again, stale ones asked about, the same question asked once at a time."""

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from msgspec.structs import replace

from muelle.core import Clock, Metric, Metrics, MuelleError, TimedOut, Upstream
from muelle.resilience.caching.flights import Flights
from muelle.resilience.caching.freshness import (
    Term,
    age_at_arrival,
    asked_age,
    confirms,
    keepable_headers,
    refreshed,
    term,
    validators,
)
from muelle.resilience.caching.model import Caching, Fill, Kept, Plain, Shelf, State
from muelle.resilience.errors import BreakerOpen, CacheUnreachable

LOG = logging.getLogger("muelle.resilience")
LOOKUPS = Metric("muelle_cache_lookups_total", "Questions to the cache, by what came of them.", "counter", ("state",))

_NOT_MODIFIED: Final = 304
_SERVER_ERROR: Final = 500
_ASKABLE: Final = 3_600.0  # seconds that an answer with a validator is kept past its time, to be asked about
_MOST_OWNERS: Final = 10_000  # whose counts are kept apart

P = TypeVar("P", bound=Plain)
Fetch = Callable[[Mapping[str, str]], Awaitable[P]]
"""Asks the upstream, with these headers besides."""


@dataclass(slots=True, kw_only=True, eq=False)  # frozen ones cost a microsecond
class Question:
    """One call as the cache sees it. `key` holds everything that may change the answer, and whose call it is.

    `headers` are the request's own, by lower-case name; `seconds` bounds how long an answer is waited for.
    """

    key: str
    owner: str
    rule: Caching
    tags: tuple[str, ...]
    headers: Mapping[str, str]
    has_authorization: bool = False
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Given(Generic[P]):
    """What came of a question: a kept answer with its age, or the upstream's own if it may not be kept."""

    state: State
    kept: Kept | None = None
    fetched: P | None = None
    age: float = 0.0


class AnswerCache(Generic[P]):
    """Gives kept answers again, as HTTP and the rule of each question allow.

    `clean` takes out of an answer what must not be kept: secrets. `refreshes` bounds what is fetched behind stale ones.
    """

    def __init__(
        self, shelf: Shelf, clock: Clock, metrics: Metrics, clean: Callable[[P], Plain], refreshes: int
    ) -> None:
        self._shelf = shelf
        self._clock = clock
        self._metrics = metrics
        self._clean = clean
        self._refreshes = refreshes
        self._behind = 0
        self._flights: Flights[Given[P]] = Flights()
        self._counts: dict[str, Counter[str]] = {}

    async def through(self, question: Question, fetch: Fetch[P]) -> Given[P]:
        """Return a kept answer, or what `fetch` brings; raise what it raises unless a stale answer may stand in.

        Raise TimeoutError after the question's seconds.
        """
        kept = await self._find(question.key)
        found = self._usable(question, kept) if kept is not None else None
        if found is not None:
            if found.state == "stale":
                self._refresh(question, kept, fetch)
            return self._counted(question, found)
        async with asyncio.timeout(question.seconds):
            return self._counted(question, await self._asked(question, kept, fetch))

    async def _asked(self, question: Question, kept: Kept | None, fetch: Fetch[P]) -> Given[P]:
        """Ask the upstream, or wait with others who ask it the same."""
        if not question.rule.coalesce:
            return await self._renewed(question, kept, fetch)
        is_guest = question.key in self._flights
        try:
            given = await self._flights.board(question.key, lambda: self._renewed(question, kept, fetch))
        except MuelleError as error:
            if not is_guest or isinstance(error, Upstream | TimedOut | BreakerOpen):
                raise
            given = Given("miss")  # it concerns whoever asked first: a limit, a grant
        if is_guest and given.kept is not None:
            return Given("shared", given.kept, None, given.age)
        if is_guest:  # not to be given to others: everybody asks for himself
            return await self._renewed(question, None, fetch)
        return given

    async def _find(self, key: str) -> Kept | None:
        try:
            return await self._shelf.get(key)
        except CacheUnreachable as error:
            LOG.warning("Answers are not looked up: %s", error)
            return None

    def _usable(self, question: Question, kept: Kept) -> Given[P] | None:
        """Return the kept answer if it may be given as it is."""
        limits = _term_of(question, kept)
        if limits is None:
            return None
        age = self._age(kept)
        fresh = _fresh(question, limits)
        if fresh > 0 and age <= fresh:
            return Given("hit", kept, None, age)
        is_strict = asked_age(question.headers) is not None
        if not is_strict and limits.stale_while_revalidate > 0 and age <= fresh + limits.stale_while_revalidate:
            return Given("stale", kept, None, age)
        return None

    def _age(self, kept: Kept) -> float:
        return kept.age + max(0.0, self._clock.nanoseconds() / 1e9 - kept.got)

    def _refresh(self, question: Question, kept: Kept | None, fetch: Fetch[P]) -> None:
        """Fetch a new answer while the stale one is given, unless that is under way or too much is."""
        if self._behind >= self._refreshes:
            return
        task = self._flights.send_off(question.key, lambda: self._renewed(question, kept, fetch))
        if task is not None:
            self._behind += 1
            task.add_done_callback(lambda _: self._refreshed())

    def _refreshed(self) -> None:
        self._behind -= 1

    async def _renewed(self, question: Question, kept: Kept | None, fetch: Fetch[P]) -> Given[P]:
        """Ask the upstream, whether the kept answer still holds if it can be asked so, and keep what it says."""
        limits = None if kept is None else _term_of(question, kept)
        asking = {} if kept is None or limits is None else validators(kept)
        marks = await self._marks(question)
        asked = self._clock.nanoseconds() / 1e9
        try:
            got = await fetch(asking)
            if got.status == _NOT_MODIFIED and asking and kept is not None and not confirms(kept, got.headers):
                asking = {}
                got = await fetch(asking)
        except MuelleError as error:
            if kept is not None and error.category == "network" and self._may_stand_in(question, kept, limits):
                return Given("stale", kept, None, self._age(kept))
            raise
        if got.status >= _SERVER_ERROR and kept is not None and self._may_stand_in(question, kept, limits):
            return Given("stale", kept, None, self._age(kept))
        if got.status == _NOT_MODIFIED and asking and kept is not None:
            return await self._confirmed(question, kept, self._clean(got), asked, marks)
        return await self._taken(question, got, asked, marks)

    def _may_stand_in(self, question: Question, kept: Kept, limits: Term | None) -> bool:
        if limits is None or not limits.stale_if_error:
            return False
        return self._age(kept) <= _fresh(question, limits) + limits.stale_if_error

    async def _marks(self, question: Question) -> Sequence[int] | None:
        try:
            return await self._shelf.marks(question.tags)
        except CacheUnreachable as error:
            LOG.warning("Answers are not kept: %s", error)
            return None

    async def _confirmed(
        self, question: Question, kept: Kept, told: Plain, asked: float, marks: Sequence[int] | None
    ) -> Given[P]:
        headers = refreshed(kept.headers, told.headers)
        fresh = self._kept(question, replace(kept, headers=headers), asked, told.headers)
        await self._keep(question, fresh, marks)
        return Given("revalidated", fresh, None, fresh.age)

    async def _taken(self, question: Question, got: P, asked: float, marks: Sequence[int] | None) -> Given[P]:
        limits = term(got.status, got.headers, question.rule, has_authorization=question.has_authorization)
        if limits is None:
            if got.status < _SERVER_ERROR:
                await self.forget(keys=[question.key])  # what was kept no longer holds
            return Given("miss", None, got)
        clean = self._clean(got)
        headers = keepable_headers(clean.headers)
        fresh = Kept(clean.status, headers, clean.body, asked, asked, 0.0, question.tags, 0.0, clean.about)
        kept = self._kept(question, fresh, asked, got.headers)
        await self._keep(question, kept, marks)
        return Given("miss", kept, got, kept.age)

    def _kept(self, question: Question, kept: Kept, asked: float, told: Mapping[str, str]) -> Kept:
        """Return an answer with its times, as the headers that came just now tell them."""
        got = self._clock.nanoseconds() / 1e9
        age = age_at_arrival(told, asked, got)
        limits = _term_of(question, kept)
        lasting = 0.0 if limits is None else limits.fresh + max(limits.stale_if_error, limits.stale_while_revalidate)
        if "etag" in kept.headers or "last-modified" in kept.headers:
            lasting += _ASKABLE
        return replace(kept, asked=asked, got=got, age=age, tags=question.tags, expires=got - age + lasting)

    async def _keep(self, question: Question, kept: Kept, marks: Sequence[int] | None) -> None:
        if marks is None or kept.expires <= kept.got:
            return
        try:
            await self._shelf.put(question.key, kept, marks)
        except CacheUnreachable as error:
            LOG.warning("An answer is not kept: %s", error)

    async def drop(self, keys: Sequence[str] = (), tags: Sequence[str] = ()) -> int:
        """Throw answers away; return how many. What is being fetched meanwhile is not kept. Raise CacheUnreachable."""
        return await self._shelf.drop(keys, tags)

    async def forget(self, keys: Sequence[str] = (), tags: Sequence[str] = ()) -> None:
        """Throw answers away that no longer hold; a store that cannot be reached is logged."""
        try:
            await self._shelf.drop(keys, tags)
        except CacheUnreachable as error:
            LOG.warning("Answers are not thrown away: %s", error)

    def _counted(self, question: Question, given: Given[P]) -> Given[P]:
        self._metrics.count(LOOKUPS, given.state)
        counts = self._counts.get(question.owner)
        if counts is None:
            if len(self._counts) >= _MOST_OWNERS:
                self._counts.pop(next(iter(self._counts)))
            counts = self._counts[question.owner] = Counter()
        counts[given.state] += 1
        return given

    def counts(self, owner: str) -> Mapping[str, int]:
        """Return how often each state came about for an owner's questions, in this process."""
        return dict(self._counts.get(owner, {}))

    async def fill(self) -> Fill:
        """Return how full the store is; raise CacheUnreachable."""
        return await self._shelf.fill()

    async def close(self) -> None:
        """Cancel what is being fetched, and let go of the store."""
        await self._flights.close()
        await self._shelf.close()


def _term_of(question: Question, kept: Kept) -> Term | None:
    return term(kept.status, kept.headers, question.rule, has_authorization=question.has_authorization)


def _fresh(question: Question, limits: Term) -> float:
    """Return how old the answer may be as a fresh one: as the answer says, the rule allows and the request takes."""
    most = limits.fresh
    if question.rule.mode == "asked":
        most = min(most, question.rule.seconds)
    wanted = asked_age(question.headers)
    return most if wanted is None else min(most, wanted)
