"""Programs that are killed, frozen and started anew, each with a clock of its own that can be moved while it runs."""

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

_LIBRARIES = "/usr/lib/*/faketime/libfaketimeMT.so.1"
_TAIL = 2_000


def faketime() -> Path | None:
    """Return the library that shows a program another time, or None where it is not installed."""
    return next(iter(sorted(Path("/").glob(_LIBRARIES.lstrip("/")))), None)


@dataclass
class Program:
    """A command that should run for ever. `offset` moves its wall clock: seconds, or "+5 x1.5" for one that runs fast.

    What it prints goes into `NAME.log` in its folder; it is ready once it has printed `mark`. `deaths` counts how often
    it ended without being asked to.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    folder: Path
    offset: str = ""
    mark: bytes = b""
    kills: int = 0
    deaths: int = 0
    last_words: list[str] = field(default_factory=list)
    began: float = 0.0
    frozen: bool = False
    _printed: int = 0
    _is_asked: bool = False
    _process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self.folder / f"{self.name}.log"

    @property
    def is_running(self) -> bool:
        """Whether its process is there, frozen or not."""
        return self._process is not None and self._process.poll() is None

    @property
    def is_ready(self) -> bool:
        """Whether it runs and has said that it is there."""
        if not self.is_running:
            return False
        with self.log.open("rb") as log:
            log.seek(self._printed)
            return self.mark in log.read()

    @property
    def pid(self) -> int:
        """The process, which must be there."""
        assert self._process
        return self._process.pid

    def start(self) -> None:
        """Start it, if it does not run; note what it said if it had ended by itself."""
        if self.is_running:
            return
        if self._process is not None and self._process.returncode != (0 if self._is_asked else -signal.SIGKILL):
            self.deaths += 1
            self.last_words.append(f"{self.name} ended with {self._process.returncode}: {self.tail()}")
        self._is_asked = False
        with self.log.open("ab") as log:
            self._printed = log.tell()
            self._process = subprocess.Popen(
                self.command, env=self._variables(), stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        self.began = time.monotonic()
        self.frozen = False

    def kill(self) -> None:
        """End it by SIGKILL, and wait until it is gone."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            self._is_asked = False
            self.kills += 1

    def ask_to_end(self) -> None:
        """Ask it by SIGTERM to come to an end in its own time."""
        if self.is_running and not self.frozen:
            os.kill(self.pid, signal.SIGTERM)
            self._is_asked = True

    def freeze(self) -> None:
        """Stop it in the middle of whatever it does."""
        if self.is_running:
            os.kill(self.pid, signal.SIGSTOP)
            self.frozen = True

    def thaw(self) -> None:
        """Let it go on as if nothing had happened."""
        if self.is_running:
            os.kill(self.pid, signal.SIGCONT)
        self.frozen = False

    def move_clock(self, offset: str) -> None:
        """Move its clock, now and at every later start; needs `faketime`."""
        self.offset = offset
        fresh = self._clock.with_suffix(".new")
        fresh.write_text(f"{offset}\n", encoding="ascii")
        fresh.replace(self._clock)

    def tail(self) -> str:
        """Return the end of what it printed."""
        return self.log.read_bytes()[-_TAIL:].decode(errors="replace") if self.log.exists() else ""

    @property
    def _clock(self) -> Path:
        return self.folder / f"{self.name}.clock"

    def _variables(self) -> dict[str, str]:
        variables = {**os.environ, **self.environment}
        library = faketime()
        if self.offset and library is not None:
            self.move_clock(self.offset)
            variables |= {
                "LD_PRELOAD": str(library),
                "FAKETIME_TIMESTAMP_FILE": str(self._clock),
                "FAKETIME_CACHE_DURATION": "1",
                # Whoever sets the clock does not make time pass: the monotonic clock goes on. (time.sleep alone fails
                # then, by a fault of the library; nothing of Muelle's servers sleeps so.)
                "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            }
        return variables
