"""HashiCorp Vault and OpenBao: the KV engine, version 2, over the same guarded client as every call.

Protocol: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import msgspec

from muelle.core import TenantId
from muelle.egress.errors import SourceRefused, SourceUnreachable
from muelle.egress.guard import networks_of
from muelle.egress.model import CredentialId
from muelle.egress.target import read_target
from muelle.egress.vaults.settings import SourcesSettings
from muelle.egress.vaults.sources import placed
from muelle.egress.wire import Answer, Request

EVERYWHERE = ("0.0.0.0/0", "::/0")  # what the operator names may be in any network; never a metadata address
_OK, _MISSING, _SERVER_FAULT, _BUSY = 200, 404, 500, 429
_MOST_BYTES = 1 << 20


class _Inner(msgspec.Struct, frozen=True):
    data: dict[str, Any] | None = None


class _Read(msgspec.Struct, frozen=True):
    data: _Inner | None = None


class HashicorpSource:
    """Secrets in a KV engine, version 2."""

    name = "hashicorp"

    def __init__(self, settings: SourcesSettings, send: Callable[[Request], Awaitable[Answer]]) -> None:
        self._settings = settings
        self._send = send

    async def get(self, tenant: TenantId, credential: CredentialId) -> str | None:
        """Return the field of a secret, None if there is no such secret or its version was deleted."""
        settings = self._settings
        path = placed(settings.hashicorp_path, tenant, credential)
        url = f"{settings.hashicorp_url.rstrip('/')}/v1/{settings.hashicorp_mount}/data/{path}"
        headers = {"x-vault-token": self._token(), "x-vault-request": "true", "accept": "application/json"}
        if settings.hashicorp_namespace:
            headers["x-vault-namespace"] = settings.hashicorp_namespace
        answer = await self._send(
            Request(
                method="GET",
                target=read_target(url),
                headers=headers,
                body=None,
                networks=networks_of(EVERYWHERE),
                max_answer_bytes=_MOST_BYTES,
            )
        )
        return self._read(answer)

    def _token(self) -> str:
        file = self._settings.hashicorp_token_file
        try:
            token = Path(file).read_text(encoding="ascii").strip() if file else self._settings.hashicorp_token.reveal()
        except (OSError, UnicodeDecodeError):
            raise SourceUnreachable(source=self.name, reason="the token's file cannot be read") from None
        if not token.isprintable() or not token:
            raise SourceUnreachable(source=self.name, reason="there is no token")
        return token

    def _read(self, answer: Answer) -> str | None:
        if answer.status == _MISSING:
            return None
        if answer.status >= _SERVER_FAULT or answer.status == _BUSY:  # 503: sealed or in maintenance
            raise SourceUnreachable(source=self.name, upstream_status=answer.status)
        if answer.status != _OK:
            raise SourceRefused(source=self.name, upstream_status=answer.status)
        try:
            inner = msgspec.json.decode(answer.body, type=_Read).data
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise SourceUnreachable(source=self.name, reason="its answer is not JSON") from None
        if inner is None or inner.data is None:
            return None  # the newest version was deleted
        found = inner.data.get(self._settings.hashicorp_field)
        if not isinstance(found, str):
            raise SourceRefused(
                source=self.name, reason=f"the secret has no field '{self._settings.hashicorp_field}' of text"
            )
        return found
