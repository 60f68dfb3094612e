"""Blobs as files in a folder.

`TENANT+d/PART+d/LAST+b`: all but the last part of a key are folders, so that `a` and `a/b` can both be keys, and a
capital is `=` and the small letter, so that `A` and `a` differ on every file system. A file holds a line with the
content type and then the body. It is written aside, flushed and renamed, so nobody ever sees half a blob, and what was
acknowledged survives a power cut.
"""

import asyncio
import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from muelle.core import MuelleError, TenantId
from muelle.stores import checks
from muelle.stores.errors import BlobsFailed, DiskFull
from muelle.stores.settings import StoresSettings

_FILE, _FOLDER, _FRESH = "+b", "+d", "+new"  # '+' and '=' are in no key
_ABANDONED = 3600.0  # seconds after which a file that is being written was left behind by a crash
_TRIES = 5  # a folder that just became empty may be removed under the feet of a writer
_NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT})
T = TypeVar("T")


class DiskBlobs:
    """The Blobs port in a folder that this opens or makes; the file work is done in threads."""

    def __init__(self, folder: Path, settings: StoresSettings = StoresSettings()) -> None:  # noqa: B008 - frozen
        self._folder = folder
        self._fresh = folder / _FRESH
        self._limit = settings.blob_bytes
        _translated(self._prepare)

    async def put(
        self, tenant: TenantId, key: str, body: bytes, content_type: str = "application/octet-stream"
    ) -> None:
        """Keep `body`; raise InvalidBlobKey, InvalidContentType, BlobTooLarge, DiskFull or BlobsFailed."""
        checks.check_blob(key, body, content_type, self._limit)
        path = self._path(tenant, key)
        await asyncio.to_thread(_translated, lambda: self._write(path, content_type.encode() + b"\n", body))

    async def get(self, tenant: TenantId, key: str) -> tuple[bytes, str] | None:
        """Return body and content type, or None."""
        checks.check_blob_key(key)
        path = self._path(tenant, key)
        whole = await asyncio.to_thread(_translated, lambda: _read(path))
        if whole is None:
            return None
        content_type, found, body = whole.partition(b"\n")
        if not found:
            raise BlobsFailed(key=key, reason="The file has no line with a content type.")
        return body, content_type.decode("ascii")

    async def delete(self, tenant: TenantId, key: str) -> bool:
        """Remove it; return whether it was there."""
        checks.check_blob_key(key)
        path = self._path(tenant, key)
        return await asyncio.to_thread(_translated, lambda: self._remove(path))

    async def keys(self, tenant: TenantId, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        checks.check_blob_prefix(prefix)
        *parts, _ = prefix.split("/")
        folder = self._tenant(tenant).joinpath(*(_escaped(part) + _FOLDER for part in parts))
        start = "".join(f"{part}/" for part in parts)
        found = await asyncio.to_thread(_translated, lambda: list(_walk(folder, start)))
        return sorted(key for key in found if key.startswith(prefix))

    def _tenant(self, tenant: TenantId) -> Path:
        checks.check_blob_part(tenant)
        return self._folder / (_escaped(tenant) + _FOLDER)

    def _path(self, tenant: TenantId, key: str) -> Path:
        *folders, last = key.split("/")
        names = [_escaped(part) + _FOLDER for part in folders]
        return self._tenant(tenant).joinpath(*names, _escaped(last) + _FILE)

    def _prepare(self) -> None:
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # its parents get the mode that others have
        self._fresh.mkdir(mode=0o700, exist_ok=True)
        for file in self._fresh.iterdir():
            if file.stat().st_mtime < time.time() - _ABANDONED:
                file.unlink(missing_ok=True)

    def _write(self, path: Path, head: bytes, body: bytes) -> None:
        fresh = self._fresh / f"{os.getpid()}-{os.urandom(8).hex()}"
        try:
            with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - a mode
                file.write(head)
                file.write(body)
                file.flush()
                os.fsync(file.fileno())
            _place(fresh, path)
        finally:
            fresh.unlink(missing_ok=True)

    def _remove(self, path: Path) -> bool:
        try:
            path.unlink()
        except FileNotFoundError:
            return False
        _flush_folder(path.parent)
        for folder in path.parents:
            if folder == self._folder or not _remove_empty(folder):
                break
        return True


def _place(fresh: Path, path: Path) -> None:
    for attempt in range(_TRIES):
        try:
            _make_folder(path.parent)
            fresh.replace(path)
            _flush_folder(path.parent)
        except FileNotFoundError:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, each flushed into the one that holds it."""
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(mode=0o700, exist_ok=True)
    _flush_folder(folder.parent)


def _flush_folder(folder: Path) -> None:
    """Make names in a folder durable; where folders cannot be opened (Windows) the system does it by itself."""
    if os.name != "posix":
        return
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        return  # somebody has removed what was in it, and then the folder: there is nothing to flush
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _remove_empty(folder: Path) -> bool:
    try:
        folder.rmdir()
    except OSError:  # it holds something, or is gone
        return False
    return True


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _walk(folder: Path, start: str) -> Iterator[str]:
    try:
        entries = list(os.scandir(folder))
    except FileNotFoundError:
        return
    for entry in entries:
        name = _unescaped(entry.name[:-2])
        if entry.name.endswith(_FILE):
            yield start + name
        elif entry.name.endswith(_FOLDER):
            yield from _walk(Path(entry.path), f"{start}{name}/")


def _escaped(part: str) -> str:
    return re.sub("[A-Z]", lambda found: f"={found[0].lower()}", part)


def _unescaped(name: str) -> str:
    return re.sub("=([a-z])", lambda found: found[1].upper(), name)


def _translated(work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as error:
        kind: type[MuelleError] = DiskFull if error.errno in _NO_SPACE else BlobsFailed
        raise kind(reason=error.strerror or str(error)) from error
