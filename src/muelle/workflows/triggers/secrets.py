"""The secrets of webhooks: in the Vault, by version; at most two are valid at a time, while one takes over."""

import base64
import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from muelle.core import Secret, TenantId
from muelle.stores import Vault
from muelle.workflows.triggers.model import SecretVersion, Trigger, TriggerId
from muelle.workflows.triggers.schemes import PREFIX, Scheme, StandardScheme, key_of

_BYTES = 32


def vault_name(trigger: TriggerId, version: int) -> str:
    """Return the name of a webhook's secret in the Vault."""
    return f"trigger.{trigger}.{version}"


def new_secret(scheme: Scheme) -> Secret:
    """Return a fresh secret of 256 bits, in the form that a scheme takes."""
    chance = os.urandom(_BYTES)
    if isinstance(scheme, StandardScheme):
        return Secret(PREFIX + base64.b64encode(chance).decode())
    return Secret(chance.hex())


def rotated(versions: Sequence[SecretVersion], now: datetime, overlap: float) -> tuple[SecretVersion, ...]:
    """Return the versions once a new one is added: the present one ends after `overlap` seconds, an older one now."""
    newest = max(versions, key=lambda each: each.version)
    fresh = SecretVersion(version=newest.version + 1, created=now)
    if overlap <= 0:
        return (fresh,)
    return (
        fresh,
        SecretVersion(version=newest.version, created=newest.created, expires=now + timedelta(seconds=overlap)),
    )


class HookSecrets:
    """Puts secrets into the Vault and takes them out to verify; nothing is remembered."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def keep(self, tenant: TenantId, trigger: TriggerId, version: int, secret: Secret) -> None:
        """Keep a secret."""
        await self._vault.put(tenant, vault_name(trigger, version), secret.reveal())

    async def drop(self, tenant: TenantId, trigger: TriggerId, versions: Sequence[SecretVersion]) -> None:
        """Remove secrets."""
        for each in versions:
            await self._vault.delete(tenant, vault_name(trigger, each.version))

    async def keys(self, trigger: Trigger, scheme: Scheme, now: datetime) -> list[bytes]:
        """Return the keys that are valid now."""
        valid = [each for each in trigger.secrets if each.expires is None or now < each.expires]
        found = [await self._vault.get(trigger.tenant, vault_name(trigger.id, each.version)) for each in valid]
        return [key_of(scheme, secret) for secret in found if secret is not None]

    async def none(self, tenant: TenantId) -> list[bytes]:
        """Return a key that nobody has, at the cost of `keys`: whoever calls what is not there shall not notice."""
        await self._vault.get(tenant, vault_name(TriggerId("none"), 1))
        return [os.urandom(_BYTES)]
