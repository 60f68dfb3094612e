"""Databases, blobs and secrets behind ports."""

from muelle.stores.adapters.disk import DiskBlobs
from muelle.stores.adapters.memory import MemoryDatabase, open_memory
from muelle.stores.adapters.sqlite import SqliteDatabase, open_sqlite
from muelle.stores.clock import open_clock
from muelle.stores.errors import (
    ConstraintViolated,
    DatabaseBusy,
    DatabaseUnreachable,
    StatementRefused,
    TransactionTimedOut,
    VaultSealed,
)
from muelle.stores.key_values import SqlKeyValues
from muelle.stores.memory import MemoryBlobs, MemoryKeyValues, MemoryVault
from muelle.stores.model import Blobs, Database, Dialect, KeyValues, Row, SqlValue, Statement, Transaction, Vault
from muelle.stores.opening import open_database
from muelle.stores.schema import migrate
from muelle.stores.settings import StoresSettings
from muelle.stores.vault import SqlVault, open_vault

__all__ = [
    "Blobs",
    "ConstraintViolated",
    "Database",
    "DatabaseBusy",
    "DatabaseUnreachable",
    "Dialect",
    "DiskBlobs",
    "KeyValues",
    "MemoryBlobs",
    "MemoryDatabase",
    "MemoryKeyValues",
    "MemoryVault",
    "Row",
    "SqlKeyValues",
    "SqlValue",
    "SqlVault",
    "SqliteDatabase",
    "Statement",
    "StatementRefused",
    "StoresSettings",
    "Transaction",
    "TransactionTimedOut",
    "Vault",
    "VaultSealed",
    "migrate",
    "open_clock",
    "open_database",
    "open_memory",
    "open_sqlite",
    "open_vault",
]
