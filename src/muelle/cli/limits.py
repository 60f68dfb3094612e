"""`muelle limits`: how often each may do what, and how it stands."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names
from muelle.cli.console import Console, plain

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Limits

_COLUMNS = ("name", "limit", "window_seconds", "used", "remaining", "reset_seconds")
_TARGET = click.option(
    "--target", default="requests", show_default=True, help="requests, operation:TYPE, api:ID or tool:NAME."
)
_TENANT = click.option("--tenant", help="A tenant, all in it together, in place of an agent.")


@click.group(cls=MuelleGroup)
def limits() -> None:
    """Show, set and reset limits of agents and tenants; a running server heeds them within a second."""


@limits.command()
@click.argument("agent", default="admin", shell_complete=agent_names)
@_TARGET
@click.option("--server", metavar="URL", help="The server to ask; else the one that the settings say.")
@click.pass_obj
def status(console: Console, agent: str, target: str, server: str | None) -> None:
    """Show how the budgets of AGENT stand: what the server has counted, or Redis for all servers."""
    from muelle.cli.limit_status import show  # noqa: PLC0415 - loads all of Muelle

    show(console, agent, target, server, _COLUMNS)


@limits.command("set")
@click.argument("agent", required=False, shell_complete=agent_names)
@_TENANT
@_TARGET
@click.option("--per-minute", type=int, metavar="N", help="In any 60 seconds; 0 for no bound.")
@click.option("--per-hour", type=int, metavar="N", help="In any hour; 0 for no bound.")
@click.option("--per-day", type=int, metavar="N", help="In any 24 hours; 0 for no bound.")
@click.option("--burst", type=int, metavar="N", help="At the same moment; refilled evenly.")
@click.option("--at-once", type=int, metavar="N", help="Under way at the same time.")
@click.option("--wait-seconds", type=float, metavar="S", help="How long what comes too often may wait for its turn.")
@click.pass_obj
def set_limit(  # the options are the rate
    console: Console, /, agent: str | None, tenant: str | None, target: str, **rate: float | None
) -> None:
    """Set a limit of AGENT or of a tenant, in place of what was set; without any number the settings' holds again."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    of_tenant, name = _named(agent, tenant)
    given = {part: value for part, value in rate.items() if value is not None}

    async def changed(app: "App", owner: Any) -> Any:  # noqa: ANN401 - a rule
        verbs = _verbs(app)
        setting = verbs.set_tenant if of_tenant else verbs.set_agent
        return await setting(owner, name, given, target=target)

    _show_rule(console, act(console, changed))


@limits.command()
@click.argument("agent", required=False, shell_complete=agent_names)
@_TENANT
@_TARGET
@click.pass_obj
def reset(console: Console, agent: str | None, tenant: str | None, target: str) -> None:
    """Forget what AGENT, or a tenant, has used; all servers do within a second."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle

    of_tenant, name = _named(agent, tenant)

    async def changed(app: "App", owner: Any) -> Any:  # noqa: ANN401 - a rule
        verbs = _verbs(app)
        return await (verbs.reset_tenant if of_tenant else verbs.reset_agent)(owner, name, target=target)

    _show_rule(console, act(console, changed))


def _named(agent: str | None, tenant: str | None) -> tuple[bool, str]:
    if (agent is None) == (tenant is None):
        raise click.UsageError("Name an agent, or a tenant by --tenant.")
    return tenant is not None, tenant or agent or ""


def _verbs(app: "App") -> "Limits":
    from muelle.identity import Limits  # noqa: PLC0415 - loaded by now

    return Limits(app.identity.registry, app.budgets)


def _show_rule(console: Console, rule: Any) -> None:  # noqa: ANN401 - a rule
    console.item(plain({"target": rule.target, "rate": rule.rate, "resets": rule.era}))
