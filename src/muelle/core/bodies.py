"""JSON bodies: read by msgspec into typed values, and described for OpenAPI from the same types.

So what is documented is what is checked. Nothing here knows a web framework.
"""

import re
from typing import Any, Generic, TypeVar

import msgspec

from muelle.core.errors import Invalid

T = TypeVar("T")
_REF = "#/"
_PLACE = re.compile(r" - at `(?:key in )?\$\.?([^`]*)`\Z")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_FIELD = re.compile(r"field `([^`]*)`")


class InvalidBody(Invalid):
    """The request's body is not what this endpoint takes."""

    code = "invalid_body"


class UnsupportedMediaType(Invalid):
    """The body is of a type that is not taken here."""

    code = "unsupported_media_type"
    status = 415
    suggestions = ("Send JSON with the header 'Content-Type: application/json'.",)


class Body(Generic[T]):
    """The body of one endpoint: a type whose unknown fields are forbidden."""

    def __init__(self, kind: type[T]) -> None:
        self._kind = kind
        self._decode = msgspec.json.Decoder(kind).decode

    def read(self, body: bytes, content_type: str) -> T:
        """Return the value; raise UnsupportedMediaType, or InvalidBody that names the field."""
        kind = content_type.partition(";")[0].strip().lower()
        if kind and kind != "application/json" and not kind.endswith("+json"):
            raise UnsupportedMediaType(content_type=kind[:100])
        try:
            return self._decode(body)
        except msgspec.ValidationError as error:
            raise _invalid(str(error)) from None
        except UnicodeDecodeError as error:
            raise InvalidBody(reason=f"not UTF-8 at byte {error.start}") from None
        except (msgspec.DecodeError, RecursionError) as error:
            raise InvalidBody(reason=str(error)[:200]) from None

    @property
    def description(self) -> dict[str, Any]:
        """How OpenAPI describes an endpoint that takes it."""
        content = {"application/json": {"schema": json_schema(self._kind)}}
        return {"requestBody": {"required": True, "content": content}}


def dated(value: Any) -> Any:  # noqa: ANN401 - what a caller sent
    """Return a text that begins as a date does, else raise ValueError: frameworks take bare numbers for times too."""
    if isinstance(value, str) and not _DATE.match(value):
        raise ValueError("Input should be a time such as 2026-01-31T12:00:00Z")
    return value


def _invalid(message: str) -> InvalidBody:
    """Name the field: the place where the fault is, and of a field too many or too few also its name."""
    place = _PLACE.search(message)
    reason = message[: place.start()] if place else message
    field = _FIELD.search(reason)
    names = [part[1] for part in (place, field) if part and part[1]]
    return InvalidBody(**({"field": ".".join(names)[:200]} if names else {}), reason=reason[:200])


def answers(status: int, description: str, kind: Any) -> dict[int | str, dict[str, Any]]:  # noqa: ANN401 - a type
    """Return how OpenAPI describes an answer of a type; one that is created says where it is."""
    answer: dict[str, Any] = {
        "description": description,
        "content": {"application/json": {"schema": json_schema(kind)}},
    }
    if status == 201:  # noqa: PLR2004 - Created
        answer["headers"] = {"Location": {"description": "Where it is.", "schema": {"type": "string"}}}
    return {status: answer}


def json_schema(kind: Any) -> dict[str, Any]:  # noqa: ANN401 - a type
    """Return the JSON Schema of a type, with what it refers to in place; the type must not hold itself."""
    [schema], components = msgspec.json.schema_components([kind], ref_template=_REF + "{name}")
    inlined: dict[str, Any] = _inlined(schema, components)
    return inlined


def _inlined(schema: Any, components: dict[str, Any]) -> Any:  # noqa: ANN401 - JSON Schema
    if isinstance(schema, list):
        return [_inlined(item, components) for item in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return _inlined(components[schema["$ref"].removeprefix(_REF)], components)
    return {key: _inlined(value, components) for key, value in schema.items()}
