"""What the HTTP routes of jobs take and give. The OpenAPI document is made from these types."""

from datetime import datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from muelle.engine.attempt import JobKind
from muelle.engine.errors import InvalidJob
from muelle.engine.job_doors.service import QueueLook, WorkerLook
from muelle.engine.model import RunRecord, RunStatus
from muelle.engine.order import LONGEST_KEY, LONGEST_RATE, MOST_AHEAD, MOST_AT_ONCE, Order

RUN = r"^[A-Za-z0-9_-]{1,100}$"
KIND = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$"
Moment = Annotated[datetime, Meta(tz=True, extra_json_schema={"format": "date-time"})]
When = Moment | Annotated[float, Meta(gt=0)]
Key = Annotated[str, Meta(max_length=LONGEST_KEY)]


class NewJob(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job to be done. Times are times, or seconds from now."""

    kind: Annotated[str, Meta(pattern=KIND, description="Which job: see GET /jobs/kinds.")]
    payload: Annotated[Any, Meta(description="What it is handed, as its kind's schema says.")] = msgspec.field(
        default_factory=dict
    )
    run_at: Annotated[When | None, Meta(description="Not before this time.")] = None
    deadline: Annotated[When | None, Meta(description="Given up, as an error, if it has not ended by then.")] = None
    priority: Annotated[Annotated[int, Meta(ge=1, le=5)] | None, Meta(description="1 goes first, 5 last.")] = None
    key: Annotated[Key, Meta(description="As the header Idempotency-Key.")] = ""
    concurrency_key: Annotated[Key, Meta(description="No more than `concurrency` of one key go on at once.")] = ""
    concurrency: Annotated[int, Meta(ge=0, le=MOST_AT_ONCE)] = 0
    rate_key: Annotated[Key, Meta(description="No more than `rate` of one key begin in `rate_seconds`.")] = ""
    rate: Annotated[int, Meta(ge=0, le=MOST_AT_ONCE)] = 0
    rate_seconds: Annotated[float, Meta(ge=0, le=LONGEST_RATE)] = 0


class KeyPause(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which rate key is paused for how long from now; 0 ends a pause."""

    key: Annotated[str, Meta(min_length=1, max_length=LONGEST_KEY)]
    seconds: Annotated[float, Meta(ge=0, le=LONGEST_RATE)]


class KindShape(msgspec.Struct, frozen=True, kw_only=True):
    """A job that can be handed in; `payload` is the JSON Schema of what it takes."""

    name: str
    summary: str
    payload: Any
    attempts: int
    pause_seconds: float
    queue: str
    priority: int


class Kinds(msgspec.Struct, frozen=True, kw_only=True):
    """The jobs that the caller may hand in."""

    kinds: tuple[KindShape, ...]
    count: int


class JobShape(msgspec.Struct, frozen=True, kw_only=True):
    """A job as it is listed; `error` is the problem that it ended or last failed with."""

    execution_id: str
    kind: str
    name: str
    agent_id: str
    status: RunStatus
    submitted_at: Moment
    began_at: Moment | None
    finished_at: Moment | None
    duration_ms: float | None
    deadline: Moment | None
    cause: str | None
    takeovers: int
    error: Any


class JobDetail(JobShape, frozen=True, kw_only=True):
    """A job with what it was handed and, once it has succeeded, what it returned."""

    payload: Any
    result: Any


class JobPage(msgspec.Struct, frozen=True, kw_only=True):
    """Jobs, newest first."""

    jobs: tuple[JobShape, ...]
    count: int
    next_cursor: str | None


class DepthShape(msgspec.Struct, frozen=True, kw_only=True):
    """How many jobs of a queue are in a state; `age_seconds` is how long the first of the ready ones is due."""

    queue: str
    state: str
    jobs: int
    age_seconds: float


class WorkerShape(msgspec.Struct, frozen=True, kw_only=True):
    """A process that advances runs."""

    worker: str
    name: str
    queues: tuple[str, ...]
    places: int
    held: int
    started_at: Moment
    lease_left_seconds: float


class QueueShape(msgspec.Struct, frozen=True, kw_only=True):
    """What waits and who is there. Only the default tenant sees others' jobs, and workers by name."""

    queues: tuple[DepthShape, ...]
    workers_alive: int
    workers: tuple[WorkerShape, ...]


def order_of(new: NewJob, key: str, now: datetime) -> Order:
    """Return how a job is to be done; raise InvalidJob for times that cannot be, or two different keys."""
    if key and new.key and key != new.key:
        raise InvalidJob("'key' and the header Idempotency-Key differ", field="key")
    return Order(
        run_at=_at("run_at", new.run_at, now),
        deadline=_at("deadline", new.deadline, now),
        priority=new.priority,
        key=key or new.key,
        concurrency_key=new.concurrency_key,
        concurrency=new.concurrency,
        rate_key=new.rate_key,
        rate=new.rate,
        rate_seconds=new.rate_seconds,
    )


def _at(field: str, when: datetime | float | None, now: datetime) -> datetime | None:
    if when is None or isinstance(when, datetime):
        return when
    if when > MOST_AHEAD.total_seconds():
        raise InvalidJob(f"'{field}' lies at most {MOST_AHEAD.days} days ahead", field=field, value=when)
    return now + timedelta(seconds=when)


def kind_shape(kind: JobKind) -> KindShape:
    """Return a kind as it is shown."""
    return KindShape(
        name=kind.name,
        summary=kind.summary,
        payload=msgspec.json.schema(kind.payload),
        attempts=kind.attempts,
        pause_seconds=kind.pause_seconds,
        queue=kind.queue,
        priority=kind.priority,
    )


def job_shape(record: RunRecord) -> JobShape:
    """Return a job as it is listed."""
    return JobShape(**_fields(record))


def job_detail(record: RunRecord, payload: bytes, result: bytes | None) -> JobDetail:
    """Return a job as it is shown."""
    returned = None if result is None else msgspec.Raw(result)
    return JobDetail(**_fields(record), payload=msgspec.Raw(payload), result=returned)


def queue_shape(look: QueueLook) -> QueueShape:
    """Return a look at the queue as it is shown."""
    depths = [DepthShape(queue=one.queue, state=one.state, jobs=one.jobs, age_seconds=one.age) for one in look.depths]
    return QueueShape(queues=tuple(depths), workers_alive=look.alive, workers=tuple(map(_worker, look.workers)))


def _worker(look: WorkerLook) -> WorkerShape:
    return WorkerShape(
        worker=look.worker,
        name=look.name,
        queues=look.queues,
        places=look.places,
        held=look.held,
        started_at=look.started,
        lease_left_seconds=look.lease_left,
    )


def _fields(record: RunRecord) -> dict[str, Any]:
    return {
        "execution_id": record.run,
        "kind": record.kind,
        "name": record.workflow,
        "agent_id": record.principal,
        "status": record.status,
        "submitted_at": record.started,
        "began_at": record.began,
        "finished_at": record.finished,
        "duration_ms": None if record.took is None else record.took / 1000,
        "deadline": record.deadline,
        "cause": record.cause or None,
        "takeovers": record.takeovers,
        "error": msgspec.Raw(record.error) if record.error else None,
    }
