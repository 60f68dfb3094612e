"""What a job sees of its run: time, chance, and the one way to an effect."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from hashlib import blake2b
from typing import Any, Literal

import msgspec

from muelle.core import MuelleError, PrincipalId, RunId, TenantId
from muelle.engine.durability import durable
from muelle.engine.errors import InvalidJob
from muelle.engine.held import Held, Work
from muelle.engine.model import Past, ValueKept
from muelle.engine.service import Engine

_ENCODE = msgspec.json.Encoder().encode
_DECODE = msgspec.json.Decoder().decode
_CHANCE_BYTES = 6  # a float holds 53 bits
_FAILURES = "~failures"
_OURS = "~"  # what the names begin with that are not the job's own
Json = Any
LeavingStatus = Literal["waiting", "paused", "queued"]


class Leaves(BaseException):
    """The job leaves memory, until a time if it rests; no handler of errors is to see this."""

    def __init__(self, status: LeavingStatus, until: datetime | None = None) -> None:
        super().__init__(status, until)
        self.status = status
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
        self._being_had: set[str] = set()
        self.resource: Any = None  # what the pack of the job opened
        self.http: Any = None  # the calls that leave, in the name of who handed it in
        self.leaving: LeavingStatus | None = None  # how it is to leave memory before its next effect
        self.unwritten: MuelleError | None = None  # why something could not be remembered: then nothing else can be

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
        """Return what `effect` returns, and remember it: in this run it is not had again. Names are unique in a run.

        Where the process is about to stop, or the job to be paused, it leaves memory here instead, and is called again.
        Raises InvalidJob for a name that begins with '~', or that another effect has which is still being had.
        """
        if name.startswith(_OURS) or name in self._being_had:
            raise InvalidJob(f"'{name[:100]}' cannot name an effect", field="name", name=name[:100])
        known = self._values.get(name)
        if known is None:
            known = await self._have(name, effect)
        return _DECODE(known)

    async def now(self) -> datetime:
        """Return the time, which is the same when the job is called again."""
        name = self._numbered("now")
        known = self._values.get(name)
        if known is None:
            known = self._engine.clock.now().isoformat().encode()
            await self.keep(name, known)
        return datetime.fromisoformat(known.decode())

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
            raise Leaves("waiting", until)
        if left > 0:
            await self._engine.clock.sleep(left)

    async def keep(self, name: str, value: bytes) -> None:
        """Remember a value by name; raise what the journal raises, and from then on nothing else can be remembered."""
        if self.unwritten is not None:
            raise self.unwritten
        entry = ValueKept(run=self.run, tenant=self.tenant, sequence=self._sequence, name=name, value=value)
        self._sequence += 1
        try:
            await durable(self._engine.journal.append([entry], lease=self._held.lease))
        except MuelleError as error:
            self.unwritten = error
            raise
        self._values[name] = value

    async def _have(self, name: str, effect: Callable[[], Awaitable[Json]]) -> bytes:
        if self.leaving is not None:
            raise Leaves(self.leaving)
        self._being_had.add(name)
        try:
            had = _ENCODE(await effect())
            await self.keep(name, had)
        finally:
            self._being_had.discard(name)
        return had

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
