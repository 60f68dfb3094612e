"""No SQL reads or writes a tenant's table without saying whose rows it means, save for these, each with its reason."""

import re

import pytest

from contracts.sql_texts import Sql, sql_texts, texts_of
from muelle.stores.schema import snapshot

_WORKER = "a worker's own work, for all tenants whose jobs it holds or may claim"
_SWEEP = "removes what is old, for all tenants"
_PART = "a beginning: what follows it names the tenant or the owner of the key"
_SECRET = "found by what only its owner knows, or by the id in it, and then belongs to whoever knows it"
_SEALING = "the installation's own work: it seals the acts of all tenants in the order of commits"
_OUTBOX = "hands on the events of all tenants in their order"
_FIRING = "fires the schedules of all tenants"

# file -> how a statement begins -> why it may span tenants
SPANNING: dict[str, dict[str, str]] = {
    "egress/store.py": {"SELECT document FROM {} WHERE tenant > ?": "which credentials of all tenants end soon"},
    "egress/vaults/store.py": {
        "SELECT tenant, name": "seals all tenants' secrets anew",
        "SELECT tenant, number, master, wrapped FROM vault_keys WHERE master <> ?": "wraps all tenants' keys anew",
        "SELECT 1 FROM secrets WHERE substr": "tells whether any tenant's secret has an old form",
    },
    "engine/schedules/store.py": {
        "SELECT document, next_at, wake_at, waiting_at, last_at, last_run, problem FROM schedules": _FIRING,
        "SELECT min(wake_at) FROM schedules": _FIRING,
    },
    "engine/stores/outbox.py": {
        "SELECT '0', position": _OUTBOX,
        "SELECT CAST(xid AS TEXT), position": _OUTBOX,
        "INSERT INTO cursors (consumer, position) SELECT": _OUTBOX,
    },
    "engine/stores/queue.py": {
        "SELECT tenant, run FROM jobs WHERE state = 'sleeping'": _WORKER,
        "SELECT 1 FROM jobs WHERE is_keyed": _WORKER,
        "SELECT EXISTS (SELECT 1 FROM jobs WHERE is_keyed": _WORKER,
        "UPDATE jobs SET worker = NULL, claimed = NULL": _WORKER,
        "SELECT queue, CASE WHEN worker IS NULL": "gauges; for a tenant's eyes its condition is put in",
        "SELECT tenant, run, request, nudged FROM jobs WHERE worker = ?": _WORKER,
        "SELECT worker, name, queues, places": "how many jobs each worker holds, for the operator",
    },
    "engine/stores/requests.py": {"UPDATE runs SET began = NULL": _PART},
    "engine/stores/retention.py": {"DELETE FROM events": _SWEEP, "DELETE FROM submissions": _SWEEP},
    "identity/domains/store.py": {
        "SELECT 1 FROM identity_domains WHERE id": "whether another tenant has shown a domain"
    },
    "identity/record/store.py": {
        "SELECT place": _SEALING,
        "SELECT tenant, max(number) FROM identity_seals": _SEALING,
        "SELECT GREATEST(l.until": _SEALING,
        "SELECT COALESCE(max(place)": _SEALING,
    },
    "identity/store.py": {
        "INSERT INTO identity_tenants": "a tenant's own row: its id is the tenant",
        "UPDATE identity_tenants": "a tenant's own row: its id is the tenant",
        "SELECT k.digest": _SECRET,
        "SELECT {} FROM {}{} ORDER BY id": "its conditions come from Where, whose tenant no caller can leave out",
        "SELECT {} FROM identity_acts{}": "its conditions begin with the tenant",
    },
    "identity/tokens/store.py": {
        "SELECT id, tenant, principal, method": _SECRET,
        "UPDATE user_sessions SET": _SECRET,
        "DELETE FROM user_refresh_tokens WHERE session IN": _SWEEP,
        "DELETE FROM user_sessions WHERE expires": _SWEEP,
    },
    "identity/users/store.py": {
        "SELECT principal, tenant, name, email, created, verified, password": _PART,
        "UPDATE users SET": "by the principal, whose id is unique and was found in its tenant",
        "UPDATE user_tickets SET used = ?": _SECRET,
        "SELECT kind, tenant, principal, email": _SECRET,
        "DELETE FROM user_tickets WHERE expires": _SWEEP,
    },
    "stores/vault.py": {"SELECT 1 FROM secrets LIMIT 1": "tells whether there is any secret: the key is missing then"},
    "workflows/triggers/store.py": {
        "DELETE FROM trigger_depths WHERE at": _SWEEP,
        "DELETE FROM trigger_receipts WHERE at": _SWEEP,
    },
}
_TABLE = re.compile(r"\b(?:FROM|JOIN|UPDATE|INTO|USING)\s+(\w+|\{\})")
_SPANS = re.compile(r"\btenant\s*[<>!]")
_NAMES_ITS_TENANT = re.compile(r"\btenant\s*=|\(tenant, \w+\) (?:=|IN)")


def tenant_tables() -> set[str]:
    """Return the tables that have a tenant."""
    created = [re.match(r'CREATE TABLE "?(\w+)"? \((.*)', sql, re.DOTALL) for sql in snapshot("sqlite")]
    return {found[1] for found in created if found and "\n    tenant " in found[2]} | {"identity_tenants"}


def spans(sql: Sql, tables: set[str]) -> bool:
    """Tell whether a statement is about a tenant's table, and names no tenant."""
    if not set(_TABLE.findall(sql.text)) & (tables | {"{}"}):
        return False
    if sql.text.startswith("INSERT"):
        return not re.match(r"INSERT INTO \S+ \([^)]*\btenant\b", sql.text)
    conditions = sql.text.partition(" WHERE ")[2]
    return not _NAMES_ITS_TENANT.search(conditions) or bool(_SPANS.search(conditions))


def reason(sql: Sql) -> str | None:
    return next((why for begin, why in SPANNING.get(sql.file, {}).items() if sql.text.startswith(begin)), None)


def test_every_statement_names_its_tenant_or_has_a_reason() -> None:
    tables = tenant_tables()
    assert len(tables) > 30
    assert [sql for sql in sql_texts() if spans(sql, tables) and reason(sql) is None] == []


def test_every_reason_still_has_its_statement() -> None:
    tables = tenant_tables()
    spanning = [sql for sql in sql_texts() if spans(sql, tables)]
    stale = [
        (file, begin)
        for file, reasons in SPANNING.items()
        for begin in reasons
        if not any(sql.file == file and sql.text.startswith(begin) for sql in spanning)
    ]
    assert stale == []


def test_sql_is_found_by_the_hundred() -> None:
    found = sql_texts()
    assert len(found) > 200
    assert {"identity/store.py", "engine/stores/journal.py", "stores/vault.py"} <= {sql.file for sql in found}


@pytest.mark.parametrize(
    ("source", "is_found"),
    [
        ('X = "SELECT a FROM runs WHERE run = ?"', True),
        ('X = "SELECT a FROM runs WHERE tenant = ? AND run = ?"', False),
        ('def f(d):\n    return d.fetch(f"SELECT a FROM runs WHERE run = {d}")', True),
        ('A = "a"\nX = f"SELECT {A} FROM runs" " WHERE tenant = ?"', False),
        ('A = "SELECT a"\nX = A + " FROM runs"', True),
        ('X = "SELECT tenant FROM runs"', True),
        ('X = "INSERT INTO runs (run) VALUES (?)"', True),
        ('X = "INSERT INTO runs (tenant, run) VALUES (?, ?)"', False),
        ('X = "DELETE FROM runs"', True),
        ('X = "SELECT a FROM runs WHERE tenant > ? OR (tenant = ? AND run > ?)"', True),
        ('X = "UPDATE runs SET tenant = ? WHERE run = ?"', True),
        ('X = {"sqlite": "SELECT a FROM runs"}', True),
        ('X = "SELECT a FROM workers"', False),
        ('"""Select what is from runs."""', False),
    ],
)
def test_a_statement_without_a_tenant_is_found(source: str, is_found: bool) -> None:  # noqa: FBT001 - a case
    assert any(spans(sql, {"runs"}) for sql in texts_of("x.py", source)) == is_found
