"""`muelle workflows`: workflows that are saved under a name, with versions."""

from typing import TYPE_CHECKING, Any

import click

from muelle.cli.commands import MuelleGroup
from muelle.cli.completing import agent_names, workflow_names
from muelle.cli.console import Console, plain
from muelle.cli.listing import paged

if TYPE_CHECKING:
    from muelle.app import App
    from muelle.identity import Principal
    from muelle.workflows import Format
    from muelle.workflows.versions.by_name import NamedOutcome

_COLUMNS = ("name", "description", "tags", "updated_at")
_VERSIONS = ("version", "status", "created_at", "note", "message", "sunset")
_CHANGES = ("weight", "path", "message")
_HISTORY = ("revision", "at", "action", "version", "detail", "by")
_FORMATS = ("full", "summary", "minimal")
_COLORS = {"breaking": "red", "feature": "cyan", "fix": "green"}

Name = click.argument("name", shell_complete=workflow_names)
Version = click.argument("version")


@click.group(cls=MuelleGroup)
def workflows() -> None:
    """Save workflows under a name, with semantic versions, and run them by that name."""


@workflows.command("list")
@click.option("--search", default="", metavar="TEXT", help="Found in name, description or tags.")
@paged
@click.pass_obj
def list_workflows(console: Console, search: str, limit: int, cursor: str | None) -> None:
    """List saved workflows by name."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import workflow_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: saved_of(app).workflows.list(owner, search, limit, cursor))
    console.listing("workflows", map(workflow_shape, page.items), _COLUMNS, page.next)


def _described(command: Any) -> Any:  # noqa: ANN401 - what click decorates
    options = (
        click.option("--version", metavar="V", help="1.2.3; else the least version that tells of the changes."),
        click.option("--description", metavar="TEXT", help="What it is for."),
        click.option("--tag", "tags", multiple=True, metavar="WORD", help="A word to find it by; replaces all others."),
        click.option("--input-schema", metavar="FILE", help="JSON Schema of its inputs."),
        click.option("--output-schema", metavar="FILE", help="JSON Schema of its results, by operation."),
        click.option("--migrate-inputs", metavar="FILE", help="Steps for inputs that were kept for older versions."),
        click.option("--note", metavar="TEXT", help="What is new."),
        click.option("--dry-run", is_flag=True, help="Only say what would be published."),
    )
    for option in reversed(options):
        command = option(command)
    return command


@workflows.command()
@Name
@click.argument("file")
@_described
@click.pass_obj
def save(console: Console, /, name: str, file: str, *, dry_run: bool, **given: Any) -> None:  # noqa: ANN401 - click's values
    """Publish the document in FILE ('-' is standard input), or what 'export' wrote, as a version of NAME."""
    from muelle.cli.saving import draft_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - as above
    from muelle.workflows.versions.shapes import publication_shape  # noqa: PLC0415 - as above

    draft = draft_of(name, file, given)
    publication = act(console, lambda app, owner: saved_of(app).workflows.publish(owner, draft, is_rehearsal=dry_run))
    shape = publication_shape(name, publication, is_rehearsal=dry_run)
    if console.is_json:
        console.json(shape)
        return
    done = "published" if shape.published else "would be published" if publication.is_new else "was published before"
    click.echo(f"{name} {shape.version} {done}")
    _tell_changes(console, [plain(change) for change in shape.changes])
    for warning in shape.warnings:
        console.note(f"  {console.paint('warning', 'yellow')} {warning['message']} [{warning['code']}]")


def _tell_changes(console: Console, changes: list[dict[str, Any]]) -> None:
    for change in changes:
        weight = console.paint(f"{change['weight']:<8}", _COLORS[change["weight"]])
        console.note(f"  {weight} {change['path']}: {change['message']}")


@workflows.command()
@Name
@click.option("--version", metavar="V", help="A version, a range such as ^1.2, or an alias: show that one whole.")
@click.pass_obj
def show(console: Console, name: str, version: str | None) -> None:
    """Show a workflow with its aliases and versions, or one version with its document and schemas."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import version_shape, workflow_detail  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> Any:  # noqa: ANN401 - one of two shapes
        saved = saved_of(app).workflows
        if version is None:
            return workflow_detail(await saved.show(owner, name), app.clock.now())
        return version_shape(name, *await saved.version(owner, name, version))

    shape = act(console, action)
    if console.is_json or version is not None:
        console.item(shape)
        return
    fields = plain(shape)
    versions = fields.pop("versions")
    console.item(fields)
    click.echo()
    console.listing("versions", versions, _VERSIONS)


@workflows.command()
@Name
@click.pass_obj
def versions(console: Console, name: str) -> None:
    """List the versions of a workflow, the highest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import release_shape  # noqa: PLC0415 - as above

    workflow = act(console, lambda app, owner: saved_of(app).workflows.show(owner, name))
    console.listing("versions", map(release_shape, workflow.releases), _VERSIONS)


@workflows.command()
@Name
@click.argument("before")
@click.argument("after", default="latest")
@click.pass_obj
def diff(console: Console, name: str, before: str, after: str) -> None:
    """Show what leads from version BEFORE to AFTER, by default the latest: changes as callers see them, then text."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import difference_shape  # noqa: PLC0415 - as above

    shape = difference_shape(act(console, lambda app, owner: saved_of(app).workflows.diff(owner, name, before, after)))
    if console.is_json:
        console.json(shape)
        return
    _tell_changes(console, [plain(change) for change in shape.changes])
    if shape.text:
        click.echo(shape.text)
    else:
        console.note("There is no difference." if not shape.edits else "Too long for a text; --json has the fields.")


@workflows.command()
@Name
@click.pass_obj
@paged
def history(console: Console, name: str, limit: int, cursor: str | None) -> None:
    """List what became of a workflow, the newest first."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import entry_shape  # noqa: PLC0415 - as above

    page = act(console, lambda app, owner: saved_of(app).workflows.history(owner, name, limit, cursor))
    console.listing("changes", map(entry_shape, page.items), _HISTORY, page.next)


@workflows.command()
@Name
@click.option("--description", metavar="TEXT", help="What it is for.")
@click.option("--tag", "tags", multiple=True, metavar="WORD", help="A word to find it by; replaces all others.")
@click.pass_obj
def describe(console: Console, name: str, description: str | None, tags: tuple[str, ...]) -> None:
    """Change description and tags, which belong to no version."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import workflow_shape  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> Any:  # noqa: ANN401 - a shape
        saved = saved_of(app).workflows
        await saved.describe(owner, name, description=description, tags=tags or None)
        return workflow_shape((await saved.show(owner, name)).head)

    console.item(act(console, action))


@workflows.command()
@Name
@click.argument("alias")
@click.argument("version", required=False)
@click.option("--remove", is_flag=True, help="Take the alias away.")
@click.pass_obj
def alias(console: Console, name: str, alias: str, version: str | None, *, remove: bool) -> None:
    """Let ALIAS mean VERSION (a version or a range) from now on."""
    from muelle.cli.failures import InvalidArgument  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - as above

    if (version is None) != remove:
        raise InvalidArgument("Give either a version or --remove.")
    if version is None:
        act(console, lambda app, owner: saved_of(app).workflows.remove_alias(owner, name, alias))
        console.item({"workflow": name, "alias": alias, "removed": True})
        return
    wanted = version
    _, meant = act(console, lambda app, owner: saved_of(app).workflows.set_alias(owner, name, alias, wanted))
    console.item({"workflow": name, "alias": alias, "version": meant})


@workflows.command()
@Name
@click.option("--alias", metavar="ALIAS", help="Which alias; else stable, where it is set, else latest.")
@click.pass_obj
def rollback(console: Console, name: str, alias: str | None) -> None:
    """Move an alias back to the version that it meant before."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle

    moved, version = act(console, lambda app, owner: saved_of(app).workflows.rollback(owner, name, alias))
    console.item({"workflow": name, "alias": moved, "version": version})


@workflows.command()
@Name
@Version
@click.option("--message", default="", metavar="TEXT", help="Why, and what to use instead.")
@click.option("--sunset", metavar="TIME", help="From when on nobody can run it: a time, or 90d.")
@click.pass_obj
def deprecate(console: Console, name: str, version: str, message: str, sunset: str | None) -> None:
    """Advise against a version: it runs, ranges prefer others, and whoever runs it is told."""
    from muelle.cli.moments import ahead  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - as above
    from muelle.workflows.versions.shapes import release_shape  # noqa: PLC0415 - as above

    async def action(app: "App", owner: "Principal") -> Any:  # noqa: ANN401 - a shape
        at = ahead(sunset, app.clock.now())
        saved = saved_of(app).workflows
        return release_shape(await saved.deprecate(owner, name, version, message=message, sunset=at))

    console.item(act(console, action))


@workflows.command()
@Name
@Version
@click.option("--message", default="", metavar="TEXT", help="Why, and what to use instead.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def withdraw(console: Console, name: str, version: str, message: str, *, yes: bool) -> None:
    """Let nobody run a version any more."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import release_shape  # noqa: PLC0415 - as above

    console.confirm(f"Withdraw {name} {version}?", is_sure=yes)
    release = act(console, lambda app, owner: saved_of(app).workflows.withdraw(owner, name, version, message=message))
    console.item(release_shape(release))


@workflows.command()
@Name
@Version
@click.pass_obj
def restore(console: Console, name: str, version: str) -> None:
    """Take deprecation or withdrawal of a version back."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows.versions.shapes import release_shape  # noqa: PLC0415 - as above

    console.item(release_shape(act(console, lambda app, owner: saved_of(app).workflows.restore(owner, name, version))))


@workflows.command()
@Name
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def remove(console: Console, name: str, *, yes: bool) -> None:
    """Remove a workflow whose versions are all withdrawn; its runs stay."""
    from muelle.cli.session import act  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle

    console.confirm(f"Remove the workflow '{name}'?", is_sure=yes)
    act(console, lambda app, owner: saved_of(app).workflows.remove(owner, name))
    console.item({"workflow": name, "removed": True})


@workflows.command()
@Name
@click.option("--version", default="", metavar="V", help="A version, a range or an alias; else stable, else latest.")
@click.option(
    "--input", "pairs", multiple=True, metavar="K=V", help="An input; V is JSON if it can be, @FILE its file."
)
@click.option("--inputs", metavar="FILE", help="A file with a JSON object of inputs.")
@click.option("--inputs-version", metavar="V", help="The version that the inputs were made for: migrate them.")
@click.option("--as", "agent", metavar="AGENT", shell_complete=agent_names, help="Run with the grants of this agent.")
@click.option("--format", "form", type=click.Choice(_FORMATS), default="full", help="How much the answer tells.")
@click.pass_obj
def run(console: Console, /, name: str, form: "Format", **given: Any) -> int:  # noqa: ANN401 - click's values
    """Run a saved workflow and print its answer.

    Ends with 0 if it succeeded, 1 if it failed in whole or in part, 2 if an input is not valid, and 3 if it may not be
    run.
    """
    from muelle.cli.arguments import read_inputs  # noqa: PLC0415 - `muelle --help` needs none
    from muelle.cli.session import act, acting_as  # noqa: PLC0415 - as above
    from muelle.rooms import saved_of  # noqa: PLC0415 - loads all of Muelle
    from muelle.workflows import encode_answer  # noqa: PLC0415 - as above

    inputs = read_inputs(given["inputs"], given["pairs"])

    async def action(app: "App", owner: "Principal") -> "NamedOutcome":
        actor = await acting_as(app, owner, given["agent"])
        named = saved_of(app).runs
        return await named.execute(actor, name, given["version"], inputs, kept_for=given["inputs_version"])

    ran = act(console, action)
    _tell_version(console, ran)
    console.encoded(encode_answer(ran.outcome, form))
    return 0 if ran.outcome.status == "success" else 1


def _tell_version(console: Console, ran: "NamedOutcome") -> None:
    """Say on stderr what somebody who watches wants to know of the version."""
    release = ran.resolved.release
    if release.status == "deprecated":
        until = f" until {release.sunset.isoformat()}" if release.sunset else ""
        why = f": {release.message}" if release.message else "."
        console.note(f"{console.paint('warning:', 'yellow')} {release.version} is deprecated{until}{why}")
    for finding in ran.unpromised:
        console.note(f"{console.paint('warning:', 'yellow')} result {finding['path']}: {finding['message']}")


@workflows.command()
@Name
@click.option("--version", default="", metavar="V", help="A version, a range or an alias; else stable, else latest.")
@click.option("--output", metavar="FILE", help="Where to; else standard output.")
@click.pass_obj
def export(console: Console, name: str, version: str, output: str | None) -> None:
    """Write a version with all that was published, as JSON that 'save' and the HTTP API take."""
    from muelle.cli.exporting import export_lines  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.saving import exported  # noqa: PLC0415 - as above
    from muelle.cli.session import act  # noqa: PLC0415 - as above

    act(console, lambda app, owner: export_lines(console, output, exported(app, owner, name, version)))
