"""The client library of Muelle: run workflows on a server, read its runs, and build documents."""

from muelle_client.asynchronous import AsyncMuelle
from muelle_client.errors import (
    ApiError,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidDocument,
    InvalidRequest,
    InvalidWorkflow,
    MuelleClientError,
    NotFound,
    RateLimited,
    RunFailed,
    TimedOut,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)
from muelle_client.references import credential, go_to, inline, ref, use_value, when, where
from muelle_client.results import (
    Answer,
    Capabilities,
    Execution,
    Health,
    Issue,
    OperationOutcome,
    Problem,
    Report,
    Run,
)
from muelle_client.retry import ONCE, Retry
from muelle_client.sync import Muelle
from muelle_client.workflow import Workflow

__all__ = [
    "ONCE",
    "Answer",
    "ApiError",
    "AsyncMuelle",
    "Capabilities",
    "Conflict",
    "ConnectionFailed",
    "Execution",
    "Forbidden",
    "Health",
    "InvalidDocument",
    "InvalidRequest",
    "InvalidWorkflow",
    "Issue",
    "Muelle",
    "MuelleClientError",
    "NotFound",
    "OperationOutcome",
    "Problem",
    "RateLimited",
    "Report",
    "Retry",
    "Run",
    "RunFailed",
    "TimedOut",
    "Unauthenticated",
    "Unavailable",
    "UnexpectedAnswer",
    "Workflow",
    "credential",
    "go_to",
    "inline",
    "ref",
    "use_value",
    "when",
    "where",
]
