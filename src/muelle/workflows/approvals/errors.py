"""What can go wrong with approvals."""

from muelle.core import Forbidden, Invalid, NotFound


class ApprovalNotFound(NotFound):
    """There is no such approval, or it is not yours to see."""

    code = "approval_not_found"
    suggestions = ("List the open approvals that are yours to answer.",)


class NotAnApprover(Forbidden):
    """You may not answer this approval."""

    code = "not_an_approver"
    suggestions = (
        "Ask one of those whom the approval names, or somebody with the grant approvals:answer on the workflow.",
        "Whose run it is may answer only if the approval names them.",
    )


class InvalidComment(Invalid):
    """A comment is text of at most 2,000 characters, without control characters but line breaks and tabs."""

    code = "invalid_comment"
    suggestions = ("Shorten it, and leave control characters out.",)


class InvalidApprovalPage(Invalid):
    """The page cannot be shown: the cursor did not come from here, or the limit is out of bounds."""

    code = "invalid_approval_page"
    suggestions = ("Take the next_cursor of the page before, and 1 to 500 items.",)
