"""The verbs of workflows: validate, run, and look at what ran."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, NamedTuple, Protocol

import msgspec

from muelle.core import Forbidden, HttpAnswer, HttpCall, Invalid, Metric, MuelleError, RunId
from muelle.engine import Held, LeaseLost, UnknownRun
from muelle.identity import Principal, Refused
from muelle.packs import Limits
from muelle.workflows.errors import InvalidInputs, WorkflowRefused
from muelle.workflows.issues import Issue, as_dict
from muelle.workflows.json_stream import is_deeper
from muelle.workflows.plan import Plan
from muelle.workflows.planner import Planner
from muelle.workflows.run import Run
from muelle.workflows.surroundings import Assignment, Outcome, Surroundings

RUNS = Metric("muelle_runs_total", "Runs that ended, by status.", "counter", ("status",))
RUN_SECONDS = Metric("muelle_run_seconds", "How long runs took.", "histogram")
STEPS = Metric("muelle_operations_total", "Operations that ended, by type and status.", "counter", ("type", "status"))
_LIMIT_NAMES = frozenset(item.name for item in fields(Limits))
_MOST_REFUSALS = 50  # acts recorded for one refused document


class Outbound(Protocol):
    """Calls that leave, for any principal: what `egress` offers."""

    async def call(self, principal: Principal, call: HttpCall) -> HttpAnswer:
        """Make a call that the principal may make; raise Forbidden if it may not."""
        ...

    async def permit(self, principal: Principal, method: str, url: str) -> None:
        """Raise Forbidden if the principal may not make such a call; nothing is sent."""
        ...


class BoundHttp:
    """The calls that leave of one principal."""

    __slots__ = ("_outbound", "_principal")

    def __init__(self, outbound: Outbound, principal: Principal) -> None:
        self._outbound = outbound
        self._principal = principal

    async def call(self, call: HttpCall) -> HttpAnswer:
        """Make the call."""
        return await self._outbound.call(self._principal, call)


@dataclass(frozen=True, slots=True)
class Report:
    """What validation found; `plan` is there unless an issue is an error of the document itself."""

    issues: tuple[Issue, ...]
    plan: Plan | None

    @property
    def is_valid(self) -> bool:
        """Whether the document would be run."""
        return not any(issue.severity == "error" for issue in self.issues)

    def body(self) -> dict[str, Any]:
        """Return the report in A2E's shape."""
        errors = sum(issue.severity == "error" for issue in self.issues)
        return {
            "valid": self.is_valid,
            "errors": errors,
            "warnings": len(self.issues) - errors,
            "issues": [as_dict(issue) for issue in self.issues],
            "summary": {
                "by_type": Counter(issue.code for issue in self.issues),
                "by_operation": Counter(issue.operation_id or "" for issue in self.issues),
            },
        }


class Workflows:
    """Runs documents for principals. One for a process; runs share nothing but what is injected here."""

    def __init__(self, planner: Planner, among: Surroundings, outbound: Outbound) -> None:
        self.planner = planner
        self.among = among
        self.outbound = outbound
        self.recall: Callable[[Principal, RunId], Awaitable[Outcome]] | None = None  # set once: runs stand on this
        self._allowed: dict[str, object] = {}

    def limits(self, principal: Principal) -> Limits:
        """Return the bounds that hold for a principal."""
        limits = self.among.limits
        return replace(limits, **_typed(principal.limits)) if principal.limits else limits

    async def validate(self, principal: Principal, document: bytes, *, request: str = "") -> Report:
        """Return every issue: syntax, structure, types, references, permissions, advice. Nothing runs.

        Raises Refused for whoever may neither validate nor run workflows at all.
        """
        await self._admit(principal, request)
        try:
            planned = await self.planner.seek(document, self.limits(principal))
        except Invalid as error:
            return Report((Issue(code=error.code, message=str(error), suggestion=error.suggestions[0]),), None)
        issues = list(planned.issues)
        if planned.plan is not None:
            issues += [refusal.issue for refusal in await self._refusals(principal, planned.plan)]
        return Report(tuple(issues), planned.plan)

    async def admit(
        self,
        principal: Principal,
        document: bytes,
        inputs: Mapping[str, Any] | None,
        *,
        request: str = "",
        name: str = "",
    ) -> tuple[Plan, bytes]:
        """Return the plan and the encoded inputs of a document that this principal may run; effects have not begun.

        Raises InvalidDocument, InvalidInputs, DocumentTooLarge, WorkflowRefused. With `name`, it is the grant for that
        saved workflow that counts.
        """
        limits = self.limits(principal)
        plan = await self.planner.plan(document, limits)
        encoded = _encoded(inputs, limits) if inputs else b"{}"
        await self._authorise(principal, plan, request, name)
        return plan, encoded

    async def run(
        self, principal: Principal, document: bytes, inputs: Mapping[str, Any] | None = None, *, request: str = ""
    ) -> Outcome:
        """Run a document; InvalidDocument, InvalidInputs, DocumentTooLarge, WorkflowRefused come before any effect."""
        plan, encoded = await self.admit(principal, document, inputs, request=request)
        among = self.among
        run = RunId(among.ids.mint("run"))
        allowed = among.acts.allowed(principal, "workflows:run", plan.workflow, request=request, detail=run)
        recorded = among.trail.record([allowed], flush=False)  # what the run commits after it takes it along
        held = await among.engine.hold(principal.tenant, run) if plan.is_async else None
        assigned = Assignment(
            run=run,
            plan=plan,
            principal=principal,
            limits=self.limits(principal),
            inputs={} if inputs is None else inputs,
            encoded_inputs=encoded,
            request=request,
            held=held,
        )
        walk = Run(assigned, among, BoundHttp(self.outbound, principal))
        walk.log.watch(recorded)
        if held is None:
            outcome = await self.walk(walk, None)
            if outcome is None:
                raise MuelleError
            return outcome
        return await self._beside(walk, held)

    async def walk(self, walk: Run, held: Held | None) -> Outcome | None:
        """Walk a run to its end, or until it leaves memory; then None."""
        if held is not None:
            if self.among.engine.queues:
                walk.pauses.may_park(self.among.engine.settings.park_seconds)
            held.attach(walk)
        with self.among.tracer.span(
            "run", {"run": walk.id, "workflow": walk.plan.workflow, "tenant": walk.principal.tenant}
        ):
            outcome = await walk.execute()
        if outcome is not None:
            self._measure(outcome)
            self.among.engine.compaction.consider(walk.principal.tenant, walk.id, walk.log.appends)
        return outcome

    async def _beside(self, walk: Run, held: Held) -> Outcome:
        """Walk a run beside its caller, so that it goes on if the caller leaves; return what became of it."""
        ended = asyncio.ensure_future(self.among.engine.wait(held.tenant, held.run))
        held.task = asyncio.create_task(self._held(walk, held), name=held.run)
        try:
            ending = await ended
        except UnknownRun:
            raise LeaseLost from None  # before anything of it was written down
        result = ending.result if ending is not None else None
        if isinstance(result, Outcome):
            return result
        if isinstance(result, MuelleError):
            raise result
        if self.recall is None:
            raise MuelleError
        return await self.recall(walk.principal, walk.id)

    async def _held(self, walk: Run, held: Held) -> None:
        engine = self.among.engine
        try:
            outcome = await self.walk(walk, held)
        except (LeaseLost, asyncio.CancelledError):
            engine.let_go(held, None)
        except MuelleError as error:
            engine.let_go(held, error)
        else:
            engine.let_go(held, outcome)

    async def _admit(self, principal: Principal, request: str) -> None:
        """Let in whoever may validate or run any workflow; which ones is for the report to say."""
        scopes = ("workflows:validate", "workflows:run")
        if any(principal.rules.has(scope) for scope in scopes):
            return
        acts = self.among.acts
        await self.among.trail.record([acts.refused(principal, scopes[0], "*", request=request)])
        raise Refused(scope=scopes[0], resource="*")

    async def _authorise(self, principal: Principal, plan: Plan, request: str, name: str) -> None:
        if not name and not plan.calls and self._allowed.get(plan.hash) is principal.rules:
            return
        refusals = await self._refusals(principal, plan, name)
        if not refusals:
            if not name:
                self._remember(plan, principal)
            return
        acts = [
            self.among.acts.refused(principal, refusal.scope, refusal.resource, request=request, detail=refusal.detail)
            for refusal in refusals[:_MOST_REFUSALS]
        ]
        await self.among.trail.record(acts)
        raise WorkflowRefused(
            f"This principal may not run this document: {refusals[0].issue.message}",
            issues=[as_dict(refusal.issue) for refusal in refusals],
        )

    def _remember(self, plan: Plan, principal: Principal) -> None:
        """Keep one verdict for each plan; rules are immutable and new ones are another object."""
        if len(self._allowed) > self.planner.capacity:
            self._allowed.clear()
        self._allowed[plan.hash] = principal.rules

    async def _refusals(self, principal: Principal, plan: Plan, name: str = "") -> list["_Refusal"]:
        wanted = [("workflows:run", name or plan.workflow)]
        wanted += [(plan_type.permission, plan_type.name) for plan_type in plan.types]
        wanted += [("credentials:use", name) for name in sorted(plan.credentials)]
        refused = [_refusal(scope, resource) for scope, resource in wanted if not principal.may(scope, resource)]
        for method, url in plan.calls:
            try:
                await self.outbound.permit(principal, method, url)
            except (Forbidden, Invalid) as error:
                refused.append(_refused_call(method, error))
        return refused

    def _measure(self, outcome: Outcome) -> None:
        metrics = self.among.metrics
        metrics.count(RUNS, outcome.status)
        metrics.observe(RUN_SECONDS, outcome.took / 1_000_000)
        for name, tally in outcome.tallies.items():
            kind = outcome.plan.nodes[name].type.name
            metrics.count(STEPS, kind, tally.telling.status, by=tally.runs)


def _encoded(inputs: Mapping[str, Any], limits: Limits) -> bytes:
    """Return inputs as JSON; raise InvalidInputs for what is nested too deep or no JSON, as Python can hand in."""
    if is_deeper(inputs, limits.depth):
        raise InvalidInputs(limit=limits.depth, reason="nested too deep")
    try:
        return msgspec.json.encode(inputs)
    except (TypeError, ValueError, OverflowError) as error:
        raise InvalidInputs(reason=str(error)[:200]) from None


class _Refusal(NamedTuple):
    """What was refused: for the audit record, and for whoever asked."""

    scope: str
    resource: str
    issue: Issue
    detail: str = ""


def _refusal(scope: str, resource: str) -> _Refusal:
    hint = f"Ask an operator for the grant '{scope}' on '{resource}'."
    issue = Issue(code="refused", message=f"No grant allows '{scope}' on '{resource}'", suggestion=hint)
    return _Refusal(scope, resource, issue)


def _refused_call(method: str, error: Forbidden | Invalid) -> _Refusal:
    """Return the refusal of a call; only its host is recorded: the rest of a URL can hold secrets."""
    scope = str(error.facts.get("scope", "egress.call"))
    resource = str(error.facts.get("resource", f"{method} {error.facts.get('host', '')}".rstrip()))
    issue = Issue(code="refused", message=str(error), suggestion=error.suggestions[0])
    return _Refusal(scope, resource, issue, error.code)


def _typed(limits: Mapping[str, float]) -> dict[str, Any]:
    """Give limits as they are stored the types of their fields; what other rooms heed is not ours."""
    return {
        name: value if name == "run_seconds" else int(value) for name, value in limits.items() if name in _LIMIT_NAMES
    }
