import asyncio

import pytest

from muelle.core import TenantId
from muelle.stores import Database, KeyValues, MemoryKeyValues, SqlKeyValues, StoresSettings
from muelle.stores.checks import LONGEST_KEY
from muelle.stores.errors import InvalidContentType, InvalidValueKey, ValueTooLarge

_OURS, _THEIRS = TenantId("ours"), TenantId("theirs")
_SETTINGS = StoresSettings(value_bytes=1000)


@pytest.fixture
def values(memory_or_database: Database | None) -> KeyValues:
    return SqlKeyValues(memory_or_database, _SETTINGS) if memory_or_database else MemoryKeyValues(_SETTINGS)


async def test_another_tenants_value_is_not_there(values: KeyValues) -> None:
    await values.put(_OURS, "s", "k", b"ours", "text/plain")
    assert await values.get(_THEIRS, "s", "k") is None
    assert not await values.delete(_THEIRS, "s", "k")
    await values.put(_THEIRS, "s", "k", b"theirs", "text/plain")
    assert await values.get(_OURS, "s", "k") == (b"ours", "text/plain")


async def test_spaces_are_apart(values: KeyValues) -> None:
    await values.put(_OURS, "one", "k", b"1", "text/plain")
    assert await values.get(_OURS, "two", "k") is None


async def test_a_later_value_replaces_an_earlier(values: KeyValues) -> None:
    await values.put(_OURS, "s", "k", b"first", "text/plain")
    await values.put(_OURS, "s", "k", bytes(range(256)), "application/octet-stream")
    assert await values.get(_OURS, "s", "k") == (bytes(range(256)), "application/octet-stream")


async def test_what_is_deleted_is_gone(values: KeyValues) -> None:
    await values.put(_OURS, "s", "k", b"", "text/plain")
    assert await values.delete(_OURS, "s", "k")
    assert not await values.delete(_OURS, "s", "k")
    assert await values.get(_OURS, "s", "k") is None


async def test_many_at_once_are_all_kept(values: KeyValues) -> None:
    keys = [f"kéy {number}" for number in range(100)]
    await asyncio.gather(*[values.put(_OURS, "s", key, key.encode(), "text/plain") for key in keys])
    found = await asyncio.gather(*[values.get(_OURS, "s", key) for key in keys])
    assert found == [(key.encode(), "text/plain") for key in keys]


async def test_names_have_a_longest_length_and_no_control_characters(values: KeyValues) -> None:
    longest = "x" * LONGEST_KEY
    await values.put(_OURS, longest, longest, b"", "text/plain")
    assert await values.get(_OURS, longest, longest) == (b"", "text/plain")
    for space, key in ((longest + "x", "k"), ("s", longest + "x"), ("", "k"), ("s", ""), ("s", "a\x00b"), ("\n", "k")):
        with pytest.raises(InvalidValueKey):
            await values.put(_OURS, space, key, b"", "text/plain")
        with pytest.raises(InvalidValueKey):
            await values.get(_OURS, space, key)


async def test_a_value_has_a_largest_size(values: KeyValues) -> None:
    await values.put(_OURS, "s", "k", b"x" * 1000, "text/plain")
    with pytest.raises(ValueTooLarge) as refused:
        await values.put(_OURS, "s", "k", b"x" * 1001, "text/plain")
    assert refused.value.facts == {"key": "k", "bytes": 1001, "limit": 1000}


async def test_a_content_type_that_is_none_is_refused(values: KeyValues) -> None:
    with pytest.raises(InvalidContentType):
        await values.put(_OURS, "s", "k", b"", "a\r\nb")
