"""Settings of packs: `[packs]` is the room's own table, and `[packs.NAME]` belongs to the pack of that name."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from muelle.core import read_settings
from muelle.packs.errors import UnknownPack
from muelle.packs.model import Pack
from muelle.packs.registry import Packs

_PREFIX: Final = "MUELLE__PACKS__"
_OWN: Final = ("disabled",)


@dataclass(frozen=True, slots=True, kw_only=True)
class PacksSettings:
    """`disabled`: names of packs that are installed and not to be used; they are not even imported."""

    disabled: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _NoSettings:
    """What a pack without settings accepts."""


@dataclass(frozen=True, slots=True)
class DividedSettings:
    """What file and environment say of single packs (`tables`, `environment`), and of everything else."""

    tables: Mapping[str, Any]
    environment: Mapping[str, str]
    other_file: Mapping[str, Any]
    other_environment: Mapping[str, str]


def divide_settings(file: Mapping[str, Any], environment: Mapping[str, str]) -> DividedSettings:
    """Take the tables of packs out of a settings file and the environment, for nobody can declare them beforehand.

    `open_packs` reads what is taken; the host's settings tree reads the rest, and has PacksSettings as `packs`.
    """
    packs = file.get("packs", {})
    if not isinstance(packs, Mapping):  # left where it is, for the settings tree to complain of
        return DividedSettings({}, {}, file, environment)
    own = {key: value for key, value in packs.items() if key in _OWN}
    taken = {variable: text for variable, text in environment.items() if _key(variable) not in ("", *_OWN)}
    return DividedSettings(
        tables={key: value for key, value in packs.items() if key not in _OWN},
        environment=taken,
        other_file={**file, "packs": own} if "packs" in file else file,
        other_environment={variable: text for variable, text in environment.items() if variable not in taken},
    )


def read_pack_settings(packs: Packs, tables: Mapping[str, Any], environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of each pack by its name, None for one that has none.

    Raise UnknownPack for a table or variable of no pack, and UnknownSetting, InvalidSetting or MissingSetting with the
    whole path (`packs.crm.base_url`). Tables of disabled packs are not read.
    """
    known = {pack.name: pack for pack in packs.packs}
    for name in (*tables, *filter(None, map(_key, environment))):
        if name not in known and name not in packs.disabled and name not in _OWN:
            raise UnknownPack(pack=name, nearest=get_close_matches(name, known, n=1))
    return {name: _read(pack, tables, environment) for name, pack in known.items()}


def _key(variable: str) -> str:
    """Return the pack (or own setting) that an environment variable is about, or nothing."""
    if not variable.startswith(_PREFIX):
        return ""
    return variable[len(_PREFIX) :].split("__", 1)[0].lower()


def _read(pack: Pack, tables: Mapping[str, Any], environment: Mapping[str, str]) -> Any:  # noqa: ANN401 - the pack's type
    """Read under a tree of one branch, so that errors name the whole path."""
    table = tables.get(pack.name, {})
    variables = {variable: text for variable, text in environment.items() if _key(variable) == pack.name}
    if pack.settings is None and not table and not variables:
        return None
    branch = dataclasses.make_dataclass("Branch", [(pack.name, pack.settings or _NoSettings)], frozen=True)
    tree = dataclasses.make_dataclass("Root", [("packs", branch)], frozen=True)
    root: Any = read_settings(tree, {"packs": {pack.name: table}}, variables)
    return getattr(root.packs, pack.name) if pack.settings else None
