"""What every operation type promises of itself, whatever config it is shown."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muelle.packs import OperationType
from operations.operations_world import TYPES

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5) | st.sampled_from(
        ["sort", "map", "custom", "template", "in", "matches", "divide", "GET", "POST", "(", "{", "/workflow/x"]
    ),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["path", "field", "operator", "value"]), inner)
    ),
)  # fmt: skip


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_check_never_fails_itself(kind: OperationType[Any], data: st.DataObject) -> None:
    names = [field.encode_name for field in msgspec.structs.fields(kind.config)]
    config = data.draw(st.dictionaries(st.sampled_from(names), JSON))
    for pointer, message in kind.check(config) if kind.check else ():
        assert pointer == "" or pointer.startswith("/")
        assert message
    assert not callable(kind.effects) or kind.effects(config) in ("reads", "writes")
    assert kind.calls is None or kind.calls(config) is None or isinstance(kind.calls(config), tuple)
    assert kind.reads is None or all(isinstance(path, tuple) for path in kind.reads(config))


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_every_field_is_described(kind: OperationType[Any]) -> None:
    schemas = msgspec.json.schema(kind.config)["$defs"]
    for schema in schemas.values():
        for name, field in schema["properties"].items():
            assert "description" in field or any("description" in way for way in field.get("anyOf", ())), name


@pytest.mark.parametrize("kind", TYPES.values(), ids=TYPES)
def test_an_unknown_field_is_refused(kind: OperationType[Any]) -> None:
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.convert({**kind.example, "unknown": 1}, kind.config)


def test_the_pack_has_the_sixteen_and_eight() -> None:
    assert sorted(TYPES) == [
        "ApiCall", "Approve", "Calculate", "CallEndpoint", "Conditional", "ConvertTimezone", "DateCalculation", "Emit",
        "EncodeDecode", "ExecuteSQL", "ExtractText", "FilterData", "FormatText", "GetCurrentDateTime", "LoadData",
        "Loop", "MergeData", "Parallel", "RunWorkflow", "StoreData", "TransformData", "ValidateData", "Wait",
        "WaitForEvent",
    ]  # fmt: skip
