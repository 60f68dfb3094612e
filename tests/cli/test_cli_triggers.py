"""Triggers from the command line; a secret that is made is printed once, and alone."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import Muelle, Told


def added(muelle: Muelle, *options: str) -> Any:
    told = muelle("triggers", "add", "orders", "bill", *options, "--json")
    assert told.code == 0, told.err
    return told.json


def tried(muelle: Muelle, tmp_path: Path, event: Any) -> Told:
    file = tmp_path / "event.json"
    file.write_text(json.dumps(event))
    return muelle("triggers", "test", "orders", str(file), "--json")


def test_a_trigger_is_made_of_options(muelle: Muelle) -> None:
    trigger = added(
        muelle,
        *("--on", "order.*", "--on", "bill.paid", "--subject", "orders/*"),
        *("--where", 'total={"numeric":[">",100]}', "--where", "state=new"),
        *("--expression", "event.data.total < 200.0", "--input", "total=/event/data/total", "--input", "n=1"),
        *("--workflow-version", "^2", "--priority", "1", "--concurrency", "2", "--queue", "bills"),
    )

    assert trigger["pattern"] == {
        "type": ["order.*", "bill.paid"],
        "subject": ["orders/*"],
        "data": {"total": {"numeric": [">", 100]}, "state": "new"},
        "expression": "event.data.total < 200.0",
    }
    assert trigger["inputs"] == {"total": "/event/data/total", "n": 1}
    assert (trigger["version"], trigger["priority"], trigger["concurrency"], trigger["queue"]) == ("^2", 1, 2, "bills")
    assert (trigger["kind"], trigger["principal"], trigger["enabled"]) == ("event", "admin", True)


def test_an_update_changes_what_is_given_and_leaves_the_rest(muelle: Muelle) -> None:
    added(muelle, "--on", "order.*", "--where", "a=1", "--input", "x=1")

    changed = muelle("triggers", "update", "orders", "--where", "b=2", "--input", "y=2", "--name", "sales", "--json")

    assert changed.json["name"] == "sales"
    assert changed.json["pattern"] == {"type": ["order.*"], "data": {"a": 1, "b": 2}}
    assert changed.json["inputs"] == {"x": 1, "y": 2}
    assert muelle("triggers", "show", "orders").code == 1


def test_a_pattern_and_inputs_come_from_files_too(muelle: Muelle, tmp_path: Path) -> None:
    (tmp_path / "pattern.json").write_text('{"type": "order.**", "data": {"a": [1, 2]}}')
    (tmp_path / "inputs.json").write_text('{"deep": ["{/event/id}"]}')

    trigger = added(muelle, "--pattern", str(tmp_path / "pattern.json"), "--inputs", str(tmp_path / "inputs.json"))

    assert trigger["pattern"] == {"type": "order.**", "data": {"a": [1, 2]}}
    assert trigger["inputs"] == {"deep": ["{/event/id}"]}


def test_a_trial_says_what_fits_and_which_inputs_come_of_it(muelle: Muelle, tmp_path: Path) -> None:
    added(muelle, "--on", "order.*", "--input", "id=/event/data/id")

    fitting = tried(muelle, tmp_path, {"type": "order.new", "data": {"id": 7}}).json
    other = tried(muelle, tmp_path, {"type": "mail.new"}).json

    assert (fitting["matches"], fitting["inputs"]) == (True, {"id": 7})
    assert (other["matches"], other["unmet"]) == (False, "/type")
    assert tried(muelle, tmp_path, [1]).code == 2


def test_a_secret_that_is_made_is_printed_once_and_alone(muelle: Muelle) -> None:
    told = muelle("triggers", "add", "door", "bill", "--webhook", "standard")
    rotated = muelle("triggers", "rotate-secret", "door", "--overlap", "60")
    shown = muelle("triggers", "show", "door", "--json")

    assert told.out.startswith("whsec_")
    assert len(told.out.split()) == len(rotated.out.split()) == 1
    assert told.out != rotated.out
    assert "/hooks/default/trigger_" in told.err
    assert told.out.strip() not in shown.out
    assert [each["version"] for each in shown.json["secrets"]] == [2, 1]


def test_a_senders_secret_comes_from_a_variable_and_is_not_shown(
    muelle: Muelle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOOK_SECRET", "a-secret-of-github")

    told = muelle("triggers", "add", "door", "bill", "--webhook", "github", "--from-env", "HOOK_SECRET", "--json")

    assert (told.code, told.json["webhook"]["scheme"]) == (0, {"scheme": "github"})
    assert "secret" not in told.json
    assert "a-secret-of-github" not in told.out + told.err


def test_a_trigger_is_switched_listed_and_removed(muelle: Muelle) -> None:
    added(muelle, "--on", "order.*", "--disabled")

    assert muelle("triggers", "enable", "orders", "--json").json["enabled"] is True
    assert muelle("triggers", "disable", "orders", "--json").json["enabled"] is False
    assert [each["name"] for each in muelle("triggers", "list", "--json").json["triggers"]] == ["orders"]
    assert muelle("triggers", "deliveries", "orders", "--json").json["deliveries"] == []
    assert muelle("triggers", "replay", "orders", "delivery_0").code == 1
    assert muelle("triggers", "remove", "orders", "--yes").code == 0
    assert muelle("triggers", "list", "--json").json["triggers"] == []


@pytest.mark.parametrize(
    "options",
    [
        (),
        ("--on", ""),
        ("--on", "a", "--where", "no-equals"),
        ("--on", "a", "--where", 'a={"prefx":"b"}'),
        ("--on", "a", "--expression", "1 +"),
        ("--on", "a", "--input", "x=/event//y"),
        ("--on", "a", "--workflow-version", "no version!"),
        ("--on", "a", "--pattern", "/no/such/file"),
        ("--webhook", "github", "--from-env", "NO_SUCH_VARIABLE"),
        ("--webhook", "standard", "--allow-address", "10.0.0.1/8"),
    ],
)
def test_what_is_wrong_ends_with_2_and_adds_nothing(muelle: Muelle, options: tuple[str, ...]) -> None:
    assert muelle("triggers", "add", "orders", "bill", *options).code == 2
    assert muelle("triggers", "list", "--json").json["count"] == 0
