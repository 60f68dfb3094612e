"""Running clients, a peer's or ours, and making figures of what they print."""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.engine.environments import Missing
from bench.engine.figures import Window, listed, median, note, side_by_side, spending, windows

HERE = Path(__file__).parent
IN_FLIGHT = (50, 200)
"""Everybody is measured with as many runs in flight, in all processes together; the better one counts."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """How long and how often each is measured, and which part of the large numbers is made."""

    seconds: float = 6
    count: int = 3
    part: float = 1.0

    def of(self, number: int) -> int:
        """Return so much of a large number."""
        return int(number * self.part)

    def arguments(self, in_flight: int) -> list[str]:
        return ["--seconds", str(self.seconds), "--rounds", str(self.count), "--in-flight", str(in_flight)]


@dataclass(frozen=True, slots=True)
class Clients:
    """A client's command but for the rounds, and how many processes of it share the work."""

    title: str
    command: Sequence[str]
    processes: int = 1
    variables: dict[str, str] = field(default_factory=dict)

    def best(self, rounds: Rounds, fresh: Callable[[], Sequence[str]] = tuple) -> float:
        """Measure with few and with many in flight, and return the better median in runs/s; `fresh` adds arguments."""
        return max(self.measure(rounds, in_flight, fresh()) for in_flight in IN_FLIGHT)

    def measure(self, rounds: Rounds, in_flight: int, more: Sequence[str] = ()) -> float:
        """Return the median of the windows' rates, added up over the processes."""
        command = [*self.command, *more, *rounds.arguments(in_flight // self.processes)]
        times = f" ({self.processes} at a time)" if self.processes > 1 else ""
        note(f"$ {' '.join([Path(command[0]).name, *command[1:]])}{times}")
        with spending() as spent:
            found = run_beside([command] * self.processes, self.variables)
        rates = side_by_side(found)
        middle = median(rates)
        if middle is None:
            raise Missing(f"{self.title} printed no figures")
        cost = spent.ours / sum(window.runs for process in found for window in process) * 1000
        what = f"{self.title}, {in_flight} in flight: {listed(rates)} runs/s"
        note(f"  {what}; about {cost:.2f} ms of processor a run; others kept {spent.others:.1f} processors busy")
        return middle


def run_beside(commands: Sequence[Sequence[str]], variables: dict[str, str]) -> list[list[Window]]:
    """Run clients side by side and return the windows that each printed; raise Missing if one fails."""
    extra = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **variables}
    clients = [
        subprocess.Popen(command, cwd=HERE, env=extra, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for command in commands
    ]
    outputs = [client.communicate() for client in clients]
    for client, (_, errors) in zip(clients, outputs, strict=True):
        if client.returncode:
            raise Missing(f"{client.args!r} failed: {errors.strip()[-400:]}")
    return [windows(output) for output, _ in outputs]
