"""The registry finds every fault of packs at the start, and what they bring by name."""

from dataclasses import replace
from typing import Any

import pytest

from muelle.packs import (
    CyclicNeeds,
    DuplicateOperation,
    DuplicatePack,
    DuplicateTool,
    InvalidOperationName,
    InvalidPackName,
    InvalidPackSettings,
    InvalidToolName,
    LooseConfig,
    Packs,
    Undescribed,
    UnknownOperation,
    UnknownTool,
    UnmetNeed,
)
from packs.pack_samples import GREET, HEAR, Empty, Loose, pack


def test_operations_and_tools_are_found_by_name() -> None:
    packs = Packs.of([pack(operations=(GREET,), tools=(HEAR,))])
    assert packs.operation("Greet") is GREET
    assert packs.tool("hall.hear") is HEAR
    assert (packs.operation_owners["Greet"], packs.tool_owners["hall.hear"]) == ("hall", "hall")


def test_an_unknown_operation_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownOperation) as caught:
        Packs.of([pack(operations=(GREET,))]).operation("Great")
    assert caught.value.facts == {"operation": "Great", "nearest": ["Greet"]}


def test_an_unknown_tool_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownTool) as caught:
        Packs.of([pack(tools=(HEAR,))]).tool("hall.here")
    assert caught.value.facts["nearest"] == ["hall.hear"]


def test_two_packs_of_one_name_are_refused_with_both_versions() -> None:
    with pytest.raises(DuplicatePack) as caught:
        Packs.of([pack(version="1"), pack(version="2")])
    assert caught.value.facts == {"pack": "hall", "versions": ["1", "2"]}


def test_one_operation_from_two_packs_is_refused_and_names_both() -> None:
    with pytest.raises(DuplicateOperation) as caught:
        Packs.of([pack("hall", operations=(GREET,)), pack("street", operations=(GREET,))])
    assert caught.value.facts == {"operation": "Greet", "packs": ["hall", "street"]}
    assert "disabled" in caught.value.suggestions[0]


def test_one_tool_from_two_packs_is_refused_and_names_both() -> None:
    with pytest.raises(DuplicateTool) as caught:
        Packs.of([pack("hall", tools=(HEAR,)), pack("street", tools=(HEAR,))])
    assert caught.value.facts == {"tool": "hall.hear", "packs": ["hall", "street"]}


def test_one_operation_twice_in_one_pack_is_refused() -> None:
    with pytest.raises(DuplicateOperation):
        Packs.of([pack(operations=(GREET, GREET))])


@pytest.mark.parametrize("name", ["a", "a" * 40, "open_api3"])
def test_a_pack_may_have_this_name(name: str) -> None:
    assert Packs.of([pack(name)]).packs[0].name == name


@pytest.mark.parametrize(
    "name", ["", "a" * 41, "CRM", "a-b", "a__b", "_a", "a_", "3d", "a\n", "disabled", "http", "storage", "class"]
)
def test_a_pack_may_not_have_this_name(name: str) -> None:
    with pytest.raises(InvalidPackName):
        Packs.of([pack(name)])


@pytest.mark.parametrize("name", ["", "greet", "Greet_all", "G" * 65, "Greet\n", "Größe"])
def test_an_operation_may_not_have_this_name(name: str) -> None:
    with pytest.raises(InvalidOperationName) as caught:
        Packs.of([pack(operations=(replace(GREET, name=name),))])
    assert caught.value.facts == {"pack": "hall", "operation": name}


def test_an_operation_may_have_a_name_of_64_letters() -> None:
    assert list(Packs.of([pack(operations=(replace(GREET, name="G" * 64),))]).operations) == ["G" * 64]


@pytest.mark.parametrize("name", ["a", "a" * 64, "crm.add_note", "crm.add-note.v2"])
def test_a_tool_may_have_this_name(name: str) -> None:
    assert list(Packs.of([pack(tools=(replace(HEAR, name=name),))]).tools) == [name]


@pytest.mark.parametrize("name", ["", "a" * 65, ".a", "a.", "a..b", "a b", "1.a", "a\n"])
def test_a_tool_may_not_have_this_name(name: str) -> None:
    with pytest.raises(InvalidToolName):
        Packs.of([pack(tools=(replace(HEAR, name=name),))])


def test_a_need_that_nobody_meets_is_refused() -> None:
    with pytest.raises(UnmetNeed) as caught:
        Packs.of([pack(needs=frozenset({"fred"}))])
    assert (caught.value.facts["pack"], caught.value.facts["need"]) == ("hall", "fred")


def test_a_need_that_only_a_disabled_pack_meets_says_so() -> None:
    with pytest.raises(UnmetNeed) as caught:
        Packs.of([pack(needs=frozenset({"fred"}))], disabled=frozenset({"fred"}))
    assert caught.value.facts["disabled"] is True


def test_the_host_gives_http_and_storage_unless_it_says_otherwise() -> None:
    needy = pack(needs=frozenset({"http", "storage"}))
    assert Packs.of([needy]).packs == (needy,)
    with pytest.raises(UnmetNeed):
        Packs.of([needy], abilities=frozenset({"http"}))


def test_a_pack_comes_after_what_it_needs_and_the_others_keep_their_order() -> None:
    given = [pack("a", needs=frozenset({"d"})), pack("b"), pack("c"), pack("d", needs=frozenset({"c"}))]
    assert [each.name for each in Packs.of(given).packs] == ["c", "d", "a", "b"]


def test_packs_that_need_each_other_are_refused_with_the_circle() -> None:
    circle = [pack("a", needs=frozenset({"b"})), pack("b", needs=frozenset({"c"})), pack("c", needs=frozenset({"b"}))]
    with pytest.raises(CyclicNeeds) as caught:
        Packs.of(circle)
    assert caught.value.facts == {"packs": ["b", "c", "b"]}


def test_a_pack_that_needs_itself_is_refused() -> None:
    with pytest.raises(CyclicNeeds):
        Packs.of([pack("a", needs=frozenset({"a"}))])


@pytest.mark.parametrize("config", [Loose, dict, "Loose"])
def test_a_config_that_lets_unknown_fields_pass_is_refused(config: Any) -> None:
    with pytest.raises(LooseConfig) as caught:
        Packs.of([pack(operations=(replace(GREET, config=config),))])
    assert caught.value.facts["operation"] == "Greet"


def test_a_tool_whose_input_lets_unknown_fields_pass_is_refused() -> None:
    loose: Any = Loose
    with pytest.raises(LooseConfig):
        Packs.of([pack(tools=(replace(HEAR, input=loose),))])


@pytest.mark.parametrize(("field", "value"), [("summary", " "), ("example", {})])
def test_an_operation_without_summary_or_example_is_refused(field: str, value: Any) -> None:
    change: dict[str, Any] = {field: value}
    with pytest.raises(Undescribed) as caught:
        Packs.of([pack(operations=(replace(GREET, **change),))])
    assert caught.value.facts == {"pack": "hall", "operation": "Greet", "field": field}


def test_an_operation_without_fields_needs_no_example() -> None:
    change: dict[str, Any] = {"config": Empty, "example": {}}
    bare = replace(GREET, **change)
    assert Packs.of([pack(operations=(bare,))]).operation("Greet") is bare


@pytest.mark.parametrize("field", ["title", "description"])
def test_a_tool_without_title_or_description_is_refused(field: str) -> None:
    change: dict[str, Any] = {field: ""}
    with pytest.raises(Undescribed):
        Packs.of([pack(tools=(replace(HEAR, **change),))])


def test_settings_that_are_no_dataclass_are_refused() -> None:
    with pytest.raises(InvalidPackSettings):
        Packs.of([pack(settings=dict)])
