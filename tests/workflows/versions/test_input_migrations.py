"""Inputs that were kept for older versions, brought to newer ones step by step."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from muelle.workflows.versions.errors import InputsNotMigrated, InvalidMigration, InvalidRange
from muelle.workflows.versions.migrations import Stop, migrate, read_migrations, route
from muelle.workflows.versions.semver import read_version

KEYS = some.sampled_from(["a", "b", "c", "d/e", "f~g"])
INPUTS = some.dictionaries(
    KEYS, some.one_of(some.integers(), some.sampled_from(["", "x", "3"]), some.none()), max_size=4
)


def done(inputs: dict[str, Any], *steps: dict[str, Any]) -> dict[str, Any]:
    [read] = read_migrations({"1.x": list(steps)}).values()
    return migrate(inputs, read, "2.0.0")


def ways(start: str, goal: str, **stops: list[str]) -> list[str] | None:
    """Return the versions at which inputs are migrated, given the ranges that each version migrates from."""
    named = [
        Stop(read_version(version.replace("_", ".")[1:]), read_migrations({each: [] for each in ranges}))
        for version, ranges in stops.items()
    ]
    way = route(read_version(start), read_version(goal), named)
    return None if way is None else [str(version) for version, _ in way]


@pytest.mark.parametrize(
    ("step", "before", "after"),
    [
        ({"do": "move", "from": "/mail", "to": "/to/email"}, {"mail": "x"}, {"to": {"email": "x"}}),
        ({"do": "move", "from": "/none", "to": "/to"}, {"mail": "x"}, {"mail": "x"}),
        ({"do": "rename", "at": "/mail", "to": "email"}, {"mail": None}, {"email": None}),
        ({"do": "rename", "at": "/rows/*/n", "to": "m"}, {"rows": [{"n": 1}, {}, 5]}, {"rows": [{"m": 1}, {}, 5]}),
        ({"do": "remove", "at": "/rows/*/n"}, {"rows": [{"n": 1, "m": 2}]}, {"rows": [{"m": 2}]}),
        ({"do": "remove", "at": "/rows/*"}, {"rows": [1, 2, 3]}, {"rows": []}),
        ({"do": "remove", "at": "/rows/1"}, {"rows": [1, 2, 3]}, {"rows": [1, 3]}),
        ({"do": "default", "at": "/a/b", "value": 1}, {}, {"a": {"b": 1}}),
        ({"do": "default", "at": "/a", "value": 1}, {"a": None}, {"a": None}),
        ({"do": "default", "at": "/rows/*/n", "value": 0}, {"rows": [{}, {"n": 1}]}, {"rows": [{"n": 0}, {"n": 1}]}),
        ({"do": "convert", "at": "/n", "to": "number"}, {"n": " 1.5e1 "}, {"n": 15.0}),
        ({"do": "convert", "at": "/n", "to": "integer"}, {"n": "7"}, {"n": 7}),
        ({"do": "convert", "at": "/n", "to": "string"}, {"n": [1, True]}, {"n": "[1,true]"}),
        ({"do": "convert", "at": "/n", "to": "boolean"}, {"n": "Yes"}, {"n": True}),
        ({"do": "convert", "at": "/n", "to": "list"}, {"n": "x"}, {"n": ["x"]}),
        ({"do": "convert", "at": "/n", "to": "number"}, {"n": None}, {"n": None}),
        ({"do": "replace", "at": "/p", "values": {"low": "minor"}}, {"p": "low"}, {"p": "minor"}),
        ({"do": "replace", "at": "/p", "values": {"low": "minor"}}, {"p": "high"}, {"p": "high"}),
    ],
)
def test_a_step_does_what_it_says(step: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> None:
    assert done(before, step) == after


@given(INPUTS)
def test_a_move_there_and_back_changes_nothing(inputs: dict[str, Any]) -> None:
    there = {"do": "move", "from": "/a", "to": "/z/a"}
    back = {"do": "move", "from": "/z/a", "to": "/a"}

    assert done(inputs, there, back, {"do": "remove", "at": "/z"}) == inputs


@given(INPUTS)
def test_names_are_changed_and_changed_back(inputs: dict[str, Any]) -> None:
    there = {"do": "rename", "at": "/d~1e", "to": "z"}
    back = {"do": "move", "from": "/z", "to": "/d~1e"}

    assert done(inputs, there, back) == inputs


@given(INPUTS)
def test_the_inputs_that_were_kept_stay_as_they_are(inputs: dict[str, Any]) -> None:
    kept = dict(inputs)

    done(inputs, {"do": "remove", "at": "/a"}, {"do": "rename", "at": "/b", "to": "z"})

    assert inputs == kept


@pytest.mark.parametrize(
    ("step", "inputs", "field"),
    [
        ({"do": "convert", "at": "/n", "to": "number"}, {"n": "many"}, "/n"),
        ({"do": "convert", "at": "/n", "to": "integer"}, {"n": 1.5}, "/n"),
        ({"do": "convert", "at": "/n", "to": "boolean"}, {"n": "perhaps"}, "/n"),
        ({"do": "convert", "at": "/n", "to": "number"}, {"n": {}}, "/n"),
        ({"do": "default", "at": "/n/m", "value": 1}, {"n": 5}, "/n/m"),
        ({"do": "move", "from": "/a", "to": "/n/m"}, {"a": 1, "n": []}, "/n/m"),
    ],
)
def test_what_cannot_be_done_names_field_and_version(step: dict[str, Any], inputs: dict[str, Any], field: str) -> None:
    with pytest.raises(InputsNotMigrated) as caught:
        done(inputs, step)

    assert (caught.value.facts["field"], caught.value.facts["version"]) == (field, "2.0.0")
    assert "many" not in str(caught.value)


@pytest.mark.parametrize(
    "given",
    [
        [],
        {"1.x": {}},
        {"1.x": [{"do": "mve", "from": "/a", "to": "/b"}]},
        {"1.x": [{"do": "move", "from": "a", "to": "/b"}]},
        {"1.x": [{"do": "move", "from": "/a/*", "to": "/b"}]},
        {"1.x": [{"do": "rename", "at": "/a", "to": "b/c"}]},
        {"1.x": [{"do": "remove", "at": "/a", "value": 1}]},
        {"1.x": [{"do": "convert", "at": "/a", "to": "date"}]},
        {"1.x": [{"do": "remove", "at": "/a"}] * 201},
        {f"{number}.x": [] for number in range(51)},
    ],
)
def test_what_is_no_migration_is_refused(given: object) -> None:
    with pytest.raises(InvalidMigration):
        read_migrations(given)


def test_a_migration_begins_at_a_range() -> None:
    with pytest.raises(InvalidRange):
        read_migrations({"old": []})


def test_as_many_steps_and_ranges_as_there_may_be_are_read() -> None:
    assert read_migrations({"1.x": [{"do": "remove", "at": "/a"}] * 200})
    assert read_migrations({f"{number}.x": [] for number in range(50)})


def test_inputs_go_the_shortest_way() -> None:
    assert ways("1.2.0", "3.0.0", v2_0_0=["1.x"], v3_0_0=["2.x"]) == ["2.0.0", "3.0.0"]
    assert ways("1.2.0", "3.0.0", v2_0_0=["1.x"], v3_0_0=["1.x", "2.x"]) == ["3.0.0"]


def test_inputs_need_nothing_within_what_is_compatible() -> None:
    assert ways("1.2.0", "1.9.0", v1_9_0=["1.x"]) == []
    assert ways("1.2.0", "2.4.0", v2_0_0=["1.x"]) == ["2.0.0"]
    assert ways("0.2.0", "0.3.0", v0_3_0=["0.2.x"]) == ["0.3.0"]
    assert ways("2.0.0", "3.0.0", v2_1_0=[], v3_0_0=["^2.1"]) == ["3.0.0"]


def test_there_may_be_no_way() -> None:
    assert ways("1.0.0", "3.0.0", v3_0_0=["2.x"]) is None
    assert ways("1.0.0", "2.0.0") is None
    assert ways("2.0.0", "1.0.0") is None
