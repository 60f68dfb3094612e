"""`muelle settings`: everything that can be set, as it is set now."""

import dataclasses
from typing import Any

import click

from muelle.cli.commands import MuelleCommand
from muelle.cli.console import Console


@click.command(cls=MuelleCommand)
@click.pass_obj
def settings(console: Console) -> None:
    """Show the settings as they hold, from defaults, muelle.toml and the environment; secrets are masked."""
    from muelle.app import read_configuration  # noqa: PLC0415 - loads all of Muelle
    from muelle.cli.operations import known_packs  # noqa: PLC0415 - as above
    from muelle.packs.settings import read_pack_settings  # noqa: PLC0415 - as above

    configuration = read_configuration(console.home)
    tree = _shown(configuration.settings)
    of_packs = read_pack_settings(known_packs(console), configuration.packs, configuration.environment)
    tree["packs"] |= {name: _shown(values) for name, values in of_packs.items() if values is not None}
    if console.is_json:
        console.json(tree)
    else:
        console.item(dict(_leaves(tree)))


def _shown(value: Any) -> Any:  # noqa: ANN401 - a settings tree, or one of its values
    from muelle.core import Secret  # noqa: PLC0415 - loaded by now

    if dataclasses.is_dataclass(value):
        return {field.name: _shown(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, Secret):
        return str(value) if value.reveal() else ""
    return list(value) if isinstance(value, tuple) else value


def _leaves(tree: dict[str, Any], above: str = "") -> "list[tuple[str, Any]]":
    leaves: list[tuple[str, Any]] = []
    for name, value in tree.items():
        path = f"{above}{name}"
        leaves += _leaves(value, f"{path}.") if isinstance(value, dict) else [(path, value)]
    return leaves
