"""`muelle approvals`: what runs ask of people, and the answers."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.cli.session import Action
    from muelle.identity import Page, Principal
    from muelle.workflows.approvals.model import Approval
    from muelle.workflows.approvals.service import Verdict

_COLUMNS = ("execution_id", "operation_id", "workflow_id", "message", "asked_at", "expires_at")


@click.group(cls=MuelleGroup)
def approvals() -> None:
    """Answer what runs ask: list, show, approve, reject."""


def _as_agent(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    text = "Act as this agent, with its grants, not as the owner."
    return click.option("--as", "agent", metavar="AGENT", shell_complete=agent_names, help=text)(command)


def _one(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    return click.argument("execution_id")(click.argument("operation_id")(_as_agent(command)))


@approvals.command("list")
@paged
@_as_agent
@click.pass_obj
def list_approvals(console: Console, limit: int, cursor: str | None, agent: str | None) -> None:
    """List what waits for an answer, the oldest first."""
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - loads all of Muelle
    from muelle.rooms import approvals_of  # noqa: PLC0415 - as above
    from muelle.workflows.approvals.shapes import approval_shape  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "Page[Approval]":
        return await approvals_of(app).list(await acting_as(app, owner, agent), limit, cursor)

    page = act(console, action)
    console.listing("approvals", map(approval_shape, page.items), _COLUMNS, page.next)


@approvals.command()
@_one
@click.pass_obj
def show(console: Console, execution_id: str, operation_id: str, agent: str | None) -> None:
    """Show what a run asks, and what was answered."""
    from muelle.cli.session import acting_as  # noqa: PLC0415 - loads all of Muelle
    from muelle.rooms import approvals_of  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "Approval":
        return await approvals_of(app).show(await acting_as(app, owner, agent), execution_id, operation_id)

    _tell(console, action)


@approvals.command()
@_one
@click.option("--comment", default="", help="Why; the run gets it.")
@click.pass_obj
def approve(console: Console, execution_id: str, operation_id: str, agent: str | None, comment: str) -> None:
    """Say yes, and let the run go on; a worker takes it."""
    _answer(console, (execution_id, operation_id), "approve", agent, comment)


@approvals.command()
@_one
@click.option("--comment", default="", help="Why; the run gets it.")
@click.pass_obj
def reject(console: Console, execution_id: str, operation_id: str, agent: str | None, comment: str) -> None:
    """Say no."""
    _answer(console, (execution_id, operation_id), "reject", agent, comment)


def _answer(console: Console, approval: tuple[str, str], verdict: "Verdict", agent: str | None, comment: str) -> None:
    from muelle.cli.session import acting_as  # noqa: PLC0415 - loads all of Muelle
    from muelle.rooms import approvals_of  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "Approval":
        actor = await acting_as(app, owner, agent)
        return await approvals_of(app).answer(actor, approval, verdict, comment)

    _tell(console, action)


def _tell(console: Console, action: "Action[Approval]") -> None:
    from muelle.cli.session import act  # noqa: PLC0415 - loaded by now
    from muelle.workflows.approvals.shapes import approval_shape  # noqa: PLC0415 - as above

    console.item(approval_shape(act(console, action)))
