"""Packs of other distributions are found by entry point, and fail aloud."""

import sys
import zipfile
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest

from muelle.packs import DuplicatePack, PackEntry, UnknownPack, UnusablePack, find_packs, load_pack, pack_entries
from packs.pack_samples import pack


def install(place: Path, distribution: str, entry_points: str) -> None:
    folder = place / f"{distribution}.dist-info"
    folder.mkdir(parents=True)
    (folder / "entry_points.txt").write_text(entry_points)
    (folder / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution.split('-', maxsplit=1)[0]}\nVersion: 1\n"
    )


@pytest.fixture
def importable(tmp_path: Path) -> Iterator[Path]:
    """Make modules in the folder importable, and forget them afterwards."""
    sys.path.insert(0, str(tmp_path))
    before = set(sys.modules)
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for module in set(sys.modules) - before:
        if module.startswith("sample_"):
            del sys.modules[module]


def test_the_entry_points_of_our_group_are_found_and_no_others(tmp_path: Path) -> None:
    ours = "[muelle.packs]\n# ours\ncrm = muelle_crm:PACK\nerp=muelle_erp.pack:PACK [x]\n"
    text = f"[console_scripts]\ncrm = a:b\n\n{ours}\n[z]\ny = 1"
    install(tmp_path, "muelle_crm-0.1.0", text)
    install(tmp_path, "other-1", "[console_scripts]\nx = y:z\n")
    assert list(pack_entries([str(tmp_path)])) == [
        PackEntry("crm", "muelle_crm:PACK", "muelle_crm-0.1.0"),
        PackEntry("erp", "muelle_erp.pack:PACK", "muelle_crm-0.1.0"),
    ]


def test_we_find_what_importlib_metadata_finds(tmp_path: Path) -> None:
    install(tmp_path, "muelle_crm-0.1.0", "[muelle.packs]\ncrm = muelle_crm:PACK\n")
    theirs = [entry for each in metadata.distributions(path=[str(tmp_path)]) for entry in each.entry_points]
    ours = list(pack_entries([str(tmp_path)]))
    assert [(entry.name, entry.target) for entry in ours] == [(entry.name, entry.value) for entry in theirs]


def test_the_first_distribution_of_a_name_hides_later_ones(tmp_path: Path) -> None:
    install(tmp_path / "a", "muelle_crm-2", "[muelle.packs]\ncrm = two:PACK\n")
    install(tmp_path / "b", "muelle.crm-1", "[muelle.packs]\ncrm = one:PACK\n")
    assert [entry.target for entry in pack_entries([str(tmp_path / "a"), str(tmp_path / "b")])] == ["two:PACK"]


def test_places_that_are_not_there_are_passed_over(tmp_path: Path) -> None:
    assert list(pack_entries([str(tmp_path / "nowhere")])) == []


def test_a_distribution_in_a_zip_is_found_too(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "packs.zip", "w") as archive:
        archive.writestr("muelle_crm-1.dist-info/entry_points.txt", "[muelle.packs]\ncrm = muelle_crm:PACK\n")
        archive.writestr("muelle_crm-1.dist-info/METADATA", "Metadata-Version: 2.1\nName: muelle-crm\nVersion: 1\n")
    found = list(pack_entries([str(tmp_path / "packs.zip")]))
    assert found == [PackEntry("crm", "muelle_crm:PACK", "muelle-crm-1")]


def test_a_pack_is_imported_from_its_entry_point(importable: Path) -> None:
    (importable / "sample_crm.py").write_text("from muelle.packs import Pack\nPACK = Pack(name='crm')\n")
    packs = find_packs([pack("hall")], entries=[PackEntry("crm", "sample_crm:PACK", "crm-1")])
    assert [each.name for each in packs.packs] == ["hall", "crm"]


@pytest.mark.parametrize(
    ("source", "cause"),
    [
        ("import sample_nothing", "ModuleNotFoundError: No module named 'sample_nothing'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("", "AttributeError: module 'sample_bad' has no attribute 'PACK'"),
        ("PACK = 3", "sample_bad:PACK is of type int, not Pack"),
        ("from muelle.packs import Pack\nPACK = Pack(name='erp')", "the entry point is named 'crm', the pack 'erp'"),
    ],
)
def test_a_pack_that_cannot_be_had_names_its_distribution(importable: Path, source: str, cause: str) -> None:
    (importable / "sample_bad.py").write_text(source)
    with pytest.raises(UnusablePack) as caught:
        load_pack(PackEntry("crm", "sample_bad:PACK", "muelle_crm-0.1.0"))
    assert caught.value.facts["distribution"] == "muelle_crm-0.1.0"
    assert caught.value.facts["cause"].startswith(cause)


def test_a_pack_that_is_handed_in_and_installed_counts_once(importable: Path) -> None:
    (importable / "sample_twice.py").write_text("from muelle.packs import Pack\nPACK = Pack(name='crm')\n")
    entry = PackEntry("crm", "sample_twice:PACK", "crm-1")
    assert len(find_packs([load_pack(entry)], entries=[entry]).packs) == 1
    with pytest.raises(DuplicatePack):
        find_packs([pack("crm", version="2")], entries=[entry])


def test_a_disabled_pack_is_not_even_imported() -> None:
    packs = find_packs([pack("hall")], ["crm", "hall"], entries=[PackEntry("crm", "sample_nowhere:PACK", "crm-1")])
    assert packs.packs == ()
    assert packs.disabled == {"crm", "hall"}


def test_disabling_what_is_not_there_is_refused() -> None:
    with pytest.raises(UnknownPack) as caught:
        find_packs([pack("hall")], ["hal"], entries=[])
    assert caught.value.facts == {"pack": "hal", "setting": "packs.disabled", "nearest": ["hall"]}


def test_one_pack_of_two_distributions_names_both() -> None:
    with pytest.raises(DuplicatePack) as caught:
        find_packs([], entries=[PackEntry("crm", "a:PACK", "muelle_crm-1"), PackEntry("crm", "b:PACK", "other_crm-2")])
    assert caught.value.facts == {"pack": "crm", "distributions": ["muelle_crm-1", "other_crm-2"]}
