"""The verbs on triggers."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

import msgspec
from msgspec import structs

from muelle.core import Clock, Ids, Secret
from muelle.identity import AuditTrail, Identity, Page, Principal, Refused
from muelle.stores import ConstraintViolated, Database, Vault
from muelle.workflows.triggers.checks import check, checked_secret
from muelle.workflows.triggers.clerk import Clerk, Request
from muelle.workflows.triggers.conditions import fault
from muelle.workflows.triggers.errors import (
    DeliveryNotFound,
    InvalidPage,
    TooManyTriggers,
    TriggerExists,
    TriggerNotFound,
)
from muelle.workflows.triggers.firing import Firing, loaded, tried
from muelle.workflows.triggers.model import (
    LONGEST_OVERLAP,
    Delivery,
    Known,
    SecretVersion,
    Submit,
    Trial,
    Trigger,
    TriggerDraft,
    TriggerId,
)
from muelle.workflows.triggers.secrets import HookSecrets, new_secret, rotated
from muelle.workflows.triggers.settings import TriggersSettings
from muelle.workflows.triggers.store import DeliveryStore, TriggerStore

READ, WRITE = "triggers:read", "triggers:write"
MAX_PAGE = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class TriggerParts:
    """What triggers need of the other rooms."""

    database: Database
    vault: Vault
    identity: Identity
    trail: AuditTrail
    clock: Clock
    ids: Ids
    submit: Submit
    runs: Known
    settings: TriggersSettings


class Triggers:
    """Adds, shows, changes and tries triggers; `triggers:write` on the name, and `triggers:read` to see.

    A trigger runs as whoever added it, or as an agent for whom they may act; so whoever changes one must be that
    principal, or hold all that it holds.
    """

    def __init__(self, parts: TriggerParts, firing: Firing) -> None:
        self._store = TriggerStore(parts.database)
        self._deliveries = DeliveryStore(parts.database)
        self._secrets = HookSecrets(parts.vault)
        self._clerk = Clerk(parts.identity, parts.trail, parts.clock, parts.ids)
        self._ids = parts.ids
        self._settings = parts.settings
        self._firing = firing

    async def add(
        self, actor: Principal, draft: TriggerDraft, secret: Secret | None = None, *, request: str = ""
    ) -> tuple[Trigger, Secret | None]:
        """Keep a new trigger; return it, and the secret of a webhook if it was made here: it is shown this once.

        Raises Refused, NotYours, InvalidTrigger, InvalidName, TriggerExists, TooManyTriggers.
        """
        asked = Request(actor, "triggers.add", draft.name, request)
        await self._clerk.permit(asked, WRITE)
        check(draft, self._settings)
        principal = await self._principal(asked, draft.principal, draft.workflow)
        await self._require_room(actor, draft.name)
        now = self._clerk.now()
        trigger = structs.replace(_kept(draft, principal, now), id=TriggerId(self._ids.mint("trigger")))
        if draft.webhook is None:
            await self._add(asked, trigger)
            return trigger, None
        shown = secret or new_secret(draft.webhook.scheme)
        checked_secret(draft.webhook.scheme, shown.reveal())
        trigger = structs.replace(trigger, secrets=(SecretVersion(version=1, created=now),))
        await self._secrets.keep(trigger.tenant, trigger.id, 1, shown)
        await self._add(asked, trigger)
        return trigger, None if secret else shown

    async def list(self, actor: Principal, limit: int = 50, cursor: str | None = None) -> Page[Trigger]:
        """Return the triggers that the actor may read or change, by name; raise InvalidPage."""
        _check_page(limit)
        triggers = await self._store.all(actor.tenant)
        seen = [each for each in triggers if _is_visible(actor, each) and (cursor is None or each.name > cursor)]
        return Page(tuple(seen[:limit]), seen[limit - 1].name if len(seen) > limit else None)

    async def show(self, actor: Principal, named: str) -> Trigger:
        """Return a trigger by name or id that the actor may read or change; raise TriggerNotFound."""
        trigger = await self._store.find(actor.tenant, named)
        if trigger is None or not _is_visible(actor, trigger):
            _missing(named)
        return trigger

    async def update(self, actor: Principal, named: str, draft: TriggerDraft, *, request: str = "") -> Trigger:
        """Replace all of a trigger but its id, kind and secrets; a `principal` of None leaves whom it runs as.

        Raises as `add`, and TriggerNotFound.
        """
        asked, present = await self._asked(actor, "triggers.update", named, request)
        await self._clerk.permit(asked, WRITE, draft.name)
        if draft.kind != present.kind:
            raise fault(("kind",), "cannot be changed; add another trigger")
        if draft.webhook and present.webhook and type(draft.webhook.scheme) is not type(present.webhook.scheme):
            raise fault(
                ("webhook", "scheme"), "cannot be changed, for the secret is of the other one; add another trigger"
            )
        check(draft, self._settings)
        principal = await self._principal(asked, draft.principal or present.runs_as, draft.workflow)
        kept = _kept(draft, principal, self._clerk.now())
        return await self._replace(
            asked, structs.replace(kept, id=present.id, created=present.created, secrets=present.secrets)
        )

    async def enable(self, actor: Principal, named: str, *, request: str = "") -> Trigger:
        """Let a trigger fire again, which gives away what its principal may do; raise as `update`."""
        asked, present = await self._asked(actor, "triggers.enable", named, request)
        await self._clerk.acting(asked, present.principal)
        return await self._replace(asked, structs.replace(present, enabled=True, updated=self._clerk.now()))

    async def disable(self, actor: Principal, named: str, *, request: str = "") -> Trigger:
        """Keep a trigger from firing; raise Refused or TriggerNotFound."""
        asked, present = await self._asked(actor, "triggers.disable", named, request)
        return await self._replace(asked, structs.replace(present, enabled=False, updated=self._clerk.now()))

    async def remove(self, actor: Principal, named: str, *, request: str = "") -> None:
        """Remove a trigger with its secrets and deliveries; raise Refused or TriggerNotFound."""
        asked, present = await self._asked(actor, "triggers.remove", named, request)
        await self._clerk.write(asked, self._store.remove(present.tenant, present.id))
        await self._secrets.drop(present.tenant, present.id, present.secrets)

    async def rotate(
        self, actor: Principal, named: str, overlap: float, secret: Secret | None = None, *, request: str = ""
    ) -> tuple[Trigger, Secret | None]:
        """Give a webhook a new secret; the present one is valid for `overlap` seconds more, an older one no longer.

        Returns the secret if it was made here. Raises Refused, NotYours, TriggerNotFound, InvalidTrigger.
        """
        asked, present = await self._asked(actor, "triggers.rotate", named, request)
        if present.webhook is None:
            raise fault(("kind",), "only webhooks have a secret")
        if not 0 <= overlap <= LONGEST_OVERLAP:
            raise fault(("overlap_seconds",), f"not from 0 to {LONGEST_OVERLAP:.0f}")
        await self._clerk.acting(asked, present.principal)
        shown = secret or new_secret(present.webhook.scheme)
        checked_secret(present.webhook.scheme, shown.reveal())
        now = self._clerk.now()
        versions = rotated(present.secrets, now, overlap)
        await self._secrets.keep(present.tenant, present.id, versions[0].version, shown)
        changed = await self._replace(asked, structs.replace(present, secrets=versions, updated=now))
        kept = {each.version for each in versions}
        gone = [each for each in present.secrets if each.version not in kept]
        await self._secrets.drop(present.tenant, present.id, gone)
        return changed, None if secret else shown

    async def test(self, actor: Principal, named: str, event: dict[str, Any]) -> Trial:
        """Tell what a trigger would do with an event; nothing is run or recorded. Raises TriggerNotFound."""
        trigger = await self.show(actor, named)
        now = self._clerk.now().isoformat().replace("+00:00", "Z")
        given = {"specversion": "1.0", "id": "test", "source": "test", "time": now, "data": {}, **event}
        return tried(loaded(trigger, self._settings), {**given, "tenant": actor.tenant})

    async def deliveries(
        self, actor: Principal, named: str, limit: int = 50, cursor: str | None = None
    ) -> Page[Delivery]:
        """Return what became of events at a trigger, the newest first; raise TriggerNotFound or InvalidPage."""
        _check_page(limit)
        trigger = await self.show(actor, named)
        found = await self._deliveries.page(trigger.tenant, trigger.id, limit + 1, cursor)
        return Page(tuple(found[:limit]), found[limit - 1].id if len(found) > limit else None)

    async def replay(self, actor: Principal, named: str, delivery: str, *, request: str = "") -> Delivery:
        """Fire a trigger, as it is now, with the event of a dead letter.

        Raises Refused, NotYours, TriggerNotFound, DeliveryNotFound.
        """
        asked, present = await self._asked(actor, "triggers.replay", named, request)
        await self._clerk.acting(asked, present.principal)
        letter = await self._deliveries.find(present.tenant, present.id, delivery)
        if letter is None or letter.body is None:
            raise DeliveryNotFound(trigger=present.name, delivery=delivery[:100])
        event: dict[str, Any] = msgspec.json.decode(letter.body)
        outcome = await self._firing.fire(loaded(present, self._settings), event)
        if outcome.outcome != "submitted":
            outcome = structs.replace(outcome, outcome="dead", body=letter.body)
        outcome = structs.replace(outcome, id=letter.id)
        await self._clerk.write(asked, self._deliveries.record([outcome]), f"delivery {letter.id}")
        return outcome

    async def _asked(self, actor: Principal, action: str, named: str, request: str) -> tuple[Request, Trigger]:
        """Return the request and its trigger; what one may not change is refused, be it there or not."""
        trigger = await self._store.find(actor.tenant, named)
        asked = Request(actor, action, trigger.name if trigger else named[:100], request)
        await self._clerk.permit(asked, WRITE)
        return asked, trigger or _missing(named)

    async def _principal(self, asked: Request, name: str | None, workflow: str) -> Principal:
        principal = await self._clerk.named(asked, name)
        if not principal.may("workflows:run", workflow):
            await self._clerk.refuse(asked, Refused(scope="workflows:run", resource=workflow))
        return principal

    async def _require_room(self, actor: Principal, name: str) -> None:
        present = await self._store.all(actor.tenant)
        if any(each.name == name for each in present):
            raise TriggerExists(trigger=name)
        if len(present) >= self._settings.most:
            raise TooManyTriggers(limit=self._settings.most)

    async def _add(self, asked: Request, trigger: Trigger) -> None:
        try:
            await self._clerk.write(asked, self._store.add(trigger))
        except ConstraintViolated:
            await self._secrets.drop(trigger.tenant, trigger.id, trigger.secrets)
            raise TriggerExists(trigger=trigger.name) from None

    async def _replace(self, asked: Request, trigger: Trigger) -> Trigger:
        try:
            await self._clerk.write(asked, self._store.replace(trigger))
        except ConstraintViolated:
            raise TriggerExists(trigger=trigger.name) from None
        return trigger


def _kept(draft: TriggerDraft, principal: Principal, now: datetime) -> Trigger:
    fields = {name: getattr(draft, name) for name in TriggerDraft.__struct_fields__ if name != "principal"}
    return Trigger(
        **fields,
        id=TriggerId(""),
        tenant=principal.tenant,
        principal=principal.id,
        runs_as=principal.name,
        created=now,
        updated=now,
    )


def _is_visible(actor: Principal, trigger: Trigger) -> bool:
    return actor.may(READ, trigger.name) or actor.may(WRITE, trigger.name)


def _check_page(limit: int) -> None:
    if not 1 <= limit <= MAX_PAGE:
        raise InvalidPage(field="limit", value=limit, largest=MAX_PAGE)


def _missing(named: str) -> NoReturn:
    raise TriggerNotFound(trigger=named[:100])
