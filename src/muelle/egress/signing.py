"""Requests signed at the last moment, as they go out: AWS Signature Version 4, and HMAC as the credential says. Pure.

SigV4: https://docs.aws.amazon.com/IAM/latest/UserGuide/create-signed-request.html
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from urllib.parse import quote, unquote

from muelle.core import Clock
from muelle.egress.errors import InvalidCall
from muelle.egress.kinds import SIGV4, AwsKey, HmacOptions, SigV4Options, aws_key, hmac_key, hmac_options, sigv4_options
from muelle.egress.model import Credential
from muelle.egress.wire import Answer, Request, Wire

_ALGORITHM = "AWS4-HMAC-SHA256"
_STRICT = "-_.~"
_NONCE = 16  # random bytes
_STAMP = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class Moment:
    """When a request is signed, and a text that no other request has."""

    now: datetime
    nonce: str


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs a request with a credential; its repr shows no secret. One that is sent again is signed anew."""

    credential: Credential
    secret: str = field(repr=False)
    clock: Clock = field(repr=False)

    def sign(self, request: Request) -> Request:
        """Return the request with its signature; raise InvalidCall for a secret that cannot sign."""
        return self.signed(request, Moment(self.clock.now(), secrets.token_hex(_NONCE)))

    def signed(self, request: Request, moment: Moment) -> Request:
        """Return the request as it is signed at a moment; raise InvalidCall as `sign`."""
        if self.credential.type == SIGV4:
            key = aws_key(self.secret)
            if key is None:
                raise InvalidCall(field="credential", credential=self.credential.id, reason="its secret cannot sign")
            return sigv4(request, key, sigv4_options(self.credential.options), moment.now)
        options = hmac_options(self.credential.options)
        secret = hmac_key(self.secret, options.key_encoding)
        if not secret:
            raise InvalidCall(field="credential", credential=self.credential.id, reason="its secret cannot sign")
        return hmac_signed(request, secret, options, moment)


class SigningWire:
    """A Wire that signs what is to be signed, each time that it is sent."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def send(self, request: Request) -> Answer:
        """Send one request; see Wire."""
        return await self._wire.send(request.signer(request) if request.signer else request)

    async def close(self) -> None:
        """Close all connections."""
        await self._wire.close()


def sigv4(request: Request, key: AwsKey, options: SigV4Options, now: datetime) -> Request:
    """Return the request as AWS wants it: host, content type and `x-amz-…` are signed, as all it is judged by."""
    stamp = now.strftime(_STAMP)
    digest = hashlib.sha256(request.body or b"").hexdigest()
    headers = {**request.headers, "x-amz-date": stamp, "x-amz-content-sha256": digest}
    if key.token:
        headers["x-amz-security-token"] = key.token
    signed = {name: value for name, value in headers.items() if name == "content-type" or name.startswith("x-amz-")}
    signed["host"] = request.target.place
    headers["authorization"] = sigv4_header(request, signed, key, options, digest)
    return replace(request, headers=headers)


def sigv4_header(request: Request, signed: Mapping[str, str], key: AwsKey, options: SigV4Options, digest: str) -> str:
    """Return the Authorization header that signs these headers, `x-amz-date` among them, and a body of that digest."""
    stamp = signed["x-amz-date"]
    scope = f"{stamp[:8]}/{options.region}/{options.service}/aws4_request"
    names = ";".join(sorted(signed))
    hashed = hashlib.sha256(_canonical(request, signed, digest, options.service).encode()).hexdigest()
    text = f"{_ALGORITHM}\n{stamp}\n{scope}\n{hashed}"
    signature = hmac.new(_signing_key(key.secret, scope), text.encode(), hashlib.sha256).hexdigest()
    return f"{_ALGORITHM} Credential={key.access_key_id}/{scope}, SignedHeaders={names}, Signature={signature}"


def _canonical(request: Request, signed: Mapping[str, str], digest: str, service: str) -> str:
    lines = [f"{name}:{' '.join(signed[name].split())}\n" for name in sorted(signed)]
    return "\n".join(
        (
            request.method,
            _canonical_path(request.target.path, service),
            _canonical_query(request.target.query),
            "".join(lines),
            ";".join(sorted(signed)),
            digest,
        )
    )


def _canonical_path(path: str, service: str) -> str:
    """Return the path escaped once more than it is sent, but for S3, which alone takes it as it is."""
    return quote(unquote(path), safe=f"{_STRICT}/") if service == "s3" else quote(path, safe=f"{_STRICT}/")


def _canonical_query(query: str) -> str:
    pairs = [pair.partition("=") for pair in query.split("&") if pair]
    return "&".join(f"{name}={value}" for name, value in sorted((_strict(pair[0]), _strict(pair[2])) for pair in pairs))


def _strict(text: str) -> str:
    return quote(unquote(text), safe=_STRICT)


def _signing_key(secret: str, scope: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in scope.split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def hmac_signed(request: Request, key: bytes, options: HmacOptions, moment: Moment) -> Request:
    """Return the request with a signature over the parts that the options name; raise InvalidCall for lack of one."""
    headers = dict(request.headers)
    stamp = _stamp(moment.now, options.timestamp_format)
    if "timestamp" in options.parts:
        headers[options.timestamp_header.lower()] = stamp
    if "nonce" in options.parts:
        headers[options.nonce_header.lower()] = moment.nonce
    signed = options.separator.encode().join(_part(part, request, headers, (stamp, moment)) for part in options.parts)
    signature = _encoded(hmac.new(key, signed, options.algorithm).digest(), options.encoding)
    headers[options.header.lower()] = f"{options.prefix}{signature}"
    return replace(request, headers=headers)


def _part(part: str, request: Request, headers: Mapping[str, str], when: tuple[str, Moment]) -> bytes:
    target, (stamp, moment) = request.target, when
    if part == "body":
        return request.body or b""
    plain = {
        "method": request.method,
        "host": target.place,
        "path": target.path,
        "query": target.query,
        "url": target.url,
        "timestamp": stamp,
        "nonce": moment.nonce,
    }
    if part in plain:
        return plain[part].encode()
    if part == "body-sha256":
        return hashlib.sha256(request.body or b"").hexdigest().encode()
    header = part.partition(":")[2].lower()
    if header not in headers:
        raise InvalidCall(field=f"headers/{header}", reason="the credential signs this header, and the call has none")
    return headers[header].encode()


def _stamp(now: datetime, form: str) -> str:
    match form:
        case "milliseconds":
            return str(int(now.timestamp() * 1000))
        case "iso":
            return now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return str(int(now.timestamp()))


def _encoded(digest: bytes, encoding: str) -> str:
    match encoding:
        case "base64":
            return base64.b64encode(digest).decode()
        case "base64url":
            return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
    return digest.hex()
