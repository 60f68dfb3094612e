"""Where runs stand that go on by themselves, and what happens in them, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from muelle_client.errors import UnexpectedAnswer
from muelle_client.results import Answer, Json, answer_of, as_object


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitted:
    """A run that goes on by itself; `status` is how it stood when the server answered."""

    execution_id: str
    workflow_id: str | None
    status: str
    raw: Mapping[str, Json] = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """Something that happened, such as "operation.finished"; `id` is None where it only tells how the run stands."""

    kind: str
    id: int | None
    data: Mapping[str, Json]


def submitted_of(value: Json) -> Submitted:
    """Read where a run stands that goes on by itself; what has ended already is told by its answer."""
    raw = as_object(value, "a run")
    status, identity, workflow = raw.get("status"), raw.get("execution_id"), raw.get("workflow_id")
    if not isinstance(status, str) or not isinstance(identity, str):
        raise UnexpectedAnswer("The answer has no status or no execution_id; is the URL that of a Muelle?")
    return Submitted(
        execution_id=identity, workflow_id=workflow if isinstance(workflow, str) else None, status=status, raw=raw
    )


def result_of(value: Json) -> Answer | Submitted:
    """Read a run's answer, or where it stands."""
    return submitted_of(value) if "links" in as_object(value, "a run's answer") else answer_of(value)
