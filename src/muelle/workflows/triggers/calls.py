"""What a call of a webhook brings, as an event: the body in its form, and the type that the sender names."""

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl

import msgspec

from muelle.core import InvalidBody, UnsupportedMediaType
from muelle.packs import MISSING, Json
from muelle.workflows.paths import look, parse_path
from muelle.workflows.triggers.model import BodyForm, Challenge, Trigger
from muelle.workflows.triggers.schemes import GithubScheme, Signed, StandardScheme, StripeScheme

_MOST_FIELDS: Final = 1_000  # of a form
_LONGEST_ANSWER: Final = 1_000  # characters of a handshake
_LONGEST_TYPE: Final = 200
_MOST_HEADERS: Final = 100
_HIDDEN: Final = ("signature", "authorization", "cookie", "token", "secret", "api-key")
_DECODE = msgspec.json.Decoder().decode


def form_of(content_type: str) -> BodyForm:
    """Return in which form a body of this type comes."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind == "application/json" or kind.endswith("+json"):
        return "json"
    return "form" if kind == "application/x-www-form-urlencoded" else "raw"


def body_of(request: Signed, accepts: tuple[BodyForm, ...]) -> dict[str, Json]:
    """Return the members of an event that hold a body: `data`, or `data_base64` if it is no text.

    Raises UnsupportedMediaType for a form that is not accepted, InvalidBody for what is not in its form.
    """
    content_type = request.header("content-type")
    form = form_of(content_type)
    if form not in accepts:
        raise UnsupportedMediaType(content_type=content_type[:100], accepted=list(accepts))
    described = {"datacontenttype": content_type[:200]} if content_type else {}
    if form == "raw":
        return {**described, **_raw(request.body)}
    return {**described, "data": _json(request.body) if form == "json" else _form(request.body)}


def _json(body: bytes) -> Json:
    try:
        return _DECODE(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidBody(reason=str(error)[:200]) from None


def _form(body: bytes) -> Json:
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except (ValueError, UnicodeDecodeError):
        raise InvalidBody(reason=f"no form in UTF-8 of at most {_MOST_FIELDS} fields") from None
    fields: dict[str, Any] = {}
    for name, value in pairs:
        present = fields.get(name)
        fields[name] = value if present is None else [*(present if type(present) is list else [present]), value]
    return fields


def _raw(body: bytes) -> dict[str, Json]:
    try:
        return {"data": body.decode()}
    except UnicodeDecodeError:
        return {"data_base64": base64.b64encode(body).decode()}


def event_of(trigger: Trigger, request: Signed, body: Mapping[str, Json], mark: str, now: datetime) -> dict[str, Json]:
    """Return the CloudEvent that a call of a webhook is. Headers that may hold a secret are left out."""
    kind = type_of(trigger, request, body.get("data"))
    shown = [(name, value) for name, value in request.headers.items() if not any(word in name for word in _HIDDEN)]
    return {
        "specversion": "1.0",
        "id": mark,
        "type": kind[:_LONGEST_TYPE],
        "source": f"/hooks/{trigger.tenant}/{trigger.id}",
        "time": now.isoformat().replace("+00:00", "Z"),
        "tenant": trigger.tenant,
        **body,
        "headers": dict(shown[:_MOST_HEADERS]),
    }


def type_of(trigger: Trigger, request: Signed, data: Json) -> str:
    """Return the type of a call: GitHub tells it in a header, the others in the body's `type`."""
    scheme = trigger.webhook.scheme if trigger.webhook else None
    told = data.get("type") if type(data) is dict else None
    match scheme:
        case GithubScheme():
            return f"github.{request.header('x-github-event') or 'event'}"
        case StripeScheme():
            return f"stripe.{told}" if type(told) is str else "stripe.event"
        case StandardScheme():
            return told if type(told) is str and told else "webhook.received"
        case _:
            return "webhook.received"


def answer_to(challenge: Challenge | None, data: Json) -> str | None:
    """Return what a handshake is answered with, or None if this is none; raise InvalidBody for one without answer."""
    if challenge is None or look(data, parse_path(challenge.path)) != challenge.equals:
        return None
    answer = look(data, parse_path(challenge.answer))
    if answer is MISSING or type(answer) is not str or len(answer) > _LONGEST_ANSWER:
        raise InvalidBody(field=challenge.answer, reason=f"no text of at most {_LONGEST_ANSWER} characters")
    return answer


def is_ping(trigger: Trigger, request: Signed) -> bool:
    """Tell whether a call only asks whether somebody is there, as GitHub does when a webhook is made."""
    is_github = trigger.webhook is not None and isinstance(trigger.webhook.scheme, GithubScheme)
    return is_github and request.header("x-github-event") == "ping"
