"""What is looked after every so often: versions whose grace is over go, and how many credentials expire is measured."""

from collections import Counter
from collections.abc import AsyncIterator

from muelle.core import Clock, Metric, Metrics
from muelle.egress.credentials import Credentials, status_of
from muelle.egress.model import Credential
from muelle.egress.store import Register

STANDING = Metric("muelle_credentials", "Credentials of all tenants, by how they stand.", "gauge", ("status",))
_PAGE = 200


async def everyones(register: Register[Credential]) -> AsyncIterator[Credential]:
    """Yield the credentials of all tenants, read page by page."""
    after = ("", "")
    while page := await register.everyones(after, _PAGE):
        for credential in page:
            yield credential
        after = (page[-1].tenant, page[-1].id)


class Upkeep:
    """Looks after the credentials of all tenants."""

    def __init__(
        self, register: Register[Credential], credentials: Credentials, metrics: Metrics, clock: Clock
    ) -> None:
        self._register = register
        self._credentials = credentials
        self._metrics = metrics
        self._clock = clock

    async def tend(self) -> None:
        """Forget what has no grace any more, and measure."""
        counts = Counter({"valid": 0, "expiring": 0, "expired": 0})
        async for credential in everyones(self._register):
            await self._credentials.forget_retired(credential)
            counts[status_of(credential, self._clock.now())] += 1
        for status, count in counts.items():
            self._metrics.gauge(STANDING, count, status)
