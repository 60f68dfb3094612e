"""Databases, blobs and secrets behind ports."""

from muelle.stores.adapters.sqlite import SqliteDatabase, open_sqlite
from muelle.stores.errors import ConstraintViolated, DatabaseBusy, DatabaseUnreachable, StatementRefused
from muelle.stores.model import Blobs, Database, Dialect, KeyValues, Row, SqlValue, Statement, Transaction, Vault
from muelle.stores.schema import migrate
from muelle.stores.settings import StoresSettings

__all__ = [
    "Blobs",
    "ConstraintViolated",
    "Database",
    "DatabaseBusy",
    "DatabaseUnreachable",
    "Dialect",
    "KeyValues",
    "Row",
    "SqlValue",
    "SqliteDatabase",
    "Statement",
    "StatementRefused",
    "StoresSettings",
    "Transaction",
    "Vault",
    "migrate",
    "open_sqlite",
]
