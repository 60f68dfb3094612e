"""What a benchmark says: notes as it goes, windows, their medians, and what they cost in processor time."""

import json
import os
import statistics
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


def note(text: str) -> None:
    print(text, flush=True)


@dataclass(frozen=True, slots=True)
class Window:
    """So many runs submitted and finished in so many seconds."""

    runs: int
    seconds: float

    @property
    def rate(self) -> float:
        return self.runs / self.seconds


def windows(lines: str) -> list[Window]:
    """Read what a peer's script printed: a line of JSON for each window, among whatever else it said."""
    found = [json.loads(line) for line in lines.splitlines() if line.startswith('{"runs_s"')]
    return [Window(item["runs"], item["seconds"]) for item in found]


def side_by_side(processes: Sequence[Sequence[Window]]) -> list[float]:
    """Return the rate of each window, added up over processes that ran at the same time."""
    return [sum(window.rate for window in round_) for round_ in zip(*processes, strict=True)]


def median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def quantile(values: Sequence[float], part: float) -> float:
    """Return the value that such a part of all (0.99, say) does not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * part))]


def listed(values: Sequence[float], digits: int = 0) -> str:
    return " / ".join(f"{value:,.{digits}f}" for value in values)


def ratio(ours: float | None, theirs: float | None) -> float | None:
    return round(ours / theirs, 1) if ours and theirs else None


def memory_of(pid: int) -> float:
    """Return the resident megabytes of a process (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


@dataclass(slots=True)
class Spent:
    """Seconds on the wall, and of processor time: of this process and all it started, and of the whole machine."""

    wall: float = 0
    ours: float = 0
    machine: float = 0

    @property
    def others(self) -> float:
        """The processors that somebody else kept busy meanwhile, of those that the machine has."""
        return max(0.0, (self.machine - self.ours) / self.wall)


@contextmanager
def spending() -> Iterator[Spent]:
    """Measure what is spent inside; filled in at the end."""
    spent = Spent()
    wall, ours, machine = time.perf_counter(), _of_this_tree(), _of_the_machine()
    yield spent
    spent.wall = time.perf_counter() - wall
    spent.ours = _of_this_tree() - ours
    spent.machine = _of_the_machine() - machine


def _of_this_tree() -> float:
    """Return the processor seconds of this process and its descendants, those that have ended included."""
    children: dict[int, list[int]] = {}
    times: dict[int, int] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended meanwhile; its parent has its time now
        pid = int(folder.name)
        children.setdefault(int(fields[1]), []).append(pid)
        times[pid] = sum(map(int, fields[11:15]))
    total, waiting = 0, [os.getpid()]
    while waiting:
        pid = waiting.pop()
        total += times.get(pid, 0)
        waiting.extend(children.get(pid, ()))
    return total / _TICKS


def _of_the_machine() -> float:
    """Return the seconds in which its processors were not idle."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    return (sum(fields[:8]) - fields[3] - fields[4]) / _TICKS
