"""Apis and Credentials as values, and what makes one valid. Pure: no clock, no store."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, NewType

import msgspec

from muelle.core import CredentialRef, TenantId, name
from muelle.egress.errors import InvalidApi, InvalidCredential, InvalidUrl
from muelle.egress.headers import checked_name
from muelle.egress.kinds import (
    CLIENT_CREDENTIALS,
    HMAC,
    REFRESH_TOKEN,
    SHORTEST_SECRET,
    SIGV4,
    checked_options,
    secret_fault,
)
from muelle.egress.target import Target, read_target
from muelle.resilience import PolicyChange

ApiId = NewType("ApiId", str)
CredentialId = NewType("CredentialId", str)

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
MAX_ENDPOINTS = 1000
MAX_DESCRIPTION = 4000
MAX_PATH = 2000
MAX_BINDINGS = 100
MAX_METADATA = 8000  # bytes of JSON
MIN_SECRET = SHORTEST_SECRET
MAX_SECRET = 64 << 10

USAGES: Mapping[str, str] = {
    "bearer-token": "Stand it as the value of the Authorization header; it is sent as 'Bearer TOKEN'.",
    "basic": "Stand it as the value of the Authorization header; it is sent as 'Basic' and user:password in base64.",
    "api-key": "Stand it where the Api wants its key: as a value of a header, the query or the body.",
    CLIENT_CREDENTIALS: "Stand it as the value of the Authorization header; it is sent as 'Bearer' and a fresh token.",
    REFRESH_TOKEN: "Stand it as the value of the Authorization header; it is sent as 'Bearer' and a fresh token.",
    SIGV4: "Stand it as the value of the Authorization header; the request is signed for AWS.",
    HMAC: "Stand it as the value of the header of the signature; the request is signed.",
}
_RAW_USAGE = "Stand it wherever the value is wanted: in a header, the query or the body."


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One thing that an Api offers; `path` is relative to the base URL and may have `{parameters}`.

    One that was imported has an `id`, and more is known of it: see `definitions`.
    """

    method: str
    path: str
    description: str = ""
    parameters: tuple[Mapping[str, Any], ...] = ()
    id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """A credential that Muelle puts into every call of an Api, unless the call has that header or parameter itself."""

    credential: CredentialId
    place: Literal["header", "query"] = "header"
    name: str = "Authorization"

    @property
    def reference(self) -> CredentialRef:
        """What stands for its value until the call leaves."""
        return CredentialRef(self.credential)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiDraft:
    """An Api as it is handed in. If `strict`, only the listed endpoints may be called.

    `timeout` is for one attempt, in seconds; `policy` says what of retry, breaker and cache is other than by default.
    """

    id: ApiId
    base_url: str
    description: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    strict: bool = False
    credential: Placement | None = None
    timeout: float | None = None
    max_answer_bytes: int | None = None
    policy: PolicyChange | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Api(ApiDraft):
    """An Api as it is kept; its base URL is normalised and has no slash at its end."""

    tenant: TenantId
    created: datetime
    updated: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialDraft:
    """A credential as it is handed in, without its secret.

    It is sent to nothing but the `apis` (ids) and `hosts` that it names. A host is `host` or `host:port` and means
    https; `http://host:port` sends it unencrypted. What `options` there are depends on the type: see `kinds`. After
    `expires` it is not sent any more.
    """

    id: CredentialId
    type: str = "api-key"
    description: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    apis: tuple[ApiId, ...] = ()
    hosts: tuple[str, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    expires: datetime | None = None

    @property
    def usage(self) -> str:
        """How an agent uses it, in a sentence."""
        return USAGES.get(self.type, _RAW_USAGE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retired:
    """The version of a secret before the present one, and until when it may do in its place."""

    version: int
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential(CredentialDraft):
    """A credential as it is kept; the secret is in the Vault, by version. Hosts are origins: `https://host:port`."""

    tenant: TenantId
    created: datetime
    updated: datetime
    version: int = 1
    rotated: datetime | None = None
    retired: Retired | None = None

    def is_expired(self, now: datetime) -> bool:
        """Tell whether its secret is not to be sent any more."""
        return self.expires is not None and now >= self.expires

    def fallback(self, now: datetime) -> int | None:
        """Return the version that may do in place of the present one, while its grace lasts."""
        return self.retired.version if self.retired and now < self.retired.until else None


def checked_base(url: str) -> Target:
    """Read a base URL; raise InvalidApi if it has a query or cannot be called."""
    try:
        target = read_target(url)
    except InvalidUrl as error:
        raise InvalidApi(field="base_url", **_without_field(error.facts)) from None
    if target.query or "?" in url or "#" in url:
        raise InvalidApi(field="base_url", reason="has a query or a fragment")
    if target.reading != target.path:
        raise InvalidApi(field="base_url", reason="has escaped slashes or parameters in its path")
    return target


def checked_api(draft: ApiDraft, max_timeout: float, max_answer: int) -> None:
    """Raise InvalidApi, InvalidName, InvalidCredential or InvalidHeader for the first fault of a draft."""
    name(draft.id, "id")
    checked_base(draft.base_url)
    _checked_length(InvalidApi, draft.description)
    if len(draft.endpoints) > MAX_ENDPOINTS:
        raise InvalidApi(field="endpoints", reason=f"more than {MAX_ENDPOINTS}")
    if draft.strict and not draft.endpoints:
        raise InvalidApi(field="endpoints", reason="a strict Api without endpoints allows nothing")
    for index, endpoint in enumerate(draft.endpoints):
        _checked_endpoint(endpoint, f"endpoints/{index}")
    if draft.timeout is not None and not 0 < draft.timeout <= max_timeout:
        raise InvalidApi(field="timeout", reason=f"not between 0 and {max_timeout:g} seconds")
    if draft.max_answer_bytes is not None and not 0 < draft.max_answer_bytes <= max_answer:
        raise InvalidApi(field="max_answer_bytes", reason=f"not between 1 and {max_answer}")
    if draft.credential:
        _checked_placement(draft.credential)


def _checked_placement(placement: Placement) -> None:
    name(placement.credential, "credential/credential")
    if placement.place == "header":
        checked_name(placement.name)
    elif not placement.name:
        raise InvalidApi(field="credential/name", reason="empty")


def _checked_endpoint(endpoint: Endpoint, where: str) -> None:
    if endpoint.method not in METHODS:
        raise InvalidApi(field=f"{where}/method", reason=f"not one of {', '.join(METHODS)}")
    if not endpoint.path.startswith("/") or len(endpoint.path) > MAX_PATH or not endpoint.path.isprintable():
        raise InvalidApi(
            field=f"{where}/path", reason=f"not a path of at most {MAX_PATH} characters that begins with /"
        )
    if any(segment.count("{") > 1 for segment in endpoint.path.split("/")):
        raise InvalidApi(field=f"{where}/path", reason="more than one parameter between two slashes")
    _checked_length(InvalidApi, endpoint.description, f"{where}/description")
    _checked_json(InvalidApi, endpoint.parameters, f"{where}/parameters")


def checked_credential(draft: CredentialDraft) -> tuple[str, ...]:
    """Return the hosts as origins; raise InvalidCredential or InvalidName for the first fault of a draft."""
    name(draft.id, "id")
    name(draft.type, "type")
    _checked_length(InvalidCredential, draft.description)
    _checked_json(InvalidCredential, draft.metadata, "metadata")
    _checked_json(InvalidCredential, draft.options, "options")
    checked_options(draft.type, draft.options)
    for api in draft.apis:
        name(api, "apis")
    if draft.expires is not None and draft.expires.tzinfo is None:
        raise InvalidCredential(field="expires", reason="without a time zone")
    bindings = len(draft.apis) + len(draft.hosts)
    if not bindings:
        raise InvalidCredential(field="apis", reason="bound to no Api and no host: it could be sent nowhere")
    if bindings > MAX_BINDINGS:
        raise InvalidCredential(field="apis", reason=f"bound to more than {MAX_BINDINGS} Apis and hosts")
    return tuple(bound_origin(host) for host in draft.hosts)


def bound_origin(host: str) -> str:
    """Return the origin that a binding means; raise InvalidCredential."""
    try:
        target = read_target(host if "://" in host else f"https://{host}")
    except InvalidUrl as error:
        raise InvalidCredential(field="hosts", value=host[:200], **_without_field(error.facts)) from None
    if target.path != "/" or target.query or host.endswith("/"):
        raise InvalidCredential(field="hosts", value=host[:200], reason="more than a host")
    return origin_text(target)


def origin_text(target: Target) -> str:
    """Return `scheme://host:port`, the port always named."""
    return f"{target.scheme}://{target.bracketed}:{target.port}"


def checked_secret(draft: CredentialDraft, secret: str) -> None:
    """Raise InvalidCredential, without the secret, if it cannot be used."""
    if not MIN_SECRET <= len(secret) <= MAX_SECRET:
        raise InvalidCredential(field="secret", reason=f"not between {MIN_SECRET} and {MAX_SECRET} characters long")
    if draft.type == "basic" and ":" not in secret:
        raise InvalidCredential(field="secret", reason="not user:password")
    if draft.type in USAGES and not secret.isprintable():
        raise InvalidCredential(field="secret", reason="has a line break or control character")
    fault = secret_fault(draft.type, draft.options, secret)
    if fault:
        raise InvalidCredential(field="secret", reason=fault)


def _checked_length(error: type[InvalidApi | InvalidCredential], text: str, where: str = "description") -> None:
    if len(text) > MAX_DESCRIPTION:
        raise error(field=where, reason=f"longer than {MAX_DESCRIPTION} characters")


def _checked_json(error: type[InvalidApi | InvalidCredential], value: object, where: str) -> None:
    if len(msgspec.json.encode(value)) > MAX_METADATA:
        raise error(field=where, reason=f"more than {MAX_METADATA} bytes of JSON")


def _without_field(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in facts.items() if key != "field"}
