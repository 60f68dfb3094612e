"""CredentialRefs exchanged for values, on a copy, at the last moment; and the values scrubbed from what comes back."""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, quote_plus, urlencode

import msgspec

from muelle.core import CredentialRef
from muelle.egress.errors import InvalidCall
from muelle.egress.kinds import SIGNING, TOKENS, scrubbed_parts
from muelle.egress.model import MIN_SECRET, Credential
from muelle.egress.policy import Hop

MAX_DEPTH = 128  # deeper bodies than any data model
MARK = b"***"
_AUTHORIZATION = "authorization"
_FORM = "application/x-www-form-urlencoded"
_PLAIN = re.compile(r"[A-Za-z0-9._~-]+")
_SIGNS = "signs the request: it stands as the value of one header, nowhere else"
_ANCHOR = 3  # base64 turns three bytes into four characters


@dataclass(frozen=True, slots=True)
class Opened:
    """A credential with its secret; shows neither in a traceback."""

    credential: Credential
    secret: str = field(repr=False)
    version: int = 1
    is_fresh: bool = True  # nothing newer is to be had: no use in trying again

    @property
    def identity(self) -> str:
        """Which secret this is, without telling it."""
        return f"{self.credential.id}.{self.version}"

    def value(self, header: str = "") -> str:
        """Return what stands in for the reference: with its scheme in an Authorization header, else bare.

        Raise InvalidCall for a credential that signs: its secret stands nowhere.
        """
        match self.credential.type, header == _AUTHORIZATION:
            case kind, _ if kind in SIGNING:
                raise InvalidCall(field="credentialRef", credential=self.credential.id, reason=_SIGNS)
            case kind, True if kind in TOKENS:
                return f"Bearer {self.secret}"
            case "bearer-token", True:
                return self.secret if self.secret.lower().startswith("bearer ") else f"Bearer {self.secret}"
            case "basic", True:
                return f"Basic {self.encoded()}"
            case "basic", False:
                return self.encoded()
            case _:
                return self.secret

    def encoded(self) -> str:
        """Return the secret in base64."""
        return base64.b64encode(self.secret.encode()).decode()


Purse = Mapping[str, Opened]


def refs_of(hop: Hop) -> set[str]:
    """Return the ids of all credentials that a hop refers to; raise InvalidCall if its body is too deep."""
    found: set[str] = set()
    for value in (*hop.headers.values(), *hop.query.values()):
        _collect(value, found, MAX_DEPTH - 1)
    if isinstance(hop.body, CredentialRef | dict | list | tuple):
        _collect(hop.body, found, MAX_DEPTH)
    return found


def _collect(value: object, found: set[str], depth: int) -> None:
    if isinstance(value, CredentialRef):
        found.add(value.id)
    elif isinstance(value, dict | list | tuple):
        if not depth:
            raise InvalidCall(field="body", reason=f"nested deeper than {MAX_DEPTH}")
        for item in value.values() if isinstance(value, dict) else value:
            _collect(item, found, depth - 1)


def exchanged(value: Any, purse: Purse) -> Any:  # noqa: ANN401 - any JSON value
    """Return a copy of a JSON value in which values stand for CredentialRefs."""
    if isinstance(value, CredentialRef):
        return purse[value.id].value()
    if isinstance(value, dict):
        return {key: exchanged(item, purse) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [exchanged(item, purse) for item in value]
    return value


def exchanged_headers(headers: Mapping[str, Any], purse: Purse) -> dict[str, Any]:
    """Return headers, by lower-case name, with values for CredentialRefs; a header that is to be signed is left out."""
    return {
        header: purse[value.id].value(header) if isinstance(value, CredentialRef) else value
        for header, value in headers.items()
        if not _signs(value, purse)
    }


def signing(headers: Mapping[str, Any], purse: Purse) -> Opened | None:
    """Return the credential that signs the request, or None; raise InvalidCall for two of them."""
    found = [purse[value.id] for value in headers.values() if _signs(value, purse)]
    if len(found) > 1:
        raise InvalidCall(field="headers", reason="two credentials that sign")
    return found[0] if found else None


def _signs(value: object, purse: Purse) -> bool:
    return isinstance(value, CredentialRef) and purse[value.id].credential.type in SIGNING


def query_text(query: Mapping[str, Any], purse: Purse) -> str:
    """Return a query as text: lists repeat their name, true and false as in JSON, null is left out."""
    pairs = [(name, _query_value(name, item)) for name, item in _query_items(query, purse) if item is not None]
    return urlencode(pairs, quote_via=quote)


def _query_items(query: Mapping[str, Any], purse: Purse) -> Iterable[tuple[str, Any]]:
    for name, value in query.items():
        item = exchanged(value, purse)
        if isinstance(item, list):
            yield from ((name, part) for part in item)
        else:
            yield name, item


def _query_value(name: str, value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | int | float):
        raise InvalidCall(field="query", name=name[:100], reason="neither text, number nor a list of them")
    return str(value)


def body_bytes(body: Any, content_type: str | None, purse: Purse) -> tuple[bytes | None, str | None]:  # noqa: ANN401 - any JSON value
    """Return the body as sent and the content type that it needs if the call names none; raise InvalidCall."""
    match body:
        case None:
            return None, None
        case bytes():
            return body, "application/octet-stream"
        case str():
            return _utf8(body), "text/plain; charset=utf-8"
    value = exchanged(body, purse) if purse else body
    if isinstance(value, str):
        return _utf8(value), "text/plain; charset=utf-8"
    if isinstance(value, dict) and content_type and content_type.split(";", 1)[0].strip().lower() == _FORM:
        return query_text(value, {}).encode(), _FORM
    try:
        return msgspec.json.encode(value), "application/json"
    except (TypeError, ValueError, RecursionError, msgspec.MsgspecError):
        raise InvalidCall(field="body", reason="not JSON, text or bytes") from None


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeError:
        raise InvalidCall(field="body", reason="text that is not Unicode") from None


class Scrubber:
    """Replaces every form of some secrets by `***` in what comes back."""

    __slots__ = ("_forms",)

    def __init__(self, purse: Purse) -> None:
        forms = {form for opened in purse.values() for form in _forms(opened)}
        self._forms = sorted(forms, key=len, reverse=True)  # a long form may hold a short one

    def scrub(self, body: bytes) -> bytes:
        """Return the bytes without the secrets; what is cut at a limit may end in the first part of one."""
        for form in self._forms:
            if form in body:
                body = body.replace(form, MARK)
        return body

    def text(self, text: str) -> str:
        """Return the text without the secrets."""
        return self.scrub(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace") if self._forms else text

    def finds(self, text: str) -> bool:
        """Tell whether a form of a secret stands in the text."""
        encoded = text.encode("utf-8", "surrogateescape")
        return any(form in encoded for form in self._forms)


def _forms(opened: Opened) -> set[bytes]:
    """Return the secret as a server may send it back: plain, and as JSON, URLs, HTML, hex and base64 write it."""
    secrets = [opened.secret]
    secrets += scrubbed_parts(opened.credential.type, opened.secret)
    if opened.credential.type == "basic":
        secrets.append(opened.encoded())
    forms: set[bytes] = set()
    for secret in secrets:
        if len(secret) >= MIN_SECRET:
            forms |= {text.encode() for text in _texts(secret)} | _base64_forms(secret.encode())
    return forms


def _texts(secret: str) -> set[str]:
    hexadecimal = secret.encode().hex()
    if _PLAIN.fullmatch(secret):
        return {secret, hexadecimal, hexadecimal.upper()}  # every other way to write it is the same
    escaped = json.dumps(secret)[1:-1]
    raw = json.dumps(secret, ensure_ascii=False)[1:-1]
    return {
        secret,
        escaped,
        raw,
        escaped.replace("/", "\\/"),
        raw.replace("/", "\\/"),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        html.escape(secret),
        html.escape(secret, quote=False),
        hexadecimal,
        hexadecimal.upper(),
    }


def _base64_forms(secret: bytes) -> set[bytes]:
    """Return what is certain of the secret's base64, wherever in a longer text it stands: three ways, two alphabets."""
    forms: set[bytes] = set()
    for shift in range(_ANCHOR):
        encoded = base64.b64encode(b"\0" * shift + secret)
        first = (shift * 8 + 5) // 6  # characters that earlier bytes have a part in
        last = (shift + len(secret)) * 8 // 6  # characters that later bytes have no part in
        certain = encoded[first:last]
        forms |= {certain, certain.replace(b"+", b"-").replace(b"/", b"_")}
    return forms
