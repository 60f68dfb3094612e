"""What a run remembers of its earlier life, when it is walked again."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from typing import Any, ClassVar

import msgspec

from muelle.core import MuelleError
from muelle.engine import Past, StepBegan, StepFinished, ValueKept

_DECODE = msgspec.json.Decoder().decode
_Place = tuple[str, str]  # operation, turn


class Recalled(MuelleError):
    """An error that the journal kept; it has the code and all else that the first one had."""

    _OWN: ClassVar[frozenset[str]] = frozenset(
        {"type", "title", "status", "code", "category", "message", "recoverable", "suggestions"}
    )

    def __init__(self, problem: dict[str, Any]) -> None:
        """Take an error as `problem()` gave it."""
        super().__init__(problem["message"], **{key: value for key, value in problem.items() if key not in self._OWN})
        self.code = problem["code"]  # type: ignore[misc] # of this one error
        self.category = problem["category"]  # type: ignore[misc] # as above
        self.status = problem["status"]  # type: ignore[misc] # as above
        self.recoverable = problem["recoverable"]  # type: ignore[misc] # as above
        self.suggestions = tuple(problem["suggestions"])
        self._title = problem["title"]

    def problem(self) -> dict[str, Any]:
        """Return it as it was."""
        return {**super().problem(), "title": self._title}


class Memory:
    """Finished steps by place, in their order; begins of effects; values by name."""

    __slots__ = ("_began", "_steps", "length", "values")

    def __init__(self, past: Iterable[Past] = ()) -> None:
        self._steps: dict[_Place, deque[StepFinished]] = {}
        self._began: dict[_Place, list[datetime]] = {}
        self.values: dict[str, bytes] = {}
        self.length = 0
        for entry in past:
            self.length = entry.sequence + 1
            match entry:
                case StepFinished():
                    self._steps.setdefault((entry.operation, entry.iteration), deque()).append(entry)
                case StepBegan():
                    self._began.setdefault((entry.operation, entry.iteration), []).append(entry.at)
                case ValueKept():
                    self.values[entry.name] = entry.value

    def step(self, operation: str, turn: str) -> StepFinished | None:
        """Return, once, what became of a step; None if it has not finished."""
        found = self._steps.get((operation, turn))
        return found.popleft() if found else None

    def began(self, operation: str, turn: str, visit: int) -> datetime | None:
        """Return when a step had begun, as it saw it; `visit` counts how often its turn came to it before."""
        found = self._began.get((operation, turn), ())
        return found[visit] if visit < len(found) else None


def recalled_error(encoded: bytes | None) -> MuelleError | None:
    """Return the error of a step as the journal has it."""
    return None if encoded is None else Recalled(_DECODE(encoded))


def recalled_output(encoded: bytes) -> Any:  # noqa: ANN401 - any JSON value
    """Return the output of a step as the journal has it."""
    return _DECODE(encoded)
