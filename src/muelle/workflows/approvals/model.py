"""What an approval is, and who may answer it. Pure."""

import re
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from muelle.core import PrincipalId, RunId
from muelle.engine import AskedOf, Wait
from muelle.identity import Principal
from muelle.workflows.approvals.errors import InvalidComment

SCOPE: Final = "approvals:answer"
LONGEST_COMMENT: Final = 2_000  # characters
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
State = Literal["open", "approved", "rejected", "closed"]


class _Body(msgspec.Struct, frozen=True):
    """What the run asked."""

    message: str = ""
    details: Any = None
    approvers: tuple[str, ...] = ()


class Decision(msgspec.Struct, frozen=True):
    """What was answered."""

    approved: bool
    comment: str


class Approval(msgspec.Struct, frozen=True, kw_only=True):
    """Something that a run asks of people; `place` is the operation's id, and behind a colon the turn of its loop.

    It is closed when its time is over or its run has ended.
    """

    run: RunId
    place: str
    workflow: str
    principal: PrincipalId
    message: str
    details: Any
    approvers: tuple[str, ...]
    asked: datetime
    expires: datetime
    state: State
    by: str | None
    comment: str
    answered: datetime | None


_BODY = msgspec.json.Decoder(_Body).decode
_DECISION = msgspec.json.Decoder(Decision).decode


def approval_of(asked: AskedOf, now: datetime) -> Approval:
    """Return what is stored as an approval, as it stands now."""
    wait, body = asked.wait, _BODY(asked.wait.body)
    given = _DECISION(wait.answer) if wait.state == "answered" and wait.answer is not None else None
    return Approval(
        run=wait.run,
        place=wait.place,
        workflow=asked.workflow,
        principal=asked.principal,
        message=body.message,
        details=body.details,
        approvers=body.approvers,
        asked=wait.created,
        expires=wait.expires,
        state=_state(wait, given, now),
        by=wait.answered_by if given else None,
        comment=given.comment if given else "",
        answered=wait.answered_at,
    )


def _state(wait: Wait, given: Decision | None, now: datetime) -> State:
    if given is not None:
        return "approved" if given.approved else "rejected"
    return "open" if wait.state == "open" and now < wait.expires else "closed"


def may_answer(principal: Principal, approval: Approval) -> bool:
    """Tell whether somebody may answer: with the grant, and named if anybody is; one's own runs only if named."""
    if not principal.may(SCOPE, approval.workflow):
        return False
    if approval.approvers:
        return principal.id in approval.approvers
    return principal.id != approval.principal


def may_see(principal: Principal, approval: Approval) -> bool:
    """Tell whether somebody may see it: with the grant, or who may see its run."""
    return (
        principal.may(SCOPE, approval.workflow)
        or principal.id == approval.principal
        or principal.may("runs:read", approval.principal)
    )


def check_comment(comment: str) -> None:
    """Raise InvalidComment."""
    if len(comment) > LONGEST_COMMENT or _CONTROL.search(comment):
        raise InvalidComment(field="comment", limit=LONGEST_COMMENT)
