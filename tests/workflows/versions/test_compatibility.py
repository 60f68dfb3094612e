"""What changed between two versions, and how high the next one must be for it."""

from typing import Any

import pytest
from hypothesis import HealthCheck, assume, event, given, settings
from hypothesis import strategies as some

from muelle.packs import Limits
from muelle.workflows.versions.compatibility import Change, Contract, compare, required_bump
from muelle.workflows.versions.containment import narrowed
from muelle.workflows.versions.needs import Needs, needs_of
from muelle.workflows.versions.schemas import faults_of
from workflows.versions.saved_world import NUMBER, TEXT, World, call, document, takes
from workflows.versions.schema_strategies import Schema, related, values_for

NOTHING = Needs(
    operations={},
    order=(),
    permissions=frozenset(),
    pure=frozenset(),
    credentials=frozenset(),
    calls=frozenset(),
)


def closed(*required: str, **properties: Any) -> Schema:
    return {**takes(*required, **properties), "additionalProperties": False}


def between(old: Schema | None, new: Schema | None) -> list[tuple[str, str]]:
    """Return weight and place of what changed between two schemas of inputs."""
    changes = compare(Contract(inputs=old, needs=NOTHING), Contract(inputs=new, needs=NOTHING))
    return [(change.weight, change.path) for change in changes]


def results(old: Schema | None, new: Schema | None) -> list[tuple[str, str]]:
    """Return weight and place of what changed between two schemas of outputs."""
    changes = compare(Contract(outputs=old, needs=NOTHING), Contract(outputs=new, needs=NOTHING))
    return [(change.weight, change.path) for change in changes]


async def needed(world: World, body: bytes) -> Contract:
    return Contract(needs=needs_of(await world.planner.plan(body, Limits())))


async def told(world: World, old: bytes, new: bytes) -> list[tuple[str, str]]:
    changes = compare(await needed(world, old), await needed(world, new))
    return [(change.weight, change.message) for change in changes]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (closed(a=TEXT), closed(a=TEXT), []),
        (closed(a=TEXT), closed(a={**TEXT, "title": "A"}), [("fix", "/input_schema")]),
        (closed(a=TEXT), closed(a=TEXT, b=NUMBER), [("feature", "/input_schema/properties/b")]),
        (closed(a=TEXT, b=NUMBER), closed(a=TEXT), [("breaking", "/input_schema/properties/b")]),
        (closed(a=TEXT), closed("a", a=TEXT), [("breaking", "/input_schema/required")]),
        (closed("a", a=TEXT), closed(a=TEXT), [("feature", "/input_schema/required")]),
        (closed(a={"type": "integer"}), closed(a=NUMBER), [("feature", "/input_schema/properties/a/type")]),
        (closed(a=NUMBER), closed(a={"type": "integer"}), [("breaking", "/input_schema/properties/a/type")]),
        (
            closed(a={"enum": ["x", "y"]}),
            closed(a={"enum": ["x", "z"]}),
            [("breaking", "/input_schema/properties/a/enum"), ("feature", "/input_schema/properties/a/enum")],
        ),
        (
            closed(a={"anyOf": [TEXT, {"type": "null"}]}),
            closed(a=TEXT),
            [("breaking", "/input_schema/properties/a")],
        ),
        (
            closed(a={**TEXT, "default": "x"}),
            closed(a={**TEXT, "default": "y"}),
            [("feature", "/input_schema/properties/a/default")],
        ),
        (
            closed(a={**TEXT, "default": "x"}),
            closed(a=TEXT),
            [("breaking", "/input_schema/properties/a/default")],
        ),
    ],
)
def test_changes_of_inputs_are_weighed(old: Schema, new: Schema, changes: list[tuple[str, str]]) -> None:
    assert between(old, new) == changes


def test_a_schema_where_there_was_none_refuses_what_was_taken() -> None:
    assert {weight for weight, _ in between(None, closed(a=TEXT))} == {"breaking"}
    assert {weight for weight, _ in between(closed(a=TEXT), None)} == {"feature"}


def test_in_an_open_object_a_name_could_be_anything_before() -> None:
    assert between(takes(a=TEXT), takes(a=TEXT, b=NUMBER)) == [("breaking", "/input_schema/properties/b")]


@pytest.mark.parametrize(
    ("old", "new", "changes"),
    [
        (closed("a", a=TEXT), closed(a=TEXT), [("breaking", "/output_schema/required")]),
        (closed(a=TEXT), closed("a", a=TEXT), [("feature", "/output_schema/required")]),
        (closed(a=NUMBER), closed(a={"type": "integer"}), [("feature", "/output_schema/properties/a/type")]),
        (closed(a={"type": "integer"}), closed(a=NUMBER), [("breaking", "/output_schema/properties/a/type")]),
        (closed(a=TEXT), None, [("breaking", "/output_schema")]),
    ],
)
def test_what_is_promised_may_only_grow(old: Schema, new: Schema | None, changes: list[tuple[str, str]]) -> None:
    assert results(old, new) == changes


def test_recursive_schemas_are_compared_by_their_definitions() -> None:
    def tree(value: Schema) -> Schema:
        node = closed(next={"$ref": "#/$defs/node"}, value=value)
        return {"$ref": "#/$defs/node", "$defs": {"node": node}}

    assert narrowed(tree({"type": "integer"}), tree(NUMBER)) == []
    assert [found.path for found in narrowed(tree(NUMBER), tree(TEXT))] == ["/$defs/node/properties/value/type"]


def test_a_chain_of_unlike_links_is_walked_to_its_end() -> None:
    node = closed(next={"$ref": "#/$defs/node"}, value=TEXT)
    endless = {"$ref": "#/$defs/node", "$defs": {"node": node}}
    chain = closed(next=closed(next=closed(next=closed(value=NUMBER))))

    assert narrowed(chain, endless) != []


async def test_a_further_host_credential_or_effect_breaks_for_lack_of_grants(world: World) -> None:
    base = call("https://a.example/x")
    secret = {"authorization": {"credentialRef": {"id": "key"}}}

    assert await told(world, base, call("https://b.example/x")) == [
        ("breaking", "It calls a further host, b.example"),
        ("fix", "Whoever runs it needs fewer grants"),
        ("fix", "'fetch' is configured otherwise"),
    ]
    assert (await told(world, base, call("https://a.example/x", headers=secret)))[0][0] == "breaking"
    assert (await told(world, base, call("https://a.example/x", "POST")))[0] == (
        "breaking",
        "It makes a further call, POST a.example/x",
    )
    assert (await told(world, base, call("https://a.example/y")))[0][0] == "feature"


async def test_results_without_a_schema_are_promised_by_their_operations(world: World) -> None:
    assert await told(world, document("a", "b"), document("a")) == [
        ("breaking", "Operation 'b' and its result are gone")
    ]
    assert await told(world, document("a"), document("a", "b")) == [("feature", "There is a further operation, 'b'")]
    assert await told(world, document("a", "b"), document("b", "a")) == [("fix", "Operations run in another order")]


async def test_another_operation_of_the_same_name_has_another_result(world: World) -> None:
    other = document("hello", kind="GetCurrentDateTime", timezone="UTC")

    weights = {weight for weight, _ in await told(world, document("hello"), other)}

    assert weights == {"breaking", "feature", "fix"}


async def test_an_operation_that_an_output_schema_does_not_promise_may_go(world: World) -> None:
    promised = closed("a", a=TEXT)
    old = Contract(outputs=promised, needs=(await needed(world, document("a", "b"))).needs)
    new = Contract(outputs=promised, needs=(await needed(world, document("a"))).needs)

    assert required_bump(compare(old, new)) == "patch"


@pytest.mark.parametrize(
    ("weights", "bump"),
    [([], "patch"), (["fix"], "patch"), (["fix", "feature"], "minor"), (["feature", "breaking"], "major")],
)
def test_the_weightiest_change_decides(weights: list[Any], bump: str) -> None:
    assert required_bump(tuple(Change(weight=weight, path="", message="") for weight in weights)) == bump


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(related(), some.data())
def test_without_a_breaking_change_what_was_taken_is_taken(pair: tuple[Schema, Schema], data: some.DataObject) -> None:
    old, new = pair
    found = narrowed(old, new)
    event("narrower" if found else "not narrower")
    value = data.draw(values_for(old))
    assume(not list(faults_of(old, value)))

    assert found or list(faults_of(new, value)) == []


@settings(max_examples=200, deadline=None)
@given(related())
def test_a_schema_takes_what_it_takes(pair: tuple[Schema, Schema]) -> None:
    assert narrowed(pair[0], dict(pair[0])) == []
