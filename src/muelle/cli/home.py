"""Muelle's folder: made for its owner alone, and the file with the owner's key in it."""

import os
from datetime import UTC, datetime
from pathlib import Path

from muelle.cli.failures import HomeUnusable

ADMIN_KEY = "admin.key"
_PRIVATE_FOLDER = 0o700
_PRIVATE_FILE = 0o600


def made(home: Path) -> Path:
    """Return the folder, which is made for its owner alone if it is not there; raise HomeUnusable."""
    try:
        home.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    except OSError as error:
        raise HomeUnusable(home=str(home), reason=error.strerror) from None
    if not os.access(home, os.W_OK | os.X_OK):
        raise HomeUnusable(home=str(home), reason="not writable for you")
    return home


def keep_admin_key(home: Path, key: str, *, replace: bool = False) -> Path:
    """Write a new key of the owner into the home and return where; at no moment can others read it, or half of it.

    A key file of an earlier database is set aside unless `replace`: it may open something elsewhere.
    """
    path = home / ADMIN_KEY
    fresh = path.with_name(f".{ADMIN_KEY}.{os.getpid()}.{os.urandom(4).hex()}")
    try:
        file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _PRIVATE_FILE)
        with os.fdopen(file, "w", encoding="ascii") as opened:
            opened.write(f"{key}\n")
            opened.flush()
            os.fsync(file)
        if path.exists() and not replace:
            path.rename(path.with_name(f"{ADMIN_KEY}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}"))
        fresh.replace(path)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise HomeUnusable(home=str(home), file=ADMIN_KEY, reason=error.strerror) from None
    return path
