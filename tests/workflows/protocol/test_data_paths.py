"""Section 2.1: one JSON tree, paths in both syntaxes, missing is not null, and nothing is written through a scalar."""

from typing import Any

import pytest

from muelle.packs import MISSING
from muelle.workflows.paths import LONGEST_PATH, InvalidPath, format_path, look, overlap, parse_path
from workflows.protocol.protocol_world import Dock, begin, flat, give


@pytest.mark.parametrize(
    ("text", "segments"),
    [
        ("/workflow/users/0/name", ("workflow", "users", "0", "name")),
        ("workflow/users/0/name", ("workflow", "users", "0", "name")),
        ("/workflow/users[0]/name", ("workflow", "users", "0", "name")),
        ("/workflow/users[0].name", ("workflow", "users", "0", "name")),
        ("/workflow/m[1][2]", ("workflow", "m", "1", "2")),
        ("/workflow/m[1].a[2].b", ("workflow", "m", "1", "a", "2", "b")),
        ("/workflow/[3]", ("workflow", "3")),
        ("/workflow/a.b", ("workflow", "a.b")),
        ("/workflow/a~1b", ("workflow", "a/b")),
        ("/workflow/a~0b", ("workflow", "a~b")),
        ("/workflow/~01", ("workflow", "~1")),
        ("/workflow/~00", ("workflow", "~0")),
        ("/workflow/a~2b]", ("workflow", "a[b]")),
        ("/workflow/~02", ("workflow", "~2")),
        ("/workflow/a]", ("workflow", "a]")),
        ("/workflow/ñ/日本", ("workflow", "ñ", "日本")),
        ("/workflow/a b", ("workflow", "a b")),
        ("/workflow", ("workflow",)),
        ("/workflow/007", ("workflow", "007")),
    ],
)
def test_a_path_is_its_segments_in_either_syntax(text: str, segments: tuple[str, ...]) -> None:
    assert parse_path(text) == segments


@pytest.mark.parametrize(
    "text",
    ["", "/", "//", "/a/", "/a//b", "//a", "/a[", "/a[]", "/a[x]", "/a[-1]", "/a[0", "/a[0]b", "/a[0].", "/a[²]"],
)  # fmt: skip
def test_a_text_that_is_no_path_is_refused_with_the_text(text: str) -> None:
    with pytest.raises(InvalidPath) as caught:
        parse_path(text)
    assert caught.value.facts["path"] == text
    assert caught.value.suggestions


def test_a_path_may_be_as_long_as_the_limit_and_no_longer() -> None:
    assert len(parse_path("/" + "x" * (LONGEST_PATH - 1))) == 1
    with pytest.raises(InvalidPath) as caught:
        parse_path("/" + "x" * LONGEST_PATH)
    assert caught.value.facts["longest"] == LONGEST_PATH
    assert len(caught.value.facts["path"]) == 200


def test_a_path_round_trips_through_its_text() -> None:
    path = ("workflow", "a/b", "~", "~1", "[0]", "c.d", " ")
    assert parse_path(format_path(path)) == path


TREE = {"list": [{"a": None}, [1, 2]], "map": {"0": "zero", "a/b": 1, "": 2}, "text": "abc", "nothing": None}


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/list/0", {"a": None}),
        ("/list[1][0]", 1),
        ("/map/0", "zero"),
        ("/map[0]", "zero"),
        ("/map/a~1b", 1),
        ("/nothing", None),
        ("/list/0/a", None),
        ("/list/00", {"a": None}),
    ],
)
def test_a_number_indexes_a_list_and_is_a_key_of_an_object(path: str, expected: Any) -> None:
    assert look(TREE, parse_path(path)) == expected


@pytest.mark.parametrize(
    "path",
    ["/gone", "/list/2", "/list/-1", "/list/a", "/list/1.0", "/list/9999999999999", "/text/0", "/nothing/x", "/list/²"],
)  # fmt: skip
def test_what_is_absent_is_missing_and_not_null(path: str) -> None:
    assert look(TREE, parse_path(path)) is MISSING


def test_paths_overlap_if_one_leads_to_the_other() -> None:
    assert overlap(("a",), ("a", "b"))
    assert overlap(("a", "b"), ("a",))
    assert overlap((), ("a",))
    assert not overlap(("a", "b"), ("a", "c"))
    assert not overlap(("ab",), ("a",))


async def test_a_null_is_read_as_a_value(dock: Dock) -> None:
    assert await dock.result(give({"path": "/input/x"}), {"x": None}) is None
    assert await dock.result(give({"path": "/input/x", "default": 1}), {"x": None}) is None


async def test_an_operation_takes_a_null_for_a_value_where_it_can(dock: Dock) -> None:
    store = {"StoreData": {"inputPath": "/input/x", "storage": "sessionStorage", "key": "k"}}
    assert (await dock.answer(flat("op", store), inputs={"x": None}))["status"] == "success"
    gone = await dock.error(store)
    assert (gone["code"], gone["path"]) == ("missing_data", "/input/x")


async def test_writing_makes_objects_on_the_way(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give(1, "/workflow/x/0/y")), flat("b", give("/workflow/x", "/workflow/out")))
    assert answer["results"]["b"] == {"0": {"y": 1}}


@pytest.mark.parametrize(("index", "expected"), [("0", ["new", 2]), ("1", [1, "new"]), ("2", [1, 2, "new"])])
async def test_writing_replaces_an_item_of_a_list_or_appends_one(dock: Dock, index: str, expected: list[Any]) -> None:
    answer = await dock.answer(
        flat("a", give([1, 2], "/workflow/x")),
        flat("b", give("new", f"/workflow/x[{index}]")),
        flat("c", give("/workflow/x", "/workflow/y")),
    )
    assert answer["results"]["c"] == expected
    assert answer["results"]["a"] == [1, 2]


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ("text", "/workflow/x/y"),
        (5, "/workflow/x/y/z"),
        (None, "/workflow/x/y"),
        (False, "/workflow/x/0"),
        ([1], "/workflow/x/2"),
        ([1], "/workflow/x/name"),
        ([1], "/workflow/x/0/y"),
    ],
)
async def test_writing_through_a_scalar_is_an_error_that_names_the_path(dock: Dock, value: Any, path: str) -> None:
    answer = await dock.answer(
        flat("a", give(value, "/workflow/x")), flat("b", give(1, path)), flat("c", give("/workflow/x", "/workflow/z"))
    )
    error = answer["operations"]["b"]["error"]
    assert (error["code"], error["path"], error["operation_id"]) == ("path_blocked", path, "b")
    assert error["suggestions"]
    assert answer["status"] == "partial_success"


@pytest.mark.parametrize("path", ["/loop/item", "/loop/x", "loop/index"])
async def test_the_loop_can_only_be_read(dock: Dock, path: str) -> None:
    assert (await dock.error(give(1, path)))["code"] == "path_blocked"


async def test_the_loop_is_missing_outside_of_loops(dock: Dock) -> None:
    error = await dock.error(give({"path": "/loop/item"}))
    assert (error["code"], error["path"]) == ("missing_data", "/loop/item")


async def test_a_written_value_does_not_change_with_what_is_written_over_it(dock: Dock) -> None:
    answer = await dock.answer(
        flat("a", give({"n": 1}, "/workflow/x")),
        flat("b", give("/workflow/x", "/workflow/copy")),
        flat("c", give(2, "/workflow/x/n")),
        flat("d", give("/workflow/copy", "/workflow/out")),
        begin("a", "b", "c", "d", execution="sequential"),
    )
    assert answer["results"]["d"] == {"n": 1}
    assert answer["results"]["a"] == {"n": 1}


async def test_the_whole_tree_can_be_read_and_written_into_itself(dock: Dock) -> None:
    answer = await dock.answer(
        flat("a", give(1, "/workflow/x")),
        flat("b", give({"path": "/workflow"}, "/workflow/all")),
        flat("c", give({"path": "/workflow"}, "/workflow/again")),
    )
    assert answer["results"]["c"] == {"x": 1, "all": {"x": 1}}


@pytest.mark.parametrize("path", ["/results/x", "x", "/a/b"])
async def test_a_path_may_lead_anywhere_in_the_tree_as_a2es_code_has_it(dock: Dock, path: str) -> None:
    read = {"StoreData": {"inputPath": path, "storage": "sessionStorage", "key": "k", "format": "json"}}
    answer = await dock.answer(flat("a", give(1, path)), flat("b", read))
    assert answer["status"] == "success"


async def test_a_whole_root_can_be_replaced_only_by_what_can_be_read_again(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give({"x": 1}, "/workflow")), flat("b", give("/workflow/x", "/workflow/y")))
    assert answer["results"]["b"] == 1


async def test_a_scalar_root_blocks_what_is_written_below(dock: Dock) -> None:
    answer = await dock.answer(flat("a", give(5, "/workflow")), flat("b", give(1, "/workflow/y")))
    assert answer["operations"]["b"]["error"]["code"] == "path_blocked"
