"""Running a saved workflow by its name."""

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from muelle.identity import Acts, AuditTrail, Principal, Refused
from muelle.workflows.answer import answer
from muelle.workflows.surroundings import Outcome
from muelle.workflows.versions.model import Resolved
from muelle.workflows.versions.schemas import faults_of
from muelle.workflows.versions.service import SavedWorkflows


class RunDocument(Protocol):
    """Runs a document to its end: what `Workflows.run` does."""

    async def __call__(
        self, principal: Principal, document: bytes, inputs: Mapping[str, Any] | None = None, *, request: str = ""
    ) -> Outcome:
        """Return the outcome."""
        ...


class NamedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """A finished run of a saved workflow; `unpromised` is where its results are not what the output schema says."""

    outcome: Outcome
    resolved: Resolved
    unpromised: tuple[dict[str, Any], ...] = ()


class NamedRuns:
    """Runs saved workflows for principals who may run that name. The run has the grants of whoever asks for it."""

    def __init__(self, saved: SavedWorkflows, run: RunDocument, trail: AuditTrail, acts: Acts) -> None:
        self._saved = saved
        self._run = run
        self._trail = trail
        self._acts = acts

    async def prepare(
        self,
        principal: Principal,
        name: str,
        wanted: str = "",
        inputs: Mapping[str, Any] | None = None,
        *,
        kept_for: str | None = None,
        request: str = "",
    ) -> Resolved:
        """Return what would be run; raises Refused, and as `SavedWorkflows.resolve`."""
        if not principal.may("workflows:run", name):
            act = self._acts.refused(principal, "workflows:run", name[:200], request=request)
            await self._trail.record([act])
            raise Refused(scope="workflows:run", resource=name[:200])
        return await self._saved.resolve(principal.tenant, name, wanted, inputs, kept_for)

    async def execute(
        self,
        principal: Principal,
        name: str,
        wanted: str = "",
        inputs: Mapping[str, Any] | None = None,
        *,
        kept_for: str | None = None,
        request: str = "",
    ) -> NamedOutcome:
        """Run it to its end; raises as `prepare`, and as the run of its document does."""
        resolved = await self.prepare(principal, name, wanted, inputs, kept_for=kept_for, request=request)
        outcome = await self._run(principal, resolved.document, resolved.inputs, request=request)
        return NamedOutcome(outcome=outcome, resolved=resolved, unpromised=unpromised(resolved, outcome))


def unpromised(resolved: Resolved, outcome: Outcome) -> tuple[dict[str, Any], ...]:
    """Return where the results of a run that succeeded are not what its version promised."""
    schema = resolved.content.output_schema
    if schema is None or outcome.status != "success":
        return ()
    results = msgspec.json.decode(msgspec.json.encode(answer(outcome)["results"]))
    return tuple(faults_of(schema, results))
