"""Writes the snapshots of the schema anew; run it after adding or changing a migration."""

from muelle.stores.schema import head, snapshot_path, write_snapshot

for dialect in ("sqlite", "postgresql"):
    write_snapshot(dialect)
    print(f"{snapshot_path(dialect).name}: revision {head()}")
