"""A new user's terminal: bash with a home of its own, in which blocks of a page are run one after the other."""

import os
import pty
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from threading import Timer

import msgspec

from stories.pages import ROOT, RUN, SHOWS, Block, blocks

SECONDS = 60
PREAMBLE = "set -euo pipefail\ntrap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n"  # a block that fails leaves nothing
_BIN = ROOT / ".venv" / "bin"
_PAINT = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Terminal:
    """`folder` is where the shell starts; the server at `url`, started as `make up` does, has the same home."""

    home: Path
    folder: Path
    url: str

    def walk(self, page: Path) -> None:
        """Run the marked blocks in one shell; assert that all succeed and print what the page shows below them."""
        shown = blocks(page)
        outputs = self._run([block for block in shown if block.mark == RUN])
        following = [after for block, after in zip(shown, [*shown[1:], None], strict=True) if block.mark == RUN]
        for output, after in zip(outputs, following, strict=True):
            if after is not None and after.mark == SHOWS:
                assert_shown(after, output)

    def _run(self, steps: list[Block]) -> list[str]:
        assert steps
        script = PREAMBLE + "".join(f"{self._script(step)}\nprintf '\\f'\n" for step in steps)
        status, printed = _typed(["bash", "-c", script], self.folder, environment(self.home))
        *outputs, rest = _PAINT.sub("", printed).replace("\r", "").split("\f")
        assert status == 0, rest
        return outputs

    def _script(self, step: Block) -> str:
        """Return a block as it is run here: nothing is installed, and no port is taken that others may have."""
        port = str(free_port())
        text = step.text.replace("http://127.0.0.1:8000", self.url).replace("8099", port)
        if step.language == "python":
            return f"python - <<'END_OF_BLOCK'\n{text}END_OF_BLOCK"
        return re.sub(r"^make .*$", ":", text, flags=re.MULTILINE)


def assert_shown(wanted: Block, output: str) -> None:
    """Assert that each line of a block is printed, in this order; '…' stands for anything, spaces do not matter."""
    lines = (" ".join(line.split()) for line in wanted.text.splitlines() if line.strip())
    pattern = ".*".join(".*".join(re.escape(part.strip()) for part in line.split("…")) for line in lines)
    assert re.search(pattern, " ".join(output.split())), f"not printed: {wanted.text}\nbut: {output}"


def environment(home: Path) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("MUELLE")}
    return {**kept, "HOME": str(home), "PATH": f"{_BIN}:{os.environ['PATH']}", "COLUMNS": "160", "TERM": "xterm"}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


def _typed(command: list[str], folder: Path, variables: dict[str, str]) -> tuple[int, str]:
    """Run a command on a terminal and return its status and what appeared; what it leaves running is ended."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - the pages' own blocks
        command,
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
        cwd=folder,
        env=variables,
        start_new_session=True,
    ) as shell:
        os.close(theirs)
        end = Timer(SECONDS, os.killpg, (shell.pid, SIGKILL))
        end.start()
        try:
            printed = _read(ours)
            return shell.wait(), printed
        finally:
            end.cancel()
            os.close(ours)


def _read(terminal: int) -> str:
    """Return all that is printed until nobody has the terminal open any more."""
    printed = b""
    while True:
        try:
            part = os.read(terminal, 1 << 16)
        except OSError:  # Linux says so when the other side is closed
            return printed.decode()
        if not part:
            return printed.decode()
        printed += part


@contextmanager
def serving(home: Path) -> Iterator[str]:
    """Start the server as `make up` does, on a free port; yield its URL; stop it."""
    command = [str(_BIN / "muelle"), "up", "--port", "0", "--json"]
    with subprocess.Popen(  # noqa: S603 - our own command
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(home)
    ) as server:
        assert server.stdout is not None
        try:
            yield msgspec.json.decode(server.stdout.readline())["url"]
        finally:
            server.terminate()
