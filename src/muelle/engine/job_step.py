"""What a job sees of its run: time, chance, and the one way to an effect."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any

import msgspec

from muelle.core import PrincipalId, RunId, TenantId
from muelle.engine.durability import durable
from muelle.engine.held import Held, Work
from muelle.engine.model import Past, ValueKept
from muelle.engine.service import Engine

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
_CHANCE_BYTES = 6  # a float holds 53 bits
_FAILURES = "~failures"
Json = Any


class Rests(BaseException):
    """The job leaves memory until a time; no handler of errors is to see this."""

    def __init__(self, until: datetime) -> None:
        super().__init__(until)
        self.until = until


class JobStep:
    """What a job sees of its run: time, chance, and the one way to an effect."""

    def __init__(self, engine: Engine, work: Work, held: Held, past: tuple[Past, ...]) -> None:
        self._engine = engine
        self._work = work
        self._held = held
        self._values = {entry.name: entry.value for entry in past if isinstance(entry, ValueKept)}
        self._sequence = past[-1].sequence + 1 if past else 0
        self._counts: dict[str, int] = {}
        self.resource: Any = None  # what the pack of the job opened

    @property
    def run(self) -> RunId:
        """The run."""
        return self._work.run

    @property
    def tenant(self) -> TenantId:
        """Whose it is."""
        return self._work.tenant

    @property
    def principal(self) -> PrincipalId:
        """Who handed it in."""
        return self._work.principal

    async def once(self, name: str, effect: Callable[[], Awaitable[Json]]) -> Json:
        """Return what `effect` returns, and remember it: in this run it is not had again. Names are unique in a run."""
        known = self._values.get(name)
        if known is None:
            known = _ENCODE(await effect())
            await self.keep(name, known)
        return _DECODE(known)

    async def now(self) -> datetime:
        """Return the time, which is the same when the job is called again."""
        moment = self._engine.clock.now().isoformat()
        return datetime.fromisoformat(await self.once(self._numbered("now"), lambda: _given(moment)))

    def random(self) -> float:
        """Return a number from 0 up to 1, the same when the job is called again."""
        text = f"{self.run}/{self._numbered('random')}".encode()
        return int.from_bytes(blake2b(text, digest_size=_CHANCE_BYTES).digest(), "big") / (1 << 8 * _CHANCE_BYTES)

    async def rest(self, seconds: float) -> None:
        """Wait; a job that waits for longer than `engine.park_seconds` leaves memory and holds no worker."""
        began = await self.now()
        until = began + timedelta(seconds=seconds)
        left = (until - self._engine.clock.now()).total_seconds()
        if left > self._engine.settings.park_seconds:
            raise Rests(until)
        if left > 0:
            await self._engine.clock.sleep(left)

    async def keep(self, name: str, value: bytes) -> None:
        """Remember a value by name."""
        self._values[name] = value
        entry = ValueKept(run=self.run, tenant=self.tenant, sequence=self._sequence, name=name, value=value)
        self._sequence += 1
        await durable(self._engine.journal.append([entry], lease=self._held.lease))

    def _numbered(self, name: str) -> str:
        self._counts[name] = number = self._counts.get(name, 0) + 1
        return f"~{name}/{number}"

    @property
    def sequence(self) -> int:
        """Which entry of the journal comes next."""
        return self._sequence

    @property
    def failures(self) -> int:
        """How often the job has failed so far."""
        return int(self._values.get(_FAILURES, b"0"))

    async def keep_failures(self, failures: int) -> None:
        """Remember how often it has failed."""
        await self.keep(_FAILURES, str(failures).encode())


async def _given(value: str) -> str:
    return value
