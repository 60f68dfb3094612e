"""Each pack has a table of its own; what no pack asked for is an error."""

from dataclasses import dataclass, field

import pytest

from muelle.core import Invalid, read_settings
from muelle.packs import Packs, PacksSettings, UnknownPack, divide_settings
from muelle.packs.settings import read_pack_settings
from packs.pack_samples import pack


@dataclass(frozen=True, slots=True, kw_only=True)
class HallSettings:
    url: str
    seats: int = 10


HALL = Packs.of([pack("hall", settings=HallSettings), pack("yard")], disabled=frozenset({"attic"}))


def test_a_table_becomes_the_settings_of_its_pack() -> None:
    settings = read_pack_settings(HALL, {"hall": {"url": "u", "seats": 3}}, {})
    assert settings == {"hall": HallSettings(url="u", seats=3), "yard": None}


def test_the_environment_overrides_the_table() -> None:
    environment = {"MUELLE__PACKS__HALL__SEATS": "4", "HOME": "/"}
    settings = read_pack_settings(HALL, {"hall": {"url": "u", "seats": 3}}, environment)
    assert settings["hall"].seats == 4


@pytest.mark.parametrize(
    ("table", "environment", "code", "setting"),
    [
        ({"hall": {"url": "u", "seat": 1}}, {}, "unknown_setting", "packs.hall.seat"),
        ({"hall": {"url": "u", "seats": "many"}}, {}, "invalid_setting", "packs.hall.seats"),
        ({"hall": {}}, {}, "missing_setting", "packs.hall.url"),
        ({"hall": 3}, {}, "invalid_setting", "packs.hall"),
        ({"hall": {"url": "u"}, "yard": {"size": 1}}, {}, "unknown_setting", "packs.yard.size"),
        ({}, {"MUELLE__PACKS__HALL__SEATS": "1"}, "missing_setting", "packs.hall.url"),
    ],
)
def test_a_wrong_setting_is_named_with_its_whole_path(
    table: dict[str, object], environment: dict[str, str], code: str, setting: str
) -> None:
    with pytest.raises(Invalid) as caught:
        read_pack_settings(HALL, table, environment)
    assert (caught.value.code, caught.value.facts["setting"]) == (code, setting)


def test_a_missing_setting_names_its_environment_variable() -> None:
    with pytest.raises(Invalid) as caught:
        read_pack_settings(HALL, {}, {})
    assert caught.value.facts["variable"] == "MUELLE__PACKS__HALL__URL"


@pytest.mark.parametrize(
    ("table", "environment"),
    [({"hal": {}}, {}), ({}, {"MUELLE__PACKS__HAL__URL": "u"}), ({}, {"MUELLE__PACKS__HAL": ""})],
)
def test_settings_of_no_pack_are_refused_with_the_nearest_name(
    table: dict[str, object], environment: dict[str, str]
) -> None:
    with pytest.raises(UnknownPack) as caught:
        read_pack_settings(HALL, table, environment)
    assert caught.value.facts == {"pack": "hal", "nearest": ["hall"]}


def test_settings_of_a_disabled_pack_may_stay() -> None:
    assert read_pack_settings(HALL, {"hall": {"url": "u"}, "attic": {"dust": True}}, {})["hall"]


@dataclass(frozen=True, slots=True, kw_only=True)
class HostSettings:
    packs: PacksSettings = field(default_factory=PacksSettings)


def test_a_file_is_divided_into_the_tables_of_packs_and_the_rest() -> None:
    file = {"packs": {"disabled": ["attic"], "hall": {"url": "u"}}, "engine": {"workers": 2}}
    environment = {"MUELLE__PACKS__HALL__SEATS": "4", "MUELLE__ENGINE__WORKERS": "3"}
    divided = divide_settings(file, environment)
    assert (divided.tables, divided.environment) == ({"hall": {"url": "u"}}, {"MUELLE__PACKS__HALL__SEATS": "4"})
    assert divided.other_file == {"packs": {"disabled": ["attic"]}, "engine": {"workers": 2}}
    assert divided.other_environment == {"MUELLE__ENGINE__WORKERS": "3"}


@pytest.mark.parametrize("environment", [{}, {"MUELLE__PACKS__DISABLED": "attic, cellar"}])
def test_packs_are_disabled_by_the_hosts_settings(environment: dict[str, str]) -> None:
    divided = divide_settings({"packs": {"disabled": ["attic", "cellar"], "hall": {"url": "u"}}}, environment)
    host = read_settings(HostSettings, divided.other_file, divided.other_environment)
    assert host.packs.disabled == ("attic", "cellar")
    assert read_pack_settings(HALL, divided.tables, divided.environment)["hall"] == HallSettings(url="u")


def test_the_whole_table_and_environment_may_be_handed_in_too() -> None:
    given = {"disabled": ["attic"], "hall": {"url": "u"}}
    assert read_pack_settings(HALL, given, {"MUELLE__PACKS__DISABLED": "x", "HOME": "/"})["yard"] is None


def test_packs_that_are_no_table_are_refused() -> None:
    divided = divide_settings({"packs": ["crm"]}, {})
    with pytest.raises(Invalid) as caught:
        read_settings(HostSettings, divided.other_file, divided.other_environment)
    assert caught.value.facts["setting"] == "packs"
