"""The verbs on approvals."""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Final, Literal

import msgspec

from muelle.core import Clock, Ids, RunId
from muelle.engine import Engine
from muelle.identity import Acts, AuditTrail, Page, Principal
from muelle.workflows.approvals.errors import ApprovalNotFound, InvalidApprovalPage, NotAnApprover
from muelle.workflows.approvals.model import (
    SCOPE,
    Approval,
    Decision,
    approval_of,
    check_comment,
    may_answer,
    may_see,
)

MAX_PAGE: Final = 500
_AT_ONCE: Final = 200  # that are read together
_MOST_READ: Final = 5_000  # for one page, however few of them are the reader's
_Place = tuple[int, str, str]
_BEGIN: Final[_Place] = (-(1 << 62), "", "")
_ENCODE = msgspec.json.Encoder().encode
_PLACE = msgspec.json.Decoder(_Place).decode
Verdict = Literal["approve", "reject"]


class Approvals:
    """Lists, shows and answers: `approvals:answer` on the workflow's id, and as the approval itself says."""

    def __init__(self, engine: Engine, trail: AuditTrail, clock: Clock, ids: Ids) -> None:
        self._waits = engine.waits
        self._engine = engine
        self._trail = trail
        self._acts = Acts(clock, ids)
        self._clock = clock

    async def list(self, principal: Principal, limit: int = 50, cursor: str | None = None) -> Page[Approval]:
        """Return the open ones that the principal may answer, the oldest first; raise InvalidApprovalPage.

        A page may have fewer than `limit` though more follow: the cursor tells.
        """
        if not 1 <= limit <= MAX_PAGE:
            raise InvalidApprovalPage(field="limit", limit=MAX_PAGE)
        if not principal.rules.has(SCOPE):
            return Page(())
        after = _read(cursor) if cursor is not None else _BEGIN
        found: list[Approval] = []
        for _ in range(_MOST_READ // _AT_ONCE):
            asked = await self._waits.asked(principal.tenant, "approval", _AT_ONCE, after)
            for one in asked:
                approval = approval_of(one, self._clock.now())
                if len(found) == limit:
                    return Page(tuple(found), _written(after))
                after = one.order
                if may_answer(principal, approval):
                    found.append(approval)
            if len(asked) < _AT_ONCE:
                return Page(tuple(found))
        return Page(tuple(found), _written(after))

    async def show(self, principal: Principal, run: str, place: str) -> Approval:
        """Return one that the principal may answer, or whose run it may see; raise ApprovalNotFound."""
        asked = await self._waits.asked_at(principal.tenant, RunId(run), place)
        approval = approval_of(asked, self._clock.now()) if asked and asked.wait.kind == "approval" else None
        if approval is None or not may_see(principal, approval):
            raise ApprovalNotFound(execution_id=run[:100], operation=place[:100])
        return approval

    async def answer(
        self, principal: Principal, approval: tuple[str, str], verdict: Verdict, comment: str = "", *, request: str = ""
    ) -> Approval:
        """Answer an approval, by its run and place, once; return it as it is then.

        Raises InvalidComment, ApprovalNotFound, NotAnApprover, and WaitClosed if it came too late.
        """
        check_comment(comment)
        run, place = approval
        found = await self._seen(principal, run, place, verdict, request)
        if not may_answer(principal, found):
            await self._refuse(principal, verdict, found.workflow, f"{run}/{place}", request)
            raise NotAnApprover(scope=SCOPE, resource=found.workflow, execution_id=found.run, operation=found.place)
        decision = _ENCODE(Decision(verdict == "approve", comment))
        await self._engine.answer(principal.tenant, (found.run, found.place), decision, principal.id)
        detail = f"{found.run}/{found.place}"
        act = self._acts.allowed(principal, f"approvals.{verdict}", found.workflow, request=request, detail=detail)
        await self._trail.record([act])
        return await self.show(principal, run, place)

    async def _seen(self, principal: Principal, run: str, place: str, verdict: Verdict, request: str) -> Approval:
        try:
            return await self.show(principal, run, place)
        except ApprovalNotFound:
            await self._refuse(principal, verdict, "*", f"{run[:100]}/{place[:100]}", request)
            raise

    async def _refuse(self, principal: Principal, verdict: Verdict, workflow: str, detail: str, request: str) -> None:
        act = self._acts.refused(principal, f"approvals.{verdict}", workflow, request=request, detail=detail)
        await self._trail.record([act])


def _written(after: _Place) -> str:
    return urlsafe_b64encode(_ENCODE(after)).decode().rstrip("=")


def _read(cursor: str) -> _Place:
    try:
        place: _Place = _PLACE(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    except (binascii.Error, msgspec.DecodeError, ValueError):
        raise InvalidApprovalPage(field="cursor") from None
    return place
