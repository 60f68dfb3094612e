"""Where secrets may be: sources asked one after the other. Missing is not unreachable.

A source answers with a secret or with None: it was asked, and there is none. One that cannot be asked raises, and then
nobody goes on to the next: what a later source has may be older, or another's.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from typing import Protocol
from urllib.parse import quote

from muelle.core import Clock, MuelleError, TenantId
from muelle.egress.errors import SourceRefused, SourceUnreachable
from muelle.egress.known import Known
from muelle.egress.model import CredentialId
from muelle.egress.vaults.settings import SourcesSettings

_PAUSE = 1.0  # seconds


class Source(Protocol):
    """Something outside Muelle's database that has secrets."""

    @property
    def name(self) -> str:
        """What the settings call it."""
        ...

    async def get(self, tenant: TenantId, credential: CredentialId) -> str | None:
        """Return a secret, or None if there is none; raise SourceUnreachable or SourceRefused."""
        ...


def placed(pattern: str, tenant: TenantId, credential: CredentialId) -> str:
    """Return where a credential's secret is: each name stands for one segment, whatever it holds."""
    return pattern.replace("{tenant}", quote(tenant, safe="")).replace("{credential}", quote(credential, safe=""))


def variable(prefix: str, tenant: TenantId, credential: CredentialId) -> str:
    """Return the environment variable of a credential; no two have the same one.

    What is no letter or digit is written as `_` and its code in hex: `crm-key` is `crm_2Dkey`.
    """
    return "__".join((prefix, _plain(tenant), _plain(credential)))


def _plain(text: str) -> str:
    return "".join(each if each.isascii() and each.isalnum() else f"_{ord(each):02X}" for each in text)


def field_of(text: str, field: str, source: str) -> str:
    """Return a field of a secret that is JSON, or all of it without a field; raise SourceRefused."""
    if not field:
        return text
    try:
        found = json.loads(text)[field]
    except (ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise SourceRefused(source=source, reason=f"the secret has no field '{field}'") from None
    if not isinstance(found, str):
        raise SourceRefused(source=source, reason=f"the field '{field}' is not text")
    return found


class EnvironmentSource:
    """Secrets in environment variables of this process."""

    name = "environment"

    def __init__(self, environment: Mapping[str, str], prefix: str) -> None:
        self._environment = environment
        self._prefix = prefix

    async def get(self, tenant: TenantId, credential: CredentialId) -> str | None:
        """Return the variable's text; an empty one is none."""
        return self._environment.get(variable(self._prefix, tenant, credential)) or None


class Sources:
    """Every source beside the built-in one, in the order of the settings, remembered for a while."""

    def __init__(self, sources: Sequence[Source], settings: SourcesSettings, clock: Clock) -> None:
        self._sources = sources
        self._seconds = settings.timeout_seconds
        self._known: Known[str | None] = Known(clock, settings.seconds, settings.remembered)
        self._renewed: Known[str | None] = Known(clock, _PAUSE, settings.remembered)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._sources)

    async def get(self, tenant: TenantId, credential: CredentialId) -> str | None:
        """Return the secret that the first source has, or None; raise SourceUnreachable or SourceRefused."""
        return await self._known.get((tenant, credential), lambda: self._asked(tenant, credential))

    async def again(self, tenant: TenantId, credential: CredentialId) -> str | None:
        """Return the secret as it is now, or was a second ago: what a server goes on refusing asks no more often."""
        return await self._renewed.get((tenant, credential), lambda: self._anew(tenant, credential))

    async def _anew(self, tenant: TenantId, credential: CredentialId) -> str | None:
        self._known.forget((tenant, credential))
        return await self.get(tenant, credential)

    async def _asked(self, tenant: TenantId, credential: CredentialId) -> str | None:
        for source in self._sources:
            secret = await self._one(source, tenant, credential)
            if secret is not None:
                return secret
        return None

    async def _one(self, source: Source, tenant: TenantId, credential: CredentialId) -> str | None:
        try:
            async with asyncio.timeout(self._seconds):
                return await source.get(tenant, credential)
        except TimeoutError:
            raise SourceUnreachable(source=source.name, seconds=self._seconds) from None
        except (SourceRefused, SourceUnreachable):
            raise
        except MuelleError as error:
            raise SourceUnreachable(source=source.name, reason=error.code) from None
