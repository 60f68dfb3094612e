"""Documents of Apis that are large, deep, circular or mean harm."""

import json
import time
from typing import Any

import pytest

from egress.egress_world import World, agent
from muelle.core import EndpointRef, HttpCall
from muelle.egress import ApiId
from muelle.egress.definitions import ImportWish
from muelle.egress.definitions.errors import DefinitionTooLarge, InvalidDefinition, InvalidParameters
from muelle.egress.definitions.service import read_described


async def imported(world: World, document: Any) -> None:
    content = json.dumps(document).encode()
    wish = ImportWish(api=ApiId("pets"), content=content, base_url=world.server.url("/v1"))
    await world.egress.definitions.import_(agent(), wish)


async def call(world: World, endpoint: str, body: Any) -> None:
    made = HttpCall(method="GET", url="", body=body, endpoint=EndpointRef("pets", endpoint, {}))
    await world.egress.call(agent(), made)


def nested(depth: int) -> dict[str, Any]:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(depth):
        schema = {"type": "object", "properties": {"a": schema}}
    return schema


def with_body(schema: Any, **components: Any) -> dict[str, Any]:
    body = {"content": {"application/json": {"schema": schema}}}
    paths = {"/a": {"post": {"operationId": "a", "requestBody": body}}}
    return {"openapi": "3.1.0", "paths": paths, "components": {"schemas": components}}


@pytest.mark.parametrize(
    "document",
    [
        with_body({"$ref": "https://evil.example/schema.json"}),
        with_body({"$ref": "file:///etc/passwd"}),
        with_body({"$ref": "other.yaml#/Pet"}),
        with_body({"$ref": "#/components/schemas/Nothing"}),
        with_body({"$ref": {"a": 1}}),
        {"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/paths/~1a"}}},
        {"openapi": "3.1.0", "paths": {"/a": {"$ref": "http://evil.example"}}},
        {"openapi": "3.1.0"},
        {"openapi": "3.1.0", "paths": {}},
        {"openapi": "4.0.0", "paths": {"/a": {"get": {}}}},
        {"swagger": "2.0", "paths": {"/a": {"get": {}}}},
        {"hello": "world"},
        b"[1, 2]",
        b"{not json",
        b"a: [b",
        b"a: !!python/object/apply:os.system ['true']",
        b"? {a: 1}\n: b",
        b"\xff\xfe\x00",
    ],
    ids=lambda document: str(document)[:60],
)
def test_a_document_that_means_harm_or_nothing_is_refused(document: Any) -> None:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()

    with pytest.raises(InvalidDefinition):
        read_described(content, "", ())


@pytest.mark.parametrize(
    "content",
    [
        b" " * ((10 << 20) + 1),
        b"a: b\n" + b"#" * (2 << 20),
        json.dumps(nested(60)).encode(),
        json.dumps({"a": [0] * 2_100_000}).encode(),
        b"a: &a [x,x,x,x,x,x,x,x,x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (98 + n, 98 + n, b",".join([b"*%c" % (97 + n)] * 9)) for n in range(9)),
        b"a: &a [*a]",
    ],
    ids=["bytes", "yaml", "nesting", "nodes", "laughs", "circle"],
)
def test_a_document_past_its_limits_is_refused_in_good_time(content: bytes) -> None:
    began = time.monotonic()

    with pytest.raises((DefinitionTooLarge, InvalidDefinition)):
        read_described(content, "", ())

    assert time.monotonic() - began < 10


@pytest.mark.parametrize(("count", "fits"), [(1000, True), (1001, False)])
def test_an_api_has_so_many_endpoints(count: int, *, fits: bool) -> None:
    content = json.dumps({"openapi": "3.1.0", "paths": {f"/{n}": {"get": {}} for n in range(count)}}).encode()

    if fits:
        assert len(read_described(content, "", ()).definitions) == count
    else:
        with pytest.raises(DefinitionTooLarge):
            read_described(content, "", ())


def body_of(schema: Any, **components: Any) -> dict[str, Any]:
    (definition,) = read_described(json.dumps(with_body(schema, **components)).encode(), "", ()).definitions
    assert definition.body is not None
    return definition.body.schema


@pytest.mark.parametrize(
    ("schema", "components"),
    [
        ({"$ref": "#/components/schemas/A"}, {"A": {"allOf": [{"$ref": "#/components/schemas/A"}]}}),
        ({"$ref": "#/components/schemas/A"}, {"A": {"properties": {"next": {"$ref": "#/components/schemas/A"}}}}),
        ({"$ref": "#"}, {}),
        (nested(40), {}),
    ],
)
def test_schemas_that_go_round_are_taken_whole(schema: Any, components: Any) -> None:
    assert body_of(schema, **components)


def test_a_schema_keeps_nothing_that_gives_it_another_base() -> None:
    hostile = {
        "$id": "http://evil.example",
        "$dynamicRef": "#x",
        "$schema": "x",
        "properties": {"$id": {"type": "null"}},
    }

    assert body_of(hostile) == {"properties": {"$id": {"type": "null"}}}


@pytest.mark.parametrize(
    ("schema", "components"),
    [
        (
            {"$ref": "#/components/schemas/A0"},
            {f"A{n}": {"anyOf": [{"$ref": f"#/components/schemas/A{n + 1}"}] * 2} for n in range(40)} | {"A40": {}},
        ),
        ({"type": "string", "pattern": "(?=x)("}, {}),
        ({"type": "nonsense"}, {}),
        ({"enum": ["x" * 300_000]}, {}),
    ],
    ids=["doubling", "pattern", "type", "size"],
)
def test_a_schema_that_cannot_be_used_is_left_out_and_that_is_said(schema: Any, components: Any) -> None:
    described = read_described(json.dumps(with_body(schema, **components)).encode(), "", ())

    (definition,) = described.definitions
    assert definition.body is not None
    assert (definition.body.schema, len(described.notes)) == ({}, 1)


async def test_a_schema_that_multiplies_bounds_how_deep_a_value_is(world: World) -> None:
    reference = {"properties": {"a": {"$ref": "#/components/schemas/A"}}}
    await imported(world, with_body({"$ref": "#/components/schemas/A"}, A={"anyOf": [reference, reference]}))
    deep: Any = 1
    for _ in range(19):
        deep = {"a": deep}
    await call(world, "a", deep)

    with pytest.raises(InvalidParameters) as error:
        await call(world, "a", {"a": deep})

    assert error.value.facts["field"] == "body"


def test_ten_megabytes_are_read_in_good_time() -> None:
    schemas = {
        f"S{n}": {
            "type": "object",
            "properties": {f"p{m}": {"type": "string", "description": "d" * 90} for m in range(20)},
        }
        for n in range(3500)
    }
    content = json.dumps(with_body({"$ref": "#/components/schemas/S1"}, **schemas)).encode()
    assert 8 << 20 < len(content) < 10 << 20
    began = time.monotonic()

    assert len(read_described(content, "", ()).definitions) == 1
    assert time.monotonic() - began < 5
