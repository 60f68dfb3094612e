"""Schemas of inputs and outputs: which there can be, and how inputs are checked by them."""

from typing import Any

import pytest

from muelle.workflows.versions.errors import InvalidSchema, SchemaTooLarge
from muelle.workflows.versions.schemas import faults_of, input_schema, output_schema, read_schema, with_defaults
from workflows.versions.saved_world import NUMBER, TEXT, takes

MOST = 1_000


@pytest.mark.parametrize(
    ("schema", "path", "reason"),
    [
        ([], None, "a schema is an object"),
        ({"properties": {"a": {"requird": []}}}, "/properties/a/requird", "Did you mean 'required'?"),
        ({"properties": {"a": {"type": "strin"}}}, "/properties/a/type", "strin"),
        ({"$ref": "https://elsewhere.example/a"}, "/$ref", "a reference leads to the schema itself"),
        ({"$ref": "#/$defs/none"}, "", "does not exist"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "/$schema", "the dialect is"),
        ({"pattern": "(?=a)"}, "/pattern", "regex"),
        ({"format": "shoe-size"}, "/format", "Unknown format"),
        ({"items": [{}]}, "/items", "a schema is an object, true or false"),
        ({"allOf": [{"minimm": 1}]}, "/allOf/0/minimm", "Did you mean 'minimum'?"),
    ],
)
def test_what_is_no_schema_is_refused_where_it_is_none(schema: object, path: str | None, reason: str) -> None:
    with pytest.raises(InvalidSchema) as caught:
        read_schema(schema, "input_schema", MOST)

    facts = caught.value.facts
    assert (facts["field"], facts.get("path")) == ("input_schema", path)
    assert reason in facts["reason"]


def test_a_schema_may_be_so_large_and_so_deep() -> None:
    assert read_schema({"title": "a" * 988}, "input_schema", MOST)
    with pytest.raises(SchemaTooLarge):
        read_schema({"title": "a" * 989}, "input_schema", MOST)
    assert read_schema(nested(30), "input_schema", MOST)
    with pytest.raises(InvalidSchema):
        read_schema(nested(31), "input_schema", MOST)


def nested(times: int) -> dict[str, Any]:
    return {"items": nested(times - 1)} if times else {"not": {"type": "null"}}


def test_inputs_are_closed_unless_the_schema_says_otherwise() -> None:
    assert input_schema({"properties": {}}, MOST)["additionalProperties"] is False
    assert input_schema({"additionalProperties": True}, MOST)["additionalProperties"] is True
    assert "additionalProperties" not in input_schema({"allOf": [takes(a=TEXT)]}, MOST)


def test_inputs_are_an_object() -> None:
    with pytest.raises(InvalidSchema) as caught:
        input_schema({"type": "array"}, MOST)

    assert caught.value.facts["path"] == "/type"


def test_what_has_a_default_may_be_left_out_and_is_put_in() -> None:
    schema = input_schema(takes("a", "b", a={**TEXT, "default": "x"}, b=NUMBER), MOST)

    assert schema["required"] == ["b"]
    assert list(faults_of(schema, {"b": 1})) == []
    assert with_defaults(schema, {"b": 1}) == {"a": "x", "b": 1}
    assert with_defaults(schema, {"a": "y", "b": 1}) == {"a": "y", "b": 1}


def test_a_default_is_as_its_own_schema_says() -> None:
    with pytest.raises(InvalidSchema) as caught:
        input_schema(takes(a={**NUMBER, "default": "x"}), MOST)

    assert caught.value.facts["path"] == "/properties/a/default"


def test_results_are_promised_only_of_operations_that_there_are() -> None:
    assert output_schema(takes("sum", sum=NUMBER), MOST, {"sum": None})
    with pytest.raises(InvalidSchema) as caught:
        output_schema(takes("sun", sun=NUMBER), MOST, {"sum": None})

    assert "Did you mean 'sum'?" in caught.value.facts["reason"]


@pytest.mark.parametrize(
    ("value", "path", "message"),
    [
        ({}, "/who", "'who' is missing"),
        ({"who": 1}, "/who", 'the value is not of type "string"'),
        ({"who": "a", "wo": 1}, "/wo", "There is no 'wo' here"),
        ({"who": "a", "when": "soon"}, "/when", 'the value is not a "date"'),
        ({"who": "a", "rows": [{"n": 1}, {"n": "x"}]}, "/rows/1/n", 'the value is not of type "number"'),
    ],
)
def test_a_fault_names_the_field_and_never_the_value(value: Any, path: str, message: str) -> None:
    rows = {"type": "array", "items": takes(n=NUMBER)}
    schema = input_schema(takes("who", who=TEXT, when={**TEXT, "format": "date"}, rows=rows), MOST)

    [fault] = faults_of(schema, value)

    assert (fault["path"], fault["message"]) == (path, message)


def test_a_misspelt_input_is_answered_with_the_nearest() -> None:
    [fault] = faults_of(input_schema(takes(customer=TEXT), MOST), {"custmer": "x"})

    assert fault["suggestion"] == "Did you mean 'customer'?"


def test_only_so_many_faults_are_told() -> None:
    schema = input_schema({"properties": {}}, MOST)
    numbers = {"additionalProperties": NUMBER}

    assert len(list(faults_of(schema, {str(number): 1 for number in range(30)}))) == 20
    assert len(list(faults_of(numbers, {str(number): "x" for number in range(30)}))) == 20
