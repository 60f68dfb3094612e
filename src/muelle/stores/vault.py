"""Secrets in the database, sealed by AES-256-GCM with a key that lies in a file beside it.

What is stored: one byte of format (1), 12 random bytes of nonce, the ciphertext with its tag of 16 bytes. The tag
covers tenant and name as well, so a row that is copied to another tenant or name does not open. GCM with random nonces
is safe for 2**32 messages under one key (NIST SP 800-38D, section 8.3).
"""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from muelle.core import TenantId
from muelle.stores import checks
from muelle.stores.errors import VaultKeyDamaged, VaultKeyExposed, VaultKeyMissing, VaultSealed
from muelle.stores.model import Database, Statement

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32

_FORMAT = b"\x01"
_NONCE = 12  # bytes
_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_PUT = (
    "INSERT INTO secrets (tenant, name, sealed) VALUES (?, ?, ?) "
    "ON CONFLICT (tenant, name) DO UPDATE SET sealed = excluded.sealed"
)
_GET = "SELECT sealed FROM secrets WHERE tenant = ? AND name = ?"
_DELETE = "DELETE FROM secrets WHERE tenant = ? AND name = ?"
_ANY = "SELECT 1 FROM secrets LIMIT 1"


class SqlVault:
    """The Vault port in a table. Open it by `open_vault`."""

    def __init__(self, database: Database, key: bytes) -> None:
        self._database = database
        self._key = key
        self._cipher: AESGCM | None = None

    def __repr__(self) -> str:
        """Hide the key."""
        return "SqlVault(***)"

    async def put(self, tenant: TenantId, name: str, secret: str) -> None:
        """Keep a secret; raise InvalidSecret."""
        checks.check_secret(name, secret)
        nonce = os.urandom(_NONCE)
        sealed = _FORMAT + nonce + self._aead().encrypt(nonce, secret.encode(), _bound(tenant, name))
        await self._database.commit([Statement(_PUT, [(tenant, name, sealed)])])

    async def get(self, tenant: TenantId, name: str) -> str | None:
        """Return the secret, or None; raise VaultSealed if it does not open."""
        checks.check_secret_name(name)
        rows = await self._database.fetch(_GET, tenant, name)
        return self._open(tenant, name, rows[0][0]) if rows else None

    async def delete(self, tenant: TenantId, name: str) -> bool:
        """Remove it; return whether it was there."""
        checks.check_secret_name(name)
        async with self._database.transaction() as transaction:
            return await transaction.execute(_DELETE, tenant, name) > 0

    def _open(self, tenant: TenantId, name: str, sealed: bytes) -> str:
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - 60 ms that a start without secrets saves

        if sealed[:1] != _FORMAT:
            raise VaultSealed(name=name, format=sealed[:1].hex())
        nonce, ciphertext = sealed[1 : 1 + _NONCE], sealed[1 + _NONCE :]
        try:
            return self._aead().decrypt(nonce, ciphertext, _bound(tenant, name)).decode()
        except (InvalidTag, ValueError):
            raise VaultSealed(name=name) from None

    def _aead(self) -> "AESGCM":
        if self._cipher is None:
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - as above

            self._cipher = AESGCM(self._key)
        return self._cipher


def _bound(tenant: TenantId, name: str) -> bytes:
    """Return what the tag covers; the length keeps ("ab", "c") apart from ("a", "bc")."""
    owner = tenant.encode()
    return len(owner).to_bytes(4, "big") + owner + name.encode()


async def open_vault(database: Database, key_file: Path) -> SqlVault:
    """Read the key, or make it where neither key nor secrets are.

    Raise VaultKeyMissing, VaultKeyExposed or VaultKeyDamaged.
    """
    key = read_key(key_file)
    if key is None:
        if await database.fetch(_ANY):
            raise VaultKeyMissing(path=str(key_file))
        key = make_key(key_file)
    return SqlVault(database, key)


def read_key(path: Path) -> bytes | None:
    """Return the key, or None if there is no such file; refuse a file that others than its owner may touch."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    with os.fdopen(file, "rb") as opened:
        mode = os.fstat(file).st_mode
        if mode & _OTHERS:
            raise VaultKeyExposed(path=str(path), mode=f"{stat.S_IMODE(mode):03o}")
        text = opened.read(4 * KEY_BYTES)
    try:
        key = bytes.fromhex(text.decode("ascii"))
    except ValueError:
        raise VaultKeyDamaged(path=str(path)) from None
    if len(key) != KEY_BYTES:
        raise VaultKeyDamaged(path=str(path))
    return key


def make_key(path: Path) -> bytes:
    """Make the key and return it; where two processes start at once, both get the key of the first."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(file, "wb") as opened:
        opened.write(os.urandom(KEY_BYTES).hex().encode() + b"\n")
        opened.flush()
        os.fsync(file)
    try:
        os.link(fresh, path)  # fails where the file is there, and never shows half a key
    except FileExistsError:
        pass
    finally:
        fresh.unlink()
    key = read_key(path)
    if key is None:
        raise VaultKeyMissing(path=str(path))
    return key
