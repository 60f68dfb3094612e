"""Inbound webhooks: whoever signs with a webhook's secret may call it; nobody else learns that it is there.

A webhook that there is not, a call from an address that is not listed, a wrong or old signature: all are answered by
the same 401, after the same work. 404 for what is not there would tell strangers what is.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from muelle.core import Clock, Ids, TenantId
from muelle.packs import Json
from muelle.workflows.triggers.bounds import PerMinute
from muelle.workflows.triggers.calls import answer_to, body_of, event_of, is_ping
from muelle.workflows.triggers.clerk import Clerk
from muelle.workflows.triggers.diary import Diary
from muelle.workflows.triggers.errors import HookBodyTooLarge, HookBusy, HookClosed, HookFailed, HookRefused
from muelle.workflows.triggers.firing import Firing, loaded
from muelle.workflows.triggers.model import Delivery, Trigger, Webhook
from muelle.workflows.triggers.schemes import Signed, Verdict, verified
from muelle.workflows.triggers.secrets import HookSecrets
from muelle.workflows.triggers.store import DeliveryStore, TriggerStore

_STRANGER = "stranger"
_FORGET_EVERY = 500  # receipts
_NOBODY = Webhook()


@dataclass(frozen=True, slots=True)
class Inbound:
    """A call of a webhook as it arrives: header names in lower case, `address` of whom it comes from."""

    tenant: str
    hook: str
    request: Signed
    address: str
    id: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call is answered with: JSON, or `text` for a handshake."""

    status: int
    body: Mapping[str, Json] | None = None
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class HookParts:
    """What the door of webhooks works with."""

    triggers: TriggerStore
    deliveries: DeliveryStore
    secrets: HookSecrets
    clerk: Clerk
    firing: Firing
    diary: Diary
    clock: Clock
    ids: Ids


class Hooks:
    """Takes calls of webhooks."""

    def __init__(self, parts: HookParts) -> None:
        self._parts = parts
        self._settings = parts.firing.settings
        self._calls = PerMinute(parts.clock, self._settings.hook_per_minute)
        self._refusals = PerMinute(parts.clock, self._settings.refused_per_minute)
        self._receipts = 0

    async def receive(self, inbound: Inbound) -> Answer:
        """Verify a call and start what it is for: 202 with the run, or 200 for a repetition and for what starts none.

        Raises HookRefused, HookBodyTooLarge, HookBusy, HookClosed, HookFailed, InvalidBody, UnsupportedMediaType.
        """
        limit = self._settings.hook_bytes
        if len(inbound.request.body) > limit:
            raise HookBodyTooLarge(limit=limit)
        trigger, marks = await self._authenticated(inbound)
        wait = self._calls.admit(trigger.id)
        if wait:
            raise HookBusy(retry_after=ceil(wait), limit=self._settings.hook_per_minute)
        hook = trigger.webhook or _NOBODY
        body = body_of(inbound.request, hook.accepts)
        handshake = answer_to(hook.challenge, body.get("data"))
        if handshake is not None:
            return Answer(200, text=handshake)
        if is_ping(trigger, inbound.request):
            return Answer(200, {"outcome": "pong"})
        if not trigger.enabled:
            raise HookClosed(retry_after=60)
        return await self._begun(trigger, inbound.request, body, marks)

    async def _begun(
        self, trigger: Trigger, request: Signed, body: Mapping[str, Json], marks: tuple[str, ...]
    ) -> Answer:
        parts = self._parts
        for mark in marks:
            run = await parts.deliveries.receipt(trigger.tenant, trigger.id, mark)
            if run is not None:
                return Answer(200, {"outcome": "duplicate", "run": run or None})
        now = parts.clock.now()
        event = event_of(trigger, request, body, marks[0] if marks else parts.ids.mint("call"), now)
        delivery = await parts.firing.fire(loaded(trigger, self._settings), event)
        await parts.diary.record([delivery])
        if delivery.outcome == "failed":
            raise HookFailed
        await self._acknowledge(delivery, marks)
        if delivery.run is None:
            return Answer(202 if delivery.outcome == "dead" else 200, {"outcome": delivery.outcome, "run": None})
        return Answer(202, {"outcome": "submitted", "run": delivery.run})

    async def _authenticated(self, inbound: Inbound) -> tuple[Trigger, tuple[str, ...]]:
        """Return the trigger and the marks of the call; all that is wrong raises HookRefused, after the same work."""
        parts = self._parts
        tenant, now = TenantId(inbound.tenant), parts.clock.now()
        found = await parts.triggers.find(tenant, inbound.hook)
        trigger = found if found is not None and found.webhook is not None and found.id == inbound.hook else None
        hook = trigger.webhook if trigger and trigger.webhook else _NOBODY
        keys = await (parts.secrets.keys(trigger, hook.scheme, now) if trigger else parts.secrets.none(tenant))
        verdict = verified(hook.scheme, inbound.request, keys, now.timestamp(), hook.tolerance)
        if hook.addresses and not _is_listed(inbound.address, hook.addresses):
            verdict = Verdict("the address is not listed")
        if trigger is None or verdict.fault:
            await self._refused(inbound, trigger, verdict)
            raise HookRefused
        return trigger, verdict.marks

    async def _refused(self, inbound: Inbound, trigger: Trigger | None, verdict: Verdict) -> None:
        """Record a refusal, so many a minute; the trigger's owner finds the cause among its deliveries."""
        if self._refusals.admit(_STRANGER):
            return
        parts = self._parts
        records = [
            parts.clerk.stranger("hooks.receive", f"{inbound.tenant}/{inbound.hook}", "hook_refused", inbound.id)
        ]
        if trigger is not None:
            event = {"id": parts.ids.mint("call"), "type": ""}
            refusal = parts.firing.delivery(trigger, event, outcome="refused", reason=verdict.fault)
            records.append(parts.diary.record([refusal]))
        await asyncio.gather(*records)

    async def _acknowledge(self, delivery: Delivery, marks: tuple[str, ...]) -> None:
        if not marks:
            return
        await self._parts.deliveries.acknowledge(delivery, marks)
        self._receipts += 1
        if self._receipts % _FORGET_EVERY == 1:
            before = self._parts.clock.now() - timedelta(hours=self._settings.receipt_hours)
            await self._parts.deliveries.forget(before)


def _is_listed(address: str, networks: tuple[str, ...]) -> bool:
    from ipaddress import ip_address, ip_network  # noqa: PLC0415 - loads in 3 ms, and few webhooks have a list

    try:
        given = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(given, "ipv4_mapped", None)
    return any((mapped or given) in ip_network(text) for text in networks)
