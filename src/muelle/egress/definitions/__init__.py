"""What Apis offer, in detail: imported from OpenAPI and Postman, searched, checked, shown within a budget."""

from muelle.egress.definitions.model import Definition, EndpointBody, Imported, Parameter
from muelle.egress.definitions.service import Definitions, ImportWish
from muelle.egress.definitions.store import DefinitionStore, MemoryDefinitions, SqlDefinitions

__all__ = [
    "Definition",
    "DefinitionStore",
    "Definitions",
    "EndpointBody",
    "ImportWish",
    "Imported",
    "MemoryDefinitions",
    "Parameter",
    "SqlDefinitions",
]
