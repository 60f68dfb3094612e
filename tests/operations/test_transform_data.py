"""TransformData: each transform, its shapes of config, and what is stable about it."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from muelle.core import MuelleError
from muelle.packs import Json, Limits
from muelle.workflows.operations.grouping import group_key, group_rows
from muelle.workflows.operations.ordering import sort_rows
from muelle.workflows.operations.records import find_field
from operations.operations_world import FakeStep, faults, perform, run

USERS = [
    {"name": "Ana", "city": "Porto", "points": 3, "address": {"zip": "1"}},
    {"name": "Bo", "city": "Vigo", "points": 1, "address": {"zip": "2"}},
    {"name": "Cy", "city": "Porto", "points": 2},
]


def transform(name: str, value: Json, limits: Limits | None = None, **config: Json) -> Json:
    """Transform a value."""
    return perform("TransformData", value, limits, transform=name, config=config)


def names(rows: Json) -> list[str]:
    """Return the names of users."""
    return [row["name"] for row in rows]


def test_map_renames_fields_and_gives_null_for_what_is_missing() -> None:
    mapped = transform("map", USERS, fields={"name": "who", "address.zip": "zip"})
    assert mapped == [{"who": "Ana", "zip": "1"}, {"who": "Bo", "zip": "2"}, {"who": "Cy", "zip": None}]
    assert transform("map", USERS, fields={"name": "n", "city": "c"})[1] == {"n": "Bo", "c": "Vigo"}
    assert transform("map", USERS, field="address.zip") == ["1", "2", None]


def test_select_keeps_fields_or_takes_out_a_part() -> None:
    assert transform("select", USERS, fields=["name", "address"])[2] == {"name": "Cy"}
    assert transform("select", {"data": {"users": USERS}}, field="data.users") == USERS
    assert transform("select", USERS, field="name") == ["Ana", "Bo", "Cy"]
    assert transform("select", USERS, field="0.name") == "Ana"
    assert transform("select", USERS[0], fields=["city"]) == {"city": "Porto"}


def test_select_of_a_part_that_is_not_there_fails() -> None:
    with pytest.raises(MuelleError) as failure:
        transform("select", {"a": 1}, field="b.c")
    assert (failure.value.code, failure.value.facts["field"]) == ("wrong_input", "b.c")


def test_sort_is_by_one_field_or_many_up_or_down() -> None:
    assert names(transform("sort", USERS, field="points")) == ["Bo", "Cy", "Ana"]
    assert names(transform("sort", USERS, field="points", order="desc")) == ["Ana", "Cy", "Bo"]
    assert names(transform("sort", USERS, fields=["city", {"field": "points", "order": "desc"}])) == ["Ana", "Cy", "Bo"]
    assert names(transform("sort", USERS, fields=["city", "name"], order="desc")) == ["Bo", "Cy", "Ana"]
    assert names(transform("sort", USERS, field="address.zip", order="desc")) == ["Bo", "Ana", "Cy"]
    assert transform("sort", [3, 1, 2]) == [1, 2, 3]
    assert transform("sort", []) == []


def test_values_of_all_kinds_have_an_order_with_null_and_missing_last() -> None:
    mixed = [{}, {"v": None}, {"v": {"a": 1}}, {"v": [2]}, {"v": "b"}, {"v": 2}, {"v": True}, {"v": 1.5}, {"v": [1]}]
    ordered = [{"v": True}, {"v": 1.5}, {"v": 2}, {"v": "b"}, {"v": [1]}, {"v": [2]}, {"v": {"a": 1}}, {"v": None}, {}]
    assert transform("sort", mixed, field="v") == ordered
    assert transform("sort", mixed, field="v", order="desc") == [*ordered[-3::-1], {"v": None}, {}]


@pytest.mark.parametrize("name", ["group", "groupBy"])
def test_group_gives_an_object_of_lists(name: str) -> None:
    assert transform(name, USERS, field="city") == {"Porto": [USERS[0], USERS[2]], "Vigo": [USERS[1]]}


def test_keys_of_groups_are_texts_and_true_is_not_one() -> None:
    rows: list[Json] = [{"k": value} for value in (1, True, "1", 1.0, None, [1], 0, False, 2.5)] + [{}]
    groups = transform("group", rows, field="k")
    assert {key: len(group) for key, group in groups.items()} == {
        "1": 3, "true": 1, "null": 2, "[1]": 1, "0": 1, "false": 1, "2.5": 1
    }  # fmt: skip


@pytest.mark.parametrize(
    ("operation", "expected"), [("count", 3), ("sum", 6), ("avg", 2.0), ("min", 1), ("max", 3), ("average", 2.0)]
)
def test_aggregate_gives_a_result(operation: str, expected: Json) -> None:
    assert transform("aggregate", USERS, field="points", operation=operation) == {"result": expected}


def test_aggregate_by_group_gives_a_result_for_each() -> None:
    by_city = transform("aggregate", USERS, field="points", operation="sum", groupBy="city")
    assert by_city == {"result": {"Porto": 5, "Vigo": 1}}
    assert transform("aggregate", USERS, operation="count", groupBy="city") == {"result": {"Porto": 2, "Vigo": 1}}


def test_only_numbers_are_summed_and_nothing_has_no_average() -> None:
    rows: list[Json] = [{"v": 1}, {"v": True}, {"v": "5"}, {"v": None}, {}]
    assert transform("aggregate", rows, field="v", operation="sum") == {"result": 1}
    assert transform("aggregate", rows, field="v", operation="count") == {"result": 3}
    assert transform("aggregate", [], field="v", operation="sum") == {"result": 0}
    assert transform("aggregate", [], field="v", operation="avg") == {"result": None}
    assert transform("aggregate", [], field="v", operation="max") == {"result": None}
    assert transform("aggregate", rows, field="v", operation="max") == {"result": "5"}


@pytest.mark.parametrize(
    ("values", "config", "expected"),
    [
        ([1, 2, 3], {"operation": "sum"}, 6),
        ([1, 2, 3], {"operation": "sum", "initial": 10}, 16),
        ([2, 3], {"operation": "product"}, 6),
        ([2, 3], {"operation": "min", "initial": 1}, 1),
        (["a", 1], {"operation": "concat"}, "a1"),
        ([[1], [2]], {"operation": "concat", "initial": [0]}, [0, 1, 2]),
        ([{"a": 1}, {"b": 2}], {"operation": "merge"}, {"a": 1, "b": 2}),
        ([None, 5, 6], {"operation": "first"}, 5),
        ([5, 6], {"operation": "last"}, 6),
        ([], {"operation": "last"}, None),
        ([5, None], {"operation": "count"}, 1),
    ],
)
def test_reduce_gives_one_value(values: list[Json], config: dict[str, Json], expected: Json) -> None:
    assert transform("reduce", values, **config) == expected


def test_no_sum_or_product_is_infinite_or_endless() -> None:
    for values, operation in (([1e308, 1e308], "sum"), ([10**600, 10**600], "product"), ([1e308, 10], "product")):
        with pytest.raises(MuelleError) as failure:
            transform("reduce", values, operation=operation)
        assert failure.value.code == "number_out_of_range"


def test_distinct_keeps_the_first_of_each_value() -> None:
    assert names(transform("distinct", USERS, field="city")) == ["Ana", "Bo"]
    assert transform("distinct", [1, True, 1.0, "1", [1], [True], [1]]) == [1, True, "1", [1], [True]]


def test_flatten_opens_as_many_levels_as_it_is_told() -> None:
    assert transform("flatten", [1, [2, [3, [4]]]]) == [1, 2, [3, [4]]]
    assert transform("flatten", [1, [2, [3, [4]]]], depth=64) == [1, 2, 3, 4]


def test_slice_counts_from_both_ends() -> None:
    assert transform("slice", [0, 1, 2, 3], start=1, end=-1) == [1, 2]
    assert transform("slice", [0, 1, 2, 3], step=2) == [0, 2]


def test_join_with_a_separator_gives_a_text() -> None:
    assert transform("join", USERS, field="name", separator=", ") == "Ana, Bo, Cy"
    assert transform("join", ["a", None, 1], separator="") == "a1"


async def test_join_with_another_list_matches_by_key() -> None:
    orders = [{"user": 1, "total": 5}, {"user": 1, "total": 7}, {"user": 3, "total": 1}]
    users = [{"id": 1, "total": "own"}, {"id": 2}]
    step = FakeStep({"workflow": {"x": users, "o": orders}})
    config: dict[str, Any] = {"with": "/workflow/o", "on": "id", "onOther": "user"}
    places: dict[str, Any] = {"inputPath": "/workflow/x", "outputPath": "/workflow/y", "transform": "join"}
    inner = [{"id": 1, "total": "own", "user": 1}, {"id": 1, "total": "own", "user": 1}]
    assert await run("TransformData", step, config=config, **places) == inner
    assert await run("TransformData", step, config={**config, "keep": "all"}, **places) == [*inner, {"id": 2}]


@pytest.mark.parametrize(
    ("name", "config", "pointer"),
    [
        ("sort", {"field": "a", "separator": ","}, "/config/separator"),
        ("map", {}, "/config"),
        ("map", {"fields": ["a"]}, "/config/fields"),
        ("select", {"fields": {"a": "b"}}, "/config/fields"),
        ("group", {}, "/config"),
        ("aggregate", {"operation": "concat"}, "/config/operation"),
        ("join", {"with": "/workflow/o"}, "/config"),
    ],
)
def test_a_config_that_does_not_fit_is_found_before_the_run_and_in_it(
    name: str, config: dict[str, Json], pointer: str
) -> None:
    assert [found for found, _ in faults("TransformData", transform=name, config=config)] == [pointer]
    with pytest.raises(MuelleError) as failure:
        transform(name, [], **config)
    assert (failure.value.code, failure.value.facts["field"]) == ("invalid_transform", pointer)


def test_an_object_is_no_list() -> None:
    with pytest.raises(MuelleError) as failure:
        transform("sort", {"a": 1})
    assert failure.value.code == "wrong_input"


KEYS: Any = st.one_of(st.none(), st.booleans(), st.integers(-1, 2), st.sampled_from([0.0, 1.0, 0.5, "a", "1", "null"]))
ROWS: Any = st.lists(st.builds(lambda key, has: {"k": key} if has else {}, KEYS, st.booleans()), max_size=12)


@given(ROWS, st.booleans())
def test_sorting_is_stable_and_total(rows: list[Json], descending: bool) -> None:  # noqa: FBT001 - drawn
    for place, row in enumerate(rows):
        row["place"] = place
    ordered = sort_rows(rows, [("k", descending)])
    assert sorted(row["place"] for row in ordered) == list(range(len(rows)))
    for left, right in pairwise(ordered):
        if type(left.get("k", rows)) is type(right.get("k", rows)) and left.get("k", 0) == right.get("k", 0):
            assert left["place"] < right["place"]
    assert sort_rows(ordered, [("k", descending)]) == ordered


@given(ROWS)
def test_grouping_loses_nothing_and_mixes_nothing(rows: list[Json]) -> None:
    expected: dict[str, list[Json]] = {}
    for row in rows:
        expected.setdefault(group_key(find_field(row, "k")), []).append(row)
    assert group_rows(rows, "k") == expected


@pytest.mark.parametrize(
    ("strategy", "sources", "key", "expected"),
    [
        ("merge", [{"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}], None, {"a": {"y": 2}, "b": 1}),
        ("deepMerge", [{"a": {"x": 1}, "b": 1}, {"a": {"y": 2}}], None, {"a": {"x": 1, "y": 2}, "b": 1}),
        ("concat", [[1], [2, 3], 4], None, [1, 2, 3, 4]),
        ("union", [[1, 2], [2.0, True, "1"]], None, [1, 2, True, "1"]),
        ("intersect", [[1, 2, 2, [3]], [2, [3], 1], [[3], 2]], None, [2, [3]]),
        ("merge", [[{"id": 1, "a": 1}], [{"id": 1, "b": 2}, {"id": 2}]], "id", [{"id": 1, "a": 1, "b": 2}, {"id": 2}]),
        ("union", [[{"id": 1, "a": 1}], [{"id": 1, "b": 2}]], "id", [{"id": 1, "a": 1}]),
        ("intersect", [[{"id": 1, "a": 1}, {"id": 2}], [{"id": 1, "b": 2}]], "id", [{"id": 1, "a": 1}]),
    ],
)
async def test_data_is_merged(strategy: str, sources: list[Json], key: str | None, expected: Json) -> None:
    step = FakeStep({"workflow": {"s": sources}})
    paths = [f"/workflow/s/{index}" for index in range(len(sources))]
    assert await run("MergeData", step, sources=paths, strategy=strategy, key=key, outputPath="/y") == expected


@pytest.mark.parametrize(("strategy", "value"), [("merge", [1]), ("deepMerge", 1), ("union", {}), ("intersect", "a")])
async def test_what_cannot_be_merged_fails(strategy: str, value: Json) -> None:
    step = FakeStep({"workflow": {"a": value}})
    with pytest.raises(MuelleError) as failure:
        await run("MergeData", step, sources=["/workflow/a", "/workflow/a"], strategy=strategy, outputPath="/y")
    assert failure.value.code == "wrong_input"
