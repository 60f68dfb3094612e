"""AWS Secrets Manager: one signed request over the same guarded client as every call; no SDK for that.

Only where keys come from a role or a profile, and not from the settings, botocore finds them (extra `aws`).
Protocol: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
"""

import asyncio
from collections.abc import Awaitable, Callable

import msgspec

from muelle.core import Clock, TenantId
from muelle.egress.errors import SourceRefused, SourceUnreachable
from muelle.egress.guard import networks_of
from muelle.egress.kinds import AwsKey, SigV4Options, aws_key
from muelle.egress.model import CredentialId
from muelle.egress.signing import sigv4
from muelle.egress.target import read_target
from muelle.egress.vaults.hashicorp import EVERYWHERE
from muelle.egress.vaults.settings import SourcesSettings
from muelle.egress.vaults.sources import field_of, placed
from muelle.egress.wire import Answer, Request

_SERVICE = "secretsmanager"
_OK, _SERVER_FAULT = 200, 500
_MOST_BYTES = 1 << 20
_MISSING = frozenset({"ResourceNotFoundException"})
_BUSY = frozenset({"ThrottlingException", "InternalServiceError", "ServiceUnavailable"})


class _Value(msgspec.Struct, frozen=True):
    text: str | None = msgspec.field(name="SecretString", default=None)


class _Fault(msgspec.Struct, frozen=True):
    kind: str = msgspec.field(name="__type", default="")


class AwsSource:
    """Secrets in AWS Secrets Manager."""

    name = "aws"

    def __init__(self, settings: SourcesSettings, send: Callable[[Request], Awaitable[Answer]], clock: Clock) -> None:
        self._settings = settings
        self._send = send
        self._clock = clock

    async def get(self, tenant: TenantId, credential: CredentialId) -> str | None:
        """Return the present version of a secret, or None."""
        region = self._settings.aws_region
        url = self._settings.aws_endpoint or f"https://{_SERVICE}.{region}.amazonaws.com/"
        name = placed(self._settings.aws_name, tenant, credential)
        plain = Request(
            method="POST",
            target=read_target(url),
            headers={"content-type": "application/x-amz-json-1.1", "x-amz-target": f"{_SERVICE}.GetSecretValue"},
            body=msgspec.json.encode({"SecretId": name}),
            networks=networks_of(EVERYWHERE),
            max_answer_bytes=_MOST_BYTES,
        )
        options = SigV4Options(region=region, service=_SERVICE)
        return self._read(await self._send(sigv4(plain, await self._key(), options, self._clock.now())))

    async def _key(self) -> AwsKey:
        given = self._settings.aws_key.reveal()
        if given:
            key = aws_key(given)
            if key is None:
                raise SourceUnreachable(source=self.name, reason="egress.sources.aws_key is not ID:SECRET[:TOKEN]")
            return key
        found = await asyncio.to_thread(_found)
        if found is None:
            raise SourceUnreachable(source=self.name, reason="no AWS credentials, or the extra 'aws' is not installed")
        return found

    def _read(self, answer: Answer) -> str | None:
        if answer.status == _OK:
            return self._text(answer)
        kind = _kind(answer)
        if kind in _MISSING:
            return None
        if answer.status >= _SERVER_FAULT or kind in _BUSY:
            raise SourceUnreachable(source=self.name, upstream_status=answer.status)
        raise SourceRefused(source=self.name, upstream_status=answer.status, reason=kind[:100])

    def _text(self, answer: Answer) -> str:
        try:
            text = msgspec.json.decode(answer.body, type=_Value).text
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise SourceUnreachable(source=self.name, reason="its answer is not JSON") from None
        if text is None:
            raise SourceRefused(source=self.name, reason="the secret is binary, not text")
        return field_of(text, self._settings.aws_field, self.name)


def _kind(answer: Answer) -> str:
    try:
        return msgspec.json.decode(answer.body, type=_Fault).kind.rpartition("#")[2]
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return ""


def _found() -> AwsKey | None:
    """Return what botocore finds: variables, profiles, roles. It may ask the metadata service, so in a thread."""
    from muelle.egress.adapters.aws import found_key  # noqa: PLC0415 - botocore, loaded only where it is asked

    return found_key()
