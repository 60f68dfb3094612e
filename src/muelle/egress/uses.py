"""When credentials were last used: to the minute, so that a thousand calls a second write once a minute."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Protocol

from muelle.core import Clock, TenantId
from muelle.egress.model import Credential, CredentialId

_MINUTE = timedelta(minutes=1)
_MOST = 10_000


class Uses(Protocol):
    """The last uses of a tenant's credentials."""

    async def note(self, tenant: TenantId, credential: CredentialId, at: datetime) -> None:
        """Keep when a credential was used, unless a later use is known."""
        ...

    async def of(self, tenant: TenantId) -> dict[CredentialId, datetime]:
        """Return when each credential of a tenant was last used."""
        ...

    async def forget(self, tenant: TenantId, credential: CredentialId) -> None:
        """Forget a credential."""
        ...


class MemoryUses:
    """Uses that end with their process."""

    def __init__(self) -> None:
        self._used: dict[TenantId, dict[CredentialId, datetime]] = {}

    async def note(self, tenant: TenantId, credential: CredentialId, at: datetime) -> None:
        """Keep when a credential was used."""
        used = self._used.setdefault(tenant, {})
        used[credential] = max(at, used.get(credential, at))

    async def of(self, tenant: TenantId) -> dict[CredentialId, datetime]:
        """Return when each credential of a tenant was last used."""
        return dict(self._used.get(tenant, {}))

    async def forget(self, tenant: TenantId, credential: CredentialId) -> None:
        """Forget a credential."""
        self._used.get(tenant, {}).pop(credential, None)


class Meter:
    """Notes uses, each credential's at most once a minute."""

    def __init__(self, uses: Uses, clock: Clock) -> None:
        self._uses = uses
        self._clock = clock
        self._noted: OrderedDict[tuple[TenantId, CredentialId], datetime] = OrderedDict()

    async def used(self, credential: Credential) -> None:
        """Note that a credential is used now."""
        key, now = (credential.tenant, credential.id), self._clock.now()
        noted = self._noted.get(key)
        if noted is not None and noted >= credential.created and now - noted < _MINUTE:
            return
        self._noted[key] = now
        self._noted.move_to_end(key)
        while len(self._noted) > _MOST:
            self._noted.popitem(last=False)
        await self._uses.note(*key, now)
