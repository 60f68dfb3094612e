"""ApiCall: an HTTP call that leaves."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.core import CredentialRef, HttpCall
from muelle.packs import Effects, Json, OperationType, SecretJson, Step, Url, WritePath
from muelle.workflows.operations.answers import is_accepted, preview, read_body
from muelle.workflows.operations.errors import ApiFailed, ApiRefused, InvalidHeader
from muelle.workflows.operations.literals import is_literal, literal_text
from muelle.workflows.operations.retries import IDEMPOTENT, Retry, again, idempotency_key
from muelle.workflows.operations.texts import text_of

_READING: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_KEPT: Final = frozenset({"GET", "HEAD"})
_MILLISECONDS: Final = 1_000
_ERROR: Final = 400
_SERVER_ERROR: Final = 500
_KEY_HEADER: Final = "idempotency-key"
StatusOrRange = (
    Annotated[int, Meta(ge=100, le=599)] | Annotated[str, Meta(pattern="^[1-5]([xX]{2}|[0-9]{2}(-[1-5][0-9]{2})?)$")]
)


class Cache(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """How old an answer may be that is given again; what the API says itself may make it less."""

    ttl: Annotated[float, Meta(ge=1, le=86_400_000, description="The greatest age in milliseconds, up to a day.")] = (
        300_000
    )
    stale_if_error: Annotated[
        Annotated[float, Meta(ge=0, le=86_400_000)] | None,
        Meta(description="Milliseconds past that in which an older answer does if the API fails; else as policy says."),
    ] = None
    tags: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=100)]],
        Meta(max_length=10, description="Names by which an operator can throw the answer away."),
    ] = []


class ApiCall(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Call an HTTP API that this agent may use."""

    method: Annotated[
        Literal["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"], Meta(description="HTTP method.")
    ]
    url: Annotated[
        Url,
        Meta(
            description=(
                "Absolute http or https URL; {/workflow/x} in it is replaced, percent-encoded. Private addresses and "
                "hosts that are not allowed are refused."
            )
        ),
    ]
    query: Annotated[
        dict[str, SecretJson] | None,
        Meta(
            description="Query parameters, added to those of the URL: texts, numbers, lists of them, or credentialRefs."
        ),
    ] = None
    headers: Annotated[
        dict[str, SecretJson] | None,
        Meta(description='Headers: texts, numbers, or {"credentialRef": {"id": …}}; null leaves a header out.'),
    ] = None
    body: Annotated[
        SecretJson,
        Meta(
            description=(
                "Body: any JSON value, sent as JSON; a text is sent as it is. May hold references and credentialRefs."
            )
        ),
    ] = None
    timeout: Annotated[
        Annotated[float, Meta(ge=1, le=300_000)] | None,
        Meta(description="Time for one attempt in milliseconds, 1 to 300000; the server's default if absent."),
    ] = None
    accept_status: Annotated[
        list[StatusOrRange] | None,
        Meta(
            description=(
                "Statuses of 400 and above that are no failure: numbers, '4xx', or ranges such as '404-410'. "
                "Without it, "
                "every status from 400 on fails the operation with api_error."
            )
        ),
    ] = None
    response_mode: Annotated[
        Literal["body", "full"],
        Meta(
            description=(
                "body (the default): the body alone: JSON parsed, text as text, anything else as base64, nothing "
                "as null. "
                "full: {status, headers, body}."
            )
        ),
    ] = "body"
    retry: Annotated[
        Retry | None,
        Meta(
            description=(
                "Try again after 408, 425, 429, 500, 502, 503, 504 and network failures. POST and PATCH need a header "
                "Idempotency-Key, by "
                "which the API knows a repetition."
            )
        ),
    ] = None
    cache: Annotated[
        bool | Cache | None,
        Meta(
            description=(
                "Whether an earlier answer to the same GET or HEAD of this agent may be given again: true for 5 "
                "minutes, or {ttl, staleIfError, tags}, in milliseconds. What the API says of caching is honoured."
            )
        ),
    ] = None
    output_path: Annotated[WritePath, Meta(description="Path that receives the answer.")]


async def api_call(config: ApiCall, step: Step[Any]) -> Json:
    """Return what the API answered; raise ApiFailed if that is an error that the config does not accept."""
    answer = await step.http.call(_request(config, step))
    if answer.status >= _ERROR and not is_accepted(answer.status, config.accept_status or ()):
        failure = ApiFailed if answer.status >= _SERVER_ERROR else ApiRefused
        fault = failure(
            f"The API answered with status {answer.status}",
            status_code=answer.status,
            response_preview=preview(answer),
            attempts=answer.attempts,
        )
        fault.suggestions = _SUGGESTIONS.get(answer.status, failure.suggestions)
        raise fault
    body = read_body(config.method, answer)
    if config.response_mode == "full":
        return {"status": answer.status, "headers": dict(answer.headers), "body": body}
    return body


def _request(config: ApiCall, step: Step[Any]) -> HttpCall:
    headers = dict(_headers(config.headers or {}))
    given = next((name for name in headers if name.lower() == _KEY_HEADER and isinstance(headers[name], str)), None)
    key = headers.pop(given) if given is not None else None
    if key is None and config.method not in _READING and not any(name.lower() == _KEY_HEADER for name in headers):
        key = idempotency_key(step, (config.method, config.url, config.query, config.body))
    return HttpCall(
        method=config.method,
        url=config.url,
        headers=headers,
        query=config.query or {},
        body=config.body,
        timeout=None if config.timeout is None else config.timeout / _MILLISECONDS,
        idempotency_key=key,
        again=None if config.retry is None else again(config.retry),
        **_caching(config.cache),
    )


def _caching(cache: bool | Cache | None) -> dict[str, Any]:  # noqa: FBT001 - as the document has it
    if not cache:
        return {}
    asked = cache if isinstance(cache, Cache) else Cache()
    stale = asked.stale_if_error
    return {
        "cache_seconds": asked.ttl / _MILLISECONDS,
        "cache_tags": tuple(asked.tags),
        "stale_if_error_seconds": None if stale is None else stale / _MILLISECONDS,
    }


def _headers(headers: Mapping[str, Json]) -> Iterator[tuple[str, Json]]:
    for name, value in headers.items():
        if isinstance(value, dict | list):
            raise InvalidHeader("A header is a text or a number", header=name[:100])
        if isinstance(value, bool):
            yield name, "true" if value else "false"
        elif value is not None:
            yield name, value if isinstance(value, CredentialRef) else text_of(value)


_SUGGESTIONS: Final = {
    401: ("Name a valid credential with credentialRef, where the API wants it.",),
    403: ("Use a credential that is allowed to do this, or ask for the permission at the API.",),
    404: ("Check the URL and the ids in it; add 404 to acceptStatus if it is an answer that you expect.",),
    408: ("Try again, or give 'retry'.",),
    429: ("Call less often, or give 'retry', which waits as long as the API asks for.",),
}


def effects_of(config: Mapping[str, Json]) -> Effects:
    """Return what the method does to the world; one that a reference gives may write."""
    return "reads" if literal_text(config, "method") in _READING else "writes"


def call_of(config: Mapping[str, Json]) -> tuple[str, str] | None:
    """Return method and URL if both are written out."""
    method, url = literal_text(config, "method"), literal_text(config, "url")
    return None if method is None or url is None else (method, url)


def check_call(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find URLs of another scheme, bodies where none is sent, and repetitions that the API could not recognise."""
    return [*_url_faults(config), *_retry_faults(config), *_cache_faults(config)]


def _cache_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    method = literal_text(config, "method")
    if config.get("cache") and method is not None and method not in _KEPT:
        yield "/cache", f"Only answers to GET and HEAD may be given again, and this is {method}"


def _url_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    url = literal_text(config, "url")
    if url is not None and not url.lower().startswith(("http://", "https://")):
        yield "/url", "The URL must begin with http:// or https://"


def _retry_faults(config: Mapping[str, Json]) -> Iterator[tuple[str, str]]:
    method, headers = literal_text(config, "method"), config.get("headers") or {}
    if config.get("retry") is None or method is None or method in IDEMPOTENT or not isinstance(headers, dict):
        return
    if is_literal(headers) and not any(isinstance(name, str) and name.lower() == _KEY_HEADER for name in headers):
        yield (
            "/retry",
            f"{method} can be retried only with a header Idempotency-Key, so that the API knows a repetition",
        )


API_CALL = OperationType(
    name="ApiCall",
    summary="Call an HTTP API.",
    config=ApiCall,
    perform=api_call,
    effects=effects_of,
    check=check_call,
    calls=call_of,
    example={
        "method": "GET",
        "url": "https://api.example.com/users",
        "headers": {"Authorization": {"credentialRef": {"id": "api-token"}}},
        "outputPath": "/workflow/users",
    },
)
