"""What was refused to a run, for the audit record."""

from collections.abc import Awaitable
from typing import TYPE_CHECKING

from muelle.core import Forbidden

if TYPE_CHECKING:
    from muelle.workflows.run import Run


def refusal(run: "Run", error: Forbidden) -> Awaitable[None]:
    """Put a refusal into the audit record; awaiting it returns when it is durable."""
    scope = str(error.facts.get("scope", "workflows:run"))
    resource = str(error.facts.get("resource", run.plan.workflow))
    detail = f"{run.id} {error.code}"
    act = run.among.acts.refused(run.principal, scope, resource, request=run.request, detail=detail)
    return run.among.trail.record([act])
