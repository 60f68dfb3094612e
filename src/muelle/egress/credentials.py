"""The verbs on credentials; no verb returns a secret."""

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NoReturn

from muelle.core import Secret, TenantId
from muelle.egress.errors import CredentialExists, CredentialNotFound, InvalidCredential, TooManyCredentials
from muelle.egress.model import (
    Credential,
    CredentialDraft,
    CredentialId,
    Retired,
    checked_credential,
    checked_secret,
)
from muelle.egress.registry import Registry, Request, page_of
from muelle.egress.settings import EgressSettings
from muelle.egress.uses import MemoryUses, Uses
from muelle.identity import Page, Principal
from muelle.stores import Vault

MAX_GRACE = timedelta(days=30)
EXPIRING = timedelta(days=14)

Status = Literal["valid", "expiring", "expired"]


def vault_name(credential: CredentialId | str, version: int = 1) -> str:
    """Return the name of a version of a credential's secret in the Vault; no id has a dot."""
    return f"credential.{credential}" if version == 1 else f"credential.{credential}.{version}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A credential, whether it expires soon, and when it was last used: within a minute, None if never."""

    credential: Credential
    status: Status
    used: datetime | None


def status_of(credential: Credential, now: datetime) -> Status:
    """Return how a credential stands: one that expires within two weeks is expiring."""
    if credential.expires is None or credential.expires - now > EXPIRING:
        return "valid"
    return "expired" if credential.is_expired(now) else "expiring"


class Credentials:
    """Keeps, replaces and removes credentials; `credentials:manage` on the id, and whoever may use one may see it."""

    def __init__(
        self, registry: Registry[Credential], vault: Vault, settings: EgressSettings, uses: Uses | None = None
    ) -> None:
        self._registry = registry
        self._vault = vault
        self._settings = settings
        self._uses: Uses = uses or MemoryUses()

    async def add(self, actor: Principal, draft: CredentialDraft, secret: Secret | None) -> Credential:
        """Keep a new credential; raise Refused, InvalidCredential, CredentialExists or TooManyCredentials.

        Without a secret it is one whose secret another source has.
        """
        request = Request(actor, "credentials.add", draft.id)
        await self._registry.permit(request, "credentials:manage")
        credential = self._checked(actor.tenant, draft)
        self._check_future(draft)
        if secret is not None:
            checked_secret(draft, secret.reveal())
        present = await self._registry.register.all(actor.tenant)
        if any(other.id == draft.id for other in present):
            raise CredentialExists(credential=draft.id)
        if len(present) >= (most := actor.most("max_credentials", self._settings.max_credentials)):
            raise TooManyCredentials(limit=most)
        if secret is not None:
            await self._vault.put(actor.tenant, vault_name(draft.id), secret.reveal())
        await self._registry.add(request, credential)
        return credential

    async def update(self, actor: Principal, draft: CredentialDraft, secret: Secret | None = None) -> Credential:
        """Replace all but the id, the secret only if one is given; raise as `add` or CredentialNotFound.

        A new secret is another version under a name of its own, so it and the new binding hold at the same moment:
        neither secret is ever sent where its own binding does not allow it.
        """
        request = Request(actor, "credentials.update", draft.id)
        await self._registry.permit(request, "credentials:manage")
        present = await self._registry.register.find(actor.tenant, draft.id) or _missing(draft.id)
        credential = replace(self._checked(actor.tenant, draft), **_kept(present))
        if draft.expires != present.expires:
            self._check_future(draft)
        if secret is None and draft.type != present.type:
            raise InvalidCredential(field="secret", reason="another type needs its secret anew")
        if secret is not None:
            return await self._renewed(request, present, credential, secret, timedelta())
        await self._registry.replace(request, credential)
        return credential

    async def rotate(
        self,
        actor: Principal,
        credential: CredentialId,
        secret: Secret,
        grace: timedelta = timedelta(),
        expires: datetime | None = None,
    ) -> Credential:
        """Put a new secret in the place of the present one; raise as `update`.

        While `grace` lasts the version before is tried where a server refuses the new one. `expires` is the new
        secret's; without it, it does not expire.
        """
        request = Request(actor, "credentials.rotate", credential)
        await self._registry.permit(request, "credentials:manage")
        present = await self._registry.register.find(actor.tenant, credential) or _missing(credential)
        if not timedelta() <= grace <= MAX_GRACE:
            raise InvalidCredential(field="grace", reason=f"not between 0 and {MAX_GRACE.days} days")
        wanted = replace(present, expires=expires, updated=self._registry.now())
        self._check_future(wanted)
        return await self._renewed(request, present, wanted, secret, grace)

    async def _renewed(
        self, request: Request, present: Credential, wanted: Credential, secret: Secret, grace: timedelta
    ) -> Credential:
        """Keep a secret under its own name, point the credential to it, and remove what has no grace any more."""
        checked_secret(wanted, secret.reveal())
        now = self._registry.now()
        version = present.version + 1
        retired = Retired(version=present.version, until=now + grace) if grace else None
        changed = replace(wanted, version=version, rotated=now, retired=retired)
        await self._vault.put(present.tenant, vault_name(present.id, version), secret.reveal())
        await self._registry.replace(request, changed)
        gone = [present.retired.version] if present.retired else []
        await self._forget(present, gone if grace else [*gone, present.version])
        return changed

    async def _forget(self, credential: Credential, versions: Iterable[int]) -> None:
        for version in versions:
            await self._vault.delete(credential.tenant, vault_name(credential.id, version))

    async def forget_retired(self, credential: Credential) -> bool:
        """Remove the version before the present one if its grace is over; tell whether it was."""
        retired = credential.retired
        if retired is None or credential.fallback(self._registry.now()) is not None:
            return False
        await self._forget(credential, [retired.version])
        present = await self._registry.register.find(credential.tenant, credential.id)
        if present == credential:
            await self._registry.register.replace(replace(credential, retired=None))
        return True

    async def remove(self, actor: Principal, credential: CredentialId) -> None:
        """Remove a credential and its secret; raise Refused or CredentialNotFound."""
        request = Request(actor, "credentials.remove", credential)
        await self._registry.permit(request, "credentials:manage")
        found = await self._registry.register.find(actor.tenant, credential) or _missing(credential)
        await self._registry.remove(request)
        await self._forget(found, [found.version, *([found.retired.version] if found.retired else [])])
        await self._uses.forget(actor.tenant, credential)

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

    async def standings(self, credentials: Iterable[Credential]) -> tuple[Standing, ...]:
        """Return how credentials of one tenant stand, in their order."""
        shown = tuple(credentials)
        if not shown:
            return ()
        used = await self._uses.of(shown[0].tenant)
        now = self._registry.now()
        return tuple(Standing(each, status_of(each, now), used.get(each.id)) for each in shown)

    def _check_future(self, draft: CredentialDraft) -> None:
        if draft.expires is not None and draft.expires <= self._registry.now():
            raise InvalidCredential(field="expires", reason="in the past")

    def _checked(self, tenant: TenantId, draft: CredentialDraft) -> Credential:
        hosts = checked_credential(draft)
        now = self._registry.now()
        given = {field.name: getattr(draft, field.name) for field in fields(CredentialDraft)}
        return Credential(**{**given, "hosts": hosts}, tenant=tenant, created=now, updated=now)


def _kept(present: Credential) -> dict[str, Any]:
    """Return what of a credential no draft changes."""
    return {name: getattr(present, name) for name in ("created", "version", "rotated", "retired")}


def is_visible(principal: Principal, credential: CredentialId) -> bool:
    """Tell whether a principal manages a credential or may use it."""
    return principal.may("credentials:manage", credential) or principal.may("credentials:use", credential)


def _missing(credential: str) -> NoReturn:
    raise CredentialNotFound(credential=credential[:100])
