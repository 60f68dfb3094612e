import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest

from muelle.core import TenantId
from muelle.stores import DiskBlobs
from muelle.stores.adapters.disk import _translated
from muelle.stores.errors import BlobsFailed, DiskFull, InvalidBlobKey

_TENANT = TenantId("tenant_1")


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


async def test_blobs_outlive_the_process(tmp_path: Path) -> None:
    await DiskBlobs(tmp_path).put(_TENANT, "a/b", b"body", "text/plain")
    assert await DiskBlobs(tmp_path).get(_TENANT, "a/b") == (b"body", "text/plain")


async def test_files_belong_to_their_owner_alone(tmp_path: Path) -> None:
    await DiskBlobs(tmp_path / "blobs").put(_TENANT, "a/b", b"body")
    modes = {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "blobs", *(tmp_path / "blobs").rglob("*"))}
    assert modes == {0o600, 0o700}


async def test_nothing_unfinished_is_left_behind(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    await asyncio.gather(*[blobs.put(_TENANT, "a", b"x" * 100_000) for _ in range(20)])
    assert len(_files(tmp_path)) == 1
    await blobs.delete(_TENANT, "a")
    assert _files(tmp_path) == []


def test_what_a_crash_left_unfinished_is_removed_when_it_is_old(tmp_path: Path) -> None:
    DiskBlobs(tmp_path)
    old, young = tmp_path / "+new" / "old", tmp_path / "+new" / "young"
    for path in (old, young):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    DiskBlobs(tmp_path)
    assert _files(tmp_path) == [young]


@pytest.mark.parametrize("tenant", ["..", "a/b", ""])
async def test_a_tenant_is_no_path_either(tmp_path: Path, tenant: str) -> None:
    with pytest.raises(InvalidBlobKey):
        await DiskBlobs(tmp_path).put(TenantId(tenant), "a", b"")


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(BlobsFailed):
        DiskBlobs(tmp_path / "file" / "blobs")


async def test_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    blobs = DiskBlobs(tmp_path)
    await blobs.put(_TENANT, "a", b"body")
    _files(tmp_path)[0].write_bytes(b"")
    with pytest.raises(BlobsFailed):
        await blobs.get(_TENANT, "a")


@pytest.mark.parametrize(
    ("number", "kind"), [(errno.ENOSPC, DiskFull), (errno.EDQUOT, DiskFull), (errno.EIO, BlobsFailed)]
)
def test_a_full_disk_is_told_from_a_broken_one(number: int, kind: type[Exception]) -> None:
    def fail() -> None:
        raise OSError(number, os.strerror(number))

    with pytest.raises(kind):
        _translated(fail)
