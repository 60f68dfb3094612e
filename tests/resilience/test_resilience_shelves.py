"""Where answers are kept: one contract for memory, a file and Redis."""

import stat
from collections.abc import AsyncIterator, Coroutine, Iterator
from dataclasses import replace as dc_replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from muelle.core import ManualClock, NoMetrics, Secret, SystemClock
from muelle.resilience import CacheUnreachable
from muelle.resilience.adapters.disk_shelf import DiskShelf
from muelle.resilience.caching.memory import MemoryShelf
from muelle.resilience.caching.model import Kept, Shelf
from muelle.resilience.caching.opening import StoreSettings, open_shelf
from resilience.cache_world import World, said
from resilience.redis_server import redis_server

T = TypeVar("T")
CLOCK = SystemClock()
MOST, ENTRY = 20_000, 8_000


@pytest.fixture(scope="module")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(params=["memory", "disk", "redis"])
async def shelf(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Shelf]:
    given = StoreSettings(kind=request.param, bytes=MOST, entry_bytes=ENTRY, prefix=tmp_path.name, seconds=5)
    if request.param == "redis":
        given = dc_replace(given, url=Secret(request.getfixturevalue("redis_url")))
    opened = open_shelf(given, tmp_path, CLOCK, NoMetrics())
    yield opened
    await opened.close()


def kept(body: bytes = b"1", *tags: str, seconds: float = 60) -> Kept:
    now = CLOCK.nanoseconds() / 1e9
    return Kept(200, {"etag": '"a"'}, body, now, now, 0.0, tags, now + seconds)


async def put(shelf: Shelf, key: str, answer: Kept) -> None:
    await shelf.put(key, answer, await shelf.marks(answer.tags))


async def test_what_was_put_is_there_as_it_was(shelf: Shelf) -> None:
    answer = kept(b"\x00\xff", "t")
    await put(shelf, "a", answer)
    assert (await shelf.get("a"), await shelf.get("b")) == (answer, None)
    await put(shelf, "a", replace(answer, body=b"2"))
    found = await shelf.get("a")
    assert found is not None
    assert found.body == b"2"


async def test_answers_go_by_key_and_by_tag(shelf: Shelf) -> None:
    for key, tags in {"a": ("t", "x"), "b": ("t",), "c": ("u",)}.items():
        await put(shelf, key, kept(b"1", *tags))
    assert await shelf.drop(tags=["x"]) == 1
    assert [await shelf.get(key) is not None for key in "abc"] == [False, True, True]
    assert await shelf.drop(keys=["c", "nothing"]) == 1
    assert await shelf.drop(tags=["t"]) == 1
    assert await shelf.drop(tags=["t"]) == 0


async def test_what_was_asked_before_a_drop_is_not_put_after_it(shelf: Shelf) -> None:
    answer = kept(b"1", "t", "x")
    marks = await shelf.marks(answer.tags)
    await shelf.drop(tags=["x"])
    await shelf.put("a", answer, marks)
    assert await shelf.get("a") is None
    await put(shelf, "a", answer)
    assert await shelf.get("a") is not None


async def test_an_answer_at_the_limit_is_kept_and_one_past_it_is_not(shelf: Shelf) -> None:
    await put(shelf, "a", kept(b"x" * (ENTRY // 2)))
    await put(shelf, "b", kept(b"x" * (ENTRY + 1)))
    assert [await shelf.get(key) is not None for key in "ab"] == [True, False]


async def test_it_says_how_full_it_is(shelf: Shelf) -> None:
    before = await shelf.fill()
    await put(shelf, "a", kept(b"x" * 1000, "t"))
    after = await shelf.fill()
    assert after.answers > before.answers
    assert after.bytes >= before.bytes


async def test_a_cache_works_on_every_shelf(shelf: Shelf) -> None:
    world = World(shelf, ManualClock(CLOCK.now()))
    world.answers = [said(b"1"), said(b"2")]
    states = [await world.state(), await world.state()]
    await world.cache.drop(tags=["t:"])
    assert [*states, await world.state()] == ["miss", "hit", "miss"]


@pytest.mark.parametrize("kind", ["memory", "disk"])
async def test_the_least_recently_used_goes_first(kind: str, tmp_path: Path) -> None:
    clock = ManualClock()
    shelf: Shelf = MemoryShelf(MOST, ENTRY)
    if kind == "disk":
        shelf = DiskShelf(tmp_path / "a.db", MOST, ENTRY, clock, NoMetrics())
    now = clock.nanoseconds() / 1e9
    for key in "abc":
        clock.forward(seconds=2)
        await put(shelf, key, Kept(200, {}, b"x" * 5800, now, now, 0.0, (), now + 60))
    clock.forward(seconds=2)
    await shelf.get("a")
    clock.forward(seconds=2)
    await put(shelf, "d", Kept(200, {}, b"x" * 5800, now, now, 0.0, (), now + 60))
    assert [await shelf.get(key) is not None for key in "abcd"] == [True, False, True, True]
    fill = await shelf.fill()
    assert fill.bytes <= MOST
    assert fill.evicted == 1
    await shelf.close()


async def test_a_file_of_answers_is_for_its_owner_and_outlives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "cache" / "a.db"
    for _ in range(2):
        shelf = DiskShelf(path, MOST, ENTRY, CLOCK, NoMetrics())
        if await shelf.get("a") is None:
            await put(shelf, "a", kept(b"1", "t"))
        found = await shelf.get("a")
        await shelf.close()
    assert found is not None
    assert (found.body, stat.S_IMODE(path.stat().st_mode)) == (b"1", 0o600)


async def test_a_damaged_file_is_told_and_calls_go_on_without_it(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"not a database" * 100)
    shelf = DiskShelf(tmp_path / "a.db", MOST, ENTRY, CLOCK, NoMetrics())
    with pytest.raises(CacheUnreachable):
        await shelf.get("a")
    world = World(shelf)
    world.answers = [said()]
    assert [await world.state(), await world.state()] == ["miss", "miss"]
    with pytest.raises(CacheUnreachable):
        await world.cache.drop(tags=["t:"])


async def test_without_redis_calls_go_on_and_whoever_clears_is_told() -> None:
    given = StoreSettings(kind="redis", url=Secret("redis://127.0.0.1:1/0"), seconds=0.5)
    pytest.importorskip("redis", reason="the extra 'redis' is not installed")
    world = World(open_shelf(given, None, CLOCK, NoMetrics()))
    world.answers = [said()]
    assert [await world.state(), await world.state()] == ["miss", "miss"]
    with pytest.raises(CacheUnreachable):
        await world.cache.drop(tags=["t:"])
    await world.cache.close()


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """Return what a coroutine returns that waits for nothing."""
    try:
        work.send(None)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return] # what it returns is T
    raise AssertionError(work)


class Shelving(RuleBasedStateMachine):
    """Answers come and go; the shelf is held to a dict, and to its size."""

    def __init__(self) -> None:
        super().__init__()
        self.shelf = MemoryShelf(5_000, 2_000)
        self.model: dict[str, Kept] = {}

    @rule(key=st.sampled_from("abcdef"), size=st.integers(0, 2_500), tag=st.sampled_from(["t", "u"]))
    def put(self, key: str, size: int, tag: str) -> None:
        answer = Kept(200, {}, b"x" * size, 0, 0, 0, (tag,), 1)
        at_once(self.shelf.put(key, answer, at_once(self.shelf.marks((tag,)))))
        self.model[key] = answer

    @rule(tag=st.sampled_from(["t", "u"]))
    def drop(self, tag: str) -> None:
        at_once(self.shelf.drop(tags=[tag]))
        self.model = {key: answer for key, answer in self.model.items() if tag not in answer.tags}

    @invariant()
    def nothing_is_there_that_was_not_put_or_is_too_much(self) -> None:
        found = {key: at_once(self.shelf.get(key)) for key in "abcdef"}
        assert all(answer is None or answer == self.model.get(key) for key, answer in found.items())
        fill = at_once(self.shelf.fill())
        assert fill.answers == sum(answer is not None for answer in found.values())
        assert fill.bytes <= 5_000
        assert (fill.bytes == 0) == (fill.answers == 0)


TestShelving = Shelving.TestCase
TestShelving.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)
