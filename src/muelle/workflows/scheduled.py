"""Documents that a schedule runs: checked when the schedule is made, and for its principal's grants at each firing."""

from typing import Any, Protocol

import msgspec

from muelle.core import NotFound, PrincipalId, TenantId
from muelle.engine import Job, JobTemplate
from muelle.identity import Principal
from muelle.workflows.errors import InvalidInputs
from muelle.workflows.runs import SavedDocuments
from muelle.workflows.service import Workflows


class _Principals(Protocol):
    async def principal(self, tenant: TenantId, principal: PrincipalId) -> Principal: ...


class ScheduledDocuments:
    """What schedules ask of whoever knows documents. Saved workflows are resolved when their runs start.

    The version that inputs were written for is kept with them, so that they can be migrated to a later one.
    """

    def __init__(self, workflows: Workflows, principals: _Principals, saved: SavedDocuments) -> None:
        self._workflows = workflows
        self._principals = principals
        self._saved = saved

    async def prepare(self, actor: Principal, template: JobTemplate) -> JobTemplate:
        """Return what is to be run, planned; raise what is wrong with it or not allowed to `actor`."""
        if not template.document:
            actor.require("workflows:run", template.name)
            return await self._dated(actor, template)
        inputs = _inputs(template.payload)
        plan, encoded = await self._workflows.admit(actor, template.document, inputs)
        return msgspec.structs.replace(
            template, name=plan.workflow, payload=encoded, plan=plan.hash, document=plan.document
        )

    async def _dated(self, actor: Principal, template: JobTemplate) -> JobTemplate:
        named = msgspec.json.decode(template.payload, type=dict[str, Any])
        asked = named.get("version", ""), named.get("inputs", {}), named.get("inputs_version")
        try:
            found = await self._saved.resolve(actor, template.name, *asked)
        except NotFound:
            return template  # it may be saved later: until then its runs say that it is not there
        payload = msgspec.json.encode({**named, "inputs": found.inputs, "inputs_version": found.version})
        return msgspec.structs.replace(template, payload=payload)

    async def authorise(self, job: Job) -> None:
        """Raise unless the job's principal is still there and may still run it."""
        actor = await self._principals.principal(job.tenant, job.principal)
        if job.document:
            await self._workflows.admit(actor, job.document, _inputs(job.payload))


def _inputs(payload: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(payload, type=dict[str, object])
    except msgspec.ValidationError:
        raise InvalidInputs from None
