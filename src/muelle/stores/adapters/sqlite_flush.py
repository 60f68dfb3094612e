"""Making the write-ahead log durable: a thread that has the disk flush it, for all commits that wait.

SQLite flushes within a commit, while it holds the file. To append on the loop, and to flush beside it what was
appended, is as safe, for nobody is answered before the flush, and what comes meanwhile shares the next one. A file
descriptor of our own does no harm: the log has no locks that closing it would drop, they are all on the file beside it
(https://sqlite.org/walformat.html, section 2.3).
"""

import os
from pathlib import Path

_FLUSH = getattr(os, "fdatasync", os.fsync)  # the sizes of files go along with both


class WriteAheadLog:
    """The log of one SQLite file. Blocking; for a thread."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(f"{path.name}-wal")
        self._file = -1
        self._identity: tuple[int, int] | None = None

    def flush(self) -> None:
        """Return once all that was written to the log is on the disk; raise OSError."""
        told = self._path.stat()
        if self._identity != (told.st_dev, told.st_ino):
            self._open()
        _FLUSH(self._file)

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
        self._file, self._identity = -1, None

    def _open(self) -> None:
        """Open the log, and flush its name: a new file is not there after a power cut if its folder was not flushed."""
        self.close()
        self._file = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        folder = os.open(self._path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        told = os.fstat(self._file)
        self._identity = told.st_dev, told.st_ino
