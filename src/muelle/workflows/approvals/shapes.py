"""What the HTTP routes of approvals take and give. The OpenAPI document is made from these types."""

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.workflows.approvals.model import LONGEST_COMMENT, Approval, State

RUN = r"^[A-Za-z0-9_-]{1,100}$"
PLACE = r"^[A-Za-z0-9_-]{1,100}(:[0-9]{1,9}([.][0-9]{1,9}){0,63})?(~[0-9]{1,9})?$"
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]


class Comment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to say with an answer; the run gets it."""

    comment: Annotated[str, Meta(max_length=LONGEST_COMMENT, description="Why; the run gets it.")] = ""


class ApprovalShape(msgspec.Struct, frozen=True, kw_only=True):
    """An approval. `operation_id` has the turn of its loop behind a colon; `by` and `answered_at` are null until then.

    Closed is what nobody answered in time, or whose run has ended.
    """

    execution_id: str
    operation_id: str
    workflow_id: str
    agent_id: str
    message: str
    details: Any
    approvers: tuple[str, ...]
    asked_at: Moment
    expires_at: Moment
    state: State
    by: str | None
    comment: str
    answered_at: Moment | None


class ApprovalPage(msgspec.Struct, frozen=True, kw_only=True):
    """Open approvals, the oldest first; there may be fewer than asked for though more follow."""

    approvals: tuple[ApprovalShape, ...]
    count: int
    next_cursor: str | None


def approval_shape(approval: Approval) -> ApprovalShape:
    """Return an approval as it is shown."""
    return ApprovalShape(
        execution_id=approval.run,
        operation_id=approval.place,
        workflow_id=approval.workflow,
        agent_id=approval.principal,
        message=approval.message,
        details=approval.details,
        approvers=approval.approvers,
        asked_at=approval.asked,
        expires_at=approval.expires,
        state=approval.state,
        by=approval.by,
        comment=approval.comment,
        answered_at=approval.answered,
    )
