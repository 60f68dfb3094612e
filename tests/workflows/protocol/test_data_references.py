"""Section 2.2: references anywhere in a config, at any depth; everything else that begins with '/' is a literal."""

from typing import Any

import pytest

from muelle.workflows.operations.pack import BUILT_IN
from muelle.workflows.references import LONGEST_TEXT
from workflows.protocol.protocol_world import Dock, Echo, api, begin, flat, give, planned

INPUTS = {
    "list": [1, "two", None],
    "map": {"b": 1, "a": [2]},
    "text": "h\u00e9llo",
    "empty": "",
    "none": [],
    "number": 3.5,
    "digits": " 42 ",
    "null": None,
    "yes": True,
}


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"path": "/input/list"}, [1, "two", None]),
        ({"path": "input/list"}, [1, "two", None]),
        ({"path": "/input/list[1]"}, "two"),
        ({"path": "/input/list/2"}, None),
        ({"path": "/input"}, INPUTS),
        ("/input/map/a[0]", 2),
        ("/input/null", None),
        ([[{"deep": ["/input/yes", {"x": {"path": "/input/number"}}]}]], [[{"deep": [True, {"x": 3.5}]}]]),
        ("is {/input/text} and {input/number}", "is héllo and 3.5"),
        ("{/input/list}", '[1,"two",null]'),
        ("{/input/map}{/input/null}{/input/yes}", '{"b":1,"a":[2]}nulltrue'),
        ({"k{/input/text}": 1}, {"k{/input/text}": 1}),
    ],
)  # fmt: skip
async def test_references_are_resolved_at_any_depth(dock: Dock, value: Any, expected: Any) -> None:
    assert await dock.result(give(value), INPUTS) == expected


@pytest.mark.parametrize(
    "literal",
    [
        "/other",
        "/",
        "/other/workflow/x",
        "/workflow",
        "/workflows/x",
        "/configuration/x",
        "/inputs/x",
        "/loops",
        "workflow/x",
        "x/workflow/y",
        " /workflow/x",
        "{x}",
        "{}",
        "{name} {a.b} {list[0]}",
        "{/other/x}",
        "{/workflow}",
        "{ /workflow/x }",
        "{/workflow/x",
        "{/workflow/a b}",
        {"path": "/other/x"},
        {"path": "/other/x", "default": 1},
        {"path": 5},
        {"path": None},
        {"path": "/workflow/x".replace("workflow", "work"), "transform": "length"},
        {"default": 1, "transform": "length"},
        {"paths": ["a"]},
    ],
)
async def test_what_is_no_reference_stays_as_it_is(dock: Dock, literal: Any) -> None:
    assert await dock.result(give({"as it is": literal})) == {"as it is": literal}


async def test_an_object_with_more_than_a_references_members_is_an_object(dock: Dock) -> None:
    value = {"path": "/input/number", "method": "GET"}
    assert await dock.result(give([value]), INPUTS) == [{"path": 3.5, "method": "GET"}]


@pytest.mark.parametrize(
    ("path", "transform", "expected"),
    [
        ("list", "length", 3),
        ("text", "length", 5),
        ("map", "length", 2),
        ("none", "length", 0),
        ("map", "keys", ["b", "a"]),
        ("map", "values", [1, [2]]),
        ("list", "first", 1),
        ("list", "last", None),
        ("text", "first", "h"),
        ("text", "last", "o"),
        ("map", "json", '{"b":1,"a":[2]}'),
        ("text", "json", '"héllo"'),
        ("null", "json", "null"),
        ("text", "string", "héllo"),
        ("number", "string", "3.5"),
        ("yes", "string", "true"),
        ("null", "string", "null"),
        ("map", "string", '{"b":1,"a":[2]}'),
        ("digits", "number", 42),
        ("number", "number", 3.5),
    ],
)
async def test_each_transform_does_what_its_name_says(dock: Dock, path: str, transform: str, expected: Any) -> None:
    assert await dock.result(give({"path": f"/input/{path}", "transform": transform}), INPUTS) == expected


@pytest.mark.parametrize(
    ("path", "transform"),
    [
        ("number", "length"),
        ("null", "length"),
        ("yes", "length"),
        ("list", "keys"),
        ("text", "values"),
        ("map", "first"),
        ("number", "last"),
        ("text", "number"),
        ("empty", "number"),
        ("yes", "number"),
        ("null", "number"),
        ("list", "number"),
    ],
)
async def test_a_transform_of_an_unfit_value_fails_the_operation(dock: Dock, path: str, transform: str) -> None:
    error = await dock.error(give({"path": f"/input/{path}", "transform": transform, "default": 1}), INPUTS)
    assert (error["code"], error["context"]["transform"]) == ("transform_failed", transform)


@pytest.mark.parametrize("path", ["none", "empty"])
@pytest.mark.parametrize("transform", ["first", "last"])
async def test_an_end_of_nothing_is_missing(dock: Dock, path: str, transform: str) -> None:
    reference = {"path": f"/input/{path}", "transform": transform}
    assert (await dock.error(give(reference), INPUTS))["code"] == "missing_data"
    assert await dock.result(give({**reference, "default": "none"}), INPUTS) == "none"


@pytest.mark.parametrize("default", [None, 0, False, "", [], {}, "/input/text", {"path": "/input/text"}])
async def test_a_default_stands_for_missing_data_as_it_is_written(dock: Dock, default: Any) -> None:
    assert await dock.result(give({"path": "/input/gone", "default": default}), INPUTS) == default


async def test_a_default_is_not_transformed(dock: Dock) -> None:
    reference = {"path": "/input/gone", "transform": "length", "default": "abc"}
    assert await dock.result(give(reference)) == "abc"


@pytest.mark.parametrize("value", [{"path": "/workflow/x/y"}, "/workflow/x/y", "{/workflow/x/y}!", ["{workflow/x/y}"]])
async def test_missing_data_names_the_path_and_who_would_have_written_it(dock: Dock, value: Any) -> None:
    answer = await dock.answer(
        flat("reader", give(value, "/workflow/o")),
        flat("writer", give(1, "/workflow/x")),
        flat("other", give(1, "/workflow/z")),
        begin("reader", "writer", "other", execution="sequential"),
    )
    error = answer["operations"]["reader"]["error"]
    assert (error["code"], error["path"], error["category"]) == ("missing_data", "/workflow/x/y", "data_error")
    assert error["context"] == {"written_by": ["writer"]}
    assert error["message"] == "No data found at path: /workflow/x/y"
    assert error["suggestions"]


@pytest.mark.parametrize(("length", "status"), [(LONGEST_TEXT // 4, "success"), (LONGEST_TEXT // 4 + 1, "error")])
async def test_a_text_may_become_as_long_as_the_limit_and_no_longer(dock: Dock, length: int, status: str) -> None:
    answer = await dock.answer(flat("op", give("{/input/x}" * 4)), inputs={"x": "y" * length})
    assert answer["status"] == status
    assert status == "success" or answer["error"]["code"] == "text_too_long"


async def test_references_keep_types_and_interpolation_makes_text(dock: Dock) -> None:
    assert await dock.result(give(["/input/number", "{/input/number}"]), INPUTS) == [3.5, "3.5"]


async def test_what_a_reference_gives_is_not_looked_into_again(dock: Dock) -> None:
    inputs = {"a": "/input/b", "b": "secret", "c": {"path": "/input/b"}, "d": "{/input/b}"}
    value = ["/input/a", {"path": "/input/c"}, "<{/input/d}>"]
    assert await dock.result(give(value), inputs) == ["/input/b", {"path": "/input/b"}, "<{/input/b}>"]


async def test_a_typed_field_takes_a_reference_too(dock: Dock) -> None:
    wait = {"Wait": {"duration": {"path": "/input/ms"}}}
    assert (await dock.answer(flat("op", wait), inputs={"ms": 0}))["status"] == "success"
    error = await dock.error(wait, {"ms": "soon"})
    assert (error["code"], error["category"]) == ("unsuitable_config", "data_error")


async def test_the_parts_of_a_url_are_encoded_by_position(dock: Dock, echo: Echo) -> None:
    url = "{/input/base}/users/{/input/id}?q={/input/q}&r={input/r}"
    inputs = {"base": echo.url, "id": "a/b ?#é%", "q": "x&y=1+2", "r": ["z"]}
    await dock.result(api(url), inputs)
    assert echo.paths == ["/users/a%2Fb%20%3F%23%C3%A9%25?q=x%26y%3D1%2B2&r=%5B%22z%22%5D"]


@pytest.mark.parametrize("dots", ["..", ".", "...."])
async def test_dots_alone_are_refused_in_the_path_of_a_url(dock: Dock, echo: Echo, dots: str) -> None:
    error = await dock.error(api(f"{echo.url}/users/{{/input/id}}/show"), {"id": dots})
    assert (error["code"], error["path"], echo.paths) == ("dots_in_url", "/input/id", [])


async def test_dots_are_no_danger_elsewhere(dock: Dock, echo: Echo) -> None:
    await dock.result(api(f"{echo.url}/v{{/input/v}}/a?up={{/input/up}}"), {"v": "1.0", "up": ".."})
    assert echo.paths == ["/v1.0/a?up=.."]


@pytest.mark.parametrize("evil", ["..", "../admin", "a/../../admin", "%2e%2e", "/admin", "\\admin", "a\r\nHost: b"])
async def test_no_value_in_a_path_of_a_url_leads_out_of_its_segment(dock: Dock, echo: Echo, evil: str) -> None:
    answer = await dock.answer(flat("op", api(f"{echo.url}/users/{{/input/id}}/show")), inputs={"id": evil})
    assert answer["status"] == "error" or [path.count("/") for path in echo.paths] == [3]
    assert all(path.startswith("/users/") for path in echo.paths)


@pytest.mark.parametrize("evil", ["a@evil.example", "evil.example/", "evil.example#", "evil.example?x", "u:p@evil.a"])
async def test_no_value_in_the_host_of_a_url_ends_the_host(dock: Dock, echo: Echo, evil: str) -> None:
    host = echo.url.removeprefix("http://")
    answer = await dock.answer(flat("op", api(f"http://{{/input/x}}.{host}/")), inputs={"x": evil})
    assert answer["status"] == "error"
    assert echo.paths == []


async def test_a_host_and_a_port_may_come_from_data(dock: Dock, echo: Echo) -> None:
    host, port = echo.url.removeprefix("http://").split(":")
    await dock.result(api("http://{/input/host}:{/input/port}/x"), {"host": host, "port": int(port)})
    assert echo.paths == ["/x"]


async def test_headers_query_and_body_take_references_at_any_depth(dock: Dock, echo: Echo) -> None:
    body = {"a": [{"b": "/input/text"}, "{/input/number}!", "/other"]}
    call = api(
        f"{echo.url}/x",
        method="POST",
        headers={"X-T": {"path": "/input/digits"}, "X-L": "/literal"},
        query={"n": "/input/number"},
        body=body,
    )
    await dock.result(call, INPUTS)
    assert echo.paths == ["/x?n=3.5"]
    assert (echo.headers[0]["X-T"].strip(), echo.headers[0]["X-L"]) == ("42", "/literal")
    assert echo.bodies == ['{"a":[{"b":"héllo"},"3.5!","/other"]}'.encode()]


def test_the_planner_knows_what_references_read_and_which_can_do_without() -> None:
    value = ["/workflow/a", {"path": "/workflow/b", "default": 1}, "x{/workflow/c}y{workflow/d}"]
    node = planned(flat("op", give(value))).nodes["op"]
    assert set(node.needs) == {("workflow", "a"), ("workflow", "c"), ("workflow", "d")}
    assert set(node.soft) == {("workflow", "b")}


@pytest.mark.parametrize("kind", BUILT_IN.operations, ids=lambda kind: kind.name)
def test_the_example_of_every_operation_can_be_planned(kind: Any) -> None:
    others = [flat(name, give(1)) for name in ("send", "skip", "notify", "fetch-a", "clean-a", "fetch-b")]
    plan = planned(flat("op", {kind.name: dict(kind.example)}), *others)
    assert plan.nodes["op"].type is kind
