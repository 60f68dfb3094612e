"""Concurrency and rate keys: which keyed jobs of a tenant may begin now.

The row of a key is locked while its users are counted, so that two workers never both take the last place.
"""

from muelle.core import RunId, TenantId
from muelle.engine.stores.rows import one_of
from muelle.stores import Row, SqlValue, Transaction

_MOST_ROUNDS = 20  # keys found exhausted in one claim, after which the next claim goes on
_KEYED = 0x6B65796564  # "keyed": the key of the advisory lock that a claim of keyed jobs holds
_COLUMNS = "run, concurrency_key, concurrency, rate_key, rate, rate_micros"


class Keys:
    """The keys of one tenant, within one transaction."""

    def __init__(self, transaction: Transaction, tenant: TenantId, lock: str, now: int | None, now_sql: str) -> None:
        self._transaction = transaction
        self._tenant = tenant
        self._lock = lock
        self._for_update = " FOR UPDATE" if lock else ""
        self._now = now
        self._now_sql = now_sql
        self._exhausted: dict[str, list[str]] = {"concurrency_key": [], "rate_key": []}
        self._begun: dict[str, int] = {}
        self._chosen: list[RunId] = []

    async def choose(self, queue: str, room: int) -> list[RunId]:
        """Return the runs that may begin; those of a rate that is used up sleep until it is renewed."""
        await self._alone()
        chosen = self._chosen
        for _ in range(_MOST_ROUNDS):
            rows = await self._candidates(queue, room - len(chosen), chosen)
            before = sum(map(len, self._exhausted.values()))
            for row in rows:
                if await self._may_begin(row):
                    chosen.append(RunId(row[0]))
            if len(chosen) >= room or before == sum(map(len, self._exhausted.values())):
                break
        return chosen

    async def allow(self, run: RunId) -> bool:
        """Return whether a free run may begin, keys or not."""
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE tenant = ? AND run = ? AND is_keyed = 1"  # noqa: S608 - constants
        rows = await self._transaction.fetch(sql, self._tenant, run)
        if not rows:
            return True
        await self._alone()
        return await self._may_begin(rows[0])

    async def _alone(self) -> None:
        """Let one claim at a time look at keys: each would lock some, and wait for those of the other one."""
        if self._lock:
            await self._transaction.fetch("SELECT pg_advisory_xact_lock(?)", _KEYED)

    async def _candidates(self, queue: str, room: int, chosen: list[RunId]) -> list[Row]:
        sql = f"SELECT {_COLUMNS} FROM jobs WHERE is_keyed = 1 AND queue = ? AND tenant = ? AND worker IS NULL AND state = 'ready'"  # noqa: S608, E501 - constants
        values: list[SqlValue] = [queue, self._tenant]
        for column, excluded in (*self._exhausted.items(), ("run", [str(run) for run in chosen])):
            if excluded:
                sql += f" AND {column} NOT IN ({', '.join('?' * len(excluded))})"
                values += excluded
        sql += f" ORDER BY priority, run_at, run LIMIT ?{self._lock}"
        return await self._transaction.fetch(sql, *values, room)

    async def _may_begin(self, row: Row) -> bool:
        _, concurrency_key, concurrency, rate_key, rate, rate_micros = row
        if concurrency_key in self._exhausted["concurrency_key"] or rate_key in self._exhausted["rate_key"]:
            return False
        if concurrency_key and not await self._has_place(concurrency_key, concurrency):
            self._exhausted["concurrency_key"].append(concurrency_key)
            return False
        if rate_key and not await self._is_within(rate_key, rate, rate_micros):
            self._exhausted["rate_key"].append(rate_key)
            return False
        if concurrency_key:
            self._begun[concurrency_key] = self._begun.get(concurrency_key, 0) + 1
        return True

    async def _has_place(self, key: str, most: int) -> bool:
        if key not in self._begun:
            await self._state(f"c:{key}")
            ((count,),) = await self._transaction.fetch(
                "SELECT count(*) FROM jobs WHERE tenant = ? AND concurrency_key = ? AND worker IS NOT NULL",
                self._tenant,
                key,
            )
            self._begun[key] = count
        return self._begun[key] < most

    async def _is_within(self, key: str, rate: int, period: int) -> bool:
        used, since, paused_until, now = await self._state(f"r:{key}")
        if now - since >= period:
            used, since = 0, now
        wake = paused_until if paused_until > now else since + period if used >= rate else 0
        if wake:
            await self._sleep(key, wake)
            return False
        await self._transaction.execute(
            "UPDATE limit_keys SET used = ?, since = ? WHERE tenant = ? AND key = ?",
            used + 1,
            since,
            self._tenant,
            f"r:{key}",
        )
        return True

    async def _sleep(self, key: str, wake: int) -> None:
        """Let all others of a rate sleep; not those that were chosen just now, which are nobody's yet."""
        begin, packed = one_of("run", self._chosen, "postgresql" if self._lock else "sqlite")
        await self._transaction.execute(
            "UPDATE jobs SET state = 'sleeping', run_at = ? WHERE tenant = ? AND run IN (SELECT run FROM jobs "  # noqa: S608 - constants
            f"WHERE tenant = ? AND rate_key = ? AND worker IS NULL AND state = 'ready' AND NOT {begin}{self._lock})",
            wake,
            self._tenant,
            self._tenant,
            key,
            packed,
        )

    async def _state(self, key: str) -> tuple[int, int, int, int]:
        """Return used, since, paused until and now; the key's row is locked from here on."""
        await self._transaction.execute(
            "INSERT INTO limit_keys (tenant, key) VALUES (?, ?) ON CONFLICT DO NOTHING", self._tenant, key
        )
        rows = await self._transaction.fetch(
            f"SELECT used, since, paused_until, {self._now_sql} FROM limit_keys "  # noqa: S608 - constants
            f"WHERE tenant = ? AND key = ?{self._for_update}",
            self._now,
            self._tenant,
            key,
        )
        used, since, paused_until, now = rows[0]
        return used, since, paused_until, now
