"""Checks of triggers that are handed in; each error has the JSON pointer of what is wrong."""

import re
from typing import Final

from msgspec import UNSET

from muelle.core import Invalid
from muelle.core import name as checked_name
from muelle.workflows.paths import parse_path
from muelle.workflows.triggers.conditions import fault
from muelle.workflows.triggers.model import Challenge, TriggerDraft, Webhook
from muelle.workflows.triggers.pattern import compile_pattern
from muelle.workflows.triggers.schemes import PREFIX, GenericScheme, Scheme, StandardScheme, key_of
from muelle.workflows.triggers.settings import TriggersSettings
from muelle.workflows.triggers.template import compile_inputs

ID_PREFIX: Final = "trigger_"
MOST_CONCURRENCY: Final = 10_000
LONGEST_DESCRIPTION: Final = 1_000
SHORTEST_SECRET, LONGEST_SECRET = 16, 500  # characters
STANDARD_KEY: Final = (24, 64)  # bytes, as the specification has it
_PRIORITIES: Final = (1, 5)
_VERSION: Final = re.compile(r"[A-Za-z0-9.*^~<>=|, +-]{1,100}\Z")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


def check(draft: TriggerDraft, settings: TriggersSettings) -> None:
    """Raise InvalidTrigger, or InvalidName, unless this may be kept."""
    checked_name(draft.name)
    checked_name(draft.workflow, "workflow")
    checked_name(draft.queue, "queue")
    if draft.name.startswith(ID_PREFIX):
        raise fault(("name",), f"begins with {ID_PREFIX}, as ids do")
    if not _VERSION.match(draft.version):
        raise fault(("version",), "no range of versions; write it as latest, 2.1.0, ^2.1 or >=1.4 <3")
    if len(draft.description) > LONGEST_DESCRIPTION or _CONTROL.search(draft.description):
        raise fault(("description",), f"more than {LONGEST_DESCRIPTION} characters, or control characters")
    _check_number(draft.priority, "priority", *_PRIORITIES)
    _check_number(draft.concurrency, "concurrency", 0, MOST_CONCURRENCY)
    _check_kind(draft)
    compile_pattern(draft.pattern)
    compile_inputs(draft.inputs, settings.inputs_bytes)


def _check_number(value: int, field: str, least: int, most: int) -> None:
    if not least <= value <= most:
        raise fault((field,), f"not from {least} to {most}")


def _check_kind(draft: TriggerDraft) -> None:
    if draft.kind == "event":
        if draft.webhook is not None:
            raise fault(("webhook",), "only triggers of kind webhook have one")
        if draft.pattern.type is UNSET:
            raise fault(("pattern", "type"), "a trigger of kind event says for which types it is; '**' is all of them")
    elif draft.webhook is None:
        raise fault(("webhook",), 'a trigger of kind webhook has one; {"scheme": {"scheme": "standard"}} will do')
    else:
        _check_webhook(draft.webhook)


def _check_webhook(webhook: Webhook) -> None:
    from ipaddress import ip_network  # noqa: PLC0415 - loads in 3 ms, and only a change of a webhook needs it

    for index, text in enumerate(webhook.addresses):
        try:
            ip_network(text)
        except ValueError:
            raise fault(("webhook", "addresses", index), "no network such as 10.0.0.0/8, without host bits") from None
    if isinstance(webhook.scheme, GenericScheme):
        _check_generic(webhook.scheme)
    if webhook.challenge is not None:
        _check_challenge(webhook.challenge)


def _check_generic(scheme: GenericScheme) -> None:
    place = ("webhook", "scheme", "content")
    if scheme.content.count("{body}") != 1:
        raise fault(place, "has {body} once")
    if ("{timestamp}" in scheme.content) is not (scheme.timestamp_header is not None):
        raise fault(
            place, "has {timestamp} where there is a timestamp_header, for a time that is not signed is no time"
        )


def _check_challenge(challenge: Challenge) -> None:
    for field in ("path", "answer"):
        try:
            parse_path(getattr(challenge, field))
        except Invalid:
            raise fault(("webhook", "challenge", field), "no path into the body, such as type or data/token") from None


def checked_secret(scheme: Scheme, secret: str) -> str:
    """Return a secret that a scheme takes, else raise InvalidTrigger; the error never holds it."""
    try:
        key = key_of(scheme, secret)
    except ValueError as error:
        raise fault(("secret",), f"a secret of this scheme {error}") from None
    least, most = STANDARD_KEY
    if isinstance(scheme, StandardScheme) and not least <= len(key) <= most:
        raise fault(("secret",), f"not {least} to {most} bytes in base64 behind {PREFIX}")
    if not SHORTEST_SECRET <= len(secret) <= LONGEST_SECRET or _CONTROL.search(secret):
        raise fault(("secret",), f"not {SHORTEST_SECRET} to {LONGEST_SECRET} characters, without control characters")
    return secret
