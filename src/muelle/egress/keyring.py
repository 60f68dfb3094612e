"""Credentials opened for a call: their secret from where it is kept, or the access token that it is good for."""

from dataclasses import dataclass, field
from functools import partial

from muelle.core import Clock
from muelle.egress.credentials import vault_name
from muelle.egress.errors import CredentialNotFound
from muelle.egress.exchange import Opened
from muelle.egress.guard import Networks
from muelle.egress.kinds import TOKENS
from muelle.egress.model import Credential
from muelle.egress.tokens import Grant, Tokens
from muelle.stores import Vault

_UNAUTHENTICATED = 401


@dataclass(frozen=True, slots=True)
class Keyring:
    """Opens credentials; what it returns goes into one call and nowhere else."""

    vault: Vault = field(repr=False)
    tokens: Tokens = field(repr=False)
    clock: Clock

    async def open(self, credential: Credential, networks: Networks) -> Opened:
        """Return what stands in for a credential; raise CredentialNotFound, or what keeps a token from being got."""
        opened = await self._secret(credential)
        if credential.type not in TOKENS:
            return opened
        token, is_fresh = await self.tokens.get(self._grant(opened, networks))
        return Opened(credential, token.text, is_fresh=is_fresh)

    async def renewed(self, opened: Opened, networks: Networks, status: int) -> Opened | None:
        """Return what may do in place of what a server refused, once; None if there is nothing newer."""
        if opened.is_fresh or status != _UNAUTHENTICATED:
            return None
        secret = await self._secret(opened.credential)
        token, _ = await self.tokens.get(self._grant(secret, networks), refused=opened.secret)
        return Opened(opened.credential, token.text)

    async def _secret(self, credential: Credential) -> Opened:
        secret = await self.vault.get(credential.tenant, vault_name(credential.id))
        if secret is None:
            raise CredentialNotFound(credential=credential.id, reason="its secret is gone")
        return Opened(credential, secret)

    def _grant(self, opened: Opened, networks: Networks) -> Grant:
        credential = opened.credential
        name = vault_name(credential.id)
        return Grant(
            credential=credential,
            secret=opened.secret,
            networks=networks,
            reread=partial(self.vault.get, credential.tenant, name),
            store=partial(self.vault.put, credential.tenant, name),
        )
