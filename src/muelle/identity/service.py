"""Identity: who shows this key, and what may they do."""

import asyncio
import hashlib
import hmac
import logging
from dataclasses import replace
from typing import NoReturn

from muelle.core import Clock, PrincipalId, TenantId, TimedOut, Unavailable
from muelle.identity.agents import Agents
from muelle.identity.audit import AuditFilter, AuditTrail
from muelle.identity.bearing import BEGINNING, Bearers
from muelle.identity.cache import KeyCache
from muelle.identity.changes import IdentityStore, KeyOnFile, Where
from muelle.identity.domains.adapters.dns import DnsRecords
from muelle.identity.domains.service import Domains
from muelle.identity.errors import AgentNotFound, DisabledAgent, ExpiredKey, InvalidKey, RevokedKey
from muelle.identity.grants import Grants
from muelle.identity.keys import Keys, ShownKey, read_key
from muelle.identity.model import Act, Agent, Page, Principal, Tenant, confined
from muelle.identity.owner import Owner
from muelle.identity.record.service import AuditRecord
from muelle.identity.record.verifier import Chain, Unchained
from muelle.identity.registry import Registry
from muelle.identity.roles.service import Roles
from muelle.identity.settings import IdentitySettings
from muelle.identity.strangers import Strangers
from muelle.identity.tenants import Tenants
from muelle.identity.times import micros
from muelle.identity.tokens.errors import InvalidToken

_LOG = logging.getLogger(__name__)
_NOTHING = bytes(32)  # what an unknown key's secret is compared with; no SHA-256 that anybody could find
_NANOSECONDS = 1_000_000_000
_AUTHENTICATE = "keys.authenticate"


class Identity:
    """Authenticates keys, and holds the administrators' verbs: `agents`, `keys`, `grants`, `tenants`.

    Run `watch()` beside it for as long as it is used: it makes what other processes change hold here.
    """

    def __init__(
        self,
        store: IdentityStore,
        trail: AuditTrail,
        clock: Clock,
        limit_names: frozenset[str] = frozenset(),
        settings: IdentitySettings = IdentitySettings(),  # noqa: B008 - frozen
        chain: Chain = Unchained(),  # noqa: B008 - it has no state
    ) -> None:
        self._store = store
        self._clock = clock
        self._settings = settings
        self._cache = KeyCache(settings.cache_keys)
        self._strangers = Strangers(clock, settings.strangers_per_minute)
        self._epoch: int | None = None
        self._bearers: Bearers | None = None
        self._is_blind = False  # nobody could tell at the last look whether anything had changed
        self._registry = Registry(store, trail, clock, settings, limit_names, self._cache.forget)
        self.agents = Agents(self._registry)
        self.keys = Keys(self._registry)
        self.grants = Grants(self._registry)
        self.tenants = Tenants(self._registry)
        self.roles = Roles(self._registry)
        self.domains = Domains(self._registry, DnsRecords(settings.nameservers))
        self.owner = Owner(self._registry)
        self.record = AuditRecord(self._registry, chain)

    @property
    def registry(self) -> Registry:
        """What the verbs of this room's other parts share with those here."""
        return self._registry

    def forget(self) -> None:
        """Forget at once what is cached about keys and tokens, for something that they stand on has changed."""
        self._cache.forget()

    def accept(self, bearers: Bearers) -> None:
        """Take access tokens from now on, besides keys."""
        self._bearers = bearers

    def recall(self, key: str) -> Principal | None:
        """Return who shows this key if that is known without asking the database; None tells nothing."""
        return self._cache.get(_digest(key), self._clock.nanoseconds())

    async def authenticate(self, key: str, request: str = "") -> Principal:
        """Return who shows this key or access token; raise InvalidToken, InvalidKey or, for the record, a kind of it.

        What may be told to whoever shows it is `problem()`, which is the same for every cause.
        """
        generation = self._cache.generation
        if self._bearers is not None and key.startswith(BEGINNING):
            return await self._bear(self._bearers, key, generation, request)
        shown = read_key(key)
        if shown is None:
            await self._refuse(None, "", InvalidKey(), request)
        on_file = await self._store.lookup(shown.id)
        if not _opens(shown, on_file) or on_file is None:
            await self._refuse(None, shown.id, InvalidKey(), request)
        principal = await self._principal(on_file)
        error = self._objection(on_file)
        if error is not None:
            await self._refuse(principal, shown.id, error, request)
        self._cache.put(_digest(key), principal, self._believed_until(on_file), generation)
        return principal

    async def principal(self, tenant: TenantId, principal: PrincipalId) -> Principal:
        """Return a principal without a key, to go on with what they began (a run that is taken over, a schedule).

        Raises AgentNotFound, or DisabledAgent.
        """
        found = await self._store.find(Agent, Where(tenant=tenant, id=principal))
        if not found:
            raise AgentNotFound(agent=principal[:100])
        if found[0].disabled:
            raise DisabledAgent
        return await self._registry.principal(found[0], await self._registry.tenant(tenant))

    async def addresses(self, tenant: TenantId) -> tuple[str, ...]:
        """Return the networks that a tenant's calls may reach though they are not public; none for an unknown one."""
        found = await self._store.find(Tenant, Where(tenant=tenant))
        return found[0].addresses if found else ()

    async def ensure_owner(self) -> str | None:
        """Create the default tenant and its owner if there is none, and return the owner's key; else return None."""
        return await self.owner.ensure()

    async def operator(self) -> Principal:
        """Return the principal of the local command line; raise OwnerMissing before the first start."""
        return await self.owner.operator()

    async def acts(
        self, actor: Principal, where: AuditFilter, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Act]:
        """Return acts of the actor's tenant, newest first; needs audit:read on '*'."""
        return await self.record.search(actor, where, limit, cursor, request=request)

    async def watch(self) -> None:
        """Look for what other processes changed, for ever; the caller's TaskGroup ends it."""
        while True:
            await self.refresh()
            await self._clock.sleep(self._settings.watch_seconds)

    async def refresh(self) -> None:
        """Forget what is cached if anything changed, or if nobody can tell whether it did."""
        try:
            async with asyncio.timeout(self._settings.watch_seconds):
                epoch = await self._store.epoch()
        except (Unavailable, TimedOut, TimeoutError) as error:
            if not self._is_blind:
                _LOG.warning("Cannot see whether keys were revoked; until then none is believed unread: %r", error)
            self._is_blind = True
            self._cache.forget()
            return
        if epoch != self._epoch or self._is_blind:
            self._cache.forget()
        self._epoch, self._is_blind = epoch, False

    async def _principal(self, on_file: KeyOnFile) -> Principal:
        principal = await self._registry.principal(on_file.agent, on_file.tenant, on_file.key.id)
        if on_file.key.rules is None:
            return principal
        return replace(principal, rules=confined(principal.rules, on_file.key.rules))

    def _objection(self, on_file: KeyOnFile) -> InvalidKey | None:
        if on_file.key.revoked is not None:
            return RevokedKey()
        if on_file.key.expires is not None and self._clock.now() >= on_file.key.expires:
            return ExpiredKey()
        return DisabledAgent() if on_file.agent.disabled else None

    async def _bear(self, bearers: Bearers, token: str, generation: int, request: str) -> Principal:
        try:
            borne = await bearers.borne(token)
        except InvalidToken as error:
            await self._refuse(None, "", error, request)
        until = self._clock.nanoseconds() + int(self._settings.cache_seconds * _NANOSECONDS)
        self._cache.put(_digest(token), borne.principal, min(until, borne.until), generation)
        return borne.principal

    async def _refuse(
        self, principal: Principal | None, key: str, error: InvalidKey | InvalidToken, request: str
    ) -> NoReturn:
        cause = error.cause if isinstance(error, InvalidToken) else error.code
        left_out = self._strangers.admit(cause)
        if left_out is not None:
            detail = f"{cause}; {left_out} more before it were not recorded" if left_out else cause
            act = self._registry.acts.refused(principal, _AUTHENTICATE, key, request=request, detail=detail)
            await self._registry.trail.record([act])
        raise error

    def _believed_until(self, on_file: KeyOnFile) -> int:
        until = self._clock.nanoseconds() + int(self._settings.cache_seconds * _NANOSECONDS)
        expires = on_file.key.expires
        return until if expires is None else min(until, micros(expires) * 1000)


def _opens(shown: ShownKey, on_file: KeyOnFile | None) -> bool:
    """Compare in a time that tells nothing about the secret, nor whether there is such a key."""
    return hmac.compare_digest(on_file.digest if on_file else _NOTHING, shown.digest) and on_file is not None


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
