"""Memory twins of blobs, values and secrets: for tests, and for whoever wants to keep nothing."""

from muelle.core import TenantId
from muelle.stores import checks
from muelle.stores.settings import StoresSettings

_SETTINGS = StoresSettings()
_Kept = tuple[bytes, str]


class MemoryBlobs:
    """The Blobs port in a dictionary."""

    def __init__(self, settings: StoresSettings = _SETTINGS) -> None:
        self._limit = settings.blob_bytes
        self._blobs: dict[tuple[TenantId, str], _Kept] = {}

    async def put(
        self, tenant: TenantId, key: str, body: bytes, content_type: str = "application/octet-stream"
    ) -> None:
        """Keep `body`; raise InvalidBlobKey, InvalidContentType or BlobTooLarge."""
        checks.check_blob(key, body, content_type, self._limit)
        self._blobs[tenant, key] = (bytes(body), content_type)

    async def get(self, tenant: TenantId, key: str) -> _Kept | None:
        """Return body and content type, or None."""
        checks.check_blob_key(key)
        return self._blobs.get((tenant, key))

    async def delete(self, tenant: TenantId, key: str) -> bool:
        """Remove it; return whether it was there."""
        checks.check_blob_key(key)
        return self._blobs.pop((tenant, key), None) is not None

    async def keys(self, tenant: TenantId, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, sorted."""
        checks.check_blob_prefix(prefix)
        return sorted(key for owner, key in self._blobs if owner == tenant and key.startswith(prefix))


class MemoryKeyValues:
    """The KeyValues port in a dictionary."""

    def __init__(self, settings: StoresSettings = _SETTINGS) -> None:
        self._limit = settings.value_bytes
        self._values: dict[tuple[TenantId, str, str], _Kept] = {}

    async def put(self, tenant: TenantId, space: str, key: str, value: bytes, content_type: str) -> None:
        """Keep `value`; raise InvalidValueKey, InvalidContentType or ValueTooLarge."""
        checks.check_value(space, key, value, content_type, self._limit)
        self._values[tenant, space, key] = (bytes(value), content_type)

    async def get(self, tenant: TenantId, space: str, key: str) -> _Kept | None:
        """Return value and content type, or None."""
        checks.check_value_key(space, key)
        return self._values.get((tenant, space, key))

    async def delete(self, tenant: TenantId, space: str, key: str) -> bool:
        """Remove it; return whether it was there."""
        checks.check_value_key(space, key)
        return self._values.pop((tenant, space, key), None) is not None


class MemoryVault:
    """The Vault port in a dictionary; the secrets stand there in the clear, for as long as the process lives."""

    def __init__(self) -> None:
        self._secrets: dict[tuple[TenantId, str], str] = {}

    async def put(self, tenant: TenantId, name: str, secret: str) -> None:
        """Keep a secret; raise InvalidSecret."""
        checks.check_secret(name, secret)
        self._secrets[tenant, name] = secret

    async def get(self, tenant: TenantId, name: str) -> str | None:
        """Return the secret, or None."""
        checks.check_secret_name(name)
        return self._secrets.get((tenant, name))

    async def delete(self, tenant: TenantId, name: str) -> bool:
        """Remove it; return whether it was there."""
        checks.check_secret_name(name)
        return self._secrets.pop((tenant, name), None) is not None
