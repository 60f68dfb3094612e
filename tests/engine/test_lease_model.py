"""The protocol of leases and of the journal holds in every order of events, and every rule of it is needed.

`model/lease.pml` is explored by spin: docs/en/engine-protocol.md explains what that shows, and what it does not.
"""

import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

MODEL = Path(__file__).parent / "model" / "lease.pml"
SECONDS = 120  # for one exploration; the largest takes 6 on a machine of 2018

LATE_ROW, TWO_ENDS, TWO_KEYS, TWO_HOLDERS, LOST_RUN, FALSE_ANSWER, TWO_ROWS = range(1, 8)
"""What is broken, as ONLY numbers it in the model."""

PROVED = {
    "two workers, two runs; one freezes, one dies": ("-DLOSSES=0",),
    "two workers, two runs; one dies, a connection is lost": ("-DFREEZES=0",),
    "three workers, one run; all that may happen happens": ("-DRUNS=1", "-DWORKERS=3"),
    "two workers, one run; clocks are fast, a connection is lost": ("-DRUNS=1", "-DHASTE=1", "-DCRASHES=0"),
    "an unknown outcome is sent again, under row numbers and counted holds": ("-DRUNS=1", "-DRESEND"),
}

BROKEN = [
    pytest.param("NO_FENCE", LATE_ROW, id="batches do not look at the worker's row: a late row"),
    pytest.param("NO_FENCE", TWO_ENDS, id="batches do not look at the worker's row: two ends"),
    pytest.param("NO_FENCE", TWO_KEYS, id="batches do not look at the worker's row: an effect under two keys"),
    pytest.param("UNLOCKED_FENCE", LATE_ROW, id="batches look at the worker's row and do not lock it"),
    pytest.param("LATE_REAPER_ORDER", TWO_HOLDERS, id="the reaper gives runs away before it flips the worker"),
    pytest.param("SNAPSHOT_REAPER", LOST_RUN, id="the reaper looks for runs before it has the worker's row"),
    pytest.param("REUSE_ID", LATE_ROW, id="a worker that lost its lease goes on under the same id"),
    pytest.param("NO_IDEMPOTENCY", TWO_KEYS, id="an effect is repeated under a key of its own"),
    pytest.param("HASTY_EFFECT", TWO_KEYS, id="an effect does not wait for the entry that it begins"),
    pytest.param("RESEND NO_ROW_KEY", TWO_ROWS, id="an unknown outcome is sent again without row numbers"),
    pytest.param("RESEND NO_HOLD_COUNT", LATE_ROW, id="an unknown outcome is sent again without counted holds"),
    pytest.param("STRAGGLER", FALSE_ANSWER, id="a run is put down, and what it was about to write comes later"),
    pytest.param("FORGOTTEN_CLAIM", LOST_RUN, id="nobody asks what is held and in nobody's hands"),
    pytest.param("HASTY_RELEASE", LATE_ROW, id="a run is given back while its last commit may still happen"),
    pytest.param("FORGOTTEN_NUDGE", LOST_RUN, id="an answer to a run that is about to sleep is not noted"),
    pytest.param("CANCEL_WHATEVER CANCELS=1", TWO_ENDS, id="a run is ended under the hands of its worker"),
]

Explore = Callable[..., str]


@pytest.fixture
def explore(tmp_path: Path) -> Explore:
    """Give what makes a program of the model and returns what it printed."""
    for tool in ("spin", "gcc"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed (apt-get install {tool})")

    def run(*command: str) -> str:
        done = subprocess.run(  # noqa: S603 - fixed programs
            command, cwd=tmp_path, capture_output=True, text=True, timeout=SECONDS, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def explored(flags: Sequence[str], compiled: Sequence[str] = ("-O1", "-DSAFETY"), *options: str) -> str:
        run("spin", *flags, "-a", str(MODEL))
        run("gcc", "-w", *compiled, "-DCOLLAPSE", "-o", "pan", "pan.c")
        return run("./pan", "-m100000", "-w22", *options)

    return explored


def has_no_errors(printed: str) -> bool:
    """Whether every state was seen, and nothing was wrong in any."""
    is_whole = not re.search(r"not completed|too small|truncated|out of memory|aborted", printed)
    return is_whole and re.findall(r"errors: (\d+)", printed) == ["0"]


def unreached(printed: str) -> set[str]:
    """Return the lines and states that no order of events came to."""
    return {found for found in re.findall(r"lease\.pml:(\d+, state .*)", printed) if not found.endswith('"-end-"')}


@pytest.mark.parametrize("flags", [pytest.param(flags, id=name) for name, flags in PROVED.items()])
def test_the_protocol_holds(explore: Explore, flags: Sequence[str]) -> None:
    printed = explore(flags)

    assert has_no_errors(printed), printed


def test_whatever_happens_comes_to_an_end(explore: Explore) -> None:
    printed = explore(("-DRUNS=1", "-DCANCELS=1"), ("-O1", "-DNP", "-DNOFAIR"), "-l")

    assert has_no_errors(printed), printed  # no circle of states, so nothing has to be assumed about fairness
    assert "non-progress cycles" in printed


def test_every_line_of_the_model_is_reached(explore: Explore) -> None:
    some = explore(("-DRUNS=1", "-DCANCELS=1"))
    others = explore(("-DRUNS=1", "-DHASTE=1", "-DCRASHES=0", "-DLOSSES=0"))

    assert has_no_errors(some), some
    assert has_no_errors(others), others
    assert unreached(some) & unreached(others) == set()


@pytest.mark.parametrize(("flags", "broken"), BROKEN)
def test_without_one_of_its_rules_the_protocol_fails(explore: Explore, flags: str, broken: int) -> None:
    given = [f"-D{flag}" for flag in flags.split()]

    printed = explore((*given, "-DRUNS=1", f"-DONLY={broken}"), ("-O0", "-DSAFETY"))

    assert re.findall(r"errors: (\d+)", printed) == ["1"], printed
    assert "assertion violated" in printed
    assert "invalid array index" not in printed


def test_a_search_that_was_cut_off_proves_nothing(explore: Explore) -> None:
    assert not has_no_errors(explore(("-DRUNS=1",), ("-O0", "-DSAFETY"), "-m50"))
