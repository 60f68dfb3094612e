"""CallEndpoint: a call of what an Api describes, by its name instead of its URL."""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.core import EndpointRef, HttpCall
from muelle.packs import Json, OperationType, SecretJson, Step, WritePath
from muelle.workflows.operations.answers import is_accepted, preview, read_body
from muelle.workflows.operations.api_call import StatusOrRange
from muelle.workflows.operations.errors import ApiFailed, ApiRefused
from muelle.workflows.operations.retries import idempotency_key

_ERROR, _SERVER_ERROR = 400, 500
_MILLISECONDS = 1_000


class CallEndpoint(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Call an endpoint that an API describes."""

    api: Annotated[str, Meta(min_length=1, max_length=100, description="The API's id.")]
    endpoint: Annotated[
        str,
        Meta(min_length=1, max_length=2100, description="The endpoint's id, or its method and path: 'GET /pets/{id}'."),
    ]
    parameters: Annotated[
        dict[str, SecretJson] | None,
        Meta(description="Values of its parameters by name, wherever they stand: path, query or headers."),
    ] = None
    body: Annotated[SecretJson, Meta(description="Body, as the endpoint describes it.")] = None
    timeout: Annotated[
        Annotated[float, Meta(ge=1, le=300_000)] | None,
        Meta(description="Time for one attempt in milliseconds, 1 to 300000; the server's default if absent."),
    ] = None
    accept_status: Annotated[
        list[StatusOrRange] | None,
        Meta(description="Statuses of 400 and above that are no failure: numbers, '4xx', or ranges such as '404-410'."),
    ] = None
    output_path: Annotated[WritePath, Meta(description="Path that receives the answer's body.")]


async def call_endpoint(config: CallEndpoint, step: Step[Any]) -> Json:
    """Return what the endpoint answered; raise ApiFailed if that is an error that the config does not accept."""
    answer = await step.http.call(
        HttpCall(
            method="GET",
            url="",
            body=config.body,
            timeout=None if config.timeout is None else config.timeout / _MILLISECONDS,
            idempotency_key=idempotency_key(step, (config.api, config.endpoint, config.parameters, config.body)),
            endpoint=EndpointRef(config.api, config.endpoint, config.parameters or {}),
        )
    )
    if answer.status >= _ERROR and not is_accepted(answer.status, config.accept_status or ()):
        failure = ApiFailed if answer.status >= _SERVER_ERROR else ApiRefused
        raise failure(
            f"The API answered with status {answer.status}",
            status_code=answer.status,
            response_preview=preview(answer),
            attempts=answer.attempts,
        )
    return read_body("GET", answer)


CALL_ENDPOINT = OperationType(
    name="CallEndpoint",
    summary="Call an endpoint that an API describes.",
    config=CallEndpoint,
    perform=call_endpoint,
    effects="writes",
    example={
        "api": "pets",
        "endpoint": "showPet",
        "parameters": {"id": {"path": "/workflow/pet"}},
        "outputPath": "/workflow/shown",
    },
)
