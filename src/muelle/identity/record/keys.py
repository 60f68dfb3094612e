"""The keys that seals are made with: in the vault, for whoever can write rows must not be able to make seals."""

import secrets
from dataclasses import dataclass

from muelle.identity.model import DEFAULT_TENANT
from muelle.identity.record.chain import mac_of
from muelle.identity.record.store import Ledger
from muelle.stores import Vault

_KEY_BYTES = 32
_SECRET = "audit-seal-"  # noqa: S105 - how the names of keys begin


@dataclass(frozen=True, slots=True)
class SealKey:
    """A key, and the id by which seals name it."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        """Hide the key."""
        return f"SealKey({self.id}, ***)"


class SealKeys:
    """Finds keys, and makes the first one."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._known: dict[str, bytes] = {}

    async def current(self, ledger: Ledger) -> SealKey:
        """Return the key that the ledger names; make one where there is none. Who moves the ledger first makes it."""
        secret = await self.find(ledger.key) if ledger.key else None
        if secret is not None:
            return SealKey(ledger.key, secret)
        name, fresh = secrets.token_hex(8), secrets.token_bytes(_KEY_BYTES)
        await self._vault.put(DEFAULT_TENANT, _SECRET + name, fresh.hex())
        self._known[name] = fresh
        return SealKey(name, fresh)

    async def find(self, key: str) -> bytes | None:
        """Return a key by its id, or None if the vault has none."""
        if key not in self._known:
            text = await self._vault.get(DEFAULT_TENANT, _SECRET + key) if key else None
            if text is None:
                return None
            self._known[key] = bytes.fromhex(text)
        return self._known[key]

    async def wrote(self, ledger: Ledger) -> bool:
        """Tell whether a holder of the key wrote the ledger; nobody has written the first one."""
        if not ledger.key and not ledger.seals:
            return True
        key = await self.find(ledger.key)
        return key is not None and secrets.compare_digest(ledger_mac(key, ledger), ledger.mac)


def ledger_mac(key: bytes, ledger: Ledger) -> str:
    """Return the mac of a ledger."""
    return mac_of(key, "ledger", ledger.until, ledger.seals, ledger.at)
