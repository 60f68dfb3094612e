"""Envelopes: secrets sealed by a data key of their tenant, data keys wrapped by the master key of the key file.

A new master key therefore needs no secret to be sealed anew, but only each tenant's data key to be wrapped anew. That
happens row by row while other processes work, and goes on where it stopped. A row of `secrets`: one byte of format (2),
four of the data key's number, 12 random bytes of nonce, ciphertext and tag (AES-256-GCM). The tag covers tenant and
name as well. Rows of format 1 were sealed by the master key itself; they open as before, and a rekey turns them into
format 2.
"""

import os
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from muelle.core import TenantId
from muelle.egress.vaults.master import KeyFiles, MasterKey, MasterKeys
from muelle.stores import Database, Statement, Transaction, VaultSealed

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_OLD, _FORMAT = b"\x01", b"\x02"
_NUMBER, _NONCE, _KEY = 4, 12, 32  # bytes
_BATCH = 100
_MOST = 1000  # data keys kept in memory
_FIRST = 1  # number of a tenant's first data key

_PUT = (
    "INSERT INTO secrets (tenant, name, sealed) VALUES (?, ?, ?) "
    "ON CONFLICT (tenant, name) DO UPDATE SET sealed = excluded.sealed"
)
_GET = "SELECT sealed FROM secrets WHERE tenant = ? AND name = ?"
_DATA_KEY = "SELECT master, wrapped FROM vault_keys WHERE tenant = ? AND number = ?"
_ADD_DATA_KEY = "INSERT INTO vault_keys (tenant, number, master, wrapped) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING"
_WRAPPED_BY_OTHERS = "SELECT tenant, number, master, wrapped FROM vault_keys WHERE master <> ? LIMIT ?"
_REWRAP = "UPDATE vault_keys SET master = ?, wrapped = ? WHERE tenant = ? AND number = ? AND master = ?"
_MASTER = "SELECT master FROM vault_master WHERE place = 1"
_NAME_MASTER = (
    "INSERT INTO vault_master (place, master) VALUES (1, ?) ON CONFLICT (place) DO UPDATE SET master = excluded.master"
)
_DELETE = "DELETE FROM secrets WHERE tenant = ? AND name = ?"
_SECRETS = (
    "SELECT tenant, name, sealed FROM secrets WHERE tenant > ? OR (tenant = ? AND name > ?) "
    "ORDER BY tenant, name LIMIT ?"
)
_OLD_SECRETS = "SELECT 1 FROM secrets WHERE substr(sealed, 1, 1) = ? LIMIT 1"
_RESEAL = "UPDATE secrets SET sealed = ? WHERE tenant = ? AND name = ? AND sealed = ?"


@dataclass(frozen=True, slots=True)
class Rekeyed:
    """What a rekey did: data keys wrapped anew, and secrets of the old format sealed anew."""

    data_keys: int
    secrets: int
    was_resumed: bool


class EnvelopeVault:
    """The Vault port with envelopes; see the module. Open it by `open_envelope`."""

    def __init__(self, database: Database, masters: MasterKeys, check: Callable[[str, str], None]) -> None:
        self._database = database
        self._masters = masters
        self._check = check
        self._data_keys: OrderedDict[tuple[TenantId, int], AESGCM] = OrderedDict()

    def __repr__(self) -> str:
        """Hide the keys."""
        return "EnvelopeVault(***)"

    async def put(self, tenant: TenantId, name: str, secret: str) -> None:
        """Keep a secret; raise InvalidSecret."""
        self._check(name, secret)
        sealed = await self._sealed(tenant, name, secret.encode())
        await self._database.commit([Statement(_PUT, [(tenant, name, sealed)])])

    async def get(self, tenant: TenantId, name: str) -> str | None:
        """Return the secret, or None; raise VaultSealed if it does not open."""
        self._check(name, "a secret")
        rows = await self._database.fetch(_GET, tenant, name)
        return (await self._opened(tenant, name, bytes(rows[0][0]))).decode() if rows else None

    async def delete(self, tenant: TenantId, name: str) -> bool:
        """Remove it; return whether it was there."""
        self._check(name, "a secret")
        async with self._database.transaction() as transaction:
            return await transaction.execute(_DELETE, tenant, name) > 0

    async def rekey(self) -> Rekeyed:
        """Change the master key while others work: make it, wrap every data key by it, put it in the key file's place.

        What was interrupted goes on where it stopped. Raise VaultSealed for what no key of this machine opens; then
        nothing is lost, and the old key stays in its place.
        """
        was_resumed = self._masters.is_changing
        successor = self._masters.successor()
        await self._name_master(successor)
        secrets = await self._reseal_old()
        data_keys = await self._rewrap(successor)
        self._masters.promote(successor)
        return Rekeyed(data_keys, secrets, was_resumed)

    async def settle(self) -> None:
        """Put a successor in the key file's place whose rekey was ended by another machine with the same database."""
        if not self._masters.is_changing:
            return
        successor = self._masters.successor()
        rows = await self._database.fetch(_MASTER)
        if not rows or rows[0][0] != successor.print:
            return
        is_done = not await self._database.fetch(_WRAPPED_BY_OTHERS, successor.print, 1)
        if is_done and not await self._database.fetch(_OLD_SECRETS, _OLD):
            self._masters.promote(successor)

    async def _name_master(self, master: MasterKey) -> None:
        await self._database.commit([Statement(_NAME_MASTER, [(master.print,)])])

    async def _rewrap(self, successor: MasterKey) -> int:
        count = 0
        while rows := await self._database.fetch(_WRAPPED_BY_OTHERS, successor.print, _BATCH):
            changed = []
            for tenant, number, master, wrapped in rows:
                key = self._unwrapped(tenant, number, master, bytes(wrapped))
                changed.append((successor.print, _wrap(successor, tenant, number, key), tenant, number, master))
            await self._database.commit([Statement(_REWRAP, changed)])
            count += len(rows)
        return count

    async def _reseal_old(self) -> int:
        """Seal secrets of format 1 by data keys; one that somebody replaces meanwhile is left alone."""
        count, tenant, name = 0, "", ""
        while rows := await self._database.fetch(_SECRETS, tenant, tenant, name, _BATCH):
            changed = []
            for owner, each, sealed in rows:
                if bytes(sealed)[:1] == _OLD:
                    secret = await self._opened(owner, each, bytes(sealed))
                    changed.append((await self._sealed(owner, each, secret), owner, each, bytes(sealed)))
            if changed:
                await self._database.commit([Statement(_RESEAL, changed)])
                count += len(changed)
            tenant, name = rows[-1][0], rows[-1][1]
        return count

    async def _sealed(self, tenant: TenantId, name: str, secret: bytes) -> bytes:
        cipher = await self._data_key(tenant, _FIRST) or await self._new_data_key(tenant)
        nonce = os.urandom(_NONCE)
        head = _FORMAT + _FIRST.to_bytes(_NUMBER, "big") + nonce
        return head + cipher.encrypt(nonce, secret, _bound(tenant, name))

    async def _opened(self, tenant: TenantId, name: str, sealed: bytes) -> bytes:
        if sealed[:1] == _OLD:
            return self._opened_old(tenant, name, sealed)
        if sealed[:1] != _FORMAT:
            raise VaultSealed(name=name, format=sealed[:1].hex())
        number = int.from_bytes(sealed[1 : 1 + _NUMBER], "big")
        cipher = await self._data_key(tenant, number)
        if cipher is None:
            raise VaultSealed(name=name, reason="its data key is gone")
        return _decrypted(cipher, sealed[1 + _NUMBER :], _bound(tenant, name), name)

    def _opened_old(self, tenant: TenantId, name: str, sealed: bytes) -> bytes:
        """Open what the master key itself sealed: the key file's, as no rekey leaves such a secret behind."""
        master = self._masters.present()
        if master is None:
            raise VaultSealed(name=name, reason="there is no key file")
        return _decrypted(_cipher(master.key), sealed[1:], _bound(tenant, name), name)

    async def _data_key(self, tenant: TenantId, number: int) -> "AESGCM | None":
        cipher = self._data_keys.get((tenant, number))
        if cipher is not None:
            self._data_keys.move_to_end((tenant, number))
            return cipher
        rows = await self._database.fetch(_DATA_KEY, tenant, number)
        if not rows:
            return None
        master, wrapped = rows[0]
        return self._remembered(tenant, number, self._unwrapped(tenant, number, master, bytes(wrapped)))

    def _remembered(self, tenant: TenantId, number: int, key: bytes) -> "AESGCM":
        cipher = self._data_keys[tenant, number] = _cipher(key)
        while len(self._data_keys) > _MOST:
            self._data_keys.popitem(last=False)
        return cipher

    async def _new_data_key(self, tenant: TenantId) -> "AESGCM":
        """Make a tenant's data key, wrapped by the master key that the database names: the one that will last."""
        async with self._database.transaction() as transaction:
            master = await self._named_master(transaction)
            wrapped = _wrap(master, tenant, _FIRST, os.urandom(_KEY))
            await transaction.execute(_ADD_DATA_KEY, tenant, _FIRST, master.print, wrapped)
        cipher = await self._data_key(tenant, _FIRST)  # another process may have been the first
        if cipher is None:
            raise VaultSealed(tenant=tenant, reason="its data key is gone")
        return cipher

    async def _named_master(self, transaction: Transaction) -> MasterKey:
        rows = await transaction.fetch(_MASTER)
        if rows:
            return self._master(rows[0][0])
        master = self._masters.present()
        if master is None:
            raise VaultSealed(reason="there is no key file")
        await transaction.execute(_NAME_MASTER, master.print)
        return master

    def _master(self, wanted: str) -> MasterKey:
        master = self._masters.by_print(wanted)
        if master is None:
            raise VaultSealed(reason="its master key is not on this machine", master=wanted)
        return master

    def _unwrapped(self, tenant: TenantId, number: int, master: str, wrapped: bytes) -> bytes:
        return _decrypted(_cipher(self._master(master).key), wrapped, _place(tenant, number), "the data key")


def _wrap(master: MasterKey, tenant: TenantId, number: int, key: bytes) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + _cipher(master.key).encrypt(nonce, key, _place(tenant, number))


def _decrypted(cipher: "AESGCM", sealed: bytes, bound: bytes, name: str) -> bytes:
    from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 60 ms that a start without secrets saves

    try:
        return cipher.decrypt(sealed[:_NONCE], sealed[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise VaultSealed(name=name) from None


def _cipher(key: bytes) -> "AESGCM":
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

    return AESGCM(key)


def _bound(tenant: TenantId, name: str) -> bytes:
    """Return what a secret's tag covers; the length keeps ("ab", "c") apart from ("a", "bc")."""
    owner = tenant.encode()
    return len(owner).to_bytes(4, "big") + owner + name.encode()


def _place(tenant: TenantId, number: int) -> bytes:
    """Return what a wrapped key's tag covers: nothing that a secret's could."""
    return b"\xff\xff\xff\xffdata key" + number.to_bytes(_NUMBER, "big") + tenant.encode()


async def open_envelope(database: Database, path: Path, files: KeyFiles) -> EnvelopeVault:
    """Open the vault of a key file that is there."""
    vault = EnvelopeVault(database, MasterKeys(path, files), files.check)
    await vault.settle()
    return vault
