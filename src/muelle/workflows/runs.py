"""Runs that go on without their caller: handed in, waited for, taken up again, and changed on the way."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from dataclasses import replace as altered
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec
from msgspec.structs import replace

from muelle.core import MuelleError, PrincipalId, RunId, TenantId
from muelle.engine import (
    CANCEL,
    ENDED,
    PAUSE,
    REPLAY,
    RESUME,
    Held,
    Job,
    Past,
    RunBegan,
    RunFinished,
    RunRecord,
    Submitted,
    Work,
    durable,
)
from muelle.identity import Principal
from muelle.workflows.children import CHILD_KEPT
from muelle.workflows.depth import DEPTH
from muelle.workflows.errors import ExecutionNotFound, InvalidInputs, SavedWorkflowsMissing
from muelle.workflows.logbook import encoded_error
from muelle.workflows.memory import Memory, Recalled
from muelle.workflows.named import NamedPayload
from muelle.workflows.origins import kept_before
from muelle.workflows.plan import Plan
from muelle.workflows.run import Run
from muelle.workflows.service import BoundHttp, Workflows
from muelle.workflows.surroundings import Assignment, Outcome

KIND = "workflow"
RERUN = "rerun:"
_DECODE = msgspec.json.Decoder().decode
_ENCODE = msgspec.json.Encoder().encode
_BELIEVED_SECONDS = 1.0  # for which a principal is not looked up again
_MOST_PRINCIPALS = 10_000
Verb = Literal["cancel", "pause", "resume", "replay"]
_CHANGES = {"cancel": CANCEL, "pause": PAUSE, "resume": RESUME, "replay": REPLAY}


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """How a run is to be done: see `engine.Job`."""

    key: str = ""
    asked: str = ""
    priority: int = 3
    run_at: datetime | None = None
    deadline: datetime | None = None
    cause: str = ""
    version: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A saved workflow as it is to be run now."""

    document: bytes
    version: str
    inputs: Mapping[str, Any]


class SavedDocuments(Protocol):
    """Where saved workflows are found."""

    async def resolve(
        self,
        principal: Principal,
        name: str,
        version: str,
        inputs: Mapping[str, Any],
        kept_for: str | None = None,
    ) -> Resolved:
        """Return what a name and a version range mean now; raise what is wrong with them or with the inputs.

        Inputs that were kept for another version are migrated from there.
        """
        ...


class Principals(Protocol):
    """Where principals are found who are not there themselves."""

    async def principal(self, tenant: TenantId, principal: PrincipalId) -> Principal:
        """Return one as it may act now; raise if it is gone or disabled."""
        ...


class Runs:
    """The verbs for runs of documents beyond running one at once."""

    def __init__(
        self, workflows: Workflows, principals: Principals, saved: Callable[[], SavedDocuments] | None = None
    ) -> None:
        self._workflows = workflows
        self._among = workflows.among
        self._engine = workflows.among.engine
        self._principals = principals
        self.saved = saved
        self._known: dict[tuple[TenantId, PrincipalId], tuple[float, Principal]] = {}
        self._asking: dict[tuple[TenantId, PrincipalId], asyncio.Future[Principal]] = {}
        self._engine.register(KIND, self.advance)

    async def submit(
        self,
        principal: Principal,
        document: bytes,
        inputs: Mapping[str, Any] | None,
        wishes: Wishes,
        *,
        request: str = "",
    ) -> Submitted:
        """Accept a document; what is wrong with it, or not allowed, is said now. Raises IdempotencyConflict."""
        plan, encoded = await self._workflows.admit(principal, document, inputs, request=request)
        return await self._handed_in(principal, _job(principal, plan, encoded, wishes), (), request)

    async def submit_named(
        self, principal: Principal, name: str, version: str, inputs: Mapping[str, Any], wishes: Wishes
    ) -> Submitted:
        """Accept a run of one version of a saved workflow, which the principal may run; raise IdempotencyConflict."""
        named = NamedPayload(workflow=name, version=version, inputs=dict(inputs), inputs_version=version)
        return await self._engine.submit(
            Job(
                tenant=principal.tenant,
                principal=principal.id,
                kind=KIND,
                name=name,
                payload=msgspec.json.encode(named),
                version=version,
                priority=wishes.priority,
                idempotency_key=wishes.key,
            )
        )

    async def result(self, principal: Principal, run: RunId, seconds: float | None = None) -> Outcome | None:
        """Wait for a run to end and return what became of it; None if it has not ended after `seconds`."""
        record = await self.find(principal, run)
        if record.status not in ENDED:
            ending = await self._engine.wait(principal.tenant, run, seconds)
            if ending is None:
                return None
            if isinstance(ending.result, Outcome):
                return ending.result
            if isinstance(ending.result, MuelleError):
                raise ending.result
            record = await self.find(principal, run)
        return await self.recall(principal, record)

    async def of_run(self, principal: Principal, run: RunId) -> Outcome:
        """Return what became of a run that has ended, by its id."""
        return await self.recall(principal, await self.find(principal, run))

    async def recall(self, principal: Principal, record: RunRecord) -> Outcome:
        """Return what became of a run that has ended, from the journal."""
        journal, tenant = self._among.journal, principal.tenant
        document = await journal.document(tenant, record.run)
        if document is None or not record.plan:
            raise Recalled(_DECODE(record.error)) if record.error else ExecutionNotFound(execution_id=record.run)
        inputs = await journal.inputs(tenant, record.run) or b"{}"
        memory = Memory(await journal.past(tenant, record.run))
        plan = await self._workflows.planner.plan(document, self._workflows.limits(principal))
        assigned = self._assigned(
            record.run, plan, principal, inputs, memory=memory, is_over=True, accepted=record.started
        )
        outcome = await Run(assigned, self._among, self._http(principal)).recall(record.took or 0)
        return Outcome(
            run=outcome.run,
            plan=plan,
            status=record.status,
            started=record.started,
            took=record.took or 0,
            tallies=outcome.tallies,
            cause=Recalled(_DECODE(record.error)) if record.error else outcome.cause,
        )

    async def find(self, principal: Principal, run: str) -> RunRecord:
        """Return a run that the principal may see; raise ExecutionNotFound."""
        record = await self._among.journal.run(principal.tenant, RunId(run))
        if record is None or not _may(principal, "runs:read", record.principal):
            raise ExecutionNotFound(execution_id=run[:100])
        return record

    async def change(self, principal: Principal, run: str, verb: Verb, *, request: str = "") -> RunRecord:
        """Cancel, pause, resume or replay a run, one's own or with `runs:write`; raise what the engine says."""
        record = await self._permitted(principal, run, f"runs.{verb}", request)
        await self._engine.change(principal.tenant, record.run, _CHANGES[verb])
        return await self.find(principal, run)

    async def prioritise(self, principal: Principal, run: str, priority: int, *, request: str = "") -> RunRecord:
        """Give a run that waits its turn another priority, 1 (first) to 5."""
        record = await self._permitted(principal, run, "runs.prioritise", request)
        await self._engine.requests.prioritise(principal.tenant, record.run, priority)
        return await self.find(principal, run)

    async def rerun(
        self,
        principal: Principal,
        run: str,
        origin: str | None,
        wishes: Wishes,
        *,
        inputs: Mapping[str, Any] | None = None,
        request: str = "",
    ) -> Submitted:
        """Run a document again as a new run, from an operation of its main order on; what came before is kept.

        Raises ExecutionNotFound, InvalidDestination, and what `submit` does.
        """
        record = await self.find(principal, run)
        journal, tenant = self._among.journal, principal.tenant
        document = await journal.document(tenant, record.run)
        if document is None:
            raise ExecutionNotFound(execution_id=run[:100])
        given = inputs if inputs is not None else _inputs(await journal.inputs(tenant, record.run) or b"{}")
        plan, encoded = await self._workflows.admit(principal, document, given, request=request)
        past = await journal.past(tenant, record.run) if origin is not None else ()
        kept = kept_before(plan, past, origin) if origin is not None else []
        again = altered(wishes, version=record.version, cause=f"{RERUN}{record.run}")
        return await self._handed_in(principal, _job(principal, plan, encoded, again), kept, request)

    async def _handed_in(self, principal: Principal, job: Job, past: Sequence[Past], request: str) -> Submitted:
        """Queue a job, and put into the audit record who had a document run, as for runs that are waited for."""

        def recorded(run: RunId) -> Awaitable[None]:
            allowed = self._among.acts.allowed(principal, "workflows:run", job.name, request=request, detail=run)
            return self._among.trail.record([allowed], flush=False)

        return await self._engine.submit(job, past, recorded)

    async def advance(self, work: Work, held: Held) -> Outcome | MuelleError | None:
        """Advance a run that was queued: the handler of the kind 'workflow'."""
        try:
            principal = await self._principal(work.tenant, work.principal)
            plan, inputs, version = await self._planned(work, principal)
        except MuelleError as error:
            if error.recoverable and error.category == "network":
                raise
            return await self._refuse(work, held, error)
        memory = None if work.is_new else Memory(await self._among.journal.past(work.tenant, work.run))
        assigned = self._assigned(
            work.run,
            plan,
            principal,
            inputs,
            held=held,
            accepted=work.accepted,
            began=work.began,
            deadline=work.deadline,
            memory=memory,
            cause=work.cause,
            version=version,
        )
        walk = Run(assigned, self._among, self._http(principal))
        if work.began is None:
            began = RunBegan(run=work.run, tenant=work.tenant, at=self._among.clock.now())
            if not work.plan:  # it is only now that one knows what to run
                began = replace(began, plan=plan.hash, document=plan.document, version=version, inputs=inputs)
            walk.log.take_up(began)
            if not work.plan and (depth := _depth(work.payload)):
                walk.keep(DEPTH, str(depth).encode())
        if not work.is_new:
            await self._count_waits(walk, work)
        return await self._workflows.walk(walk, held)

    async def _count_waits(self, walk: Run, work: Work) -> None:
        now = self._among.clock.now()
        began = work.began or now
        for wait in await self._engine.waits.of(work.tenant, work.run):
            waited = (wait.answered_at or min(now, wait.expires)) - max(wait.created, began)
            walk.pauses.add_waited(max(0.0, waited.total_seconds()))
            walk.log.had_asked()
        for name, child in walk.kept.items():
            if name.startswith(CHILD_KEPT) and (record := await self._among.journal.run(work.tenant, _run_id(child))):
                waited = (record.finished or now) - record.started
                walk.pauses.add_waited(max(0.0, waited.total_seconds()))

    async def _planned(self, work: Work, principal: Principal) -> tuple[Plan, bytes, str]:
        limits = self._workflows.limits(principal)
        if work.plan:
            document = work.document or await self._among.journal.document(work.tenant, work.run) or b""
            return await self._workflows.planner.plan(document, limits), work.payload, work.version
        if self.saved is None:
            raise SavedWorkflowsMissing(workflow=work.name)
        asked = msgspec.json.decode(work.payload, type=NamedPayload)
        found = await self.saved().resolve(principal, asked.workflow, asked.version, asked.inputs, asked.inputs_version)
        plan, encoded = await self._workflows.admit(principal, found.document, found.inputs, name=asked.workflow)
        return plan, encoded, found.version

    async def _refuse(self, work: Work, held: Held, error: MuelleError) -> MuelleError:
        """End a run that cannot even begin, with the reason."""
        now = self._among.clock.now()
        took = int((now - work.accepted).total_seconds() * 1_000_000)
        ended = RunFinished(
            run=work.run,
            tenant=work.tenant,
            status="error",
            at=now,
            took=took,
            succeeded=0,
            failed=0,
            skipped=0,
            error=encoded_error(error),
        )
        began = RunBegan(run=work.run, tenant=work.tenant, at=now)
        await durable(self._among.journal.append([began, ended], lease=held.lease))
        return error

    async def _permitted(self, principal: Principal, run: str, action: str, request: str) -> RunRecord:
        record = await self.find(principal, run)
        acts, trail = self._among.acts, self._among.trail
        if not _may(principal, "runs:write", record.principal):
            await trail.record([acts.refused(principal, "runs:write", record.principal, request=request)])
            principal.require("runs:write", record.principal)
        await trail.record([acts.allowed(principal, action, record.run, request=request)])
        return record

    async def _principal(self, tenant: TenantId, principal: PrincipalId) -> Principal:
        now = self._among.clock.monotonic()
        known = self._known.get((tenant, principal))
        if known is not None and known[0] > now:
            return known[1]
        asking = self._asking.get((tenant, principal))
        if asking is None:  # one look for all who ask at this moment
            asking = self._asking[tenant, principal] = asyncio.ensure_future(self._look_up(tenant, principal, now))
            asking.add_done_callback(lambda _: self._asking.pop((tenant, principal), None))
        return await asyncio.shield(asking)

    async def _look_up(self, tenant: TenantId, principal: PrincipalId, now: float) -> Principal:
        found = await self._principals.principal(tenant, principal)
        if len(self._known) > _MOST_PRINCIPALS:
            self._known.clear()
        self._known[tenant, principal] = (now + _BELIEVED_SECONDS, found)
        return found

    def _http(self, principal: Principal) -> BoundHttp:
        return BoundHttp(self._workflows.outbound, principal)

    def _assigned(self, run: RunId, plan: Plan, principal: Principal, inputs: bytes, **more: Any) -> Assignment:  # noqa: ANN401 - fields of Assignment
        return Assignment(
            run=run,
            plan=plan,
            principal=principal,
            limits=self._workflows.limits(principal),
            inputs=_inputs(inputs),
            encoded_inputs=inputs,
            request="",
            **more,
        )


def _depth(payload: bytes) -> int:
    return msgspec.json.decode(payload, type=NamedPayload).muelle_depth


def _run_id(kept: bytes) -> RunId:
    return RunId(kept.decode())


def _inputs(encoded: bytes) -> Mapping[str, Any]:
    decoded = _DECODE(encoded)
    if not isinstance(decoded, dict):
        raise InvalidInputs
    return decoded


def _job(principal: Principal, plan: Plan, inputs: bytes, wishes: Wishes) -> Job:
    return Job(
        tenant=principal.tenant,
        principal=principal.id,
        kind=KIND,
        name=plan.workflow,
        payload=inputs,
        plan=plan.hash,
        document=plan.document,
        version=wishes.version,
        priority=wishes.priority,
        run_at=wishes.run_at,
        deadline=wishes.deadline,
        cause=wishes.cause,
        idempotency_key=wishes.key,
        asked=wishes.asked,
    )


def _may(principal: Principal, scope: str, owner: PrincipalId) -> bool:
    return owner == principal.id or principal.may(scope, owner)
