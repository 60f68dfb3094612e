"""Errors as answers: RFC 9457 problem documents, for every status there is."""

from dataclasses import dataclass

import msgspec

from muelle.core import Invalid, MuelleError, NotFound, TimedOut, TooLarge

CONTENT_TYPE = b"application/problem+json"
_ENCODER = msgspec.json.Encoder(enc_hook=str)
_A2E_WORDS = {401: "Authentication required", 500: "Internal server error"}  # its clients may compare them


class EndpointNotFound(NotFound):
    """Endpoint not found."""

    code = "endpoint_not_found"
    suggestions = ("Look the path up in /openapi.json.",)


class MethodNotAllowed(Invalid):
    """This path does not take that method."""

    code = "method_not_allowed"
    status = 405
    suggestions = ("Use one of the methods that the Allow header names.",)


class BodyTooLarge(TooLarge):
    """The request's body is larger than allowed."""

    code = "body_too_large"


class InvalidParameter(Invalid):
    """A parameter of the request has a value that it cannot have."""

    code = "invalid_parameter"
    status = 422


class MalformedRequest(Invalid):
    """That is not HTTP."""

    code = "malformed_request"
    suggestions = ("Send HTTP/1.1; a proxy or client in between may have damaged the request.",)


class RequestTimedOut(TimedOut):
    """The request took longer to arrive than it may."""

    code = "request_timed_out"
    status = 408
    suggestions = ("Send the whole request at once, or ask an operator to raise http.request_seconds.",)


class HeadTooLarge(TooLarge):
    """The request's headers are larger than allowed."""

    code = "head_too_large"
    status = 431
    suggestions = ("Send fewer or shorter headers.",)


class HttpFault(Invalid):
    """The request cannot be answered."""

    code = "http_fault"


def invalid_parameter(field: str, message: str, *more: tuple[str, str]) -> InvalidParameter:
    """Return the error for parameters, each named by its place: `query.limit`, `path.agent`."""
    issues = [
        {"code": InvalidParameter.code, "message": text, "field": name} for name, text in ((field, message), *more)
    ]
    return InvalidParameter(field=field, issues=issues)


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer as a door sends it; header names are in lower case."""

    status: int
    body: bytes
    content_type: bytes = b"application/json"
    headers: tuple[tuple[bytes, bytes], ...] = ()


def to_problem(error: MuelleError, request: str) -> Reply:
    """Translate an error; what A2E answers, `error` and `validation_errors`, stands beside the members of RFC 9457."""
    problem = error.problem()
    problem["error"] = _A2E_WORDS.get(error.status) or problem["title"].removesuffix(".")
    problem["request_id"] = request
    if "issues" in error.facts:
        problem["validation_errors"] = error.facts["issues"]
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if error.status == 401:  # noqa: PLR2004 - Unauthenticated
        headers = ((b"www-authenticate", b'Bearer realm="muelle"'),)
    elif error.status == 503 or "retry_after" in error.facts:  # noqa: PLR2004 - Unavailable
        headers = ((b"retry-after", str(error.facts.get("retry_after", 1)).encode()),)
    return Reply(error.status, _ENCODER.encode(problem), CONTENT_TYPE, headers)
