import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from muelle.core import TenantId
from muelle.stores import Blobs, DiskBlobs, MemoryBlobs, StoresSettings
from muelle.stores.checks import LONGEST_KEY, LONGEST_PART
from muelle.stores.errors import BlobTooLarge, InvalidBlobKey, InvalidContentType

_OURS, _THEIRS = TenantId("ours"), TenantId("theirs")
_SETTINGS = StoresSettings(blob_bytes=1000)
Reopen = Callable[[], Blobs]


@pytest.fixture(params=["memory", "disk"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> Blobs:
    return MemoryBlobs(_SETTINGS) if request.param == "memory" else DiskBlobs(tmp_path / "blobs", _SETTINGS)


async def test_another_tenants_blob_is_not_there(blobs: Blobs) -> None:
    await blobs.put(_OURS, "a/b", b"ours")
    assert await blobs.get(_THEIRS, "a/b") is None
    assert await blobs.keys(_THEIRS) == []
    assert not await blobs.delete(_THEIRS, "a/b")
    assert await blobs.get(_OURS, "a/b") == (b"ours", "application/octet-stream")


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/",
        "/a",
        "a/",
        "a//b",
        "..",
        "../a",
        "a/../../b",
        ".",
        "a/./b",
        "a\\b",
        "a\x00",
        "a\n",
        "ä",
        "a b",
        "C:",
        "+b",
    ],
)
async def test_a_key_that_might_leave_its_place_is_refused(blobs: Blobs, key: str) -> None:
    for refused in (blobs.put(_OURS, key, b""), blobs.get(_OURS, key), blobs.delete(_OURS, key)):
        with pytest.raises(InvalidBlobKey):
            await refused


async def test_keys_have_a_longest_length(blobs: Blobs) -> None:
    part = "x" * LONGEST_PART
    longest = "/".join([part] * 10)[:LONGEST_KEY]
    for key in (part, longest):
        await blobs.put(_OURS, key, b"fits")
        assert await blobs.get(_OURS, key) == (b"fits", "application/octet-stream")
    for key in (part + "x", longest + "x"):
        with pytest.raises(InvalidBlobKey):
            await blobs.put(_OURS, key, b"does not")


async def test_a_blob_has_a_largest_size(blobs: Blobs) -> None:
    await blobs.put(_OURS, "a", b"x" * 1000)
    with pytest.raises(BlobTooLarge) as refused:
        await blobs.put(_OURS, "a", b"y" * 1001)
    assert refused.value.facts == {"key": "a", "bytes": 1001, "limit": 1000}
    assert await blobs.get(_OURS, "a") == (b"x" * 1000, "application/octet-stream")


async def test_content_types_are_kept_or_refused(blobs: Blobs) -> None:
    await blobs.put(_OURS, "a", b"{}\n{}", "application/json; charset=utf-8")
    assert await blobs.get(_OURS, "a") == (b"{}\n{}", "application/json; charset=utf-8")
    for content_type in ("a\nb", "ü", "x" * 201):
        with pytest.raises(InvalidContentType):
            await blobs.put(_OURS, "a", b"", content_type)


async def test_a_later_blob_replaces_an_earlier(blobs: Blobs) -> None:
    await blobs.put(_OURS, "a", b"first", "text/plain")
    await blobs.put(_OURS, "a", b"", "text/html")
    assert await blobs.get(_OURS, "a") == (b"", "text/html")


async def test_a_key_may_begin_with_another_key_and_case_matters(blobs: Blobs) -> None:
    keys = ["A", "a", "a/b", "a/b/c", "a.b", "aB"]
    for key in keys:
        await blobs.put(_OURS, key, key.encode())
    assert [(await blobs.get(_OURS, key) or (b"", ""))[0].decode() for key in keys] == keys
    assert await blobs.keys(_OURS) == sorted(keys)


async def test_keys_are_listed_by_prefix_and_sorted(blobs: Blobs) -> None:
    for key in ("runs/2/b", "runs/1", "runs-old", "other", "runs/2/a"):
        await blobs.put(_OURS, key, b"")
    assert await blobs.keys(_OURS, "runs") == ["runs-old", "runs/1", "runs/2/a", "runs/2/b"]
    assert await blobs.keys(_OURS, "runs/") == ["runs/1", "runs/2/a", "runs/2/b"]
    assert await blobs.keys(_OURS, "runs/2/b") == ["runs/2/b"]
    assert await blobs.keys(_OURS, "nothing/") == []


async def test_a_prefix_that_might_leave_its_place_lists_nothing(blobs: Blobs) -> None:
    await blobs.put(_THEIRS, "a", b"")
    for prefix in ("../theirs/", "a b", "\x00"):
        try:
            assert await blobs.keys(_OURS, prefix) == []
        except InvalidBlobKey:
            continue


async def test_what_is_deleted_is_gone(blobs: Blobs) -> None:
    await blobs.put(_OURS, "a/b", b"")
    await blobs.put(_OURS, "a/c", b"")
    assert await blobs.delete(_OURS, "a/b")
    assert not await blobs.delete(_OURS, "a/b")
    assert await blobs.get(_OURS, "a/b") is None
    assert await blobs.keys(_OURS) == ["a/c"]


async def test_many_at_once_get_along(blobs: Blobs) -> None:
    async def come_and_go(number: int) -> None:
        await blobs.put(_OURS, f"folder/{number % 3}", b"x" * number)
        await blobs.delete(_OURS, f"folder/{number % 3}")

    await asyncio.gather(*[come_and_go(number) for number in range(60)])
    assert await blobs.keys(_OURS) == []
