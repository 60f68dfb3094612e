"""The command line, run in this process: what a command printed, and how it ended."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from muelle.cli import main

HELLO = """
{"type":"dataModelUpdate","path":"/input","contents":[{"key":"who","valueString":"you"}]}
{"type":"operationUpdate","operationId":"hello","operation":{"FormatText":
  {"inputPath":"/input/who","format":"upper","outputPath":"/workflow/hello"}}}
"""
FAILING = """
{"type":"dataModelUpdate","path":"/input","contents":[{"key":"who","valueString":"you"}]}
{"type":"operationUpdate","operationId":"bad","operation":{"Calculate":
  {"inputPath":"/input/who","operation":"abs","outputPath":"/workflow/bad"}}}
"""
INVALID = """
{"type":"operationUpdate","operationId":"odd","operation":{"Calclate":{"expression":"1","outputPath":"/workflow/odd"}}}
"""


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def problem(self) -> Any:
        return json.loads(self.err)


class Muelle:
    """Runs commands on one home."""

    def __init__(self, home: Path, capture: pytest.CaptureFixture[str]) -> None:
        self.home = home
        self._capture = capture

    def __call__(self, *arguments: str) -> Told:
        self._capture.readouterr()
        code = main([*arguments, "--home", str(self.home)])
        said = self._capture.readouterr()
        return Told(code, said.out, said.err)


@pytest.fixture
def muelle(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Iterator[Muelle]:
    root = logging.getLogger()
    handlers = root.handlers[:]
    yield Muelle(tmp_path / "home", capsys)
    root.handlers[:] = handlers


@pytest.fixture
def document(tmp_path: Path) -> str:
    """Return a file with a document that succeeds."""
    path = tmp_path / "hello.jsonl"
    path.write_text(HELLO)
    return str(path)
