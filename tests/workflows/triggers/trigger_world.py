"""Triggers on a database in memory, with an owner, a clock that stands still, and an engine that takes notes."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from msgspec.structs import replace

from muelle.core import Ids, ManualClock, RunId, Secret, TenantId
from muelle.engine import Job, RunRecord, StoredEvent, Submitted
from muelle.identity import (
    Act,
    AgentDraft,
    AuditFilter,
    Identity,
    Principal,
    SqlAuditTrail,
    SqlIdentityStore,
)
from muelle.stores import Database, MemoryVault
from muelle.stores.adapters.memory import open_memory
from muelle.workflows.triggers import TriggersSettings
from muelle.workflows.triggers.consumer import EventTriggers
from muelle.workflows.triggers.hooks import Answer, Hooks, Inbound
from muelle.workflows.triggers.model import Delivery, Trigger, TriggerDraft, Webhook
from muelle.workflows.triggers.opening import open_triggers
from muelle.workflows.triggers.pattern import EventPattern
from muelle.workflows.triggers.schemes import Signed
from muelle.workflows.triggers.service import TriggerParts, Triggers

Json = Any
SETTINGS = TriggersSettings()
ORDERS = EventPattern(type="order.*")
DRAFT = TriggerDraft(name="orders", workflow="bill", pattern=ORDERS)
HOOK = TriggerDraft(name="door", kind="webhook", workflow="bill", webhook=Webhook())


@dataclass
class Notebook:
    """What stands for the engine: it remembers jobs, the first of each idempotency key, and fails as told."""

    jobs: list[Job] = field(default_factory=list)
    failing: Exception | None = None
    records: dict[str, RunRecord] = field(default_factory=dict)
    asked: int = 0

    async def run(self, tenant: TenantId, run: RunId) -> RunRecord | None:
        assert tenant == "default"
        return self.records.get(run)

    def called(self, run: str, cause: str) -> None:
        """Have a run that was begun by that."""
        record: Json = {"run": run, "tenant": "default", "principal": "agent_1", "workflow": "w", "plan": ""}
        record |= {"status": "success", "started": datetime(2026, 1, 1, tzinfo=UTC), "finished": None, "took": None}
        record |= {"succeeded": 0, "failed": 0, "skipped": 0, "error": None, "cause": cause}
        self.records[run] = RunRecord(**record)

    async def __call__(self, job: Job, /) -> Submitted:
        self.asked += 1
        if self.failing is not None:
            raise self.failing
        keys = [each.idempotency_key for each in self.jobs]
        if job.idempotency_key in keys:
            return Submitted(RunId(f"run_{keys.index(job.idempotency_key)}"), is_new=False)
        self.jobs.append(job)
        return Submitted(RunId(f"run_{len(self.jobs) - 1}"), is_new=True)

    @property
    def payloads(self) -> list[Json]:
        return [json.loads(job.payload) for job in self.jobs]


@dataclass
class World:
    clock: ManualClock
    database: Database
    identity: Identity
    trail: SqlAuditTrail
    vault: MemoryVault
    engine: Notebook
    triggers: Triggers
    consumer: EventTriggers
    hooks: Hooks
    owner: Principal

    async def agent(self, *rules: tuple[str, str], name: str = "bot") -> Principal:
        await self.identity.agents.add(self.owner, AgentDraft(name))
        for scope, pattern in rules:
            await self.identity.grants.add(self.owner, name, scope, pattern)
        issued = await self.identity.keys.issue(self.owner, name)
        return await self.identity.authenticate(issued.text.reveal())

    async def add(self, draft: TriggerDraft = DRAFT, **parts: Json) -> Trigger:
        trigger, _ = await self.triggers.add(self.owner, replace(draft, **parts))
        return trigger

    async def add_hook(self, secret: str | None = None, **parts: Json) -> tuple[Trigger, str]:
        """Add a webhook; return it and its secret."""
        draft = replace(HOOK, **parts)
        trigger, made = await self.triggers.add(self.owner, draft, Secret(secret) if secret else None)
        return trigger, secret or (made.reveal() if made else "")

    async def deliveries(self, named: str = "orders") -> tuple[Delivery, ...]:
        return (await self.triggers.deliveries(self.owner, named, 500)).items

    async def acts(self, action: str) -> list[Act]:
        return [*(await self.trail.page(self.owner.tenant, AuditFilter(action=action), 500)).items]

    def event(
        self, number: int = 1, kind: str = "order.new", data: Json = None, *, tenant: str = "", source: str = "/shop"
    ) -> StoredEvent:
        return StoredEvent(
            position=str(number),
            id=f"event_{number}",
            tenant=TenantId(tenant) if tenant else self.owner.tenant,
            type=kind,
            source=source,
            subject=f"orders/{number}",
            at=self.clock.now(),
            data=json.dumps({} if data is None else data).encode(),
        )

    async def call(self, trigger: Trigger, headers: dict[str, str], body: bytes, address: str = "192.0.2.1") -> Answer:
        signed = Signed({"content-type": "application/json", **headers}, body)
        return await self.hooks.receive(Inbound(trigger.tenant, trigger.id, signed, address))

    def signed(self, secret: str, body: bytes, delivery: str = "msg_1", late: int = 0) -> dict[str, str]:
        """Return the headers with which Standard Webhooks signs a body now, or so many seconds ago."""
        at = int(self.clock.now().timestamp()) - late
        key = base64.b64decode(secret.removeprefix("whsec_"))
        digest = hmac.new(key, f"{delivery}.{at}.".encode() + body, hashlib.sha256).digest()
        signature = f"v1,{base64.b64encode(digest).decode()}"
        return {"webhook-id": delivery, "webhook-timestamp": str(at), "webhook-signature": signature}


@asynccontextmanager
async def open_world(settings: TriggersSettings = SETTINGS) -> AsyncIterator[World]:
    async with open_memory() as database:
        yield await world_on(database, settings)


async def world_on(database: Database, settings: TriggersSettings = SETTINGS) -> World:
    clock, trail, vault, engine = ManualClock(), SqlAuditTrail(database), MemoryVault(), Notebook()
    identity = Identity(SqlIdentityStore(database), trail, clock)
    key = await identity.ensure_owner()
    assert key is not None
    parts = TriggerParts(
        database=database,
        vault=vault,
        identity=identity,
        trail=trail,
        clock=clock,
        ids=Ids(clock),
        submit=engine,
        runs=engine,
        settings=settings,
    )
    opened = open_triggers(parts)
    owner = await identity.authenticate(key)
    return World(clock, database, identity, trail, vault, engine, opened.triggers, opened.consumer, opened.hooks, owner)
