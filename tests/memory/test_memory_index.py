"""The index of vectors: kept across starts, grown by what is new, made anew where it is lost."""

import asyncio
from pathlib import Path

import pytest

from fixtures.databases import Open
from memory.memory_world import ACME, Shelf, entry, principal, searching
from muelle.memory import Entry
from muelle.memory.search.model import fused
from muelle.memory.search.store import MOST_WORK, expression
from muelle.stores import Database, StoresSettings, migrate

MANY = 300


def some(number: int = MANY, first: int = 0) -> list[Entry]:
    things = ("invoice", "weather", "flight", "recipe", "contract", "ticket", "sensor")
    return [
        entry(f"n{index}", f"Find {things[index % 7]} {index}", f"the {things[index % 7]} of day {index}")
        for index in range(first, first + number)
    ]


def saved(home: Path) -> list[Path]:
    return sorted(home.rglob("*.usearch"))


async def test_a_start_reads_the_vectors_that_were_saved_and_embeds_only_what_is_new(
    opening: Open, tmp_path: Path
) -> None:
    shelf = Shelf()
    async with opening(StoresSettings()) as database:
        await migrate(database)
        shelf.put(*some())
        async with searching(database, tmp_path, shelf) as world:
            before = await world.ids("climate and rain")
        assert len(saved(tmp_path)) == 1
    async with opening(StoresSettings()) as database, searching(database, tmp_path, shelf) as world:
        assert await world.ids("climate and rain") == before
        catalogue = world.search._catalogues[ACME]
        assert catalogue.unsaved == 0, "all vectors came from the file"
        shelf.put(entry("new", "Rain in the mountains", "climate"))
        assert (await world.ids("climate and rain"))[0] == "new"
        assert catalogue.unsaved == 1, "one vector was made"


@pytest.mark.parametrize("damage", ["removed", "cut", "garbage"])
async def test_an_index_that_is_lost_is_made_anew(every_database: Database, tmp_path: Path, damage: str) -> None:
    shelf = Shelf()
    shelf.put(*some())
    async with searching(every_database, tmp_path, shelf) as world:
        before = await world.ids("climate and rain")
    (file,) = saved(tmp_path)
    if damage == "removed":
        file.unlink()
    else:
        file.write_bytes(file.read_bytes()[:999] if damage == "cut" else b"garbage" * 99)
    async with searching(every_database, tmp_path, shelf) as world:
        assert await world.ids("climate and rain") == before


async def test_an_index_that_was_not_saved_is_caught_up(every_database: Database, tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.put(*some())
    async with searching(every_database, tmp_path, shelf) as world:
        await world.ids("climate")
    crashed = searching(every_database, tmp_path, shelf)
    world = await crashed.__aenter__()  # and never closed
    shelf.put(entry("late", "Avalanche warning", "snow on the slopes"))
    shelf.drop("n1")
    await world.ids("snow")
    async with searching(every_database, tmp_path, shelf) as again:
        assert (await again.ids("snow on slopes"))[0] == "late"
        assert "n1" not in await again.ids("weather 1", limit=100)


async def test_what_another_process_added_and_removed_is_seen(every_database: Database, tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.put(*some(50))
    async with searching(every_database, tmp_path, shelf) as one, searching(every_database, None, shelf) as other:
        assert "n8" in await one.ids("weather", limit=50)
        shelf.put(entry("x", "Weather at sea"))
        shelf.drop("n8")
        await other.ids("weather")
        found = [each.id for each in (await one.search.find(principal(), "weather", limit=50)).found]
    assert "x" in found
    assert "n8" not in found


async def test_several_that_read_the_same_sources_at_once_do_not_trip_over_each_other(every_database: Database) -> None:
    shelf = Shelf()
    shelf.put(*some(120))
    async with searching(every_database, None, shelf) as one, searching(every_database, None, shelf) as other:
        worlds = (one, other, one, other, one)
        found = await asyncio.gather(*(world.ids("invoice 7", limit=1) for world in worlds))
        assert found == [["n7"]] * 5
        shelf.put(*(entry(f"n{number}", f"Changed {number}") for number in range(120)))
        found = await asyncio.gather(*(world.ids("changed 99", limit=1) for world in worlds))
    assert found == [["n99"]] * 5


async def test_many_new_entries_are_found_by_words_while_their_vectors_are_made(every_database: Database) -> None:
    async with searching(every_database) as world:
        world.shelf.put(*some(1_200))
        await world.search.refresh(ACME, [world.shelf])
        first = await world.search.find(principal(), "invoice 700")
        assert first.found[0].id == "n700"
        assert first.note
        await world.search.settle()
        later = await world.search.find(principal(), "rainy climate forecast", limit=5)
        assert not later.note
        assert all("weather" in each.title for each in later.found)


async def test_closing_while_vectors_are_made_keeps_what_there_is(every_database: Database, tmp_path: Path) -> None:
    shelf = Shelf()
    shelf.put(*some(1_200))
    async with searching(every_database, tmp_path, shelf) as world:
        await world.ids("invoice")
        await asyncio.sleep(0)
    async with searching(every_database, tmp_path, shelf) as world:
        await world.ids("invoice")
        await world.search.settle()
        assert not world.search._catalogues[ACME].wanting()


async def test_neighbours_are_those_that_an_exact_comparison_finds(every_database: Database) -> None:
    queries = ("flights", "legal agreement", "cooking", "measure temperature", "bills")
    async with (
        searching(every_database, exact_below=0) as near,
        searching(every_database, exact_below=100_000) as exact,
    ):
        near.shelf.put(*some(900))
        exact.shelf = near.shelf
        shares = [len(set(await near.ids(q, limit=10)) & set(await exact.ids(q, limit=10))) / 10 for q in queries]
    assert sum(shares) / len(shares) >= 0.95


def test_ranks_are_fused_by_their_reciprocals() -> None:
    scores = fused([1, 2, 3], [3, 1])
    assert list(scores) == [1, 3, 2]
    assert scores[1] == pytest.approx(1 / 61 + 1 / 62)


def test_common_words_are_looked_for_in_pairs_and_rare_ones_alone() -> None:
    assert (
        expression({"a": MOST_WORK, "b": MOST_WORK, "c": MOST_WORK}) == '("a" AND "b" AND "c") OR "a" OR ("b" AND "c")'
    )
    assert expression({"a": MOST_WORK + 1}) == '"a"'
    assert expression({}) == ""
