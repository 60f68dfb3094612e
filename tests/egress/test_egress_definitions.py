import json
from typing import Any

import pytest

from egress.egress_world import OTHER, World, agent, reply
from muelle.core import CredentialRef, EndpointRef, HttpCall
from muelle.egress import ApiId, CredentialId, Placement
from muelle.egress.definitions import Definitions, ImportWish, MemoryDefinitions, SqlDefinitions
from muelle.egress.definitions.errors import (
    EndpointNotFound,
    InvalidDefinition,
    InvalidParameters,
)
from muelle.egress.definitions.model import Definition
from muelle.egress.definitions.outline import tokens
from muelle.egress.errors import ApiNotFound, CallRefused, InvalidLimit
from muelle.identity import Refused, Rule
from muelle.stores import Database

PETS = ApiId("pets")
PET = {
    "type": "object",
    "required": ["name"],
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "minLength": 1},
        "age": {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "nullable": True},
        "mother": {"$ref": "#/components/schemas/Pet"},
        "$id": {"type": "string", "description": "a property, not a keyword"},
    },
}
DOCUMENT: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"title": "Pets", "version": "1", "description": "All about pets"},
    "servers": [{"url": "https://{place}.example.com/v1/", "variables": {"place": {"default": "pets"}}}],
    "paths": {
        "/pets": {
            "parameters": [{"$ref": "#/components/parameters/Trace"}],
            "get": {
                "operationId": "listPets",
                "summary": "List pets",
                "tags": ["pets"],
                "parameters": [
                    {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 100}},
                    {"name": "tags", "in": "query", "schema": {"type": "array", "items": {"type": "string"}}},
                    {"name": "session", "in": "cookie", "schema": {"type": "string"}},
                ],
                "responses": {
                    "200": {
                        "content": {
                            "application/json": {
                                "schema": {"type": "array", "items": {"$ref": "#/components/schemas/Pet"}}
                            }
                        }
                    }
                },
            },
            "post": {
                "operationId": "addPet",
                "summary": "Add a pet",
                "requestBody": {
                    "required": True,
                    "content": {
                        "application/xml": {},
                        "application/json": {"schema": {"$ref": "#/components/schemas/Pet"}},
                    },
                },
                "responses": {},
            },
        },
        "/pets/{petId}": {
            "get": {
                "summary": "Show one pet",
                "parameters": [{"name": "petId", "in": "path", "required": True, "schema": {"type": "string"}}],
                "responses": {},
            },
            "delete": {"operationId": "remove pet!", "responses": {}},
        },
        "x-extension": {},
    },
    "components": {
        "schemas": {"Pet": PET},
        "parameters": {"Trace": {"name": "X-Trace", "in": "header", "schema": {"type": "string"}}},
    },
}
COLLECTION: dict[str, Any] = {
    "info": {"name": "Shop", "schema": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
    "variable": [{"key": "base", "value": "https://{{host}}/api"}, {"key": "host", "value": "shop.example.com"}],
    "item": [
        {
            "name": "Orders",
            "item": [
                {
                    "name": "Get order",
                    "request": {
                        "method": "GET",
                        "url": {
                            "raw": "{{base}}/orders/:orderId?full=1",
                            "query": [{"key": "full", "value": "1", "description": "All of it"}],
                        },
                        "description": {"content": "One order"},
                    },
                },
                {
                    "name": "Add order",
                    "request": {
                        "method": "POST",
                        "url": "{{base}}/orders",
                        "body": {"mode": "raw", "raw": '{"count": {{count}}}'},
                    },
                },
                {"name": "Again", "request": {"method": "POST", "url": "{{base}}/orders"}},
            ],
        }
    ],
}


def wish(document: Any = DOCUMENT, **given: Any) -> ImportWish:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    return ImportWish(**{"api": PETS, "content": content, **given})


def definitions_of(world: World) -> Definitions:
    return world.egress.definitions


async def imported(world: World, document: Any = DOCUMENT, **given: Any) -> Any:
    given.setdefault("base_url", world.server.url("/v1"))
    return await definitions_of(world).import_(agent(), wish(document, **given))


async def call(world: World, endpoint: str, body: Any = None, by: Any = None, **parameters: Any) -> Any:
    made = HttpCall(method="GET", url="", body=body, endpoint=EndpointRef("pets", endpoint, parameters))
    return await world.egress.call(by or agent(), made)


async def test_an_openapi_document_becomes_an_api(world: World) -> None:
    done = await definitions_of(world).import_(agent(), wish())

    api = await world.egress.apis.show(agent(), PETS)
    assert (done.endpoints, done.is_new, api.base_url) == (4, True, "https://pets.example.com/v1")
    assert api.description == "All about pets"
    assert [(each.id, each.method, each.path) for each in api.endpoints] == [
        ("listPets", "GET", "/pets"),
        ("addPet", "POST", "/pets"),
        ("get-pets-petId", "GET", "/pets/{petId}"),
        ("remove-pet", "DELETE", "/pets/{petId}"),
    ]
    assert done.notes == ("GET /pets: the parameter 'session' in 'cookie' is left out",)


@pytest.mark.parametrize("version", ["3.0.0", "3.1.1", "3.2.0"])
async def test_each_version_of_openapi_is_read(world: World, version: str) -> None:
    assert (await imported(world, {**DOCUMENT, "openapi": version})).endpoints == 4


async def test_yaml_is_read_as_json_is(world: World) -> None:
    document = b"openapi: 3.1.0\npaths:\n  /a:\n    get:\n      responses:\n        200: {description: 2026-01-01}\n"

    assert (await imported(world, document)).endpoints == 1


async def test_a_postman_collection_becomes_an_api(world: World) -> None:
    done = await definitions_of(world).import_(agent(), wish(COLLECTION))

    api = await world.egress.apis.show(agent(), PETS)
    assert (api.base_url, api.description) == ("https://shop.example.com", "Shop")
    assert [(each.id, each.method, each.path) for each in api.endpoints] == [
        ("Get-order", "GET", "/api/orders/{orderId}"),
        ("Add-order", "POST", "/api/orders"),
    ]
    assert len(done.notes) == 1
    shown = await definitions_of(world).show(agent(), PETS, "Get-order")
    assert [(each["name"], each["in"]) for each in shown["parameters"]] == [("orderId", "path"), ("full", "query")]
    assert (await definitions_of(world).show(agent(), PETS, "Add-order"))["body"]["contentType"] == "application/json"


async def test_a_document_is_fetched_as_every_call_is_made(world: World) -> None:
    world.server.answers("/openapi.json", reply(body=json.dumps({**DOCUMENT, "servers": [{"url": "/v2"}]}).encode()))
    url = world.server.url("/openapi.json")

    done = await definitions_of(world).import_(agent(), wish(content=None, url=url))

    assert done.base_url == world.server.url("/v2")
    with pytest.raises(CallRefused):
        await definitions_of(world).import_(agent(Rule("apis:manage", "*")), wish(content=None, url=url))


async def test_an_import_again_changes_what_the_document_says_and_keeps_what_operators_decided(world: World) -> None:
    await world.credential(apis=("pets",))
    await imported(world, strict=True, credential=Placement(credential=CredentialId("key")))

    again = await imported(world, {**DOCUMENT, "paths": {"/cats": {"get": {"operationId": "cats"}}}})

    api = await world.egress.apis.show(agent(), PETS)
    assert (again.is_new, api.strict, api.credential is not None) == (False, True, True)
    assert [each.id for each in api.endpoints] == ["cats"]
    with pytest.raises(EndpointNotFound):
        await definitions_of(world).show(agent(), PETS, "listPets")


async def test_only_paths_that_are_asked_for_are_imported(world: World) -> None:
    assert (await imported(world, prefixes=("/pets/",))).endpoints == 2
    with pytest.raises(InvalidDefinition):
        await imported(world, prefixes=("/dogs",))


async def test_strangers_import_nothing(world: World) -> None:
    with pytest.raises(Refused):
        await definitions_of(world).import_(agent(Rule("apis:call", "*")), wish())


async def test_an_endpoint_is_called_by_its_name(world: World) -> None:
    await imported(world)

    await call(world, "listPets", limit=5, tags=["a", "b c"], **{"X-Trace": "t"})
    await call(world, "get-pets-petId", petId="a/b")
    await call(world, "POST /pets", {"name": "Rex", "mother": {"name": "Ada"}})

    listed, shown, added = world.server.seen
    assert (listed.path, listed.headers["x-trace"]) == ("/v1/pets?limit=5&tags=a&tags=b%20c", "t")
    assert shown.path == "/v1/pets/a%2Fb"
    assert (added.method, json.loads(added.body)) == ("POST", {"name": "Rex", "mother": {"name": "Ada"}})


@pytest.mark.parametrize(
    ("endpoint", "parameters", "body", "field"),
    [
        ("listPets", {"limit": 101}, None, "parameters/limit"),
        ("listPets", {"limit": "many"}, None, "parameters/limit"),
        ("listPets", {"tags": [1]}, None, "parameters/tags/0"),
        ("listPets", {"colour": "red"}, None, "parameters/colour"),
        ("listPets", {}, {"name": "Rex"}, "body"),
        ("get-pets-petId", {}, None, "parameters/petId"),
        ("get-pets-petId", {"petId": ".."}, None, "parameters/petId"),
        ("get-pets-petId", {"petId": ""}, None, "parameters/petId"),
        ("get-pets-petId", {"petId": "a\nb"}, None, "parameters/petId"),
        ("remove-pet", {"petId": ["a"]}, None, "parameters/petId"),
        ("addPet", {}, None, "body"),
        ("addPet", {}, {"age": 1}, "body"),
        ("addPet", {}, {"name": "Rex", "age": 0}, "body/age"),
        ("addPet", {}, {"name": "Rex", "mother": {"name": ""}}, "body/mother/name"),
        ("addPet", {}, {"name": "Rex", "owner": "me"}, "body"),
    ],
)
async def test_what_an_endpoint_does_not_take_never_leaves(
    world: World, endpoint: str, parameters: dict[str, Any], body: Any, field: str
) -> None:
    await imported(world)

    with pytest.raises(InvalidParameters) as error:
        await call(world, endpoint, body, **parameters)

    assert error.value.facts["field"] == field
    assert world.server.seen == []


async def test_null_and_bounds_of_3_0_mean_what_they_meant(world: World) -> None:
    await imported(world)

    await call(world, "addPet", {"name": "Rex", "age": None})
    await call(world, "addPet", {"name": "Rex", "age": 1, "$id": "7"})

    assert len(world.server.seen) == 2


async def test_a_credential_stands_where_a_text_would(world: World) -> None:
    await world.credential()
    await imported(world)

    await call(world, "addPet", {"name": CredentialRef("key")}, **{"X-Trace": CredentialRef("key")})

    assert json.loads(world.server.seen[0].body) == {"name": "s3cret-token-value"}
    assert world.server.seen[0].headers["x-trace"] == "s3cret-token-value"


async def test_an_endpoint_needs_the_grant_that_its_url_needs(world: World) -> None:
    await imported(world)
    reader = agent(Rule("apis:call", "pets GET /pets"), Rule("apis:call", "pets GET /pets/*"))

    await call(world, "listPets", by=reader)
    with pytest.raises(EndpointNotFound):
        await call(world, "addPet", {"name": "Rex"}, by=reader)
    with pytest.raises(ApiNotFound):
        await call(world, "listPets", by=agent(Rule("hosts:call", "*")))
    with pytest.raises(ApiNotFound):
        await call(world, "listPets", by=agent(tenant=OTHER))
    found, _ = await definitions_of(world).search(reader)
    assert [each["endpoint"] for each in found] == ["listPets", "get-pets-petId"]


async def test_an_endpoint_that_was_described_by_hand_takes_any_query_and_body(world: World) -> None:
    from muelle.egress import Endpoint  # noqa: PLC0415 - this test alone

    await world.api("pets", endpoints=(Endpoint(method="POST", path="/pets/{id}"),))

    await call(world, "POST /pets/{id}", [1, 2], id=7, fast=True)

    assert (world.server.seen[0].path, world.server.seen[0].body) == ("/pets/7?fast=true", b"[1,2]")


@pytest.mark.parametrize(
    ("query", "first"),
    [("list", "listPets"), ("add a pet", "addPet"), ("show one", "get-pets-petId"), ("remov", "remove-pet")],
)
async def test_endpoints_are_found_by_words(world: World, query: str, first: str) -> None:
    await imported(world)

    found, left = await definitions_of(world).search(agent(), query)

    assert (found[0]["endpoint"], left) == (first, 0)
    assert await definitions_of(world).search(agent(), "zebra") == ([], 0)


@pytest.mark.parametrize("budget", [20, 60, 120, 200, 400, 3000])
async def test_what_is_told_fits_the_budget(world: World, budget: int) -> None:
    await imported(world)

    found, left = await definitions_of(world).search(agent(), budget=budget)

    assert tokens(found) <= budget
    assert len(found) + left == 4
    assert bool(left) is (budget < 120)


async def test_a_larger_budget_tells_more(world: World) -> None:
    await imported(world)

    sizes = [tokens((await definitions_of(world).search(agent(), budget=size))[0]) for size in (150, 220, 330, 3000)]

    assert sizes == sorted(set(sizes))


@pytest.mark.parametrize(("limit", "budget"), [(0, 100), (101, 100), (20, 0), (20, 100_001)])
async def test_a_search_has_limits(world: World, limit: int, budget: int) -> None:
    with pytest.raises(InvalidLimit):
        await definitions_of(world).search(agent(), limit=limit, budget=budget)


async def test_definitions_are_kept_by_tenant_and_replaced_as_one(memory_or_database: Database | None) -> None:
    store = SqlDefinitions(memory_or_database) if memory_or_database else MemoryDefinitions()
    one, two = (Definition(id=name, method="GET", path=f"/{name}") for name in ("one", "two"))
    tenant = agent().tenant
    await store.replace(tenant, PETS, [one, two])
    await store.replace(OTHER, PETS, [one])

    await store.replace(tenant, PETS, [two])

    assert await store.find(tenant, PETS, "one") is None
    assert await store.find(tenant, PETS, "two") == two
    assert await store.find(OTHER, PETS, "one") == one
