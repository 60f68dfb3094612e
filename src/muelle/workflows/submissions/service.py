"""Documents as they are handed in at a door: to be run at once, or to be queued and asked for later.

Both ways into HTTP (the hot route and the framework's) call this, so that they answer alike.
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NamedTuple

import msgspec

from muelle.core import RunId
from muelle.engine import ENDED, GivenUp, RunStatus
from muelle.identity import Principal
from muelle.workflows.answer import Format, encode_answer
from muelle.workflows.requests import ExecuteRequest, RerunRequest, read_request
from muelle.workflows.runs import Runs, Wishes
from muelle.workflows.service import Workflows
from muelle.workflows.submissions.moments import ahead
from muelle.workflows.submissions.preferences import Headers, Preference, idempotency_key, preference
from muelle.workflows.submissions.settings import SubmissionsSettings
from muelle.workflows.surroundings import Outcome

_ENCODE = msgspec.json.Encoder().encode
_USUAL = 3  # the priority of a run for which none is given
_REPLAYED = (b"idempotent-replayed", b"true")
_ASK_AGAIN = (b"retry-after", b"1")
Header = tuple[bytes, bytes]


class Told(NamedTuple):
    """An answer: its status, its JSON, and headers with names in lower case."""

    status: int
    body: bytes
    headers: tuple[Header, ...] = ()


class Named(NamedTuple):
    """One version of a saved workflow, and the inputs to run it with."""

    name: str
    version: str
    inputs: Mapping[str, Any]


class Accepted(NamedTuple):
    """A run that was queued, now or, under the same key, before."""

    run: RunId
    workflow: str
    is_new: bool

    @property
    def headers(self) -> tuple[Header, ...]:
        """Return what says that it was before."""
        return () if self.is_new else (_REPLAYED,)


class Submissions:
    """Takes documents in, and answers with what became of them or with where to ask."""

    def __init__(self, workflows: Workflows, runs: Runs, settings: SubmissionsSettings) -> None:
        self._workflows = workflows
        self._runs = runs
        self._settings = settings
        self._clock = workflows.among.clock
        self._engine = workflows.among.engine

    async def take(
        self, principal: Principal, body: bytes, content_type: str, headers: Headers, form: Format, request: str
    ) -> Told:
        """Run the document of a request, or queue it, as the request prefers; raise what is wrong with it."""
        asked = read_request(body, content_type)
        preferred = preference(headers)
        if preferred is None and b"idempotency-key" not in headers and asked.is_plain:
            outcome = await self._workflows.run(principal, asked.document, asked.inputs, request=request)
            return Told(200, encode_answer(outcome, form))
        accepted = await self.submit(principal, asked, headers, request)
        if preferred is None and asked.run_at is None:
            return await self._whole(principal, accepted, form)
        return await self._soon(principal, accepted, form, preferred)

    async def take_named(self, principal: Principal, named: Named, headers: Headers, form: Format) -> Told:
        """Queue a run of a saved workflow, and answer as is preferred; raise IdempotencyConflict."""
        wishes = Wishes(key=idempotency_key(headers))
        submitted = await self._runs.submit_named(principal, named.name, named.version, named.inputs, wishes)
        accepted = Accepted(submitted.run, named.name, is_new=submitted.is_new)
        preferred = preference(headers)
        if preferred is None:
            return await self._whole(principal, accepted, form)
        return await self._soon(principal, accepted, form, preferred)

    async def submit(self, principal: Principal, asked: ExecuteRequest, headers: Headers, request: str) -> Accepted:
        """Queue a document with what its request wishes; raise what is wrong with them, and IdempotencyConflict."""
        wishes, document = self._wishes(asked, headers), asked.document
        submitted = await self._runs.submit(principal, document, asked.inputs, wishes, request=request)
        plan = await self._workflows.planner.plan(document, self._workflows.limits(principal))
        return Accepted(submitted.run, plan.workflow, is_new=submitted.is_new)

    async def result(self, principal: Principal, run: str, form: Format, seconds: float = 0) -> Told:
        """Return a run's answer, or where it stands if it has not ended after `seconds`; raise ExecutionNotFound."""
        outcome = await self._ended(principal, run, seconds)
        if outcome is None:
            return await self._going_on(principal, RunId(run), (_ASK_AGAIN,))
        return Told(200, encode_answer(outcome, form))

    async def rerun(
        self, principal: Principal, run: str, asked: RerunRequest, headers: Headers, request: str = ""
    ) -> Told:
        """Run a document again as a new run; raise what `Runs.rerun` does."""
        wishes = self._wishes(asked, headers)
        submitted = await self._runs.rerun(principal, run, asked.origin, wishes, inputs=asked.inputs, request=request)
        return await self._going_on(principal, submitted.run, () if submitted.is_new else (_REPLAYED,))

    def _wishes(self, asked: ExecuteRequest | RerunRequest, headers: Headers) -> Wishes:
        now, farthest = self._clock.now(), timedelta(days=self._settings.ahead_days)
        return Wishes(
            key=idempotency_key(headers),
            asked=_asked(asked),
            priority=_USUAL if asked.priority is None else asked.priority,
            run_at=ahead("run_at", asked.run_at, now, farthest) if isinstance(asked, ExecuteRequest) else None,
            deadline=ahead("deadline", asked.deadline, now, farthest),
        )

    async def _whole(self, principal: Principal, accepted: Accepted, form: Format) -> Told:
        """Wait for a run however long it takes; where no worker is, advance it here, as any run that is waited for."""
        if accepted.is_new and not self._engine.queues:
            await self._engine.perform_now(principal.tenant, accepted.run)
        outcome = await self._runs.result(principal, accepted.run)
        if outcome is None:  # never, for nothing bounds the wait
            return await self._going_on(principal, accepted.run, accepted.headers)
        return Told(200, encode_answer(outcome, form), accepted.headers)

    async def _soon(self, principal: Principal, accepted: Accepted, form: Format, preferred: Preference | None) -> Told:
        """Wait for a run as long as is preferred, which may be not at all; then answer that it goes on."""
        seconds, headers = 0.0, accepted.headers
        if preferred is not None:
            seconds = min(preferred.wait or 0, self._settings.wait_seconds)
            headers = (*headers, (b"preference-applied", preferred.applied(seconds)))
        if accepted.is_new and not seconds:
            return Told(202, _place(accepted.run, accepted.workflow, "queued"), (location(accepted.run), *headers))
        outcome = await self._ended(principal, accepted.run, seconds) if seconds else None
        if outcome is None:
            return await self._going_on(principal, accepted.run, headers)
        return Told(200, encode_answer(outcome, form), headers)

    async def _ended(self, principal: Principal, run: str, seconds: float) -> Outcome | None:
        record = await self._runs.find(principal, run)
        if record.status in ENDED:
            return await self._runs.recall(principal, record)
        if record.status == "dead":
            raise GivenUp(execution=record.run)
        bounded = min(seconds, self._settings.wait_seconds)
        return await self._runs.result(principal, record.run, bounded) if bounded else None

    async def _going_on(self, principal: Principal, run: RunId, headers: tuple[Header, ...]) -> Told:
        record = await self._runs.find(principal, run)
        return Told(202, _place(record.run, record.workflow, record.status), (location(run), *headers))


def location(run: RunId) -> Header:
    """Return the header that says where a run is shown."""
    return b"location", f"/api/v1/executions/{run}".encode()


def _place(run: RunId, workflow: str, status: RunStatus) -> bytes:
    """Return where a run stands, and where more of it is to be had."""
    own = f"/api/v1/executions/{run}"
    links = {"self": own, "events": f"{own}/events", "result": f"{own}/result", "cancel": f"{own}/cancel"}
    return _ENCODE({"execution_id": run, "workflow_id": workflow, "status": status, "links": links})


def _asked(asked: ExecuteRequest | RerunRequest) -> str:
    """Return what was asked for beside document and inputs, as it was written: a time from now is another each time."""
    if isinstance(asked, ExecuteRequest):
        return f"{asked.priority} {asked.deadline} {asked.run_at}"
    return f"{asked.priority} {asked.deadline} {asked.origin}"
