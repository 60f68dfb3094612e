"""Endpoints in detail, as values."""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from muelle.egress.model import ApiId

Schema = Mapping[str, Any]
Place = Literal["path", "query", "header"]


class Parameter(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A parameter of an endpoint; its schema is JSON Schema 2020-12 and refers to nothing outside itself."""

    name: str
    place: Place
    required: bool = False
    description: str = ""
    schema: dict[str, Any] = {}


class EndpointBody(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an endpoint takes as its body; a schema only for JSON and forms."""

    content_type: str
    required: bool = False
    schema: dict[str, Any] = {}


class Definition(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An endpoint in detail; `answer` is the schema of what it answers when all is well.

    One that `is_open` was described by hand: it takes any query and any body.
    """

    id: str
    method: str
    path: str
    description: str = ""
    tags: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    body: EndpointBody | None = None
    answer: dict[str, Any] = {}
    is_open: bool = False


class Described(msgspec.Struct, frozen=True, kw_only=True):
    """What a document says of an API; `notes` say what of it is left out."""

    title: str
    base_url: str
    description: str
    definitions: tuple[Definition, ...]
    notes: tuple[str, ...] = ()


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did."""

    api: ApiId
    base_url: str
    endpoints: int
    is_new: bool
    notes: tuple[str, ...] = ()
