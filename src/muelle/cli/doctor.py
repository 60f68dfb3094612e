"""`muelle doctor`: whether what Muelle stands on is sound, and what to do where it is not."""

import asyncio
from typing import TYPE_CHECKING

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console

if TYPE_CHECKING:
    from muelle.cli.findings import Finding

_COLORS = {"ok": "green", "warn": "yellow", "fail": "red"}


@click.command(cls=MuelleCommand)
@click.pass_obj
def doctor(console: Console) -> int:
    """Check Python, the home, its files, the database, packs, port, disk and clock; nothing is changed.

    Ends with 1 if something would keep Muelle from working.
    """
    from muelle.cli.checkup import examine  # noqa: PLC0415 - loads all of Muelle

    findings = asyncio.run(examine(console.home))
    failed = any(finding.status == "fail" for finding in findings)
    if console.is_json:
        console.json({"healthy": not failed, "checks": findings})
    else:
        _tell(console, findings)
    return int(failed)


def _tell(console: Console, findings: "list[Finding]") -> None:
    import os  # noqa: PLC0415 - only people need it

    paints = console.is_terminal and not os.environ.get("NO_COLOR")
    for finding in findings:
        status = f"{finding.status:<4}"
        click.echo(
            f"{click.style(status, fg=_COLORS[finding.status]) if paints else status}  {finding.check}: {finding.text}"
        )
        if finding.remedy:
            click.echo(f"      → {finding.remedy}")
