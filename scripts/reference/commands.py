"""The page of the command line: every command with its arguments and options."""

from collections.abc import Iterator

import click

from reference.modules import values
from reference.texts import Texts, row, table_head


def page(texts: Texts) -> list[str]:
    """Return the lines of the page."""
    lines = [f"# {texts.heading('Commands')}", ""]
    for root in roots():
        for path, command in _commands("muelle", root):
            lines += _entry(path, command, texts)
    return lines


def roots() -> list[click.Group]:
    """Return the group of commands that is no other's: the program."""
    groups = list(values(click.Group))
    inside = {id(child) for group in groups for child in group.commands.values()}
    return [group for group in groups if id(group) not in inside]


def _commands(path: str, command: click.Command) -> Iterator[tuple[str, click.Command]]:
    yield path, command
    if isinstance(command, click.Group):
        context = click.Context(command, info_name=path)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            if child is not None and not child.hidden:
                yield from _commands(f"{path} {name}", child)


def _entry(path: str, command: click.Command, texts: Texts) -> list[str]:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    lines = [f"## `{path}`", "", texts.sentence(" ".join((command.help or "").split())), "", "```", usage, "```", ""]
    rows = [each for each in (_row(option, texts) for option in command.params) if each]
    if rows:
        lines += [*table_head(texts.heading("Option"), texts.heading("Default"), texts.heading("Meaning")), *rows, ""]
    return lines


def _row(parameter: click.Parameter, texts: Texts) -> str:
    if isinstance(parameter, click.Option) and not parameter.hidden:
        default = parameter.default
        shown = f"`{default}`" if isinstance(default, str | int | float) and not parameter.is_flag else ""
        return row(f"`{', '.join(parameter.opts)}`", shown, texts.sentence(parameter.help or ""))
    if isinstance(parameter, click.Argument):
        return row(f"`{parameter.human_readable_name}`", "", texts.heading("Argument"))
    return ""
