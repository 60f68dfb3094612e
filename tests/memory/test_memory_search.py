import pytest

from memory.memory_world import ACME, OTHER, entry, principal, searching
from muelle.memory import Sight
from muelle.memory.search.errors import InvalidQuery
from muelle.memory.search.service import LONGEST_QUERY, MOST_FOUND
from muelle.stores import Database

ORDERS = entry("orders", "List orders of a customer", "GET /customers/{id}/orders")
REFUND = entry("refund", "Give a payment back", "POST /payments/{id}/refunds")
WEATHER = entry("weather", "Forecast for a city", "temperature, rain and wind")
FACTURAS = entry("facturas", "Listar facturas pendientes", "números y importes de cada cliente")


async def test_words_are_found_whatever_their_case_ending_and_accent(every_database: Database) -> None:
    async with searching(every_database, meanings="off") as world:
        world.shelf.put(ORDERS, REFUND, WEATHER, FACTURAS)
        assert await world.ids("ORDER") == ["orders"]
        assert await world.ids("the refunds, please") == ["refund"]
        assert await world.ids("factura numero") == ["facturas"]


async def test_what_has_more_of_the_words_and_has_them_in_its_title_comes_first(every_database: Database) -> None:
    async with searching(every_database, meanings="off") as world:
        world.shelf.put(
            entry("c", "Other things", "an order, once"),
            entry("b", "Order things"),
            entry("a", "Order of a customer"),
        )
        assert await world.ids("customer order") == ["a", "b", "c"]


async def test_meanings_are_found_where_no_word_is_the_same(every_database: Database) -> None:
    async with searching(every_database) as world:
        world.shelf.put(ORDERS, REFUND, WEATHER)
        assert (await world.ids("is it sunny tomorrow"))[0] == "weather"
        assert (await world.ids("reimburse money"))[0] == "refund"


async def test_without_the_extra_words_are_compared_and_the_answer_says_so(every_database: Database) -> None:
    async with searching(every_database, meanings="off") as world:
        world.shelf.put(ORDERS)
        await world.ids("order")
        answers = await world.search.find(principal(), "order")
    assert (answers.semantic, [each.id for each in answers.found]) == (False, ["orders"])
    assert "memory.meanings" in answers.note


@pytest.mark.parametrize("meanings", ["off", "auto"])
async def test_nobody_finds_what_no_grant_shows(every_database: Database, meanings: str) -> None:
    async with searching(every_database, meanings=meanings) as world:
        world.shelf.put(ORDERS, entry("secret", "Orders of the board", "secret orders"))
        assert await world.ids("orders", principal(("apis:call", "orders"))) == ["orders"]
        assert await world.ids("", principal(("apis:call", "orders"))) == ["orders"]
        assert await world.ids("orders", principal(("apis:call", "nothing"))) == []
        assert set(await world.ids("orders")) == {"orders", "secret"}


@pytest.mark.parametrize("meanings", ["off", "auto"])
async def test_who_sees_little_of_much_finds_all_of_it(every_database: Database, meanings: str) -> None:
    async with searching(every_database, meanings=meanings, exact_below=100) as world:
        world.shelf.put(*(entry(f"n{index}", f"Order number {index}", "orders") for index in range(700)))
        found = await world.ids("order", principal(("apis:call", "n1*9")), limit=20)
    assert set(found) == {f"n{index}" for index in range(700) if str(index)[0] == "1" and index % 10 == 9}


@pytest.mark.parametrize("meanings", ["off", "auto"])
async def test_tenants_find_only_their_own(every_database: Database, meanings: str) -> None:
    async with searching(every_database, meanings=meanings) as world:
        world.shelf.put(ORDERS, tenant=ACME)
        world.shelf.put(REFUND, entry("orders", "Orders of the others"), tenant=OTHER)
        assert await world.ids("orders payment") == ["orders"]
        others = principal(tenant=OTHER)
        assert set(await world.ids("orders payment", others)) == {"orders", "refund"}
        titles = {each.title for each in (await world.search.find(others, "orders")).found}
    assert "Orders of the others" in titles
    assert ORDERS.title not in titles


async def test_what_changes_is_found_as_it_is_now_and_what_goes_no_more(every_database: Database) -> None:
    async with searching(every_database) as world:
        world.shelf.put(ORDERS, WEATHER)
        assert (await world.ids("forecast"))[0] == "weather"
        world.shelf.put(entry("weather", "Bake a cake", "flour, sugar and butter"))
        assert await world.ids("forecast", limit=1) != ["weather"]
        assert (await world.ids("cooking dessert"))[0] == "weather"
        world.shelf.drop("weather")
        assert "weather" not in await world.ids("bake cake")


async def test_a_source_that_says_that_nothing_changed_is_not_read(every_database: Database) -> None:
    async with searching(every_database, meanings="off") as world:
        world.shelf.put(ORDERS)
        for _ in range(3):
            await world.ids("order")
        assert world.shelf.asked == 1


async def test_a_kind_or_a_sight_alone_can_be_asked_for(every_database: Database) -> None:
    inside = Sight("knowledge:read", "handbook")
    async with searching(every_database) as world:
        world.shelf.put(ORDERS, entry("k1", "Orders by hand", "", "knowledge", inside))
        world.shelf.put(entry("k2", "Orders by post", "", "knowledge", Sight("knowledge:read", "other")))
        assert set(await world.ids("orders", kinds=("knowledge",))) == {"k1", "k2"}
        assert await world.ids("orders", only=inside) == ["k1"]


async def test_who_may_call_a_part_of_an_api_sees_the_api(every_database: Database) -> None:
    api = entry("crm", "Customers", "", "api", Sight("apis:call", "crm", partial=True))
    async with searching(every_database) as world:
        world.shelf.put(api)
        assert await world.ids("customers", principal(("apis:call", "crm GET /contacts/*"))) == ["crm"]
        assert await world.ids("customers", principal(("apis:call", "crm2 GET /contacts/*"))) == []


@pytest.mark.parametrize(
    "query", ['"', "a AND (b", "title:x", "tqx* NEAR(", "'; DROP TABLE search_entries; --", "🦆", "%"]
)
async def test_no_query_is_read_as_a_command(every_database: Database, query: str) -> None:
    async with searching(every_database) as world:
        world.shelf.put(ORDERS)
        await world.ids(query)
        assert await world.ids("order") == ["orders"]


async def test_queries_and_answers_have_their_bounds(every_database: Database) -> None:
    async with searching(every_database, meanings="off") as world:
        await world.ids("x" * LONGEST_QUERY, limit=MOST_FOUND)
        with pytest.raises(InvalidQuery) as long:
            await world.ids("x" * (LONGEST_QUERY + 1))
        with pytest.raises(InvalidQuery) as many:
            await world.ids("x", limit=MOST_FOUND + 1)
    assert (long.value.facts["field"], many.value.facts["field"]) == ("query", "limit")
