"""The client that blocks."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Self, TypeVar

from muelle_client import protocol
from muelle_client.errors import ConnectionFailed, MuelleClientError, TimedOut
from muelle_client.protocol import RUN_TIMEOUT, Call, Listing, Request, Response, RunFilter, Wishes
from muelle_client.results import Answer, Capabilities, Execution, Health, Json, Report, Run
from muelle_client.retry import Retry
from muelle_client.standing import RunEvent, Submitted
from muelle_client.stream import EventReader, Following
from muelle_client.wire import arguments, failure_of, headers
from muelle_client.workflow import Workflow

if TYPE_CHECKING:
    import httpx

T = TypeVar("T")


class Muelle:
    """A Muelle server, as the owner of a key sees it. Use it in a `with` block, or `close` it.

    `timeout` is in seconds and counts for everything but `run`, which may take as long as a run may take (31 minutes,
    or its own `timeout`). `transport`, `sleep` and `retry.chance` are for tests and for special networks.
    """

    def __init__(
        self,
        url: str,
        api_key: str,
        *,
        timeout: float = 30.0,
        retry: Retry | None = None,
        transport: "httpx.BaseTransport | None" = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        import httpx  # noqa: PLC0415 - a third of a second, which building documents does not need

        self.url = protocol.server_url(url)
        self._key = api_key
        self._retry = retry or Retry()
        self._sleep = sleep
        self._http = httpx.Client(
            base_url=self.url, headers=headers(api_key), timeout=timeout, transport=transport, follow_redirects=False
        )

    def __repr__(self) -> str:
        """Name the server, and hide the key."""
        return f"{type(self).__name__}({self.url!r}, '***')"

    def __enter__(self) -> Self:
        """Return this client; it is closed at the end of the block."""
        return self

    def __exit__(self, *_failure: object) -> None:
        """Close connections."""
        self.close()

    def close(self) -> None:
        """Close connections; the client cannot be used after that."""
        self._http.close()

    def health(self) -> Health:
        """Return whether the server is well; needs no grant."""
        return self._perform(protocol.health())

    def capabilities(self) -> Capabilities:
        """Return what the key's owner may do."""
        return self._perform(protocol.capabilities())

    def validate(self, document: str | Workflow) -> Report:
        """Return what is wrong with a document, without running it."""
        return self._perform(protocol.validate(str(document)))

    def run(
        self,
        document: str | Workflow,
        *,
        inputs: Mapping[str, Json] | None = None,
        validate: bool = True,
        idempotency_key: str | None = None,
        timeout: float | None = None,
    ) -> Answer:
        """Run a document and return how it ended; that an operation failed is no exception (see `require_success`).

        `inputs` are what the document reads under `/input`. Without `validate`, advice is left out; errors never are.
        Only with an `idempotency_key` is a call that got no answer repeated. Raise InvalidDocument if the document
        cannot run.
        """
        call = protocol.run(
            str(document),
            inputs,
            validate=validate,
            idempotency_key=idempotency_key,
            timeout=timeout or RUN_TIMEOUT,
        )
        return self._perform(call)

    def runs(
        self,
        *,
        status: str | None = None,
        limit: int | None = None,
        agent_id: str | None = None,
        workflow_id: str | None = None,
    ) -> Iterator[Run]:
        """Yield runs, newest first, page after page as they are needed; `limit` is how many in all, None for all."""
        listing = Listing(RunFilter(status=status, agent_id=agent_id, workflow_id=workflow_id), limit)
        while (call := listing.next_call()) is not None:
            yield from listing.take(self._perform(call))

    def execution(self, execution_id: str) -> Execution:
        """Return one run with how each of its operations ended."""
        return self._perform(protocol.execution(execution_id))

    def submit(
        self,
        document: str | Workflow,
        *,
        inputs: Mapping[str, Json] | None = None,
        idempotency_key: str | None = None,
        priority: int | None = None,
        deadline: datetime | float | None = None,
        run_at: datetime | float | None = None,
    ) -> Submitted:
        """Hand a document in and return at once; ask `result` or `events` for it later.

        `priority` goes from 1 (first) to 5; times are aware, or seconds from now. Without an `idempotency_key` the call
        gets one of its own, so that what is repeated after a failure is one run. Raise Conflict for a key that was used
        for something else.
        """
        wishes = Wishes(priority=priority, deadline=deadline, run_at=run_at)
        return self._perform(protocol.submit(str(document), inputs, wishes, idempotency_key=idempotency_key))

    def result(self, execution_id: str, *, timeout: float | None = None) -> Answer:
        """Return how a run ended, waiting for it; raise TimedOut if it has not ended after `timeout` seconds."""
        left = math.inf if timeout is None else timeout
        while True:
            wait = min(left, protocol.WAIT)
            found = self._perform(protocol.result(execution_id, wait))
            if isinstance(found, Answer):
                return found
            left -= wait
            if left <= 0:
                raise TimedOut(f"The run {execution_id} has not ended; it is {found.status}.")

    def events(self, execution_id: str, *, after: int | None = None) -> Iterator[RunEvent]:
        """Yield what happens in a run until it ends, behind the event `after`, over connections that may break.

        Events with an id come once each; those without tell how the run stands. Raise what reading raises.
        """
        following = Following(after)
        while not following.is_over:
            request = protocol.events(execution_id, following.after)
            try:
                yield from self._listen(request, following)
                if not following.is_over:
                    raise ConnectionFailed(f"The stream of {execution_id} ended before the run.")
            except MuelleClientError as error:
                self._sleep(self._retry.pause(request, following, error))

    def cancel(self, execution_id: str) -> Run:
        """End a run, soon; what it names for compensation is undone. Raise Conflict if it has ended."""
        return self._perform(protocol.change(execution_id, "cancel"))

    def pause(self, execution_id: str) -> Run:
        """Let a run come to a step's end, and stop there."""
        return self._perform(protocol.change(execution_id, "pause"))

    def resume(self, execution_id: str) -> Run:
        """Have a paused run go on; raise Conflict if it is not paused."""
        return self._perform(protocol.change(execution_id, "resume"))

    def replay(self, execution_id: str) -> Run:
        """Have a run go on that was given up; raise Conflict if it was not."""
        return self._perform(protocol.change(execution_id, "replay"))

    def prioritise(self, execution_id: str, priority: int) -> Run:
        """Give a run that waits its turn another priority, 1 (first) to 5."""
        return self._perform(protocol.prioritise(execution_id, priority))

    def rerun(
        self,
        execution_id: str,
        *,
        origin: str | None = None,
        inputs: Mapping[str, Json] | None = None,
        idempotency_key: str | None = None,
        priority: int | None = None,
        deadline: datetime | float | None = None,
    ) -> Submitted:
        """Run a document again as a new run, from the operation `origin` on: what came before it is kept."""
        wishes = Wishes(priority=priority, deadline=deadline)
        return self._perform(protocol.rerun(execution_id, origin, inputs, wishes, idempotency_key=idempotency_key))

    def _listen(self, request: Request, following: Following) -> Iterator[RunEvent]:
        """Yield the events of one connection."""
        import httpx  # noqa: PLC0415 - imported already, by the constructor

        reader = EventReader()
        try:
            with self._http.stream(**arguments(request)) as response:
                if not protocol.is_stream(response.status_code, response.headers):
                    whole = Response(response.status_code, response.headers, response.read())
                    following.is_over = protocol.is_end(whole, self._key)
                    return
                for received in response.iter_bytes():
                    for event in reader.feed(received):
                        if following.take(event):
                            yield event
        except httpx.HTTPError as error:
            failure = failure_of(request, error, self._key)
        else:
            return
        raise failure

    def _perform(self, call: Call[T]) -> T:
        attempt = 1
        while True:
            try:
                return protocol.read(call, self._exchange(call.request), self._key)
            except MuelleClientError as error:
                wait = self._retry.wait(call.request, attempt, error)
                if wait is None:
                    raise
            self._sleep(wait)
            attempt += 1

    def _exchange(self, request: Request) -> Response:
        import httpx  # noqa: PLC0415 - imported already, by the constructor

        try:
            response = self._http.request(**arguments(request))
        except httpx.HTTPError as error:
            failure = failure_of(request, error, self._key)
        else:
            return Response(response.status_code, response.headers, response.content)
        raise failure
