"""The program `muelle`: its commands, and how errors become messages and exit codes."""

import gc
import os
import sys
from collections.abc import Sequence

import click

from muelle import __version__
from muelle.cli.commands import LazyCommands, Program
from muelle.cli.console import Console

_INTERRUPTED = 130  # 128 and the number of SIGINT, as shells have it

_COMMANDS = {
    "up": "muelle.cli.up:up",
    "run": "muelle.cli.run:run",
    "validate": "muelle.cli.validate:validate",
    "operations": "muelle.cli.operations:operations",
    "workflows": "muelle.cli.workflows:workflows",
    "agents": "muelle.cli.agents:agents",
    "users": "muelle.cli.users:users",
    "tokens": "muelle.cli.tokens:tokens",
    "keys": "muelle.cli.keys:keys",
    "grants": "muelle.cli.grants:grants",
    "roles": "muelle.cli.roles:roles",
    "apis": "muelle.cli.apis:apis",
    "credentials": "muelle.cli.credentials:credentials",
    "knowledge": "muelle.cli.knowledge:knowledge",
    "discover": "muelle.cli.discover:discover",
    "databases": "muelle.cli.queries:databases",
    "queries": "muelle.cli.queries:queries",
    "tenants": "muelle.cli.tenants:tenants",
    "domains": "muelle.cli.domains:domains",
    "audit": "muelle.cli.audit:audit",
    "limits": "muelle.cli.limits:limits",
    "worker": "muelle.cli.worker:worker",
    "runs": "muelle.cli.runs:runs",
    "jobs": "muelle.cli.jobs:jobs",
    "executions": "muelle.cli.executions:executions",
    "schedules": "muelle.cli.schedules:schedules",
    "triggers": "muelle.cli.triggers:triggers",
    "approvals": "muelle.cli.approvals:approvals",
    "policies": "muelle.cli.policies:policies",
    "cache": "muelle.cli.cache:cache",
    "settings": "muelle.cli.effective:settings",
    "doctor": "muelle.cli.doctor:doctor",
    "completion": "muelle.cli.completion:completion",
    "version": "muelle.cli.version:version",
}

muelle = Program(
    name="muelle",
    help="Muelle: the place where AI agents do their work.",
    commands=LazyCommands(_COMMANDS),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
muelle = click.version_option(__version__, prog_name="muelle", message="%(prog)s %(version)s")(muelle)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command, that of the process if no arguments are given, and return its exit code.

    0 is done, 1 failed, 2 invalid, 3 refused.
    """
    gc.disable()  # imports make much and drop little; whoever opens Muelle switches it on again
    try:
        return _run(list(sys.argv[1:] if arguments is None else arguments))
    finally:
        gc.enable()
        if arguments is None:
            gc.freeze()  # the process ends: to look through all that was loaded once more would take it 80 ms


def _run(arguments: list[str]) -> int:
    console = Console()
    try:
        code = muelle.main(args=arguments, prog_name="muelle", obj=console, standalone_mode=False)
        return code if isinstance(code, int) else 0
    except click.Abort:
        console.note("Interrupted.")
        return _INTERRUPTED
    except BrokenPipeError:
        return _hung_up()
    except Exception as error:
        if console.is_debugging and not isinstance(error, click.ClickException):
            raise
        console.is_json = console.is_json or "--json" in arguments
        return _told(console, error)


def _told(console: Console, error: Exception) -> int:
    from muelle.cli.failures import tell  # noqa: PLC0415 - only what goes wrong needs it

    return tell(console, error)


def _hung_up() -> int:
    """End quietly where the reader went away; Python would complain when it flushes stdout at the end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1
