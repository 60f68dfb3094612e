"""Schemas are whole and say what a field is for."""

from typing import Annotated

import jsonschema
import msgspec

from muelle.packs import OperationId, OperationType, ReadPath, WritePath, schema_of
from packs.pack_samples import GREET, HEAR


class Rule(msgspec.Struct, forbid_unknown_fields=True):
    """A rule."""

    field: str


class Node(msgspec.Struct, forbid_unknown_fields=True):
    """A tree."""

    children: list["Node"] = []


class Sort(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    output_path: WritePath
    input_path: ReadPath | None = None
    then_run: list[OperationId] = []
    rules: list[Rule] = []
    limit: Annotated[int, msgspec.Meta(ge=1, description="How many to keep.")] = 3


def kind_of(config: type[msgspec.Struct]) -> OperationType[msgspec.Struct]:
    example = {"outputPath": "/workflow/x", "rules": [{"field": "age"}]}
    return OperationType(name="Sort", summary="Sort.", config=config, perform=lambda *_: None, example=example)


def test_a_schema_is_valid_and_accepts_the_example() -> None:
    schema = schema_of(kind_of(Sort))
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(schema["examples"][0], schema)


def test_a_schema_refuses_a_field_that_nobody_declared() -> None:
    validator = jsonschema.Draft202012Validator(schema_of(kind_of(Sort)))
    assert not validator.is_valid({"outputPath": "/workflow/x", "rulez": []})


def test_a_schema_has_the_operations_name_and_summary() -> None:
    schema = schema_of(GREET)
    assert (schema["title"], schema["description"]) == ("Greet", "Say hello.")
    assert schema["properties"]["times"]["default"] == 1


def test_a_schema_tells_the_role_of_a_field_also_within_lists_and_unions() -> None:
    fields = schema_of(kind_of(Sort))["properties"]
    roles = {name: field.get("x-role") for name, field in fields.items()}
    assert roles == {"outputPath": "write", "inputPath": "read", "thenRun": "operation", "rules": None, "limit": None}


def test_a_schema_describes_its_fields() -> None:
    assert schema_of(kind_of(Sort))["properties"]["limit"]["description"] == "How many to keep."


def test_a_schema_that_refers_to_itself_stays_whole() -> None:
    schema = schema_of(kind_of(Node))
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"children": [{"children": []}]})
    assert not validator.is_valid({"children": [{"child": []}]})


def test_a_tool_has_a_schema_too() -> None:
    schema = schema_of(HEAR)
    assert (schema["title"], schema["description"]) == ("Hear", "Hear what is said.")
    assert "examples" not in schema
