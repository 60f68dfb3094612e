"""The verbs on credentials; no verb returns a secret."""

from dataclasses import fields, replace
from typing import NoReturn

from muelle.core import Secret, TenantId
from muelle.egress.errors import CredentialExists, CredentialNotFound, InvalidCredential, TooManyCredentials
from muelle.egress.model import Credential, CredentialDraft, CredentialId, checked_credential, checked_secret
from muelle.egress.registry import Registry, Request, page_of
from muelle.egress.settings import EgressSettings
from muelle.identity import Page, Principal
from muelle.stores import Vault


def vault_name(credential: CredentialId | str) -> str:
    """Return the name of a credential's secret in the Vault."""
    return f"credential.{credential}"


class Credentials:
    """Keeps, replaces and removes credentials; `credentials:manage` on the id, and whoever may use one may see it."""

    def __init__(self, registry: Registry[Credential], vault: Vault, settings: EgressSettings) -> None:
        self._registry = registry
        self._vault = vault
        self._settings = settings

    async def add(self, actor: Principal, draft: CredentialDraft, secret: Secret) -> Credential:
        """Keep a new credential; raise Refused, InvalidCredential, CredentialExists or TooManyCredentials."""
        request = Request(actor, "credentials.add", draft.id)
        await self._registry.permit(request, "credentials:manage")
        credential = self._checked(actor.tenant, draft)
        checked_secret(draft, secret.reveal())
        present = await self._registry.register.all(actor.tenant)
        if any(other.id == draft.id for other in present):
            raise CredentialExists(credential=draft.id)
        if len(present) >= self._settings.max_credentials:
            raise TooManyCredentials(limit=self._settings.max_credentials)
        await self._vault.put(actor.tenant, vault_name(draft.id), secret.reveal())
        await self._registry.add(request, credential)
        return credential

    async def update(self, actor: Principal, draft: CredentialDraft, secret: Secret | None = None) -> Credential:
        """Replace all but the id, the secret only if one is given; raise as `add` or CredentialNotFound.

        While a new secret is put in place the credential is bound only to what is both in the old and the new binding:
        neither secret is ever sent where its own binding does not allow it.
        """
        request = Request(actor, "credentials.update", draft.id)
        await self._registry.permit(request, "credentials:manage")
        present = await self._registry.register.find(actor.tenant, draft.id) or _missing(draft.id)
        credential = replace(self._checked(actor.tenant, draft), created=present.created)
        if secret is None and draft.type != present.type:
            raise InvalidCredential(field="secret", reason="another type needs its secret anew")
        if secret is not None:
            checked_secret(draft, secret.reveal())
            await self._registry.register.replace(_narrowed(present, credential))
            await self._vault.put(actor.tenant, vault_name(draft.id), secret.reveal())
        await self._registry.replace(request, credential)
        return credential

    async def remove(self, actor: Principal, credential: CredentialId) -> None:
        """Remove a credential and its secret; raise Refused or CredentialNotFound."""
        request = Request(actor, "credentials.remove", credential)
        await self._registry.permit(request, "credentials:manage")
        if not await self._registry.register.find(actor.tenant, credential):
            _missing(credential)
        await self._registry.remove(request)
        await self._vault.delete(actor.tenant, vault_name(credential))

    async def show(self, actor: Principal, credential: CredentialId) -> Credential:
        """Return a credential that the actor manages or may use; raise CredentialNotFound."""
        found = await self._registry.register.find(actor.tenant, credential)
        if found is None or not is_visible(actor, credential):
            _missing(credential)
        return found

    async def list(self, actor: Principal, limit: int = 50, cursor: str | None = None) -> Page[Credential]:
        """Return the credentials that the actor manages or may use, in the order of their ids; raise InvalidLimit."""
        everyone = await self._registry.register.all(actor.tenant)
        return page_of([each for each in everyone if is_visible(actor, each.id)], limit, cursor)

    def _checked(self, tenant: TenantId, draft: CredentialDraft) -> Credential:
        hosts = checked_credential(draft)
        now = self._registry.now()
        given = {field.name: getattr(draft, field.name) for field in fields(CredentialDraft)}
        return Credential(**{**given, "hosts": hosts}, tenant=tenant, created=now, updated=now)


def _narrowed(present: Credential, wanted: Credential) -> Credential:
    return replace(
        present,
        apis=tuple(api for api in present.apis if api in wanted.apis),
        hosts=tuple(host for host in present.hosts if host in wanted.hosts),
    )


def is_visible(principal: Principal, credential: CredentialId) -> bool:
    """Tell whether a principal manages a credential or may use it."""
    return principal.may("credentials:manage", credential) or principal.may("credentials:use", credential)


def _missing(credential: str) -> NoReturn:
    raise CredentialNotFound(credential=credential[:100])
