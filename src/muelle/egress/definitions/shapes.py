"""What the HTTP routes of definitions take and give."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.egress.definitions.reading import MAX_BYTES
from muelle.egress.shapes import BaseUrl, Name, PlacementShape

Prefix = Annotated[str, Meta(pattern="^/", max_length=500)]


class ImportBody(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An OpenAPI document or a Postman collection: itself, as a text or an object, or the URL that it is at."""

    document: dict[str, Any] | Annotated[str, Meta(max_length=MAX_BYTES)] | None = None
    url: Annotated[str, Meta(max_length=2000)] | None = None
    base_url: BaseUrl | None = None
    prefixes: Annotated[list[Prefix], Meta(max_length=100, description="Only paths that begin so are imported.")] = []
    strict: bool | None = None
    credential: PlacementShape | None = None


class ImportedShape(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did; `notes` say what is left out."""

    api: Name
    base_url: str
    endpoints: int
    is_new: bool
    notes: tuple[str, ...]


class EndpointPage(msgspec.Struct, frozen=True, kw_only=True):
    """Endpoints, best first, in as much detail as the budget allows; `left_out` did not fit."""

    endpoints: list[dict[str, Any]]
    count: int
    left_out: int


class EndpointDetail(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint in full."""

    api: str
    endpoint: str
    method: str
    path: str
    description: str = ""
    parameters: list[dict[str, Any]] = []
    body: dict[str, Any] = {}
    answer: dict[str, Any] = {}
