"""Errors as answers: RFC 9457 problem documents, for every status there is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from muelle.core import Invalid, MuelleError, NotFound, TooLarge

CONTENT_TYPE = b"application/problem+json"
_ENCODER = msgspec.json.Encoder(enc_hook=str)


class EndpointNotFound(NotFound):
    """Endpoint not found."""

    code = "endpoint_not_found"
    suggestions = ("Look the path up in /openapi.json.",)


class MethodNotAllowed(Invalid):
    """This path does not take that method."""

    code = "method_not_allowed"
    status = 405
    suggestions = ("Use one of the methods that the Allow header names.",)


class UnsupportedMediaType(Invalid):
    """The body is of a type that is not taken here."""

    code = "unsupported_media_type"
    status = 415
    suggestions = ("Send JSON with the header 'Content-Type: application/json'.",)


class BodyTooLarge(TooLarge):
    """The request's body is larger than allowed."""

    code = "body_too_large"


class InvalidBody(Invalid):
    """The request's body is not what this endpoint takes."""

    code = "invalid_body"


class InvalidParameter(Invalid):
    """A parameter of the request has a value that it cannot have."""

    code = "invalid_parameter"
    status = 422


class HttpFault(Invalid):
    """The request cannot be answered."""

    code = "http_fault"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a door sends it; header names are in lower case."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


def to_problem(error: MuelleError, request: str, extra: Mapping[str, Any] | None = None) -> Reply:
    """Translate an error; `error`, in A2E's own words, stays beside the members of RFC 9457."""
    problem = {"error": error.message, **error.problem(), "request_id": request, **(extra or {})}
    if "issues" in error.facts:
        problem["validation_errors"] = error.facts["issues"]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status == 401:  # noqa: PLR2004 - Unauthenticated
        headers = ((b"www-authenticate", b'Bearer realm="muelle"'),)
    elif error.status == 503 or "retry_after" in error.facts:  # noqa: PLR2004 - Unavailable
        headers = ((b"retry-after", str(error.facts.get("retry_after", 1)).encode()),)
    return Reply(error.status, _ENCODER.encode(problem), CONTENT_TYPE, headers)
