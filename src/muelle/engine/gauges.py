"""How full the queue is, for whoever watches."""

from muelle.core import Metrics
from muelle.engine.metrics import BATCH, COMMIT_SECONDS, QUEUE_AGE, QUEUED, WORKERS
from muelle.engine.stores.queue import Queue


class Gauges:
    """Sets the gauges of the queue, and measures group commits; what is not there any more falls to 0."""

    def __init__(self, queue: Queue, metrics: Metrics) -> None:
        self._queue = queue
        self._metrics = metrics
        queue.database.observe(self._note_commit)
        self._shown: set[tuple[str, str]] = set()

    async def measure(self) -> None:
        """Look at the queue once."""
        rows, alive = await self._queue.depths()
        shown = {(queue, state) for queue, state, _, _ in rows}
        for queue, state in self._shown - shown:
            self._metrics.gauge(QUEUED, 0, queue, state)
        ages = dict.fromkeys({queue for queue, _ in self._shown | shown}, 0.0)
        for queue, state, jobs, age in rows:
            self._metrics.gauge(QUEUED, jobs, queue, state)
            if state == "ready":
                ages[queue] = max(0.0, float(age))
        for queue, age in ages.items():
            self._metrics.gauge(QUEUE_AGE, age, queue)
        self._metrics.gauge(WORKERS, alive)
        self._shown = shown

    def _note_commit(self, callers: int, seconds: float) -> None:
        self._metrics.observe(BATCH, callers)
        self._metrics.observe(COMMIT_SECONDS, seconds)
