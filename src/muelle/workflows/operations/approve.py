"""Approve: wait until somebody has said yes or no."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from muelle.packs import Answer, Json, OperationType, Question, Step, WritePath
from muelle.workflows.operations.durations import Duration, check_duration, seconds_of
from muelle.workflows.operations.errors import ApprovalRejected, ApprovalTimedOut, DetailsTooLarge

LONGEST_MESSAGE: Final = 2_000  # characters
MOST_APPROVERS: Final = 100
LARGEST_DETAILS: Final = 64 << 10  # bytes of JSON; every list of open approvals shows them
_ENCODE = msgspec.json.Encoder().encode


class Approve(msgspec.Struct, rename="camel", forbid_unknown_fields=True, frozen=True, kw_only=True):
    """Wait for an approval. The run holds no worker meanwhile, and the wait does not count as its own time."""

    message: Annotated[
        str, Meta(min_length=1, max_length=LONGEST_MESSAGE, description="What is asked of whoever answers.")
    ]
    details: Annotated[
        Any, Meta(description="What they should see before they answer: any value of at most 64 KiB; never a secret.")
    ] = None
    approvers: Annotated[
        list[Annotated[str, Meta(min_length=1, max_length=100)]],
        Meta(
            max_length=MOST_APPROVERS,
            description=(
                "Ids of the agents who may answer; each needs the grant approvals:answer on the workflow too. Absent: "
                "whoever has the grant, but not the agent whose run this is."
            ),
        ),
    ] = []
    timeout: Duration = None
    on_timeout: Annotated[
        Literal["fail", "approve", "reject"],
        Meta(description="What no answer means: a failure (approval_timed_out), a yes or a no."),
    ] = "fail"
    on_reject: Annotated[
        Literal["fail", "continue"],
        Meta(description="What a no means: a failure (approval_rejected), or an output with approved: false."),
    ] = "fail"
    output_path: Annotated[
        WritePath | None, Meta(description="Path that receives {approved, by, comment, at}; by is null if nobody did.")
    ] = None


async def approve(config: Approve, step: Step[Any]) -> Json:
    """Return the decision; raise ApprovalRejected, ApprovalTimedOut or DetailsTooLarge."""
    if len(_ENCODE(config.details)) > LARGEST_DETAILS:
        raise DetailsTooLarge(limit=LARGEST_DETAILS)
    seconds = seconds_of(config.timeout)
    details = {"message": config.message, "details": config.details, "approvers": config.approvers}
    answer = await step.ask(Question(kind="approval", subject=config.message, details=details, seconds=seconds))
    decision = _given(answer) if answer else _by_default(config, step, seconds)
    if not decision["approved"] and config.on_reject == "fail":
        raise ApprovalRejected(by=decision["by"], comment=decision["comment"])
    return decision


def _given(answer: Answer) -> dict[str, Json]:
    value = answer.value
    return {
        "approved": bool(value["approved"]),
        "by": answer.by,
        "comment": value["comment"],
        "at": answer.at.isoformat(),
    }


def _by_default(config: Approve, step: Step[Any], seconds: float) -> dict[str, Json]:
    if config.on_timeout == "fail":
        raise ApprovalTimedOut(seconds=seconds)
    at = step.now + timedelta(seconds=seconds)
    return {"approved": config.on_timeout == "approve", "by": None, "comment": "", "at": at.isoformat()}


def check_approve(config: Mapping[str, Json]) -> list[tuple[str, str]]:
    """Find a time-out that is no duration."""
    return check_duration(config, "timeout")


APPROVE = OperationType(
    name="Approve",
    summary="Wait until somebody has approved or rejected.",
    config=Approve,
    perform=approve,
    effects="writes",
    check=check_approve,
    example={
        "message": "Pay this invoice?",
        "details": {"invoice": "2026-031", "total": 1200},
        "timeout": "P2D",
        "outputPath": "/workflow/decision",
    },
)
