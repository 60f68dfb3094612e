"""What every command has in common: `--home` and `--json`, and that it is imported only when it is used."""

from collections.abc import Iterator, MutableMapping
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import click


class LazyCommands(MutableMapping[str, click.Command]):
    """Commands by name; `module:attribute` is imported when it is asked for. `muelle run` loads no other command."""

    def __init__(self, targets: dict[str, str]) -> None:
        self._targets = targets
        self._loaded: dict[str, click.Command] = {}

    def __getitem__(self, name: str) -> click.Command:
        """Return a command, which is imported now if it was not before."""
        if name not in self._loaded:
            module, _, attribute = self._targets[name].partition(":")
            self._loaded[name] = getattr(import_module(module), attribute)
        return self._loaded[name]

    def __setitem__(self, name: str, command: click.Command) -> None:
        """Add a command that is there already."""
        self._targets[name] = ""
        self._loaded[name] = command

    def __delitem__(self, name: str) -> None:
        """Take a command out."""
        del self._targets[name]
        self._loaded.pop(name, None)

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names, which loads nothing."""
        return iter(self._targets)

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._targets)


def _keep_home(context: click.Context, _: click.Parameter, value: Path | None) -> None:
    if value is not None and context.obj is not None:
        context.obj.chosen_home = value


def _keep_json(context: click.Context, _: click.Parameter, value: bool) -> None:  # noqa: FBT001 - click's signature
    if value and context.obj is not None:
        context.obj.is_json = True


def _home_option() -> click.Option:
    return click.Option(
        ["--home"],
        type=click.Path(file_okay=False, path_type=Path),
        metavar="DIR",
        help="Where Muelle keeps its files; else MUELLE_HOME, else .muelle in your own folder.",
        callback=_keep_home,
        expose_value=False,
        is_eager=True,
    )


def _json_option() -> click.Option:
    return click.Option(
        ["--json"],
        is_flag=True,
        help="Answer in JSON; errors are one JSON object on stderr.",
        callback=_keep_json,
        expose_value=False,
        is_eager=True,
    )


class MuelleCommand(click.Command):
    """A command with `--home` and `--json`."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - whatever click's own takes
        super().__init__(*arguments, **options)
        self.params += [_home_option(), _json_option()]


class MuelleGroup(click.Group):
    """A group of such commands; a mistyped name is answered with the nearest one."""

    command_class = MuelleCommand

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or raise UsageError with the nearest name."""
        wanted = args[0]
        if wanted not in self.commands and not wanted.startswith("-"):
            near = get_close_matches(wanted, self.commands, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise click.UsageError(f"There is no command '{wanted}'.{hint}", ctx)
        return super().resolve_command(ctx, args)


class Program(MuelleGroup):
    """The root, which has `--home` and `--json` too: they may stand before the command."""

    def __init__(self, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - whatever click's own takes
        super().__init__(*arguments, **options)
        self.params += [_home_option(), _json_option()]
