"""What can be set about stores."""

from dataclasses import dataclass, field
from typing import Annotated, Literal

from msgspec import Meta

from muelle.core import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class StoresSettings:
    """Where data is kept, and how safely. Relative paths start at Muelle's home folder."""

    # postgresql://user:password@host/database; empty: the SQLite file at `path`
    url: Secret = field(default_factory=lambda: Secret(""))
    path: str = "muelle.db"  # the SQLite file
    # What was answered always survives a crash of Muelle. A power cut may take: with FULL nothing; with EFFECTS the
    # last moments of runs that touched nothing outside; with NORMAL the last moments of everything. FULL waits for the
    # disk at each commit, EFFECTS where somebody must know (ADR 0003 has the numbers).
    synchronous: Literal["FULL", "EFFECTS", "NORMAL"] = "FULL"
    busy_seconds: float = 5.0  # how long to wait for another process that writes to the file
    wal_bytes: int = 64 << 20  # a write-ahead log of SQLite beyond this is finished and begun anew
    readers: Annotated[int, Meta(ge=1)] = 2  # threads that read from the file, each with a connection
    connections: Annotated[int, Meta(ge=1)] = 10  # the most connections to PostgreSQL, besides the one that commits
    connect_seconds: float = 10.0  # how long to try to reach PostgreSQL
    waiting: Annotated[int, Meta(ge=1)] = 20_000  # the most commits that may wait; beyond this they are refused
    transaction_seconds: float = 30.0  # after which an open transaction is rolled back
    blobs: str = "blobs"  # the folder of blobs
    blob_bytes: int = 256 << 20  # the most bytes of one blob
    value_bytes: int = 16 << 20  # the most bytes of one value that StoreData keeps in the database
    key_file: str = "vault.key"  # the key of the secrets; made at the first start
