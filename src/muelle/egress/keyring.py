"""Credentials opened for a call: their secret from where it is kept, or the access token that it is good for."""

from dataclasses import dataclass, field
from functools import partial

from muelle.core import Clock
from muelle.egress.credentials import vault_name
from muelle.egress.errors import CredentialExpired, CredentialNotFound
from muelle.egress.exchange import Opened
from muelle.egress.guard import Networks
from muelle.egress.kinds import SIGNING, TOKENS
from muelle.egress.model import Credential
from muelle.egress.store import Register
from muelle.egress.tokens import Grant, Tokens
from muelle.egress.uses import Meter
from muelle.stores import Vault

_UNAUTHENTICATED, _FORBIDDEN = 401, 403


@dataclass(frozen=True, slots=True)
class Keyring:
    """Opens credentials; what it returns goes into one call and nowhere else."""

    credentials: Register[Credential] = field(repr=False)
    vault: Vault = field(repr=False)
    tokens: Tokens = field(repr=False)
    meter: Meter = field(repr=False)
    clock: Clock

    async def open(self, credential: Credential, networks: Networks) -> Opened:
        """Return what stands in for a credential.

        Raise CredentialNotFound, CredentialExpired, or what keeps a token from being got.
        """
        now = self.clock.now()
        if credential.is_expired(now):
            raise CredentialExpired(credential=credential.id, expired=str(credential.expires))
        credential, secret = await self._present(credential)
        await self.meter.used(credential)
        if credential.type in TOKENS:
            token, is_fresh = await self.tokens.get(self._grant(credential, secret, networks))
            return Opened(credential, token.text, credential.version, is_fresh)
        return Opened(credential, secret, credential.version, credential.fallback(now) is None)

    async def renewed(self, opened: Opened, networks: Networks, status: int) -> Opened | None:
        """Return what may do in place of what a server refused, once; None if there is nothing else to try.

        For a token that was kept that is a new one; for a secret, the version before it while its grace lasts. AWS
        and others answer 403, not 401, to a signature by a key that they do not know.
        """
        credential = opened.credential
        if opened.is_fresh or (status == _FORBIDDEN and credential.type not in SIGNING):
            return None
        if credential.type in TOKENS:
            credential, secret = await self._present(credential)
            token, _ = await self.tokens.get(self._grant(credential, secret, networks), refused=opened.secret)
            return Opened(credential, token.text, credential.version)
        version = credential.fallback(self.clock.now())
        before = (
            None if version is None else await self.vault.get(credential.tenant, vault_name(credential.id, version))
        )
        return None if version is None or before is None else Opened(credential, before, version)

    async def _present(self, credential: Credential) -> tuple[Credential, str]:
        """Return the credential and its secret; where the secret was replaced since it was read, read it again."""
        secret = await self.vault.get(credential.tenant, vault_name(credential.id, credential.version))
        if secret is not None:
            return credential, secret
        again = await self.credentials.find(credential.tenant, credential.id)
        if again is None or _sent(again) != _sent(credential):
            raise CredentialNotFound(credential=credential.id, reason="it was changed or removed just now")
        secret = await self.vault.get(again.tenant, vault_name(again.id, again.version))
        if secret is None:
            raise CredentialNotFound(credential=credential.id, reason="its secret is gone")
        return again, secret

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
