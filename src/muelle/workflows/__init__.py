"""Documents, plans and runs."""

from muelle.workflows.answer import Format, answer, encode_answer, plain_answer
from muelle.workflows.issues import InvalidDocument, Issue
from muelle.workflows.plan import Catalogue
from muelle.workflows.planner import Planner
from muelle.workflows.service import Outbound, Report, Workflows
from muelle.workflows.settings import WorkflowsSettings
from muelle.workflows.surroundings import Outcome, Surroundings

__all__ = [
    "Catalogue",
    "Format",
    "InvalidDocument",
    "Issue",
    "Outbound",
    "Outcome",
    "Planner",
    "Report",
    "Surroundings",
    "Workflows",
    "WorkflowsSettings",
    "answer",
    "encode_answer",
    "plain_answer",
]
