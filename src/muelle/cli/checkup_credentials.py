"""What `muelle doctor` says of credentials: which expire soon, and whether the master key is half changed."""

from datetime import UTC, datetime
from pathlib import Path

from muelle.cli.findings import Finding
from muelle.core import MuelleError
from muelle.egress import Credential, SqlRegister, everyones
from muelle.egress.credentials import status_of
from muelle.stores import Database, StoresSettings, open_sqlite
from muelle.stores.schema import head, revision

_SHOWN = 5


async def credential_findings(home: Path, settings: StoresSettings) -> list[Finding]:
    """Return what is to be said of credentials; nothing where the database is not there or is of another version."""
    findings = []
    if (home / f"{settings.key_file}.next").exists():
        text = "the master key is half changed: 'vault.key.next' waits"
        findings.append(Finding("rekey", "warn", text, "End it: muelle credentials rekey"))
    file, url = home / settings.path, settings.url.reveal()
    if not url and not file.exists():
        return findings
    try:
        if url:
            from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - asyncpg loads in 130 ms

            async with open_postgres(url, settings) as server:
                return [*findings, *await _expiring(server)]
        async with open_sqlite(file, settings) as database:
            return [*findings, *await _expiring(database)]
    except MuelleError:
        return findings  # the check of the database says what is wrong with it


async def _expiring(database: Database) -> list[Finding]:
    if await revision(database.fetch, database.dialect) != head():
        return []
    now = datetime.now(UTC)
    standing: dict[str, list[str]] = {"valid": [], "expiring": [], "expired": []}
    async for credential in everyones(SqlRegister(database, Credential)):
        standing[status_of(credential, now)].append(f"{credential.tenant}/{credential.id}")
    due = [*standing["expired"], *standing["expiring"]]
    if not due:
        return [Finding("credentials", "ok", f"{len(standing['valid'])}, none expires within two weeks")]
    names = ", ".join(due[:_SHOWN]) + (", …" if len(due) > _SHOWN else "")
    text = f"{len(standing['expired'])} expired, {len(standing['expiring'])} expire within two weeks: {names}"
    return [Finding("credentials", "warn", text, "Give each a new secret: muelle credentials rotate")]
