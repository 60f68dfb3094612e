"""How inbound webhooks are signed. Pure: headers, body, keys and the time go in; who signed what comes out.

Every key is tried on every signature that is offered, and all are compared in constant time, so that how long it takes
tells nothing. A signature covers the body byte for byte; where a scheme signs a time, a request may be `tolerance`
seconds old, or early, and no more. Sources: standardwebhooks.com, docs.github.com (Validating webhook deliveries),
docs.stripe.com (Verify webhook signatures manually).
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

HeaderName = Annotated[str, Meta(pattern=r"^[A-Za-z0-9-]{1,100}$")]

PREFIX: Final = "whsec_"
_MOST_SIGNATURES: Final = 10  # that are looked at; senders who rotate offer two
_LONGEST_NUMBER: Final = 15  # digits of a time
_PLAIN: Final = re.compile(r"[A-Za-z0-9_.:-]{1,100}\Z")  # another mark is remembered by its hash


class StandardScheme(msgspec.Struct, tag_field="scheme", tag="standard", forbid_unknown_fields=True, frozen=True):
    """Standard Webhooks, as Muelle itself signs: webhook-id, webhook-timestamp, webhook-signature."""


class GithubScheme(msgspec.Struct, tag_field="scheme", tag="github", forbid_unknown_fields=True, frozen=True):
    """GitHub's: X-Hub-Signature-256. It signs no time, so a body is known by its hash and taken once."""


class StripeScheme(msgspec.Struct, tag_field="scheme", tag="stripe", forbid_unknown_fields=True, frozen=True):
    """Stripe's: Stripe-Signature with t and v1."""


class GenericScheme(
    msgspec.Struct, tag_field="scheme", tag="generic", forbid_unknown_fields=True, frozen=True, kw_only=True
):
    """A header with an HMAC of the body, or of a text with {timestamp} and {body} in it."""

    header: Annotated[HeaderName, Meta(description="The header with the signature.")]
    prefix: Annotated[str, Meta(max_length=100, description="What stands before it, such as 'sha256='.")] = ""
    encoding: Literal["hex", "base64"] = "hex"
    hash: Literal["sha256", "sha512"] = "sha256"
    timestamp_header: Annotated[HeaderName | None, Meta(description="The header with seconds since 1970.")] = None
    content: Annotated[
        str, Meta(max_length=200, description="What is signed: '{body}', or such as 'v0:{timestamp}:{body}'.")
    ] = "{body}"
    id_header: Annotated[
        HeaderName | None, Meta(description="The header with the delivery's id, by which a repetition is known.")
    ] = None


Scheme = StandardScheme | GithubScheme | StripeScheme | GenericScheme


@dataclass(frozen=True, slots=True)
class Signed:
    """A request as it arrived; header names are in lower case."""

    headers: Mapping[str, str]
    body: bytes

    def header(self, name: str) -> str:
        """Return a header, "" if there is none."""
        return self.headers.get(name.lower(), "")


@dataclass(frozen=True, slots=True)
class Claim:
    """What a request claims: signatures over a content, at a time if the scheme signs one.

    By any of `marks` a repetition is known: the delivery's id, and where that is not signed the signed content itself.
    Without marks each request counts as another one.
    """

    content: bytes
    signatures: Sequence[bytes]
    marks: tuple[str, ...]
    timestamp: str | None = None
    encoding: Literal["hex", "base64"] = "hex"
    hash: str = "sha256"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a request is signed as it should be: `fault` is "" if it is."""

    fault: str
    marks: tuple[str, ...] = ()


def verified(scheme: Scheme, request: Signed, keys: Sequence[bytes], now: float, tolerance: float) -> Verdict:
    """Return what is wrong, "" if nothing is, and by which marks a repetition of the request is known."""
    claim = claim_of(scheme, request)
    is_signed = _is_signed(claim, keys)
    if not claim.signatures:
        return Verdict("no signature")
    if not is_signed:
        return Verdict("the signature does not fit")
    if claim.timestamp is not None:
        at = _seconds(claim.timestamp)
        if at is None:
            return Verdict("no time")
        if abs(now - at) > tolerance:
            return Verdict("too old or too early")
    return Verdict("", tuple(mark if _PLAIN.match(mark) else _hash(mark.encode()) for mark in claim.marks))


def claim_of(scheme: Scheme, request: Signed) -> Claim:
    """Return what a request claims under a scheme."""
    match scheme:
        case StandardScheme():
            return _standard(request)
        case GithubScheme():
            given = request.header("x-hub-signature-256")
            return Claim(request.body, _offered([given], "sha256="), (_hash(request.body),))
        case StripeScheme():
            return _stripe(request)
        case GenericScheme():
            return _generic(scheme, request)


def _standard(request: Signed) -> Claim:
    delivery, timestamp = request.header("webhook-id"), request.header("webhook-timestamp")
    content = f"{delivery}.{timestamp}.".encode() + request.body
    offered = _offered(request.header("webhook-signature").split(" "), "v1,") if delivery else ()
    return Claim(content, offered, (delivery,), timestamp, "base64")


def _stripe(request: Signed) -> Claim:
    parts = [part.strip().partition("=") for part in request.header("stripe-signature").split(",")]
    timestamp = next((value for name, _, value in parts if name == "t"), "")
    offered = _offered([value for name, _, value in parts if name == "v1"], "")
    content = f"{timestamp}.".encode() + request.body
    return Claim(content, offered, (_id_in(request.body) or _hash(content),), timestamp)


def _generic(scheme: GenericScheme, request: Signed) -> Claim:
    timestamp = request.header(scheme.timestamp_header) if scheme.timestamp_header else None
    before, _, after = scheme.content.partition("{body}")
    content = _stamped(before, timestamp) + request.body + _stamped(after, timestamp)
    marks = [request.header(scheme.id_header) if scheme.id_header else "", _hash(content) if timestamp else ""]
    offered = _offered([request.header(scheme.header)], scheme.prefix)
    return Claim(content, offered, tuple(filter(None, marks)), timestamp, scheme.encoding, scheme.hash)


def _stamped(text: str, timestamp: str | None) -> bytes:
    return text.replace("{timestamp}", timestamp or "").encode()


def _offered(given: Sequence[str], prefix: str) -> Sequence[bytes]:
    kept = [text.removeprefix(prefix).encode() for text in given if text.startswith(prefix) and len(text) > len(prefix)]
    return kept[:_MOST_SIGNATURES]


def _is_signed(claim: Claim, keys: Sequence[bytes]) -> bool:
    found = False
    for key in keys:
        digest = hmac.new(key, claim.content, claim.hash).digest()
        right = base64.b64encode(digest) if claim.encoding == "base64" else digest.hex().encode()
        for offered in claim.signatures:
            given = offered if claim.encoding == "base64" else offered.lower()
            found |= hmac.compare_digest(right, given)
    return found


def _seconds(text: str) -> int | None:
    is_number = text.isascii() and text.isdecimal() and len(text) <= _LONGEST_NUMBER
    return int(text) if is_number else None


def _id_in(body: bytes) -> str:
    """Return the `id` of a JSON object, which the signature covers; "" if there is none."""
    try:
        return msgspec.json.decode(body, type=_Identified).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


class _Identified(msgspec.Struct):
    id: str = ""


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def key_of(scheme: Scheme, secret: str) -> bytes:
    """Return the key that a secret means; raise ValueError if it is none that the scheme takes."""
    if not isinstance(scheme, StandardScheme):
        return secret.encode()
    if not secret.startswith(PREFIX):
        raise ValueError(f"begins with {PREFIX}")
    try:
        return base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError(f"is base64 behind {PREFIX}") from None
