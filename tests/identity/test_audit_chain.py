"""The chain of the audit record: whatever is done to rows that were sealed is found."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import pytest

from muelle.core import AuditId, ManualClock, PrincipalId, TenantId
from muelle.identity import Act, AuditFilter, IdentitySettings, SqlAuditTrail
from muelle.identity.errors import InvalidHead
from muelle.identity.record.chain import NOTHING, Fault, Verified, digest_of, seal_mac
from muelle.identity.record.sealer import Sealer
from muelle.identity.record.store import SqlSeals
from muelle.identity.record.verifier import SqlChain, Unchained
from muelle.stores import Database, MemoryVault, Vault

A, B = TenantId("a"), TenantId("b")


@dataclass
class Record:
    database: Database
    clock: ManualClock = field(default_factory=ManualClock)
    vault: Vault = field(default_factory=MemoryVault)
    settings: IdentitySettings = field(default_factory=IdentitySettings)
    written: int = 0

    def __post_init__(self) -> None:
        self.trail = SqlAuditTrail(self.database)
        self.sealer = self.another_process()
        self.chain = SqlChain(self.database, self.vault)

    def another_process(self) -> Sealer:
        return Sealer(self.database, self.vault, self.trail, self.clock, self.settings)

    def act(self, tenant: TenantId) -> Act:
        self.written += 1
        number = self.written
        return Act(
            id=AuditId(f"audit_{number:032x}"),
            tenant=tenant,
            principal=PrincipalId("agent_1"),
            action="runs.start",
            resource=f"flujo ñ {number}",
            decision="allowed",
            at=self.clock.now(),
        )

    async def write(self, tenant: TenantId = A, count: int = 3) -> None:
        await self.trail.record([self.act(tenant) for _ in range(count)])

    async def sealed(self, times: int = 3) -> None:
        """Write and seal three acts of each tenant, some times over."""
        for _ in range(times):
            await self.write(A)
            await self.write(B)
            await self.sealer.seal()
            self.clock.forward(seconds=10)

    async def run(self, sql: str, *parameters: Any) -> int:
        async with self.database.transaction() as transaction:
            return await transaction.execute(sql, *parameters)

    async def kinds(self, tenant: TenantId = A) -> list[tuple[str, int]]:
        return [(fault.kind, fault.seal) for fault in (await self.chain.verify(tenant)).faults]


@pytest.fixture
def record(database: Database) -> Record:
    return Record(database)


async def test_what_nobody_touched_is_whole(record: Record) -> None:
    await record.sealed()
    await record.write(A, 2)
    told = await record.chain.verify(A)
    assert (told.faults, told.seals, told.acts, told.unsealed) == ((), 3, 9, 2)
    assert told.unsealed_since == record.clock.now()
    assert told.head == await record.chain.head(A)
    assert (await record.chain.whole(), await record.chain.tenants()) == ([], [A, B])


async def test_nothing_is_verified_where_nothing_is_recorded(record: Record) -> None:
    assert await record.sealer.seal() == 0
    told = await record.chain.verify(A)
    assert (told.faults, told.seals, told.unsealed, told.head) == ((), 0, 0, f"0:{'0' * 64}")
    assert await record.chain.whole() == []


Deed = Callable[[Record], Awaitable[object]]
SECOND = "audit_" + f"{8:032x}"  # an act of tenant a, in its second seal


def _run(sql: str, *parameters: Any) -> Deed:
    return lambda record: record.run(sql, *parameters)


async def _put_in(record: Record) -> object:
    if record.database.dialect == "sqlite":  # where two acts have no place in common: one of the other tenant's
        return await record.run("UPDATE identity_acts SET tenant = 'a' WHERE id = ?", f"audit_{10:032x}")
    columns = "tenant, principal, action, resource, decision, at, request, detail, place"
    sql = f"INSERT INTO identity_acts (id, {columns}) SELECT 'x', {columns} FROM identity_acts WHERE id = ?"  # noqa: S608 - constants
    return await record.run(sql, SECOND)


DEEDS: dict[str, tuple[Deed, tuple[str, int]]] = {
    "an act was removed": (_run("DELETE FROM identity_acts WHERE id = ?", SECOND), ("removed", 2)),
    "all acts of a seal were removed": (
        _run("DELETE FROM identity_acts WHERE id > ? AND tenant = 'a'", f"audit_{12:032x}"),
        ("removed", 3),
    ),
    "who": (_run("UPDATE identity_acts SET principal = 'agent_2' WHERE id = ?", SECOND), ("changed", 2)),
    "nobody": (_run("UPDATE identity_acts SET principal = NULL WHERE id = ?", SECOND), ("changed", 2)),
    "what": (_run("UPDATE identity_acts SET action = 'x' WHERE id = ?", SECOND), ("changed", 2)),
    "on what": (_run("UPDATE identity_acts SET resource = 'x' WHERE id = ?", SECOND), ("changed", 2)),
    "decided": (_run("UPDATE identity_acts SET decision = 'refused' WHERE id = ?", SECOND), ("changed", 2)),
    "when": (_run("UPDATE identity_acts SET at = at + 1 WHERE id = ?", SECOND), ("changed", 2)),
    "request": (_run("UPDATE identity_acts SET request = 'x' WHERE id = ?", SECOND), ("changed", 2)),
    "detail": (_run("UPDATE identity_acts SET detail = 'x' WHERE id = ?", SECOND), ("changed", 2)),
    "an act's id": (_run("UPDATE identity_acts SET id = 'x' WHERE id = ?", SECOND), ("changed", 2)),
    "an act became another tenant's": (
        _run("UPDATE identity_acts SET tenant = 'b' WHERE id = ?", SECOND),
        ("removed", 2),
    ),
    "an act was put in": (_put_in, ("inserted", 2)),
    "an act was moved after the last seal": (
        _run("UPDATE identity_acts SET place = 1000000000 WHERE id = ?", SECOND),
        ("removed", 2),
    ),
    "a seal was removed": (_run("DELETE FROM identity_seals WHERE number = 2 AND tenant = 'a'"), ("seal_missing", 2)),
    "the first seal was removed": (
        _run("DELETE FROM identity_seals WHERE number = 1 AND tenant = 'a'"),
        ("seal_missing", 1),
    ),
    "a seal was changed": (
        _run("UPDATE identity_seals SET at = at + 1 WHERE number = 2 AND tenant = 'a'"),
        ("changed", 2),
    ),
    "the last seal alone was removed": (
        _run("DELETE FROM identity_seals WHERE number = 3 AND tenant = 'a'"),
        ("inserted", 2),
    ),
    "a cut was made up": (
        _run(
            "INSERT INTO identity_cuts (tenant, number, until, acts, at, digest, key, mac)"
            " SELECT tenant, number, until, acts, at, digest, key, mac FROM identity_seals"
            " WHERE number = 1 AND tenant = 'a'"
        ),
        ("cut_forged", 1),
    ),
}


@pytest.mark.parametrize(("deed", "fault"), DEEDS.values(), ids=DEEDS)
async def test_whatever_is_done_to_sealed_rows_is_found(record: Record, deed: Deed, fault: tuple[str, int]) -> None:
    await record.sealed()
    await deed(record)
    assert fault in await record.kinds()


async def test_who_computes_the_chain_anew_lacks_the_key(record: Record) -> None:
    await record.sealed(1)
    await record.run("UPDATE identity_acts SET resource = 'nothing' WHERE tenant = 'a'")
    seals = SqlSeals(record.database)
    last = await seals.numbered(A, 1)
    assert last is not None
    acts = [row for _, row in await seals.acts(A, 0, last.until)]
    digest, _ = digest_of(NOTHING, A, 1, last.until, last.at, acts)
    await record.run("UPDATE identity_seals SET digest = ?, mac = ? WHERE tenant = 'a'", digest, seal_mac(b"x", digest))
    assert await record.kinds() == [("seal_forged", 1)]


async def test_a_restored_server_that_counts_from_lower_transactions_goes_on_above(record: Record) -> None:
    await record.sealed(1)
    for sql in (
        "UPDATE identity_acts SET place = place + 1000000",
        "UPDATE identity_seals SET until = until + 1000000",
        "UPDATE identity_ledger SET until = until + 1000000",
    ):
        await record.run(sql)
    await record.write()
    await SqlSeals(record.database).align()
    await SqlSeals(record.database).align()
    await record.write(A, 2)
    last = await record.database.fetch("SELECT place FROM identity_acts ORDER BY id DESC LIMIT 1")
    assert last[0][0] > 1_000_000
    assert await record.sealer.seal() == 2 + (3 if record.database.dialect == "sqlite" else 0)


async def test_seals_whose_key_is_lost_are_not_believed(record: Record) -> None:
    await record.sealed(1)
    elsewhere = SqlChain(record.database, MemoryVault())
    assert [fault.kind for fault in (await elsewhere.verify(A)).faults] == ["seal_forged"]


async def test_the_end_of_a_chain_cannot_be_taken_off_unseen(record: Record) -> None:
    await record.sealed()
    head = await record.chain.head(A)
    await record.run("DELETE FROM identity_seals WHERE number = 3 AND tenant = 'a'")
    await record.run("DELETE FROM identity_acts WHERE id > ? AND tenant = 'a'", f"audit_{12:032x}")
    assert await record.kinds() == []  # of one chain nothing is left that could tell
    assert [fault.kind for fault in await record.chain.whole()] == ["seal_missing"]
    assert await record.chain.holds(A, head) == Fault("head_lost", 3, "the chain no longer has the head that was noted")


async def test_a_ledger_that_somebody_set_back_is_told(record: Record) -> None:
    await record.sealed()
    await record.run("UPDATE identity_ledger SET seals = seals - 1")
    assert {fault.kind for fault in await record.chain.whole()} == {"seal_forged"}


async def test_a_head_that_was_noted_stays_in_the_chain(record: Record) -> None:
    await record.sealed(1)
    head = await record.chain.head(A)
    await record.sealed(2)
    assert await record.chain.holds(A, head) is None
    number, digest = head.split(":")
    wrong = await record.chain.holds(A, f"{number}:{digest[::-1]}")
    assert wrong is not None
    assert wrong.kind == "head_lost"


@pytest.mark.parametrize("head", ["", "1", "1:", "x:" + "0" * 64, "-1:" + "0" * 64, "1" * 19 + ":" + "0" * 64, "²:0"])
async def test_a_head_that_is_none_is_refused(record: Record, head: str) -> None:
    with pytest.raises(InvalidHead):
        await record.chain.holds(A, head)


async def test_a_chain_is_verified_in_parts(record: Record) -> None:
    await record.sealed(4)
    first = await record.chain.verify(A, most=3)
    assert (first.seals, first.next, first.faults) == (3, 3, ())
    last = await record.chain.verify(A, after=3, most=1)
    assert (last.seals, last.next, last.head) == (1, None, await record.chain.head(A))
    await record.run("DELETE FROM identity_acts WHERE id = ?", SECOND)
    assert [fault.seal for fault in (await record.chain.verify(A, after=1, most=1)).faults] == [2]
    with pytest.raises(InvalidHead):
        await record.chain.verify(A, after=5)


async def test_processes_that_seal_at_once_make_one_chain(record: Record) -> None:
    sealers = [record.another_process() for _ in range(3)]
    for _ in range(4):
        await asyncio.gather(record.write(A), record.write(B), *(sealer.seal() for sealer in sealers))
    await record.sealer.seal()
    told = await record.chain.verify(A)
    assert (told.faults, told.acts, told.unsealed) == ((), 12, 0)
    assert await record.chain.whole() == []


async def test_more_acts_than_fit_one_pass_are_all_sealed(record: Record) -> None:
    for size in (499, 2, 500, 501):
        await record.write(A, size)
    assert await record.sealer.seal() == 1502
    told = await record.chain.verify(A)
    assert (told.faults, told.acts, told.unsealed) == ((), 1502, 0)


async def test_who_recurs_leaves_it_to_whoever_sealed_a_moment_ago(record: Record) -> None:
    await record.write()
    await record.sealer.recur()
    await record.write()
    await record.another_process().recur()
    assert (await record.chain.verify(A)).unsealed == 3
    record.clock.forward(seconds=record.settings.seal_seconds)
    await record.another_process().recur()
    assert (await record.chain.verify(A)).unsealed == 0


async def test_retention_removes_whole_seals_and_the_rest_still_verifies(record: Record) -> None:
    await record.sealed(2)
    head = await record.chain.head(A)
    record.clock.forward(seconds=timedelta(days=record.settings.audit_days).total_seconds())
    await record.sealed(2)
    assert await record.sealer.retain() == 12
    told = await record.chain.verify(A)
    assert (told.faults, told.seals, told.acts, told.unsealed) == ((), 2, 6, 1)
    assert await record.chain.holds(A, head) is None  # the cut stands for it
    assert await record.chain.whole() == []
    cut = (await record.trail.page(A, AuditFilter(action="audit.cut"))).items
    assert (len(cut), cut[0].principal) == (1, "local")
    assert await record.sealer.retain() == 0


async def test_retention_keeps_what_is_one_microsecond_too_young_and_the_last_seal(record: Record) -> None:
    await record.sealed(1)
    record.clock.forward(seconds=timedelta(days=record.settings.audit_days).total_seconds() - 10)
    await record.sealed(1)  # the first seal is exactly as old as the limit at the next line
    record.clock.forward(seconds=-10)
    assert await record.sealer.retain() == 0
    record.clock.forward(seconds=0.000_001)
    assert await record.sealer.retain() == 6
    record.clock.forward(seconds=timedelta(days=2 * record.settings.audit_days).total_seconds())
    assert await record.sealer.retain() == 0
    assert await record.kinds() == []


async def test_an_act_that_is_put_in_where_retention_removed_all_is_found(record: Record) -> None:
    await record.sealed(3)
    record.clock.forward(seconds=timedelta(days=2 * record.settings.audit_days).total_seconds())
    await record.sealer.retain()
    await record.run("UPDATE identity_acts SET place = 1 WHERE id = ?", f"audit_{13:032x}")
    assert ("inserted", 2) in await record.kinds()


async def test_zero_days_keep_everything(database: Database) -> None:
    record = Record(database, settings=IdentitySettings(audit_days=0))
    await record.sealed(2)
    record.clock.forward(seconds=1e9)
    assert await record.sealer.retain() == 0


async def test_a_record_in_memory_has_no_chain() -> None:
    chain = Unchained()
    assert await chain.verify(A) == Verified(tenant=A, faults=(), seals=0, acts=0, head=f"0:{'0' * 64}")
    assert (await chain.head(A), await chain.whole(), await chain.tenants()) == (f"0:{'0' * 64}", [], [])
    assert await chain.holds(A, f"0:{'0' * 64}") is None
    assert await chain.holds(A, f"1:{'0' * 64}") is not None
