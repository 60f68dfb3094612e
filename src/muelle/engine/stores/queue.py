"""The queue in a database: who may do what when. All verbs are short transactions; times are the database's.

On SQLite the process's clock is the database's. On PostgreSQL only the server's clock is asked, so that a worker whose
clock is wrong harms nobody. SQL is shared: what the two say differently is in `_Words`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from muelle.core import Clock, RunId, TenantId
from muelle.engine.errors import LeaseLost
from muelle.engine.model import Job
from muelle.engine.stores.rows import RUN, fence, one_of
from muelle.engine.times import micros
from muelle.stores import Database, Dialect, Row, SqlValue, Statement, Transaction

SECOND = 1_000_000  # microseconds
BELL = "muelle_jobs"
"""The channel on which processes tell each other that there is something to do."""

_MOST_TENANTS = 1000  # looked at in one claim
_MOST_PROMOTED = 5_000  # sleepers made ready in one statement
_FREE = "worker IS NULL AND state = 'ready'"
_JOB = (
    "INSERT INTO jobs (tenant, run, kind, queue, priority, run_at, state, worker, epoch, claimed, is_keyed, "
    "concurrency_key, concurrency, rate_key, rate, rate_micros) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_SUBMISSION = "INSERT INTO submissions (tenant, principal, key, run, digest, at) VALUES (?, ?, ?, ?, ?, ?)"
_CLAIMED = "run, priority, epoch, request, takeovers"
_TAKEN_OVER = (
    "UPDATE runs SET takeovers = takeovers + 1 WHERE (tenant, run) IN (SELECT tenant, run FROM jobs WHERE worker = ?)"
)
_GIVEN_UP = "UPDATE runs SET status = 'dead' WHERE tenant = ? AND run = ?"
_RUNS = (
    "SELECT run, principal, kind, workflow, plan, inputs, started, cause, version, began, deadline FROM runs "
    "WHERE tenant = ? AND "
)


@dataclass(frozen=True, slots=True)
class _Words:
    """What the two databases say differently."""

    now: str
    lock: str
    share: str
    among: str


# PostgreSQL may carry out a query within IN once for each row, and lock anew each time what LIMIT allows once.
_WORDS = {
    "sqlite": _Words("CAST(? AS INTEGER)", "", "", "run IN ({})"),
    "postgresql": _Words(
        "COALESCE(CAST(? AS BIGINT), CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT))",
        " FOR UPDATE SKIP LOCKED",
        " FOR SHARE",
        "run = ANY (ARRAY ({}))",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A run as a worker got it: the columns of its job and of its run."""

    tenant: TenantId
    run: RunId
    priority: int
    epoch: int
    request: str
    row: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaped:
    """A run whose worker died."""

    tenant: TenantId
    run: RunId
    is_dead: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a look at the queue showed; `wake` is in seconds, None if nobody sleeps."""

    is_ready: bool
    is_due: bool
    wake: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """How much a worker wants: `places` in all, and of each tenant no more than `most` with what it `holds`."""

    worker: str
    queues: Sequence[str]
    places: int
    most: int
    holds: Mapping[TenantId, int]
    after: str = ""  # the tenant that was served last


class Queue:
    """Jobs, workers and keys. One for a process; it keeps nothing in memory."""

    def __init__(self, database: Database, clock: Clock, *, trusts_database: bool = True) -> None:
        self._database = database
        self._clock = clock
        self._words = _WORDS[database.dialect]
        self._is_told = database.dialect == "sqlite" or not trusts_database

    @property
    def database(self) -> Database:
        """Where the queue is."""
        return self._database

    def now(self) -> int | None:
        """Return the time to hand to the database, or None where it knows better."""
        return micros(self._clock.now()) if self._is_told else None

    @property
    def now_sql(self) -> str:
        """What stands for the time in SQL; its one parameter is `now()`."""
        return self._words.now

    def fence(self, worker: str) -> Statement:
        """Return the statement that fails a commit of a worker that is not alive."""
        return fence(self._database.dialect, worker)

    def bell(self) -> list[Statement]:
        """Return what tells other processes that there is something to do."""
        if self._database.dialect == "sqlite":
            return []
        return [Statement("SELECT pg_notify(?, '')", [(BELL,)], once=True)]

    def entering(self, job: Job, run: RunId, inputs: bytes, worker: str | None, digest: bytes) -> list[Statement]:
        """Return the statements that queue a job, already held by `worker` if that is given."""
        at = micros(self._clock.now())
        due = micros(job.run_at) if job.run_at else at
        state = "sleeping" if due > at else "ready"
        deadline = micros(job.deadline) if job.deadline else None
        begun = (job.tenant, run, job.principal, job.name, job.plan, inputs, at, job.kind, job.cause, job.version)
        keyed = int(bool(job.concurrency_key or job.rate_key))
        keys = (job.concurrency_key, job.concurrency, job.rate_key, job.rate, int(job.rate_seconds * SECOND))
        held = (worker, 0 if worker is None else 1, None if worker is None else at)
        statements = [
            Statement(RUN, [(*begun, None, deadline, "queued", None, None, 0, 0, 0, None, None)]),
            Statement(_JOB, [(job.tenant, run, job.kind, job.queue, job.priority, due, state, *held, keyed, *keys)]),
        ]
        if job.idempotency_key:
            row = (job.tenant, job.principal, job.idempotency_key, run, digest, at)
            statements.append(Statement(_SUBMISSION, [row]))
        if worker is not None:
            statements.append(self.fence(worker))
        return statements

    async def submission(self, job: Job) -> tuple[RunId, bytes] | None:
        """Return the run and the digest of the first job under the same key."""
        sql = "SELECT run, digest FROM submissions WHERE tenant = ? AND principal = ? AND key = ?"
        rows = await self._database.fetch(sql, job.tenant, job.principal, job.idempotency_key)
        return (RunId(rows[0][0]), bytes(rows[0][1])) if rows else None

    async def enter(self, worker: str, name: str, queues: Sequence[str], places: int, lease: int) -> None:
        """Write down a new worker, alive for `lease` microseconds."""
        now = self._words.now
        sql = (
            "INSERT INTO workers (worker, name, queues, places, started, deadline, alive) "  # noqa: S608 - constants
            f"VALUES (?, ?, ?, ?, {now}, {now} + ?, 1)"
        )
        at = self.now()
        async with self._database.transaction(alone=False) as transaction:
            await transaction.execute(sql, worker, name, ",".join(queues), places, at, at, lease)

    def renewal(self, worker: str, lease: int) -> list[Statement]:
        """Return what renews a lease, and is refused if it is lost."""
        sql = f"UPDATE workers SET deadline = {self._words.now} + ? WHERE worker = ? AND alive = 1"  # noqa: S608 - constants
        return [Statement(sql, [(self.now(), lease, worker)]), self.fence(worker)]

    async def held(self, worker: str) -> list[Row]:
        """Return (tenant, run, request, nudged) of all that a worker holds."""
        return await self._database.fetch("SELECT tenant, run, request, nudged FROM jobs WHERE worker = ?", worker)

    async def claim(self, wish: Wish) -> tuple[list[Claimed], set[TenantId]]:
        """Take what is due, tenant by tenant in turn; raise LeaseLost if the worker may not.

        Returns also the tenants of whom more may be due.
        """
        async with self._database.transaction(alone=False) as transaction:
            await self._check(transaction, wish.worker)
            claim = Claim(transaction, wish, self._words, self.now(), self._database.dialect)
            return await claim.take(), claim.left

    async def claim_one(self, wish: Wish, tenant: TenantId, run: RunId) -> Claimed | None:
        """Take one run that is free and that its keys allow to begin, or None."""
        from muelle.engine.stores.keys import Keys  # noqa: PLC0415 - few jobs have keys

        async with self._database.transaction(alone=False) as transaction:
            await self._check(transaction, wish.worker)
            if not await Keys(transaction, tenant, self._words.lock, self.now(), self._words.now).allow(run):
                return None
            claim = Claim(transaction, wish, self._words, self.now(), self._database.dialect)
            taken = await claim.take_runs(tenant, "run = ?", (run,))
            return taken[0] if taken else None

    async def promote(self) -> int:
        """Make ready whom it is time to wake; return how many."""
        due = (
            "SELECT tenant, run FROM jobs WHERE state = 'sleeping' "  # noqa: S608 - constants
            f"AND run_at <= {self._words.now} ORDER BY run_at LIMIT {_MOST_PROMOTED}{self._words.lock}"
        )
        sql = (
            f"WITH due AS MATERIALIZED ({due}) "  # noqa: S608 - constants
            "UPDATE jobs SET state = 'ready' WHERE (tenant, run) IN (SELECT tenant, run FROM due)"
        )
        async with self._database.transaction(alone=False) as transaction:
            return await transaction.execute(sql, self.now())

    async def look(self, queues: Sequence[str]) -> "Look":
        """Return whether there is something to claim or to wake, and in how many seconds; locks nothing."""
        ready = f"SELECT 1 FROM jobs WHERE is_keyed IN (0, 1) AND queue IN ({', '.join('?' * len(queues))}) AND {_FREE}"  # noqa: S608 - constants
        sql = f"SELECT EXISTS ({ready}), (SELECT min(run_at) FROM jobs WHERE state = 'sleeping') - {self._words.now}"  # noqa: S608 - constants
        ((is_ready, left),) = await self._database.fetch(sql, *queues, self.now())
        is_due = left is not None and left <= 0
        return Look(is_ready=bool(is_ready), is_due=is_due, wake=None if left is None else left / SECOND)

    async def reap(self, most_takeovers: int) -> list[Reaped]:
        """Declare dead who did not renew its lease, and make ready what it held, in one transaction."""
        late = f"SELECT worker FROM workers WHERE alive = 1 AND deadline < {self._words.now}"  # noqa: S608 - constants
        if not await self._database.fetch(late, self.now()):
            return []
        async with self._database.transaction(alone=False) as transaction:
            # Who froze in the middle of a commit has its row locked until the server ends that: nobody waits for it.
            free = f"{late}{self._words.lock}"
            kill = (
                f"WITH late AS MATERIALIZED ({free}) "  # noqa: S608 - constants
                "UPDATE workers SET alive = 0 WHERE worker IN (SELECT worker FROM late) RETURNING worker"
            )
            dead = await transaction.fetch(kill, self.now())
            reaped = [one for (worker,) in dead for one in await self._empty(transaction, worker, most_takeovers)]
            await transaction.execute(
                f"DELETE FROM workers WHERE alive = 0 AND deadline < {self._words.now} - ?",  # noqa: S608 - constants
                self.now(),
                3600 * SECOND,
            )
            return reaped

    async def release(self, worker: str, runs: Sequence[tuple[TenantId, RunId]] | None = None) -> None:
        """Give back some runs of a worker; without `runs` all of them, and the worker is gone."""
        give = "UPDATE jobs SET worker = NULL, claimed = NULL WHERE worker = ?"
        async with self._database.transaction(alone=False) as transaction:
            if runs is None:
                await transaction.execute("UPDATE workers SET alive = 0 WHERE worker = ?", worker)
                await transaction.execute(give, worker)
            for tenant, run in runs or ():
                await transaction.execute(f"{give} AND tenant = ? AND run = ?", worker, tenant, run)
            for statement in self.bell():
                await transaction.fetch(statement.sql, *statement.rows[0])

    async def depths(self, tenant: TenantId | None = None) -> tuple[list[Row], int]:
        """Return (queue, state, jobs, seconds for which the first is due) and how many workers are alive.

        Given a tenant, only its jobs are counted.
        """
        state = "CASE WHEN worker IS NULL THEN state ELSE 'held' END"
        whose = "" if tenant is None else "WHERE tenant = ? "
        sql = (
            f"SELECT queue, {state}, count(*), ({self._words.now} - min(run_at)) / {SECOND}.0 FROM jobs "  # noqa: S608 - constants
            f"{whose}GROUP BY queue, {state}"
        )
        rows = await self._database.fetch(sql, self.now(), *(() if tenant is None else (tenant,)))
        ((alive,),) = await self._database.fetch("SELECT count(*) FROM workers WHERE alive = 1")
        return rows, alive

    async def workers(self) -> list[Row]:
        """Return (worker, name, queues, places, held, started, seconds until its lease ends) of all that are alive."""
        return await self._database.fetch(
            "SELECT worker, name, queues, places, (SELECT count(*) FROM jobs WHERE jobs.worker = workers.worker), "  # noqa: S608 - constants
            f"started, (deadline - {self._words.now}) / {SECOND}.0 FROM workers WHERE alive = 1 ORDER BY worker",
            self.now(),
        )

    async def _check(self, transaction: Transaction, worker: str) -> None:
        alive = f"SELECT 1 FROM workers WHERE worker = ? AND alive = 1{self._words.share}"  # noqa: S608 - constants
        if not await transaction.fetch(alive, worker):
            raise LeaseLost(worker=worker)

    async def _empty(self, transaction: Transaction, worker: str, most: int) -> list[Reaped]:
        """Free what a dead worker held, in as many statements for one as for hundreds: whoever reaps may die too."""
        await transaction.execute(_TAKEN_OVER, worker)
        rows = await transaction.fetch(
            "UPDATE jobs SET worker = NULL, claimed = NULL, epoch = epoch + 1, takeovers = takeovers + 1, "
            "state = CASE WHEN takeovers + 1 >= ? THEN 'dead' ELSE 'ready' END WHERE worker = ? "
            "RETURNING tenant, run, state",
            most,
            worker,
        )
        reaped = [Reaped(tenant=tenant, run=run, is_dead=state == "dead") for tenant, run, state in rows]
        for one in reaped:
            if one.is_dead:
                await transaction.execute(_GIVEN_UP, one.tenant, one.run)
        return reaped


class Claim:
    """One claim: which tenants have something to do, and who gets how much."""

    def __init__(self, transaction: Transaction, wish: Wish, words: _Words, now: int | None, dialect: Dialect) -> None:
        self._transaction = transaction
        self._wish = wish
        self._lock = words.lock
        self._among = words.among
        self._now = now
        self._now_sql = words.now
        self._dialect = dialect
        self.left: set[TenantId] = set()

    async def take(self) -> list[Claimed]:
        """Return what was taken."""
        taken: list[Claimed] = []
        for keyed in (0, 1):
            for queue in self._wish.queues:
                taken += await self._from(queue, keyed, self._wish.places - len(taken))
        return taken

    async def _from(self, queue: str, keyed: int, places: int) -> list[Claimed]:
        taken: list[Claimed] = []
        tenants = await self._tenants(queue, keyed) if places > 0 else []
        while tenants and places > len(taken):
            share = max(1, (places - len(taken)) // len(tenants))
            hungry = []
            for tenant in tenants:
                room = min(share, places - len(taken), self._room(tenant, taken))
                found = await self._of(tenant, queue, keyed, room) if room > 0 else []
                taken += found
                if found and len(found) == room:
                    hungry.append(tenant)
                elif room > 0:
                    self.left.discard(tenant)
            tenants = hungry
        return taken

    def _room(self, tenant: TenantId, taken: Sequence[Claimed]) -> int:
        return self._wish.most - self._wish.holds.get(tenant, 0) - sum(one.tenant == tenant for one in taken)

    async def _tenants(self, queue: str, keyed: int) -> list[TenantId]:
        """Return who has something due, by skipping through the index; whoever was served last comes last."""
        of = f"FROM jobs WHERE is_keyed = ? AND queue = ? AND {_FREE}"
        sql = (
            f"WITH RECURSIVE found(tenant) AS (SELECT min(tenant) {of} UNION ALL "  # noqa: S608 - constants
            f"SELECT (SELECT min(tenant) {of} AND tenant > found.tenant) FROM found WHERE found.tenant IS NOT NULL) "
            f"SELECT tenant FROM found WHERE tenant IS NOT NULL LIMIT {_MOST_TENANTS}"
        )
        rows = await self._transaction.fetch(sql, keyed, queue, keyed, queue)
        self.left |= {TenantId(row[0]) for row in rows}
        return sorted((TenantId(row[0]) for row in rows), key=lambda tenant: (tenant <= self._wish.after, tenant))

    async def _of(self, tenant: TenantId, queue: str, keyed: int, room: int) -> list[Claimed]:
        if keyed:
            from muelle.engine.stores.keys import Keys  # noqa: PLC0415 - few jobs have keys

            keys = Keys(self._transaction, tenant, self._lock, self._now, self._now_sql)
            runs = await keys.choose(queue, room)
            if not runs:
                return []
            chosen, packed = one_of("run", runs, self._dialect)
            values: tuple[SqlValue, ...] = (packed,)
        else:
            order = f"ORDER BY priority, run_at, run LIMIT ?{self._lock}"
            chosen = self._among.format(
                f"SELECT run FROM jobs WHERE is_keyed = 0 AND queue = ? AND tenant = ? AND {_FREE} {order}"  # noqa: S608 - constants
            )
            values = (queue, tenant, room)
        return await self.take_runs(tenant, chosen, values)

    async def take_runs(self, tenant: TenantId, chosen: str, values: Sequence[SqlValue]) -> list[Claimed]:
        """Take those free runs of a tenant that a condition chooses."""
        sql = (
            f"UPDATE jobs SET worker = ?, epoch = epoch + 1, nudged = 0, claimed = {self._now_sql} "  # noqa: S608 - constants
            f"WHERE tenant = ? AND {chosen} AND {_FREE} RETURNING {_CLAIMED}"
        )
        jobs = await self._transaction.fetch(sql, self._wish.worker, self._now, tenant, *values)
        return await self._with_runs(tenant, jobs)

    async def _with_runs(self, tenant: TenantId, jobs: Sequence[Row]) -> list[Claimed]:
        if not jobs:
            return []
        chosen, packed = one_of("run", [job[0] for job in jobs], self._dialect)
        rows = await self._transaction.fetch(f"{_RUNS}{chosen}", tenant, packed)
        runs = {row[0]: row for row in rows}
        return [
            Claimed(tenant=tenant, run=RunId(run), priority=priority, epoch=epoch, request=request, row=runs[run])
            for run, priority, epoch, request, _ in sorted(jobs, key=lambda job: (job[1], job[0]))
        ]
