"""The inputs that a trigger makes of an event: the same references as in documents."""

from typing import Any

import pytest

from muelle.workflows.paths import MissingData
from muelle.workflows.triggers.errors import InvalidTrigger
from muelle.workflows.triggers.template import (
    DEEPEST,
    LONGEST_TEMPLATE,
    MOST_REFERENCES,
    InputsTooLarge,
    compile_inputs,
)

EVENT = {"id": "e1", "type": "order.new", "data": {"total": 7, "items": ["a", "b"], "note": "{/event/id}"}}


def inputs(template: dict[str, Any] | None, most: int = 1 << 20) -> dict[str, Any]:
    return compile_inputs(template, most)(EVENT)


def test_references_of_all_three_forms_are_resolved_at_any_depth() -> None:
    template = {
        "amount": {"path": "/event/data/total"},
        "deep": [{"text": "/event/type"}, "Order {/event/id}: {event/data/total} €"],
        "count": {"path": "event/data/items", "transform": "length"},
        "who": {"path": "/event/data/who", "default": "nobody"},
        "plain": {"path": "/workflow/x"},
        "constant": 1.5,
    }

    assert inputs(template) == {
        "amount": 7,
        "deep": [{"text": "order.new"}, "Order e1: 7 €"],
        "count": 2,
        "who": "nobody",
        "plain": {"path": "/workflow/x"},
        "constant": 1.5,
    }


def test_data_never_become_references() -> None:
    assert inputs({"note": "/event/data/note", "in": "<{/event/data/note}>"}) == {
        "note": "{/event/id}",
        "in": "<{/event/id}>",
    }


def test_without_a_template_the_run_gets_the_whole_event() -> None:
    assert inputs(None) == {"event": EVENT}


def test_what_the_event_has_not_is_missing() -> None:
    with pytest.raises(MissingData):
        inputs({"who": "/event/data/who"})


@pytest.mark.parametrize(
    ("template", "field"),
    [
        ({"a": {"path": "/event/x", "transform": "upper"}}, "/inputs/a/transform"),
        ({"a": [1, "/event//x"]}, "/inputs/a/1"),
        ({"a/b": "x{/event/a[}"}, "/inputs/a~1b"),
    ],
)
def test_a_reference_that_can_never_be_resolved_is_named_by_its_place(template: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidTrigger) as caught:
        inputs(template)
    assert caught.value.facts["field"] == field


def test_inputs_may_have_as_many_bytes_as_the_limit_says_and_no_more() -> None:
    size = len('{"a":7}')
    assert inputs({"a": "/event/data/total"}, size) == {"a": 7}
    with pytest.raises(InputsTooLarge):
        inputs({"a": "/event/data/total"}, size - 1)


def test_templates_are_bounded_in_size_references_and_depth() -> None:
    def nested(depth: int) -> dict[str, Any]:
        return {"a": nested(depth - 1)} if depth else {}

    text = LONGEST_TEMPLATE - len('{"a":""}')
    references = ["/event/id"] * MOST_REFERENCES
    for good in ({"a": "x" * text}, {"a": references}, nested(DEEPEST)):
        inputs(good)
    for bad in ({"a": "x" * (text + 1)}, {"a": [*references, "/event/id"]}, nested(DEEPEST + 1)):
        with pytest.raises(InvalidTrigger):
            inputs(bad)
