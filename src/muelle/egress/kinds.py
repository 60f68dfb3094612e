"""What types of credentials there are beyond a plain secret, and the options that each of them has. Pure.

Options are not secret: whoever may use a credential sees them.
"""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from muelle.egress.errors import InvalidCredential, InvalidHeader, InvalidUrl
from muelle.egress.headers import checked_name
from muelle.egress.target import read_target

CLIENT_CREDENTIALS = "oauth2-client-credentials"
REFRESH_TOKEN = "oauth2-refresh-token"  # noqa: S105 - the name of a type
SIGV4 = "aws-sigv4"
HMAC = "hmac"
SHORTEST_SECRET = 8  # shorter ones cannot be told from ordinary text when a server echoes them

TOKENS = frozenset({CLIENT_CREDENTIALS, REFRESH_TOKEN})
SIGNING = frozenset({SIGV4, HMAC})

_SHORT = Meta(min_length=1, max_length=500)
_NAMES = ("method", "host", "path", "query", "url", "timestamp", "nonce", "body", "body-sha256")
_CODE = re.compile(r"[A-Za-z0-9-]{1,60}")


class _Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options: what nobody declared is an error."""


class TokenOptions(_Options, frozen=True, kw_only=True):
    """Where and as whom an access token is got (RFC 6749); `auth` says how the client's secret is sent."""

    token_url: Annotated[str, Meta(min_length=1, max_length=2000)]
    client_id: Annotated[str, _SHORT]
    scope: Annotated[str, Meta(max_length=2000)] = ""
    audience: Annotated[str, Meta(max_length=2000)] = ""
    auth: Literal["basic", "body"] = "basic"


class SigV4Options(_Options, frozen=True, kw_only=True):
    """What a signature of AWS, version 4, is made for."""

    region: Annotated[str, Meta(min_length=1, max_length=60)]
    service: Annotated[str, Meta(min_length=1, max_length=60)]


class HmacOptions(_Options, frozen=True, kw_only=True):
    """How a request is signed with a shared key.

    `parts` are joined by `separator` and signed; each is a word of `_NAMES` or `header:NAME`. Timestamp and nonce
    are sent in headers of their own if `parts` name them. `path` is as it is sent, `query` without its `?`.
    """

    algorithm: Literal["sha256", "sha384", "sha512", "sha1"] = "sha256"
    parts: Annotated[tuple[Annotated[str, _SHORT], ...], Meta(min_length=1, max_length=20)] = (
        "timestamp",
        "method",
        "path",
        "query",
        "body",
    )
    separator: Annotated[str, Meta(max_length=10)] = "\n"
    header: Annotated[str, _SHORT] = "X-Signature"
    prefix: Annotated[str, Meta(max_length=200)] = ""
    encoding: Literal["hex", "base64", "base64url"] = "hex"
    key_encoding: Literal["text", "hex", "base64"] = "text"
    timestamp_header: Annotated[str, _SHORT] = "X-Timestamp"
    timestamp_format: Literal["seconds", "milliseconds", "iso"] = "seconds"
    nonce_header: Annotated[str, _SHORT] = "X-Nonce"


_KINDS: Mapping[str, type[msgspec.Struct]] = {
    CLIENT_CREDENTIALS: TokenOptions,
    REFRESH_TOKEN: TokenOptions,
    SIGV4: SigV4Options,
    HMAC: HmacOptions,
}


def checked_options(kind: str, options: Mapping[str, Any]) -> None:
    """Raise InvalidCredential, naming the option, unless these are options that the type has."""
    if kind not in _KINDS:
        if options:
            raise InvalidCredential(field="options", reason=f"type '{kind}' has none", types=sorted(_KINDS))
        return
    match _read(_KINDS[kind], options):
        case TokenOptions() as given:
            _check_token_url(given.token_url)
        case SigV4Options() as given:
            for field in ("region", "service"):
                if not _CODE.fullmatch(getattr(given, field)):
                    raise InvalidCredential(field=f"options/{field}", reason="not letters, digits and hyphens")
        case HmacOptions() as given:
            _check_hmac(given)


def _read(kind: type[msgspec.Struct], options: Mapping[str, Any]) -> msgspec.Struct:
    try:
        return msgspec.convert(options, kind)
    except msgspec.ValidationError as error:
        raise InvalidCredential(field="options", reason=str(error)) from None


def _check_token_url(url: str) -> None:
    try:
        read_target(url)
    except InvalidUrl as error:
        raise InvalidCredential(field="options/token_url", reason=str(error.facts["reason"])) from None


def _check_hmac(options: HmacOptions) -> None:
    for part in options.parts:
        word, _, header = part.partition(":")
        if part not in _NAMES and not (word == "header" and header):
            raise InvalidCredential(field="options/parts", value=part, allowed=[*_NAMES, "header:NAME"])
        if header:
            _check_header("parts", header)
    for field in ("header", "timestamp_header", "nonce_header"):
        _check_header(field, getattr(options, field))
    names = [options.header, options.timestamp_header, options.nonce_header]
    if len({name.lower() for name in names}) != len(names):
        raise InvalidCredential(field="options/header", reason="signature, timestamp and nonce need a header each")
    if not (options.prefix + options.separator.replace("\n", "")).isprintable():
        raise InvalidCredential(field="options/prefix", reason="has a control character")


def _check_header(field: str, header: str) -> None:
    try:
        checked_name(header)
    except InvalidHeader as error:
        raise InvalidCredential(field=f"options/{field}", reason=str(error.facts["reason"])) from None


def token_options(options: Mapping[str, Any]) -> TokenOptions:
    """Return the options of a credential that gets tokens; they were checked when they were kept."""
    return msgspec.convert(options, TokenOptions)


def sigv4_options(options: Mapping[str, Any]) -> SigV4Options:
    """Return the options of a credential that signs for AWS."""
    return msgspec.convert(options, SigV4Options)


def hmac_options(options: Mapping[str, Any]) -> HmacOptions:
    """Return the options of a credential that signs by HMAC."""
    return msgspec.convert(options, HmacOptions)


class AwsKey(msgspec.Struct, frozen=True):
    """The three parts of what AWS calls credentials; `token` is empty unless they are temporary."""

    access_key_id: str
    secret: str
    token: str = ""


def aws_key(secret: str) -> AwsKey | None:
    """Read `ACCESS_KEY_ID:SECRET_ACCESS_KEY[:SESSION_TOKEN]`; None if it is something else."""
    parts = secret.split(":")
    if len(parts) not in {2, 3} or not _CODE.fullmatch(parts[0]) or len(parts[1]) < SHORTEST_SECRET or not all(parts):
        return None
    return AwsKey(*parts)


class RefreshSecret(msgspec.Struct, frozen=True):
    """What a refresh needs: the token, and the client's secret unless the client is a public one."""

    refresh_token: str
    client_secret: str = ""


def refresh_secret(secret: str) -> RefreshSecret | None:
    """Read a refresh token alone, or `{"refresh_token": …, "client_secret": …}`; None if it is something else."""
    if not secret.lstrip().startswith("{"):
        return RefreshSecret(secret)
    try:
        return msgspec.json.decode(secret, type=RefreshSecret)
    except msgspec.MsgspecError:
        return None


def rotated(secret: str, refresh_token: str) -> str:
    """Return a refresh secret with another refresh token in it."""
    kept = refresh_secret(secret)
    if kept is None or not kept.client_secret:
        return refresh_token
    return json.dumps({"refresh_token": refresh_token, "client_secret": kept.client_secret})


def hmac_key(secret: str, encoding: str) -> bytes | None:
    """Return the key as bytes; None if it is not written as it should be."""
    import binascii  # noqa: PLC0415 - few credentials sign

    try:
        match encoding:
            case "hex":
                return bytes.fromhex(secret)
            case "base64":
                return binascii.a2b_base64(secret, strict_mode=True)
            case _:
                return secret.encode()
    except ValueError:
        return None


def secret_fault(kind: str, options: Mapping[str, Any], secret: str) -> str:
    """Return what is wrong with the secret of a type, without the secret; an empty text if nothing is."""
    match kind:
        case "oauth2-refresh-token":
            kept = refresh_secret(secret)
            if kept is None or len(kept.refresh_token) < SHORTEST_SECRET:
                return 'neither a refresh token nor {"refresh_token": …, "client_secret": …}'
        case "aws-sigv4" if aws_key(secret) is None:
            return "not ACCESS_KEY_ID:SECRET_ACCESS_KEY or with :SESSION_TOKEN"
        case "hmac":
            encoding = hmac_options(options).key_encoding
            if not hmac_key(secret, encoding):
                return f"not {encoding}"
    return ""


def scrubbed_parts(kind: str, secret: str) -> tuple[str, ...]:
    """Return the parts of a secret that must not come back on their own."""
    match kind:
        case "basic":
            return (secret.partition(":")[2],)
        case "aws-sigv4":
            key = aws_key(secret)
            return (key.secret, key.token) if key else ()
    return ()
