"""Definitions opened on a database, or in memory without one."""

from muelle.egress.apis import Apis
from muelle.egress.definitions.service import Call, Definitions
from muelle.egress.definitions.store import DefinitionStore, MemoryDefinitions, SqlDefinitions
from muelle.egress.directory import Directory
from muelle.stores import Database


def open_definitions(apis: Apis, directory: Directory, database: Database | None, call: Call) -> Definitions:
    """Return the verbs on definitions."""
    store: DefinitionStore = MemoryDefinitions() if database is None else SqlDefinitions(database)
    return Definitions(apis, directory, store, call)
