"""The checks of `muelle doctor`. None of them changes anything."""

import os
import platform
import shutil
import socket
import stat
import sys
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from muelle.app import SETTINGS_FILE, Configuration, read_configuration
from muelle.cli.checkup_credentials import credential_findings
from muelle.cli.findings import Finding
from muelle.cli.home import ADMIN_KEY
from muelle.core import MuelleError
from muelle.packs import find_packs
from muelle.packs.settings import read_pack_settings
from muelle.stores import Database, StoresSettings, open_sqlite
from muelle.stores.schema import head, revision, unbound_role
from muelle.stores.vault import read_key
from muelle.workflows.operations.pack import BUILT_IN

_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_OLDEST = (3, 11)
_SCARCE = 1 << 30  # bytes free: below this a busy journal fills the disk within days
_TOO_LITTLE = 100 << 20
_SKEW = 300  # seconds by which a file may be younger than now
_EXTRAS = {
    "aws": "botocore",
    "postgres": "asyncpg",
    "telemetry": "opentelemetry.sdk",
    "redis": "redis",
    "s3": "obstore",
}


async def examine(home: Path) -> list[Finding]:
    """Return what all checks find."""
    findings = [_python(), _home(home)]
    configuration, finding = _configuration(home)
    findings.append(finding)
    settings = configuration.settings if configuration else None
    stores = settings.stores if settings else StoresSettings()
    findings += [_settings_mode(home), _admin_key(home), _vault_key(home / stores.key_file)]
    if configuration:
        findings.append(_packs(configuration))
        findings.append(_port(configuration.settings.http.host, configuration.settings.http.port))
        findings.append(await _database(home, stores))
        findings += await credential_findings(home, stores)
    return [*findings, _disk(home), _clock(home / stores.path), *_extras()]


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < _OLDEST:
        return Finding("python", "fail", version, "Install Python 3.11 or newer.")
    return Finding("python", "ok", version)


def _home(home: Path) -> Finding:
    if not home.exists():
        return Finding("home", "ok", f"{home} is not there yet; the first start makes it")
    if not home.is_dir() or not os.access(home, os.R_OK | os.W_OK | os.X_OK):
        return Finding("home", "fail", f"{home} cannot be read and written by you", "Choose another with --home.")
    mode = stat.S_IMODE(home.stat().st_mode)
    if mode & _OTHERS:
        return Finding("home", "warn", f"{home} is open to others (mode {mode:03o})", f"chmod 700 {home}")
    return Finding("home", "ok", f"{home}, yours alone")


def _configuration(home: Path) -> tuple[Configuration | None, Finding]:
    try:
        configuration = read_configuration(home)
    except (MuelleError, OSError) as error:
        remedy = error.suggestions[0] if isinstance(error, MuelleError) else "Let yourself read the file."
        return None, Finding("settings", "fail", str(error), remedy)
    where = SETTINGS_FILE if (home / SETTINGS_FILE).exists() else "defaults"
    return configuration, Finding("settings", "ok", f"{where} and the environment")


def _settings_mode(home: Path) -> Finding:
    file = home / SETTINGS_FILE
    if file.exists() and (mode := stat.S_IMODE(file.stat().st_mode)) & _OTHERS:
        return Finding("settings file", "warn", f"others may open it (mode {mode:03o})", f"chmod 600 {file}")
    return Finding("settings file", "ok", "yours alone" if file.exists() else "none")


def _admin_key(home: Path) -> Finding:
    file = home / ADMIN_KEY
    if not file.exists():
        if not home.exists():
            return Finding("owner's key", "ok", "the first start makes it")
        return Finding("owner's key", "warn", f"there is no {file}", "'muelle keys recover' makes a new one.")
    mode = stat.S_IMODE(file.stat().st_mode)
    if mode & _OTHERS:
        return Finding("owner's key", "fail", f"{file} is open to others (mode {mode:03o})", f"chmod 600 {file}")
    return Finding("owner's key", "ok", str(file))


def _vault_key(file: Path) -> Finding:
    try:
        key = read_key(file)
    except (MuelleError, OSError) as error:
        remedy = error.suggestions[0] if isinstance(error, MuelleError) else "Let yourself read the file."
        return Finding("vault key", "fail", str(error), remedy)
    return Finding("vault key", "ok", str(file) if key else "the first start makes it")


def _packs(configuration: Configuration) -> Finding:
    try:
        packs = find_packs((BUILT_IN,), configuration.settings.packs.disabled)
        read_pack_settings(packs, configuration.packs, configuration.environment)
    except MuelleError as error:
        return Finding("packs", "fail", str(error), error.suggestions[0])
    return Finding("packs", "ok", ", ".join(f"{pack.name} {pack.version}" for pack in packs.packs))


def _port(host: str, port: int) -> Finding:
    if port == 0:
        return Finding("port", "ok", "a free one is taken")
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            text = f"nothing more can listen on {host}:{port} ({error.strerror})"
            return Finding("port", "warn", text, "If that is not Muelle itself, choose another with --port.")
    return Finding("port", "ok", f"{host}:{port} is free")


async def _database(home: Path, settings: StoresSettings) -> Finding:
    file = home / settings.path
    url = settings.url.reveal()
    if not url and not file.exists():
        return Finding("database", "ok", "the first start makes it")
    try:
        if not url:
            async with open_sqlite(file, settings) as database:
                return await _schema(database, await _integrity(database))
        from muelle.stores.adapters.postgres import open_postgres  # noqa: PLC0415 - asyncpg loads in 130 ms

        async with open_postgres(url, settings) as server:
            finding = await _schema(server, "")
            return await _unbounded(server) or finding if finding.status == "ok" else finding
    except MuelleError as error:
        return Finding("database", "fail", str(error), error.suggestions[0])


async def _unbounded(database: Database) -> Finding | None:
    """Return a finding if policies do not bind whom Muelle connects as: tenants are kept apart by its queries alone."""
    role = await unbound_role(database)
    text = f"'{role}' passes all row-level security"
    return (
        Finding("database", "warn", text, "Connect as a role that owns the database and is no superuser.")
        if role
        else None
    )


async def _integrity(database: Database) -> str:
    """Return what is damaged in a SQLite file, or nothing."""
    rows = await database.fetch("PRAGMA quick_check(1)")
    return "" if rows == [("ok",)] else str(rows[0][0])


async def _schema(database: Database, damage: str) -> Finding:
    if damage:
        return Finding("database", "fail", damage, "Stop Muelle and restore the file from a backup.")
    present = await revision(database.fetch, database.dialect)
    if present > head():
        return Finding("database", "fail", f"of a newer Muelle (schema {present})", "Start the newer version.")
    if present != head():
        return Finding("database", "ok", f"sound; schema {present or 'empty'}, the next start brings it to {head()}")
    return Finding("database", "ok", f"sound; {database.dialect}, schema {present}")


def _disk(home: Path) -> Finding:
    there = next(folder for folder in (home, *home.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    text = f"{free / (1 << 30):.1f} GiB free"
    if free < _TOO_LITTLE:
        return Finding("disk", "fail", text, "Free space: writes will fail soon.")
    return Finding("disk", "warn", text, "Free space soon.") if free < _SCARCE else Finding("disk", "ok", text)


def _clock(file: Path) -> Finding:
    if file.exists() and (ahead := file.stat().st_mtime - time.time()) > _SKEW:
        text = f"it is {ahead / 60:.0f} minutes behind the database's file"
        return Finding("clock", "warn", text, "Set the clock: keys expire and runs are dated by it.")
    return Finding("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()))


def _extras() -> Iterator[Finding]:
    there = sorted(extra for extra, module in _EXTRAS.items() if find_spec(module.partition(".")[0]))
    missing = sorted(set(_EXTRAS) - set(there))
    text = f"{', '.join(there) or 'none'} installed"
    yield Finding("extras", "ok", f"{text}; not: {', '.join(missing)}" if missing else text)
