"""`muelle triggers`: which events and webhooks start which workflows."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names, trigger_names
from muelle.cli.console import Console
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.core import Secret
    from muelle.workflows.triggers.model import Trigger

_COLUMNS = ("name", "kind", "workflow", "version", "principal", "enabled", "path")
_DELIVERIES = ("timestamp", "outcome", "event_type", "event_id", "execution_id", "attempts", "reason", "id")


@click.group(cls=MuelleGroup)
def triggers() -> None:
    """Let events and webhooks start saved workflows."""


def _options(command: Any, options: tuple[Any, ...]) -> Any:  # noqa: ANN401 - what click decorates
    for option in reversed(options):
        command = option(command)
    return command


def _described(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    return _options(
        command,
        (
            click.option(
                "--on", "types", multiple=True, metavar="TYPE", help="Type of event: order.new, order.*, order.**."
            ),
            click.option("--source", multiple=True, metavar="GLOB", help="Source of the event; '*' is a wildcard."),
            click.option("--subject", multiple=True, metavar="GLOB", help="Subject of the event; '*' is a wildcard."),
            click.option(
                "--where", multiple=True, metavar="PATH=JSON", help='Condition on data: total={"numeric":[">",100]}.'
            ),
            click.option("--expression", metavar="CEL", help="Condition on 'event' in CEL; it must be true, too."),
            click.option("--pattern", metavar="FILE", help="The whole pattern, JSON; options above change it."),
            click.option("--inputs", metavar="FILE", help="A JSON object of inputs, with references to /event/…."),
            click.option("--input", "pairs", multiple=True, metavar="NAME=VALUE", help="One input: JSON, else text."),
            click.option("--as", "principal", metavar="AGENT", shell_complete=agent_names, help="Whom it runs as."),
            click.option("--workflow-version", "version", metavar="RANGE", help="Which versions: latest, ^2.1, 1.4.0."),
            click.option("--priority", type=click.IntRange(1, 5), help="1 is first, 5 last; else 3."),
            click.option("--concurrency", type=click.IntRange(0), metavar="N", help="Its runs at once; 0: no bound."),
            click.option("--queue", metavar="NAME", help="The queue of its runs."),
            click.option("--description", help="What it is for."),
            click.option(
                "--allow-address", "addresses", multiple=True, metavar="NET", help="A network that may call it."
            ),
            click.option("--webhook-file", metavar="FILE", help="The webhook's scheme and settings, JSON."),
        ),
    )


def _secret_options(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    return _options(
        command,
        (
            click.option("--from-env", metavar="VARIABLE", help="Take the sender's secret from this variable."),
            click.option("--from-file", metavar="FILE", help="Take it from this file; '-' is standard input."),
        ),
    )


@triggers.command()
@click.argument("name")
@click.argument("workflow")
@click.option(
    "--webhook", "scheme", type=click.Choice(("standard", "github", "stripe")), help="Who signs calls of its webhook."
)
@click.option("--disabled", is_flag=True, help="Do not let it fire yet.")
@_described
@_secret_options
@click.pass_obj
def add(console: Console, /, name: str, workflow: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Start WORKFLOW by events (--on) or by calls of a webhook, whose secret is printed once if it is made here."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import body, checked, secret_of, triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import NewTrigger, draft_of  # noqa: PLC0415 - as above

    fields = {"name": name, "workflow": workflow, "enabled": not given["disabled"], **body(given, None)}
    draft = draft_of(checked(fields, NewTrigger))
    secret = secret_of(given)
    trigger, made = act(console, lambda app, owner: triggers_of(app).add(owner, draft, secret))
    _tell(console, trigger, made)


def _tell(console: Console, trigger: "Trigger", made: "Secret | None") -> None:
    """Print a trigger; a secret that was made goes to stdout alone, so that it can be caught in a variable."""
    from muelle.workflows.triggers.shapes import trigger_shape  # noqa: PLC0415 - loaded by now

    if console.is_json or made is None:
        console.item(trigger_shape(trigger, made))
        return
    console.note(f"Calls go to POST /hooks/{trigger.tenant}/{trigger.id}")
    console.note("The webhook's secret, shown only now:")
    click.echo(made.reveal())


@triggers.command("list")
@paged
@click.pass_obj
def list_triggers(console: Console, limit: int, cursor: str | None) -> None:
    """List triggers by name."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import trigger_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: triggers_of(app).list(owner, limit, cursor))
    console.listing("triggers", map(trigger_shape, page.items), _COLUMNS, page.next)


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.pass_obj
def show(console: Console, name: str) -> None:
    """Show a trigger; where its webhook is called is its path."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import trigger_shape  # noqa: PLC0415 - as above

    console.item(trigger_shape(act(console, lambda app, owner: triggers_of(app).show(owner, name))))


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@click.option("--workflow", metavar="NAME", help="Another workflow.")
@_described
@click.pass_obj
def update(console: Console, /, name: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Change what is given, and leave the rest."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import updated_by  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import trigger_shape  # noqa: PLC0415 - as above

    console.item(trigger_shape(act(console, lambda app, owner: updated_by(app, owner, name, given))))


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.pass_obj
def enable(console: Console, name: str) -> None:
    """Let a trigger fire again."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import trigger_shape  # noqa: PLC0415 - as above

    console.item(trigger_shape(act(console, lambda app, owner: triggers_of(app).enable(owner, name))))


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.pass_obj
def disable(console: Console, name: str) -> None:
    """Keep a trigger from firing."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import trigger_shape  # noqa: PLC0415 - as above

    console.item(trigger_shape(act(console, lambda app, owner: triggers_of(app).disable(owner, name))))


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(console: Console, name: str, *, yes: bool) -> None:
    """Remove a trigger with its secrets and deliveries."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above

    console.confirm(f"Remove the trigger '{name}'?", is_sure=yes)
    act(console, lambda app, owner: triggers_of(app).remove(owner, name))
    if console.is_json:
        console.json({"name": name, "removed": True})
    else:
        console.note(f"Removed the trigger '{name}'.")


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.argument("event", metavar="FILE")
@click.pass_obj
def test(console: Console, name: str, event: str) -> None:
    """Tell what a trigger would do with the event in a JSON FILE ('-' is standard input); nothing is run."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import read_object, triggers_of  # noqa: PLC0415 - as above

    sample = read_object(event)
    console.item(act(console, lambda app, owner: triggers_of(app).test(owner, name, sample)))


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@paged
@click.pass_obj
def deliveries(console: Console, name: str, limit: int, cursor: str | None) -> None:
    """List what became of events at a trigger, the newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import delivery_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: triggers_of(app).deliveries(owner, name, limit, cursor))
    console.listing("deliveries", map(delivery_shape, page.items), _DELIVERIES, page.next)


@triggers.command()
@click.argument("name", shell_complete=trigger_names)
@click.argument("delivery", metavar="DELIVERY")
@click.pass_obj
def replay(console: Console, name: str, delivery: str) -> None:
    """Fire a trigger, as it is now, with a dead letter among its deliveries."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import triggers_of  # noqa: PLC0415 - as above
    from muelle.workflows.triggers.shapes import delivery_shape  # noqa: PLC0415 - as above

    sent = act(console, lambda app, owner: triggers_of(app).replay(owner, name, delivery))
    console.item(delivery_shape(sent))


@triggers.command("rotate-secret")
@click.argument("name", shell_complete=trigger_names)
@click.option(
    "--overlap", type=click.FloatRange(0), default=86_400.0, metavar="SECONDS", help="How long the old one is valid."
)
@_secret_options
@click.pass_obj
def rotate_secret(console: Console, /, name: str, **given: Any) -> None:  # noqa: ANN401 - click's values, by option
    """Give a webhook a new secret, which is printed once if it is made here; the old one is valid for a while."""
    from muelle.cli.session import act  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.triggering import secret_of, triggers_of  # noqa: PLC0415 - as above

    secret = secret_of(given)
    changed, made = act(console, lambda app, owner: triggers_of(app).rotate(owner, name, given["overlap"], secret))
    _tell(console, changed, made)
