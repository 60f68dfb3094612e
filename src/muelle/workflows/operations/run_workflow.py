"""RunWorkflow: run a saved workflow as a run of its own."""

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from muelle.core import Invalid
from muelle.packs import Json, OperationType, Step, WritePath
from muelle.workflows.operations.literals import literal_text

_ALIAS: Final = re.compile(r"[A-Za-z][A-Za-z0-9_-]*", re.ASCII)


class RunWorkflow(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Run a saved workflow and wait for it; the agent needs the grant workflows:run on its name."""

    workflow: Annotated[str, Meta(min_length=1, max_length=100, description="Name of the saved workflow.")]
    version: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=100,
            description="A version, a range such as ^1.2, or an alias; latest if absent. It is resolved when it runs.",
        ),
    ] = "latest"
    inputs: Annotated[dict[str, Any], Meta(description="Its inputs, an object.")] = {}
    output_path: Annotated[
        WritePath | None,
        Meta(description="Path that receives {status, execution_id, results} of it; its outputs are under results."),
    ] = None


async def run_workflow(config: RunWorkflow, step: Step[Any]) -> Json:
    """Return status, id and results; raise Refused, ChildFailed, and what is wrong with name, version and inputs."""
    answer = await step.call_workflow(config.workflow, config.version, config.inputs)
    return {name: answer[name] for name in ("status", "execution_id", "results")}


def check_run_workflow(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a version that is neither a range nor an alias."""
    from muelle.workflows.versions.ranges import read_range  # noqa: PLC0415 - saved workflows stand on operations

    text = literal_text(config, "version")
    if text is None or _ALIAS.fullmatch(text):
        return []
    try:
        read_range(text)
    except Invalid as fault:
        return [("/version", fault.message)]
    return []


RUN_WORKFLOW = OperationType(
    name="RunWorkflow",
    summary="Run a saved workflow as a run of its own.",
    config=RunWorkflow,
    perform=run_workflow,
    effects="writes",
    check=check_run_workflow,
    example={
        "workflow": "invoice",
        "version": "^1.2",
        "inputs": {"order": "A-17"},
        "outputPath": "/workflow/invoice",
    },
)
