"""StoreData and LoadData: spaces, formats, defaults."""

import pytest

from muelle.core import MuelleError
from muelle.packs import Json
from operations.operations_world import FakeStep, run

SPACES = ["file", "database", "localStorage", "indexedDB", "sessionStorage"]


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize(
    ("style", "value", "kept"),
    [("json", {"a": [1, None]}, b'{"a":[1,null]}'), ("string", "é", "é".encode()), ("binary", "AAE=", b"\0\1")],
)
async def test_what_is_stored_can_be_loaded(step: FakeStep, space: str, style: str, value: Json, kept: bytes) -> None:
    step.data["workflow"]["x"] = value
    stored = await run("StoreData", step, inputPath="/workflow/x", storage=space, key="k/1", format=style)
    assert stored == {"storage": space, "key": "k/1", "bytes": len(kept)}
    assert step.storage.kept[space, "k/1"][0] == kept
    assert await run("LoadData", step, storage=space, key="k/1", outputPath="/y") == value


async def test_nothing_stored_is_missing_data_or_the_default(step: FakeStep) -> None:
    assert await run("LoadData", step, storage="file", key="none", default=None, outputPath="/y") is None
    with pytest.raises(MuelleError) as failure:
        await run("LoadData", step, storage="file", key="none", outputPath="/y")
    assert (failure.value.code, failure.value.category) == ("missing_data", "data_error")


async def test_content_can_be_read_in_another_format(step: FakeStep) -> None:
    step.storage.kept["file", "k"] = (b"\xff[1]", "image/png")
    assert await run("LoadData", step, storage="file", key="k", outputPath="/y") == "/1sxXQ=="
    for style in ("json", "string"):
        with pytest.raises(MuelleError) as failure:
            await run("LoadData", step, storage="file", key="k", format=style, outputPath="/y")
        assert failure.value.code == "unreadable_content"


@pytest.mark.parametrize("value", [5, "not base64!", "A"])
async def test_binary_needs_base64(step: FakeStep, value: Json) -> None:
    step.data["workflow"]["x"] = value
    with pytest.raises(MuelleError) as failure:
        await run("StoreData", step, inputPath="/workflow/x", storage="file", key="k", format="binary")
    assert failure.value.code == "wrong_input"
