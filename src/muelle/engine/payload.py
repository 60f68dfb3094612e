"""How bytes of any size are kept in a column: as they are, compressed, or as the name of a blob.

The first byte tells: 0 is followed by the bytes themselves, 1 by zlib's, 2 by the SHA-256 (hex) of a blob that holds
zlib's; everything else, all JSON among it, stands for itself. Blobs are named by the run that they belong to and by
content, so that they can go when their run goes.
"""

import asyncio
import hashlib
import zlib

from muelle.core import TenantId
from muelle.engine.errors import PayloadLost
from muelle.engine.settings import EngineSettings
from muelle.stores import Blobs

_PLAIN, _ZLIB, _BLOB = b"\x00", b"\x01", b"\x02"
_LAST_MARK = 2
_LEVEL = 1  # JSON shrinks to a quarter at 150 MB/s; level 6 gains a tenth more at a third of the speed


def stands_for_itself(body: bytes | None, limit: int) -> bool:
    """Tell whether `body` may go into a column as it is."""
    return not body or (len(body) <= limit and body[0] > _LAST_MARK)


class Payloads:
    """Packs and unpacks."""

    def __init__(self, blobs: Blobs, settings: EngineSettings) -> None:
        self._blobs = blobs
        self._settings = settings

    async def pack(self, tenant: TenantId, owner: str, body: bytes) -> bytes:
        """Return what goes into the column of a run, or of `plans`; a blob is on disk when this returns."""
        if stands_for_itself(body, self._settings.compress_bytes):
            return body
        if len(body) <= self._settings.compress_bytes:
            return _PLAIN + body
        small = await asyncio.to_thread(zlib.compress, body, _LEVEL)
        if len(body) <= self._settings.blob_bytes:
            return _ZLIB + small
        name = f"{owner}/{await asyncio.to_thread(_digest, body)}"
        await self._blobs.put(tenant, _key(name), small, "application/zlib")
        return _BLOB + name.encode()

    async def forget(self, tenant: TenantId, owner: str) -> None:
        """Remove the blobs of a run."""
        for key in await self._blobs.keys(tenant, f"{_key(owner)}/"):
            await self._blobs.delete(tenant, key)

    async def unpack(self, tenant: TenantId, column: bytes) -> bytes:
        """Return what was packed; raise PayloadLost if its blob is gone or damaged."""
        mark, rest = column[:1], column[1:]
        if mark == _PLAIN:
            return rest
        if mark == _ZLIB:
            return await asyncio.to_thread(zlib.decompress, rest)
        if mark == _BLOB:
            return await self._fetch(tenant, rest.decode())
        return column

    async def _fetch(self, tenant: TenantId, name: str) -> bytes:
        found = await self._blobs.get(tenant, _key(name))
        if found is None:
            raise PayloadLost(blob=_key(name))
        try:
            body = await asyncio.to_thread(zlib.decompress, found[0])
        except zlib.error as error:
            raise PayloadLost(blob=_key(name), reason=str(error)) from error
        return body


def _digest(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def _key(name: str) -> str:
    return f"journal/{name}"
