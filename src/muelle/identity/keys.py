"""API keys: `mk_ID_SECRET`, with a public id to look it up by and a secret of 256 bits that is stored as a hash."""

import hashlib
import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from muelle.core import KeyId, Secret
from muelle.identity.changes import KeyAdded, KeysRevoked, Where
from muelle.identity.checks import checked_expiry, checked_rule
from muelle.identity.errors import KeyNotFound, RuleBeyondAgent, RuleOutlasts, TooManyGrants
from muelle.identity.model import Agent, Key, Page, Rule, Rules
from muelle.identity.model import Principal as Actor
from muelle.identity.pages import read_page
from muelle.identity.registry import Registry, Request

SECRET_BYTES = 32
# What is begun by these goes on by itself after the request, and acts as the agent then, with all its grants.
OUTLASTING = frozenset(
    {"*", "workflows:run", "runs:write", "jobs:run", "schedules:write", "triggers:write", "workflows:write"}
)
_HINT = 4
_TEXT = re.compile(r"mk_([0-9a-f]{32})_([A-Za-z0-9_-]{43})")


@dataclass(frozen=True, slots=True)
class ShownKey:
    """A key that somebody shows: its id, and the SHA-256 of its secret part."""

    id: KeyId
    digest: bytes


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A new key; `text.reveal()` is what the agent sends. It can be shown only now: what is stored is a hash."""

    key: Key
    text: Secret


def read_key(text: str) -> ShownKey | None:
    """Return the parts of a key, or None if it is none of ours."""
    parts = _TEXT.fullmatch(text)
    if parts is None:
        return None
    return ShownKey(KeyId(f"key_{parts[1]}"), hashlib.sha256(parts[2].encode()).digest())


def new_key(
    registry: Registry, agent: Agent, expires: datetime | None = None, rules: tuple[Rule, ...] | None = None
) -> tuple[IssuedKey, KeyAdded]:
    """Return a fresh key for an agent, and the change that stores it."""
    secret = secrets.token_urlsafe(SECRET_BYTES)
    key_id = KeyId(registry.ids.mint("key"))
    key = Key(
        id=key_id,
        tenant=agent.tenant,
        principal=agent.id,
        hint=secret[-_HINT:],
        created=registry.now(),
        expires=expires,
        rules=rules,
    )
    digest = hashlib.sha256(secret.encode()).digest()
    return IssuedKey(key, Secret(f"mk_{key_id.removeprefix('key_')}_{secret}")), KeyAdded(key, digest)


class Keys:
    """Issues, lists and revokes the keys of agents in the actor's tenant; needs identity:manage on the agent's name."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    async def issue(
        self,
        actor: Actor,
        agent: str,
        *,
        expires: datetime | None = None,
        rules: Iterable[Rule] | None = None,
        request: str = "",
    ) -> IssuedKey:
        """Issue a key, which opens nothing from `expires` on, and with `rules` no more than they say.

        Whoever has a key acts as its agent, so the actor must hold all that the agent holds, or all that the key is
        confined to: raises NotHeld, LimitNotHeld, Refused, AgentNotFound, InvalidExpiry, RuleOutlasts,
        RuleBeyondAgent, TooManyGrants, UnknownScope, InvalidPattern.
        """
        asked = Request(actor=actor, action="keys.issue", resource=agent, id=request)
        found = await self._permitted(asked)
        checked_expiry(expires, self._registry.now())
        held = [grant.rule for grant in await self._registry.grants(found)]
        bounds = None if rules is None else self._bounds(tuple(rules), Rules(held), found)
        await self._registry.require_held(asked, held if bounds is None else bounds)
        await self._registry.require_within(asked, found.limits)
        issued, added = new_key(self._registry, found, expires, bounds)
        quota = await self._registry.within(actor.tenant, "max_keys")
        await self._registry.write(asked, [added, *quota], issued.key.id)
        return issued

    async def list(
        self, actor: Actor, agent: str, limit: int = 50, cursor: str | None = None, *, request: str = ""
    ) -> Page[Key]:
        """Return the agent's keys, oldest first; raise Refused, AgentNotFound, InvalidPage, InvalidCursor."""
        found = await self._permitted(Request(actor=actor, action="keys.list", resource=agent, id=request))
        return await read_page(self._registry.store, Key, Where(tenant=actor.tenant, principal=found.id), limit, cursor)

    async def revoke(self, actor: Actor, agent: str, key: str, *, request: str = "") -> None:
        """Let a key open nothing any more; one revoked before stays so. Raises Refused, AgentNotFound, KeyNotFound."""
        asked = Request(actor=actor, action="keys.revoke", resource=agent, id=request)
        found = await self._permitted(asked)
        where = Where(tenant=actor.tenant, principal=found.id, id=key)
        if not await self._registry.store.find(Key, where):
            raise KeyNotFound(agent=agent, key=key[:100])
        change = KeysRevoked(actor.tenant, found.id, KeyId(key), self._registry.now())
        await self._registry.write(asked, [change], key)

    def _bounds(self, rules: tuple[Rule, ...], held: Rules, agent: Agent) -> tuple[Rule, ...]:
        if len(rules) > self._registry.settings.max_grants:
            raise TooManyGrants(agent=agent.name, most=self._registry.settings.max_grants)
        for number, rule in enumerate(rules):
            checked_rule(rule.scope, rule.pattern)
            if rule.scope in OUTLASTING:
                raise RuleOutlasts(field=f"rules[{number}].scope", value=rule.scope)
            if not held.allow(rule.scope, rule.pattern):
                raise RuleBeyondAgent(field=f"rules[{number}]", agent=agent.name)
        return rules

    async def _permitted(self, asked: Request) -> Agent:
        await self._registry.permit(asked, "identity:manage")
        return await self._registry.agent(asked.actor.tenant, asked.resource)
