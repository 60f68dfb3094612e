"""What the HTTP routes of egress take and give. The OpenAPI document is made from these types."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from muelle.egress.credentials import MAX_GRACE, Standing, Status
from muelle.egress.model import (
    MAX_BINDINGS,
    MAX_DESCRIPTION,
    MAX_ENDPOINTS,
    MAX_PATH,
    MAX_SECRET,
    MIN_SECRET,
    USAGES,
    Api,
    ApiDraft,
    ApiId,
    Credential,
    CredentialDraft,
    CredentialId,
    Endpoint,
    Placement,
)
from muelle.resilience import PolicyChange

NAME = r"^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$"

Name = Annotated[str, Meta(pattern=NAME, max_length=100)]
Text = Annotated[str, Meta(max_length=MAX_DESCRIPTION)]
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
Method = Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
BaseUrl = Annotated[str, Meta(max_length=MAX_PATH, examples=["https://crm.example.com/v2"])]
Seconds = Annotated[float, Meta(gt=0, description="How long a call may take.")]
Bytes = Annotated[int, Meta(gt=0, description="How large an answer may be, decompressed.")]
Type = Annotated[str, Meta(pattern=NAME, max_length=100, examples=sorted(USAGES))]
Metadata = Annotated[dict[str, Any], Meta(description="Shown to agents; never put a secret here.")]
Options = Annotated[dict[str, Any], Meta(description="What the type needs beside the secret; none of it is secret.")]
BoundApis = Annotated[list[Name], Meta(max_length=MAX_BINDINGS, description="Apis that it is sent to.")]
BoundHosts = Annotated[
    list[Annotated[str, Meta(min_length=1, max_length=300)]],
    Meta(max_length=MAX_BINDINGS, description="Hosts that it is sent to, such as example.com or example.com:8443."),
]
SecretText = Annotated[
    str,
    Meta(
        min_length=MIN_SECRET,
        max_length=MAX_SECRET,
        description="Kept in the vault; no answer ever holds it.",
        extra_json_schema={"writeOnly": True},
    ),
]


Expiry = Annotated[
    datetime,
    Meta(tz=True, description="After this it is not sent any more.", extra_json_schema={"format": "date-time"}),
]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A body: what nobody declared is an error."""


class EndpointShape(_Strict, frozen=True, kw_only=True):
    """One thing that an Api offers."""

    method: Method
    path: Annotated[str, Meta(pattern="^/", max_length=MAX_PATH)]
    description: Text = ""
    parameters: list[dict[str, Any]] = []
    id: Annotated[str, Meta(max_length=100)] = ""


class PlacementShape(_Strict, frozen=True, kw_only=True):
    """A credential that is put into every call of an Api."""

    credential: Name
    place: Literal["header", "query"] = "header"
    name: Annotated[str, Meta(min_length=1, max_length=200)] = "Authorization"


Endpoints = Annotated[list[EndpointShape], Meta(max_length=MAX_ENDPOINTS)]


ApiPolicy = Annotated[PolicyChange, Meta(description="What of retry, breaker and cache is other than by default.")]


class NewApi(_Strict, frozen=True, kw_only=True):
    """An Api to register. If `strict`, only the listed endpoints may be called."""

    id: Name
    base_url: BaseUrl
    description: Text = ""
    endpoints: Endpoints = []
    strict: bool = False
    credential: PlacementShape | None = None
    timeout: Seconds | None = None
    max_answer_bytes: Bytes | None = None
    policy: ApiPolicy | None = None


class ApiUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there."""

    base_url: BaseUrl | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    endpoints: Endpoints | UnsetType = UNSET
    strict: bool | UnsetType = UNSET
    credential: PlacementShape | UnsetType | None = UNSET
    timeout: Seconds | UnsetType | None = UNSET
    max_answer_bytes: Bytes | UnsetType | None = UNSET
    policy: ApiPolicy | UnsetType | None = UNSET


class NewCredential(_Strict, frozen=True, kw_only=True):
    """A credential to keep. It is sent to nothing but the Apis and hosts that it names.

    Without a secret it is one whose secret another of the server's sources has.
    """

    id: Name
    secret: SecretText | None = None
    type: Type = "api-key"
    description: Text = ""
    metadata: Metadata = {}
    apis: BoundApis = []
    hosts: BoundHosts = []
    options: Options = {}
    expires_at: Expiry | None = None


class CredentialUpdate(_Strict, frozen=True, kw_only=True):
    """What is given replaces what was there; the secret stays if none is given."""

    secret: SecretText | UnsetType = UNSET
    type: Type | UnsetType = UNSET
    description: Text | UnsetType = UNSET
    metadata: Metadata | UnsetType = UNSET
    apis: BoundApis | UnsetType = UNSET
    hosts: BoundHosts | UnsetType = UNSET
    options: Options | UnsetType = UNSET
    expires_at: Expiry | UnsetType | None = UNSET


class Rotation(_Strict, frozen=True, kw_only=True):
    """A new secret; for `grace_seconds` the one before is tried where the new one is refused."""

    secret: SecretText
    grace_seconds: Annotated[float, Meta(ge=0, le=MAX_GRACE.total_seconds())] = 0
    expires_at: Expiry | None = None


class ApiShape(msgspec.Struct, frozen=True, kw_only=True):
    """An Api."""

    id: str
    base_url: str
    description: str
    endpoints: tuple[Endpoint, ...]
    strict: bool
    credential: Placement | None
    timeout: float | None
    max_answer_bytes: int | None
    policy: PolicyChange | None
    created_at: Moment
    updated_at: Moment


class CredentialShape(msgspec.Struct, frozen=True, kw_only=True):
    """A credential without its secret; `usage` says how a document uses it.

    `last_used_at` is right to the minute. The version before is tried, where a server refuses the present one, until
    `previous_until`.
    """

    id: str
    type: str
    description: str
    metadata: Mapping[str, Any]
    apis: tuple[str, ...]
    hosts: tuple[str, ...]
    options: Mapping[str, Any]
    usage: str
    status: Status
    version: int
    expires_at: Moment | None
    previous_until: Moment | None
    rotated_at: Moment | None
    last_used_at: Moment | None
    created_at: Moment
    updated_at: Moment


class ApiPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of Apis: send `next_cursor` as `cursor` for what follows; it is null at the end."""

    apis: tuple[ApiShape, ...]
    count: int
    next_cursor: str | None


class CredentialPage(msgspec.Struct, frozen=True, kw_only=True):
    """A page of credentials: send `next_cursor` as `cursor` for what follows; it is null at the end."""

    credentials: tuple[CredentialShape, ...]
    count: int
    next_cursor: str | None


def api_draft(body: NewApi) -> ApiDraft:
    """Return the Api that a body describes."""
    return ApiDraft(
        id=ApiId(body.id),
        base_url=body.base_url,
        description=body.description,
        endpoints=_endpoints(body.endpoints),
        strict=body.strict,
        credential=_placement(body.credential),
        timeout=body.timeout,
        max_answer_bytes=body.max_answer_bytes,
        policy=body.policy,
    )


def updated_api(present: Api, body: ApiUpdate) -> ApiDraft:
    """Return an Api with what a body changes."""
    return ApiDraft(
        id=present.id,
        base_url=_or(body.base_url, present.base_url),
        description=_or(body.description, present.description),
        endpoints=present.endpoints if body.endpoints is UNSET else _endpoints(body.endpoints),
        strict=_or(body.strict, present.strict),
        credential=present.credential if body.credential is UNSET else _placement(body.credential),
        timeout=_or(body.timeout, present.timeout),
        max_answer_bytes=_or(body.max_answer_bytes, present.max_answer_bytes),
        policy=_or(body.policy, present.policy),
    )


def credential_draft(body: NewCredential) -> CredentialDraft:
    """Return the credential that a body describes."""
    return CredentialDraft(
        id=CredentialId(body.id),
        type=body.type,
        description=body.description,
        metadata=body.metadata,
        apis=tuple(map(ApiId, body.apis)),
        hosts=tuple(body.hosts),
        options=body.options,
        expires=body.expires_at,
    )


def updated_credential(present: Credential, body: CredentialUpdate) -> CredentialDraft:
    """Return a credential with what a body changes."""
    return CredentialDraft(
        id=present.id,
        type=_or(body.type, present.type),
        description=_or(body.description, present.description),
        metadata=_or(body.metadata, present.metadata),
        apis=present.apis if body.apis is UNSET else tuple(map(ApiId, body.apis)),
        hosts=present.hosts if body.hosts is UNSET else tuple(body.hosts),
        options=_or(body.options, present.options),
        expires=_or(body.expires_at, present.expires),
    )


def _or(given: Any, present: Any) -> Any:  # noqa: ANN401 - a field of a body
    return present if given is UNSET else given


def _endpoints(bodies: list[EndpointShape]) -> tuple[Endpoint, ...]:
    return tuple(
        Endpoint(
            id=body.id,
            method=body.method,
            path=body.path,
            description=body.description,
            parameters=tuple(body.parameters),
        )
        for body in bodies
    )


def _placement(body: PlacementShape | None) -> Placement | None:
    if body is None:
        return None
    return Placement(credential=CredentialId(body.credential), place=body.place, name=body.name)


def api_shape(api: Api) -> ApiShape:
    """Return an Api as it is shown."""
    return ApiShape(
        id=api.id,
        base_url=api.base_url,
        description=api.description,
        endpoints=api.endpoints,
        strict=api.strict,
        credential=api.credential,
        timeout=api.timeout,
        max_answer_bytes=api.max_answer_bytes,
        policy=api.policy,
        created_at=api.created,
        updated_at=api.updated,
    )


def credential_shape(standing: Standing) -> CredentialShape:
    """Return a credential as it is shown."""
    credential = standing.credential
    return CredentialShape(
        id=credential.id,
        type=credential.type,
        description=credential.description,
        metadata=credential.metadata,
        apis=credential.apis,
        hosts=credential.hosts,
        options=credential.options,
        usage=credential.usage,
        status=standing.status,
        version=credential.version,
        expires_at=credential.expires,
        previous_until=credential.retired.until if credential.retired else None,
        rotated_at=credential.rotated,
        last_used_at=standing.used,
        created_at=credential.created,
        updated_at=credential.updated,
    )
