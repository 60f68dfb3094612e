import json
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

import pytest
from msgspec import Meta

from muelle.core import Secret, read_settings, setting_names
from muelle.core.settings import InvalidSetting, UnknownSetting


@dataclass(frozen=True, slots=True, kw_only=True)
class Http:
    port: int = 8080
    hosts: tuple[str, ...] = ()
    tls: bool = False
    limits: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    http: Http = Http()
    token: Secret = field(default_factory=lambda: Secret(""))
    mode: Literal["fast", "safe"] = "safe"
    wait: float = 1.5
    most: Annotated[int, Meta(ge=1, le=3)] = 2


def read(file: dict[str, Any] | None = None, **environment: str) -> Tree:
    return read_settings(Tree, file or {}, environment)


def test_what_nobody_sets_has_its_default() -> None:
    assert read() == Tree()


def test_the_file_overrides_the_default_and_the_environment_the_file() -> None:
    file = {"http": {"port": 1, "tls": True}, "wait": 3}
    settings = read(file, MUELLE__HTTP__PORT="2")
    assert (settings.http.port, settings.http.tls, settings.wait) == (2, True, 3.0)
    assert file == {"http": {"port": 1, "tls": True}, "wait": 3}


def test_other_variables_are_none_of_our_business() -> None:
    assert read(PATH="/bin", MUELLE_HOME="/x", http__port="3") == Tree()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a, b,", ("a", "b")), ("", ()), ('["a,b", "c"]', ("a,b", "c"))],
)
def test_lists_may_be_written_in_a_variable(text: str, expected: tuple[str, ...]) -> None:
    assert read(MUELLE__HTTP__HOSTS=text).http.hosts == expected


def test_tables_may_be_written_in_a_variable() -> None:
    assert read(MUELLE__HTTP__LIMITS='{"runs": 3}').http.limits == {"runs": 3}


def test_an_unknown_key_is_refused_and_the_nearest_is_named() -> None:
    with pytest.raises(UnknownSetting) as refused:
        read({"http": {"prot": 1}})
    assert refused.value.facts == {"setting": "http.prot", "nearest": ["port"]}


def test_an_unknown_variable_is_refused_too() -> None:
    with pytest.raises(UnknownSetting) as refused:
        read(MUELLE__HTPT__PORT="1")
    assert refused.value.facts == {"setting": "htpt", "nearest": ["http"]}


@pytest.mark.parametrize(
    ("file", "setting"),
    [
        ({"http": {"port": "many"}}, "http.port"),
        ({"mode": "slow"}, "mode"),
        ({"http": 3}, "http"),
        ({"http": {"hosts": "[1"}}, "http.hosts"),
        ({"http": {"hosts": [1]}}, "http.hosts"),
        ({"http": {"port": -1}}, "http.port"),
        ({"wait": -0.1}, "wait"),
        ({"wait": "inf"}, "wait"),
        ({"wait": "nan"}, "wait"),
        ({"most": 0}, "most"),
        ({"most": 4}, "most"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_its_name(file: dict[str, Any], setting: str) -> None:
    with pytest.raises(InvalidSetting) as refused:
        read(file)
    assert refused.value.facts["setting"] == setting


def test_bounds_belong_to_what_may_be_said() -> None:
    assert (read({"most": 1}).most, read({"most": 3}).most, read({"wait": 0, "http": {"port": 0}}).wait) == (1, 3, 0)


def test_a_variable_below_a_value_is_refused() -> None:
    with pytest.raises(InvalidSetting):
        read({"wait": 1}, MUELLE__WAIT__LONG="1")


def test_a_secret_never_shows_itself() -> None:
    settings = read(MUELLE__TOKEN="hidden")
    shown = [repr(settings), str(settings.token), f"{settings.token}", json.dumps(settings.token, default=str)]
    assert not any("hidden" in text for text in shown)
    assert settings.token.reveal() == "hidden"


def test_secrets_compare_by_value() -> None:
    assert Secret("a") == Secret("a") != Secret("b")
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a") != "a"


def test_every_leaf_has_a_name() -> None:
    names = ["http.port", "http.hosts", "http.tls", "http.limits", "token", "mode", "wait", "most"]
    assert list(setting_names(Tree)) == names
