"""Credentials opened for a call: their secret from where it is kept, or the access token that it is good for."""

from dataclasses import dataclass, field
from functools import partial

from muelle.core import Clock
from muelle.egress.credentials import vault_name
from muelle.egress.errors import CredentialExpired, CredentialNotFound, InvalidCredential
from muelle.egress.exchange import Opened
from muelle.egress.guard import Networks
from muelle.egress.kinds import SIGNING, TOKENS
from muelle.egress.model import Credential, checked_secret
from muelle.egress.store import Register
from muelle.egress.tokens import Grant, Tokens
from muelle.egress.uses import Meter
from muelle.egress.vaults.sources import Sources
from muelle.stores import Vault

_UNAUTHENTICATED, _FORBIDDEN = 401, 403


@dataclass(frozen=True, slots=True)
class Keyring:
    """Opens credentials; what it returns goes into one call and nowhere else."""

    credentials: Register[Credential] = field(repr=False)
    vault: Vault = field(repr=False)
    tokens: Tokens = field(repr=False)
    meter: Meter = field(repr=False)
    sources: Sources = field(repr=False)
    has_built_in: bool
    clock: Clock

    async def open(self, credential: Credential, networks: Networks) -> Opened:
        """Return what stands in for a credential.

        Raise CredentialNotFound, CredentialExpired, or what keeps a token from being got.
        """
        now = self.clock.now()
        if credential.is_expired(now):
            raise CredentialExpired(credential=credential.id, expired=str(credential.expires))
        credential, secret, is_ours = await self._present(credential)
        await self.meter.used(credential)
        if credential.type in TOKENS:
            token, is_fresh = await self.tokens.get(self._grant(credential, secret, networks))
            return Opened(credential, token.text, credential.version, is_fresh)
        return Opened(credential, secret, credential.version, is_ours and credential.fallback(now) is None)

    async def renewed(self, opened: Opened, networks: Networks, status: int) -> Opened | None:
        """Return what may do in place of what a server refused, once; None if there is nothing else to try.

        For a token that was kept that is a new one; for a secret, the version before it while its grace lasts. AWS
        and others answer 403, not 401, to a signature by a key that they do not know.
        """
        credential = opened.credential
        if opened.is_fresh or (status == _FORBIDDEN and credential.type not in SIGNING):
            return None
        if credential.type in TOKENS:
            credential, secret, _ = await self._present(credential)
            token, _ = await self.tokens.get(self._grant(credential, secret, networks), refused=opened.secret)
            return Opened(credential, token.text, credential.version)
        newer = await self._renewed_elsewhere(opened)
        if newer is not None:
            return newer
        version = credential.fallback(self.clock.now())
        before = (
            None if version is None else await self.vault.get(credential.tenant, vault_name(credential.id, version))
        )
        return None if version is None or before is None else Opened(credential, before, version)

    async def _renewed_elsewhere(self, opened: Opened) -> Opened | None:
        """Return what another source has by now, if it gave the secret that was refused and has a newer one."""
        if not self.sources or opened.credential.fallback(self.clock.now()) is not None:
            return None
        credential = opened.credential
        secret = await self.sources.again(credential.tenant, credential.id)
        return None if secret is None or secret == opened.secret else Opened(credential, secret, credential.version)

    async def _present(self, credential: Credential) -> tuple[Credential, str, bool]:
        """Return the credential, its secret, and whether it is our own; raise CredentialNotFound."""
        ours = await self._ours(credential) if self.has_built_in else None
        if ours is not None:
            return *ours, True
        secret = await self.sources.get(credential.tenant, credential.id)
        if secret is None:
            raise CredentialNotFound(credential=credential.id, reason="no source has its secret")
        _check(credential, secret)
        return credential, secret, False

    async def _ours(self, credential: Credential) -> tuple[Credential, str] | None:
        """Return the credential and its secret; where the secret was replaced since it was read, read it again."""
        secret = await self.vault.get(credential.tenant, vault_name(credential.id, credential.version))
        if secret is not None:
            return credential, secret
        again = await self.credentials.find(credential.tenant, credential.id)
        if again is None or again.version == credential.version:
            return None
        if _sent(again) != _sent(credential):
            raise CredentialNotFound(credential=credential.id, reason="it was changed just now")
        secret = await self.vault.get(again.tenant, vault_name(again.id, again.version))
        return None if secret is None else (again, secret)

    def _grant(self, credential: Credential, secret: str, networks: Networks) -> Grant:
        name = vault_name(credential.id, credential.version)
        return Grant(
            credential=credential,
            secret=secret,
            networks=networks,
            reread=partial(self.vault.get, credential.tenant, name),
            store=partial(self.vault.put, credential.tenant, name),
        )


def _sent(credential: Credential) -> tuple[object, ...]:
    """Return what decides where and how a credential is sent, which was judged before its secret is read."""
    return credential.type, credential.apis, credential.hosts, credential.options


def _check(credential: Credential, secret: str) -> None:
    """Raise CredentialNotFound for a secret from elsewhere that cannot be used; our own was checked before."""
    try:
        checked_secret(credential, secret)
    except InvalidCredential as error:
        raise CredentialNotFound(credential=credential.id, reason=f"its secret is {error.facts['reason']}") from None
