"""What holds for any path, any document and any bytes at all."""

import json
import random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muelle.core import MuelleError
from muelle.workflows.data_model import Tree
from muelle.workflows.issues import MOST_ISSUES
from muelle.workflows.operations.pack import BUILT_IN
from muelle.workflows.paths import InvalidPath, format_path, look, overlap, parse_path
from muelle.workflows.plan import Plan, Planned
from muelle.workflows.substitution import substituted
from workflows.protocol import protocol_world as world

LENIENT = (HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large)
MANY = settings(max_examples=700, deadline=None, database=None, suppress_health_check=LENIENT)
SOME = settings(max_examples=250, deadline=None, database=None, suppress_health_check=LENIENT)

TEXTS = st.text(max_size=20).filter(
    lambda text: text.isascii() or not any(0xD800 <= ord(sign) < 0xE000 for sign in text)
)
SEGMENTS = st.one_of(TEXTS, st.sampled_from(["workflow", "0", "~", "~1", "[0]", "a/b", "]", "a[", ".", "a.b"])).filter(
    bool
)
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), TEXTS)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)),
    max_leaves=12,
)
WORDS = st.sampled_from(
    ["type", "operationUpdate", "beginExecution", "dataModelUpdate", "operationId", "operation", "operations", "id",
     "operationOrder", "root", "workflowId", "executionId", "onError", "execution", "contents", "path", "key",
     "valueString", "valueMap", "goto", "value", "default", "transform", "credentialRef", "inputPath", "outputPath",
     "/workflow/x", "{/input/x}", "/", "", "a", "b", "stop", *(kind.name for kind in BUILT_IN.operations)]
)  # fmt: skip
NEAR_JSON = st.recursive(
    st.one_of(WORDS, SCALARS),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.one_of(WORDS, TEXTS), inner, max_size=5)),
    max_leaves=25,
)
PATHS = st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map(tuple)
EXAMPLES = [flat for kind in BUILT_IN.operations for flat in [world.flat(kind.name, {kind.name: dict(kind.example)})]]
NAMES = ("send", "skip", "notify", "fetch-a", "clean-a", "fetch-b")
VALID = [
    *EXAMPLES,
    *(world.flat(name, world.NAP) for name in NAMES),
    world.begin(*(kind.name for kind in BUILT_IN.operations)),
]


def survives(document: bytes) -> Planned | MuelleError:
    """Plan it: there is a plan, or issues that say why there is none, or one of our errors."""
    try:
        outcome = world.look(document)
    except MuelleError as error:
        return error
    errors = [issue for issue in outcome.issues if issue.severity == "error"]
    assert (outcome.plan is None) == bool(errors)
    assert len(outcome.issues) <= MOST_ISSUES
    assert all(issue.code and issue.message and issue.suggestion for issue in outcome.issues), outcome.issues
    return outcome


@MANY
@given(st.lists(SEGMENTS, min_size=1, max_size=8))
def test_a_path_is_read_as_it_was_printed(path: list[str]) -> None:
    assert parse_path(format_path(tuple(path))) == tuple(path)


@MANY
@given(st.text("/ab0[]~12.", max_size=20))
def test_any_text_is_a_path_or_refused_and_printing_keeps_what_it_means(text: str) -> None:
    try:
        path = parse_path(text)
    except InvalidPath:
        return
    assert all(path)
    assert parse_path(format_path(path)) == path


@SOME
@given(JSON, st.lists(SEGMENTS, min_size=1, max_size=4))
def test_looking_never_fails(value: Any, path: list[str]) -> None:
    look(value, tuple(path))


@SOME
@given(st.lists(JSON, min_size=1, max_size=5), st.data())
def test_substituting_changes_a_copy_at_the_places_and_nowhere_else(value: list[Any], data: st.DataObject) -> None:
    before = json.dumps(value)
    chosen = data.draw(st.sets(st.integers(0, len(value) - 1)))
    after = substituted(value, [((index,), "new") for index in chosen])
    assert after == ["new" if index in chosen else item for index, item in enumerate(value)]
    assert json.dumps(value) == before


@SOME
@given(st.lists(PATHS, max_size=60), st.lists(PATHS, max_size=60))
def test_many_broken_paths_are_found_as_few_are(paths: list[tuple[str, ...]], broken: list[tuple[str, ...]]) -> None:
    tree = Tree({})
    for path in broken:
        tree.spoil(path, "op")
    expected = any(overlap(path, other) for path in paths for other in broken)
    assert (tree.broken_by(tuple(paths)) is not None) == expected
    assert (tree._broken_by_many(tuple(paths)) is not None) == expected


@MANY
@given(st.binary(max_size=200))
def test_no_bytes_crash_the_planner(document: bytes) -> None:
    survives(document)


@MANY
@given(st.lists(JSON, max_size=4))
def test_no_json_crashes_the_planner(messages: list[Any]) -> None:
    survives(world.doc(*map(json.dumps, messages)))


@MANY
@given(st.lists(NEAR_JSON, max_size=5))
def test_no_json_of_our_own_words_crashes_the_planner(messages: list[Any]) -> None:
    survives(world.doc(*map(json.dumps, messages)))


@MANY
@given(st.sampled_from([kind.name for kind in BUILT_IN.operations]), NEAR_JSON, st.integers(0, 2**32))
def test_no_config_crashes_the_planner(name: str, value: Any, seed: int) -> None:
    kind = next(kind for kind in BUILT_IN.operations if kind.name == name)
    config = dict(kind.example)
    config[random.Random(seed).choice([*config, "extra"])] = value  # noqa: S311 - reproducible, not secret
    survives(world.doc(world.flat("op", {name: config}), *(world.flat(other, world.NAP) for other in NAMES)))


@settings(MANY, max_examples=400)
@given(st.integers(0, 2**32), st.integers(1, 5))
def test_no_mutation_of_a_valid_document_crashes_the_planner(seed: int, times: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    document = bytearray(world.doc(*chance.sample(VALID, 6)))
    for _ in range(times):
        place, length = chance.randrange(len(document)), chance.randrange(1, 30)
        match chance.randrange(4):
            case 0:
                document[place : place + length] = b""
            case 1:
                document[place:place] = document[place : place + length]
            case 2:
                document[place] = chance.randrange(256)
            case _:
                other = chance.randrange(len(document))
                document[place : place + length] = document[other : other + length]
    survives(bytes(document))


@settings(MANY, max_examples=400)
@given(st.integers(0, 2**32), NEAR_JSON)
def test_no_exchange_of_one_value_crashes_the_planner(seed: int, value: Any) -> None:
    chance = random.Random(seed)  # noqa: S311 - reproducible, not secret
    messages: list[Any] = json.loads(json.dumps(chance.sample(VALID, 3)))
    at: Any = messages
    while True:
        key = chance.choice(list(at) if isinstance(at, dict) else range(len(at)))
        if not isinstance(at[key], dict | list) or not at[key] or chance.random() < 0.2:
            at[key] = value
            break
        at = at[key]
    survives(world.doc(*map(json.dumps, messages)))


def same(one: Plan, other: Plan) -> bool:
    nodes = [(node.id, node.type.name, node.raw, node.on_error, node.children) for node in one.nodes.values()]
    others = [(node.id, node.type.name, node.raw, node.on_error, node.children) for node in other.nodes.values()]
    return (
        nodes == others
        and [node.id for node in one.main.nodes] == [node.id for node in other.main.nodes]
        and one.main.waits == other.main.waits
        and one.seeds == other.seeds
    )


@st.composite
def documents(draw: st.DrawFn) -> tuple[list[tuple[str, Any]], list[str]]:
    """Return operations and the order in which they are to run."""
    names = draw(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=8, unique=True))
    values = st.one_of(JSON, st.sampled_from([f"/workflow/{name}" for name in names])).filter(_is_plain)
    operations = [(name, world.give(draw(values), f"/workflow/{name}")) for name in names]
    return operations, draw(st.permutations(names))


def _is_plain(value: Any) -> bool:
    return survives(world.doc(world.flat("x", world.give(value)))).__class__ is Planned and (
        world.look(world.doc(world.flat("x", world.give(value)))).plan is not None
    )


@settings(MANY, max_examples=200)
@given(
    documents(), st.sampled_from([None, 1, 4, "\t"]), st.sampled_from(["\n", "\r\n", "", " ", "\n\n"]), st.booleans()
)
def test_a_plan_does_not_depend_on_dialect_or_white_space(
    document: tuple[list[tuple[str, Any]], list[str]], indent: Any, between: str, letters: str
) -> None:
    operations, order = document
    flat = [world.flat(name, operation) for name, operation in operations]
    listed = [world.nested(*operations)]
    middle = len(operations) // 2
    mixed = [*flat[:middle], world.nested(*operations[middle:])]
    plain = world.planned(*flat, world.begin(*order))
    for messages in (flat, listed, mixed):
        for start in (world.begin(*order), {"beginExecution": {"operationOrder": order}}):
            printed = between.join(
                json.dumps(item, indent=indent, ensure_ascii=letters == "ascii") for item in [*messages, start]
            )
            plan = world.look(printed).plan
            assert plan is not None
            assert same(plan, plain)
