"""The master key: in the key file, and during a rekey its successor in a file beside it.

Keys are told apart by their print, which tells nothing about them. A process that meets the print of a key that it does
not know reads both files again; so no process need start anew when the key is changed.
"""

import hashlib
import hmac
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

_PRINT = b"muelle master key"
_NEXT = ".next"


@dataclass(frozen=True, slots=True)
class KeyFiles:
    """How a key is read from a file, None if there is none, and made in one; the file belongs to its owner alone.

    `check` raises InvalidSecret for a name and a secret that no vault keeps.
    """

    read: Callable[[Path], bytes | None]
    make: Callable[[Path], bytes]
    check: Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class MasterKey:
    """A master key and its print."""

    key: bytes = field(repr=False)

    @property
    def print(self) -> str:
        """What tells this key from others."""
        return hmac.new(self.key, _PRINT, hashlib.sha256).hexdigest()[:32]


class MasterKeys:
    """The master keys that this machine has."""

    def __init__(self, path: Path, files: KeyFiles) -> None:
        self._path = path
        self._next = path.with_name(path.name + _NEXT)
        self._files = files
        self._known: dict[str, MasterKey] = {}

    def __repr__(self) -> str:
        """Hide the keys."""
        return "MasterKeys(***)"

    @property
    def is_changing(self) -> bool:
        """Whether a rekey was begun and not brought to its end."""
        return self._next.exists()

    def by_print(self, wanted: str) -> MasterKey | None:
        """Return the key of a print, or None if this machine does not have it."""
        if wanted not in self._known:
            self._read()
        return self._known.get(wanted)

    def present(self) -> MasterKey | None:
        """Return the key of the key file as it is now, or None."""
        key = self._files.read(self._path)
        return None if key is None else self._remembered(key)

    def successor(self) -> MasterKey:
        """Return the key that is to follow, and make it if there is none."""
        key = self._files.read(self._next)
        return self._remembered(self._files.make(self._next) if key is None else key)

    def promote(self, key: MasterKey) -> None:
        """Put the successor in the key file's place; done already is well done."""
        try:
            self._next.replace(self._path)
        except FileNotFoundError:
            if (present := self.present()) is None or present.print != key.print:
                raise
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def _read(self) -> None:
        for path in (self._path, self._next):
            key = self._files.read(path)
            if key is not None:
                self._remembered(key)

    def _remembered(self, key: bytes) -> MasterKey:
        master = MasterKey(key)
        return self._known.setdefault(master.print, master)
