"""What a shell may complete: names of what there is. A home that cannot be opened has none."""

from typing import TYPE_CHECKING, TypeVar

import click

from muelle.cli.console import Console
from muelle.cli.listing import PAGE

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.cli.session import Action
    from muelle.identity import Page, Principal

T = TypeVar("T")
_NEWEST = 50  # runs to choose from


def operation_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the operations that begin so."""
    from muelle.cli.operations import known_packs  # noqa: PLC0415 - loads the operations

    return [name for name in known_packs(_console(context)).operations if name.startswith(incomplete)]


def agent_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the agents whose names begin so."""
    found = _asked(context, lambda app, owner: app.identity.agents.list(owner, PAGE))
    return [agent.name for agent in found if agent.name.startswith(incomplete)]


def api_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the Apis whose ids begin so."""
    found = _asked(context, lambda app, owner: app.egress.apis.list(owner, PAGE))
    return [api.id for api in found if api.id.startswith(incomplete)]


def credential_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the credentials whose ids begin so."""
    found = _asked(context, lambda app, owner: app.egress.credentials.list(owner, PAGE))
    return [credential.id for credential in found if credential.id.startswith(incomplete)]


def trigger_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the triggers whose names begin so."""
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - loads all of Muelle

    found = _asked(context, lambda app, owner: triggers_of(app).list(owner, PAGE))
    return [trigger.name for trigger in found if trigger.name.startswith(incomplete)]


def schedule_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the schedules whose ids begin so."""
    from muelle.cli.schedule_options import schedules_of  # noqa: PLC0415 - reads moments and arguments

    found = _asked(context, lambda app, owner: schedules_of(app).list(owner, PAGE))
    return [schedule.id for schedule in found if schedule.id.startswith(incomplete)]


def workflow_names(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the saved workflows whose names begin so."""
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle

    found = _asked(context, lambda app, owner: saved_of(app).workflows.list(owner, "", PAGE))
    return [head.name for head in found if head.name.startswith(incomplete)]


def run_ids(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the newest runs whose ids begin so."""
    from muelle.engine import RunFilter  # noqa: PLC0415 - loads the engine
    from muelle.identity import Page  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> "Page[str]":
        page = await app.executions.page(owner, RunFilter(), _NEWEST, None)
        return Page(tuple(entry["execution_id"] for entry in page["executions"]), None)

    return [run for run in _asked(context, action) if run.startswith(incomplete)]


def job_kinds(context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the jobs whose names begin so."""
    from muelle.identity import Page  # noqa: PLC0415 - loads the engine

    async def action(app: "App", _: "Principal") -> "Page[str]":
        return Page(tuple(sorted(app.jobs.kinds)), None)

    return [kind for kind in _asked(context, action) if kind.startswith(incomplete)]


def scope_names(_context: click.Context, _: click.Parameter, incomplete: str) -> list[str]:
    """Return the scopes that begin so."""
    from muelle.identity import SCOPES  # noqa: PLC0415 - `muelle --help` needs none

    return [scope for scope in SCOPES if scope.startswith(incomplete)]


def _console(context: click.Context) -> Console:
    return context.find_root().obj or Console()


def _asked(context: click.Context, action: "Action[Page[T]]") -> "tuple[T, ...]":
    from muelle.cli.failures import Unopened  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    console = _console(context)
    if not console.home.exists():  # completing is no reason to make one
        return ()
    try:
        return act(console, action).items
    except Unopened:  # pressing the tab key is no place for errors; the command itself will say it
        return ()
