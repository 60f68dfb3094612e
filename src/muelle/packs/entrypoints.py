"""Packs of installed distributions: found by entry point, imported only if they are not disabled.

`importlib.metadata` costs 40 to 70 ms here (30-40 to import, 9-27 to read every distribution), which is a tenth of what
`muelle run` may take, and most installations have no outside pack. Reading the same small files directly takes 1.5 ms
(ADR 0007). So only a `sys.path` entry that is not a folder, such as a zip, is left to `importlib.metadata`.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Final

from muelle.packs.errors import DuplicatePack, UnknownPack, UnusablePack
from muelle.packs.model import Pack
from muelle.packs.registry import ABILITIES, Packs

GROUP: Final = "muelle.packs"


@dataclass(frozen=True, slots=True)
class PackEntry:
    """What a distribution announces: `crm = muelle_crm:PACK`."""

    name: str
    target: str
    distribution: str


def find_packs(
    own: Sequence[Pack],
    disabled: Iterable[str] = (),
    *,
    abilities: frozenset[str] = ABILITIES,
    entries: Iterable[PackEntry] | None = None,
) -> Packs:
    """Return the registry of the host's `own` packs and the installed ones, less the disabled.

    `entries` are those of `sys.path` unless given. Raise UnusablePack for one that cannot be had, UnknownPack if
    nothing has a disabled name (a typing error there would leave a pack on), and whatever `Packs.of` finds.
    """
    entries = tuple(pack_entries() if entries is None else entries)
    off = frozenset(disabled)
    known = {pack.name for pack in own} | {entry.name for entry in entries}
    for name in sorted(off - known):
        raise UnknownPack(pack=name, setting="packs.disabled", nearest=get_close_matches(name, known, n=1))
    _once_each(entries)
    kept = [pack for pack in own if pack.name not in off]
    installed = [load_pack(entry) for entry in entries if entry.name not in off]
    kept += [pack for pack in installed if not any(pack is each for each in own)]  # handed in and installed: once
    return Packs.of(kept, abilities=abilities, disabled=off)


def _once_each(entries: Sequence[PackEntry]) -> None:
    """Name both distributions, which the packs themselves do not know."""
    seen: dict[str, str] = {}
    for entry in entries:
        if entry.name in seen:
            raise DuplicatePack(pack=entry.name, distributions=[seen[entry.name], entry.distribution])
        seen[entry.name] = entry.distribution


def load_pack(entry: PackEntry) -> Pack:
    """Import what an entry names; raise UnusablePack, with the distribution, if that fails or is no such pack."""
    module, _, attribute = entry.target.partition(":")
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:
        raise UnusablePack(
            pack=entry.name, distribution=entry.distribution, cause=f"{type(error).__name__}: {error}"
        ) from error
    if not isinstance(found, Pack):
        cause = f"{entry.target} is of type {type(found).__name__}, not Pack"
        raise UnusablePack(pack=entry.name, distribution=entry.distribution, cause=cause)
    if found.name != entry.name:
        cause = f"the entry point is named {entry.name!r}, the pack {found.name!r}; both must be the same"
        raise UnusablePack(pack=entry.name, distribution=entry.distribution, cause=cause)
    return found


def pack_entries(path: Sequence[str] | None = None) -> Iterator[PackEntry]:
    """Yield the packs that distributions on `path` announce; as in Python, the first of a name hides later ones."""
    seen: set[str] = set()
    for place in dict.fromkeys(sys.path if path is None else path):
        for distribution, text in _announcements(place or "."):
            key = distribution.partition("-")[0].replace("_", "-").replace(".", "-").lower()
            if key not in seen:
                seen.add(key)
                yield from _entries(text, distribution)


def _announcements(place: str) -> Iterator[tuple[str, str]]:
    """Yield each distribution of one place that announces packs (`muelle_crm-0.1.0`), and its entry points."""
    try:
        names = sorted(os.listdir(place))  # noqa: PTH208 - half the time of iterdir
    except NotADirectoryError:
        yield from _announcements_elsewhere(place)
        return
    except OSError:  # Python skips places on its path that are not there or not readable, and so do we
        return
    for name in names:
        if name.endswith((".dist-info", ".egg-info")):
            text = _read(Path(place, name, "entry_points.txt"))
            if GROUP in text:
                yield name.rpartition(".")[0], text


def _announcements_elsewhere(place: str) -> Iterator[tuple[str, str]]:
    from importlib import metadata  # noqa: PLC0415 - 40 ms that only a zip on sys.path is worth

    for distribution in metadata.distributions(path=[place]):
        text = distribution.read_text("entry_points.txt") or ""
        if GROUP in text:
            yield f"{distribution.metadata['Name']}-{distribution.version}", text


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (FileNotFoundError, NotADirectoryError):  # most distributions have no entry points
        return ""


def _entries(text: str, distribution: str) -> Iterator[PackEntry]:
    """Read the section of our group: `name = module:attribute`, as the packaging specification has it."""
    section = ""
    for line in map(str.strip, text.splitlines()):
        if line.startswith("["):
            section = line[1:-1].strip()
        elif section == GROUP and line and not line.startswith(("#", ";")):
            name, _, target = line.partition("=")
            yield PackEntry(name.strip(), target.partition("[")[0].strip(), distribution)
