"""What became of the operations of a run."""

from datetime import datetime
from typing import Any

import msgspec

from muelle.core import MuelleError
from muelle.engine import StepStatus
from muelle.packs import MISSING, Missing


class Record(msgspec.Struct):
    """One step. `encoded` is `output` as JSON, `took` in microseconds; a handled failure counts as none."""

    status: StepStatus
    began: datetime
    took: int = 0
    attempts: int = 0
    cached: bool = False
    output: Any = MISSING
    encoded: bytes | None = None
    error: MuelleError | None = None
    is_handled: bool = False

    @property
    def is_good(self) -> bool:
        """Whether what follows may go on as if nothing had happened."""
        return self.status == "success" or self.is_handled


class Tally(msgspec.Struct):
    """All steps of one operation: one, or one for each turn of the loops around it, whose outputs are then kept."""

    last: Record
    runs: int = 0
    took: int = 0
    attempts: int = 0
    worst: Record | None = None
    turns: dict[str, Any] | None = None

    def add(self, record: Record, turn: str) -> None:
        """Count a step; `turn` is the loop indexes around it, such as "3.0", or empty."""
        self.last = record
        self.runs += 1
        self.took += record.took
        self.attempts += record.attempts
        if not record.is_good and (self.worst is None or self.worst.status == "skipped"):
            self.worst = record
        if turn:
            self.turns = {} if self.turns is None else self.turns
            self.turns[turn] = None if record.output is MISSING else record.output

    @property
    def telling(self) -> Record:
        """The record that stands for all: the first that failed, else the last."""
        return self.worst or self.last

    @property
    def output(self) -> Any | Missing:  # noqa: ANN401 - any JSON value
        """The output, or in a loop the list of all turns' outputs in the order of the items."""
        if self.turns is None:
            return self.last.output
        return [self.turns[turn] for turn in sorted(self.turns, key=_indexes)]


def _indexes(turn: str) -> tuple[int, ...]:
    return tuple(int(index) for index in turn.split("."))
