"""`muelle workflows`: saved, looked at, rolled back and run from the command line."""

import json
from pathlib import Path
from typing import Any

import pytest

from cli.conftest import HELLO, Muelle

TEXT = {"type": "string"}
SHOUT = json.dumps(
    {
        "operationUpdate": {
            "operations": [
                {
                    "id": "hello",
                    "operation": {
                        "FormatText": {"inputPath": "/input/who", "format": "upper", "outputPath": "/workflow/hello"}
                    },
                }
            ]
        }
    }
)


@pytest.fixture
def shout(tmp_path: Path) -> str:
    return written(tmp_path / "shout.json", SHOUT)


def written(path: Path, content: str | dict[str, Any]) -> str:
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return str(path)


def schema(tmp_path: Path, **properties: Any) -> str:
    return written(tmp_path / f"schema-{len(properties)}.json", {"type": "object", "properties": properties})


def test_a_workflow_is_saved_and_run_by_its_name(muelle: Muelle, shout: str) -> None:
    assert muelle("workflows", "save", "report", shout).out == "report 1.0.0 published\n"

    told = muelle("workflows", "run", "report", "--input", "who=ada", "--json")

    assert (told.code, told.json["results"], told.json["workflow_id"]) == (0, {"hello": "ADA"}, "report")


def test_a_document_of_several_messages_is_saved_as_it_is(muelle: Muelle, document: str) -> None:
    muelle("workflows", "save", "report", document)

    assert muelle("workflows", "show", "report", "--version", "latest", "--json").json["document"] == HELLO


def test_a_rehearsal_only_says_what_would_be(muelle: Muelle, shout: str) -> None:
    told = muelle("workflows", "save", "report", shout, "--dry-run")

    assert told.out == "report 1.0.0 would be published\n"
    assert muelle("workflows", "list", "--json").json["workflows"] == []


def test_too_small_a_bump_is_told_change_by_change(muelle: Muelle, shout: str, tmp_path: Path) -> None:
    muelle("workflows", "save", "report", shout, "--input-schema", schema(tmp_path, who=TEXT, where=TEXT))

    told = muelle(
        "workflows", "save", "report", shout, "--version", "1.1.0", "--input-schema", schema(tmp_path, who=TEXT)
    )

    assert told.code == 1
    assert "least: 2.0.0" in told.err
    assert "/input_schema/properties/where: Inputs are refused that were taken: 'where' must not be given" in told.err


def test_inputs_that_do_not_fit_name_the_field(muelle: Muelle, shout: str, tmp_path: Path) -> None:
    muelle("workflows", "save", "report", shout, "--input-schema", schema(tmp_path, who=TEXT))

    told = muelle("workflows", "run", "report", "--input", "whom=ada")

    assert told.code == 2
    assert "/whom: There is no 'whom' here" in told.err
    assert "Did you mean 'who'?" in told.err


def test_versions_are_listed_compared_and_rolled_back(muelle: Muelle, shout: str, tmp_path: Path) -> None:
    lower = written(tmp_path / "lower.json", SHOUT.replace("upper", "lower"))
    muelle("workflows", "save", "report", shout, "--note", "Loud")
    muelle("workflows", "save", "report", lower, "--note", "Quiet", "--json")

    listed = muelle("workflows", "versions", "report", "--json").json["versions"]
    told = muelle("workflows", "diff", "report", "1.0.0")

    assert [(each["version"], each["note"]) for each in listed] == [("1.0.1", "Quiet"), ("1.0.0", "Loud")]
    assert '-        "format": "upper",' in told.out
    assert "fix      /operations/hello: 'hello' is configured otherwise" in told.err
    assert muelle("workflows", "rollback", "report", "--json").json["version"] == "1.0.0"


def test_an_alias_is_set_and_taken_away(muelle: Muelle, shout: str) -> None:
    muelle("workflows", "save", "report", shout)

    assert muelle("workflows", "alias", "report", "stable", "^1", "--json").json["version"] == "1.0.0"
    assert muelle("workflows", "show", "report", "--json").json["aliases"] == {"latest": "1.0.0", "stable": "1.0.0"}
    assert muelle("workflows", "alias", "report", "stable", "--remove", "--json").json["removed"]
    assert muelle("workflows", "alias", "report", "stable").code == 2
    assert muelle("workflows", "alias", "report", "stable", "1.0.0", "--remove").code == 2


def test_who_runs_a_deprecated_version_is_told(muelle: Muelle, shout: str) -> None:
    muelle("workflows", "save", "report", shout)
    marked = muelle("workflows", "deprecate", "report", "1.0.0", "--message", "Take 2", "--sunset", "90d", "--json")

    told = muelle("workflows", "run", "report", "--input", "who=ada")

    assert marked.json["status"] == "deprecated"
    assert "1.0.0 is deprecated until" in told.err
    assert ": Take 2" in told.err
    assert told.code == 0


def test_a_withdrawn_version_is_restored_or_removed(muelle: Muelle, shout: str) -> None:
    muelle("workflows", "save", "report", shout)
    muelle("workflows", "withdraw", "report", "1.0.0", "--message", "Wrong", "--yes")

    assert muelle("workflows", "run", "report", "--json").problem["code"] == "version_withdrawn"
    assert muelle("workflows", "restore", "report", "1.0.0", "--json").json["status"] == "published"
    assert muelle("workflows", "remove", "report", "--yes").code == 1
    muelle("workflows", "withdraw", "report", "1.0.0", "--yes")
    assert muelle("workflows", "remove", "report", "--yes", "--json").json["removed"]
    history = muelle("workflows", "history", "report")
    assert (history.code, "workflow_not_found" in muelle("workflows", "show", "report", "--json").err) == (1, True)


def test_what_was_exported_is_saved_elsewhere(muelle: Muelle, shout: str, tmp_path: Path) -> None:
    file = str(tmp_path / "report.json")
    options = ("--input-schema", schema(tmp_path, who=TEXT), "--description", "Says it", "--tag", "loud")
    muelle("workflows", "save", "report", shout, "--version", "2.3.0", *options)
    muelle("workflows", "export", "report", "--output", file)

    told = muelle("workflows", "save", "copy", file)

    assert told.out == "copy 2.3.0 published\n"
    shown = muelle("workflows", "show", "copy", "--json").json
    assert (shown["description"], shown["tags"]) == ("Says it", ["loud"])
    assert muelle("workflows", "list", "--search", "LOUD", "--json").json["count"] == 2


def test_a_description_changes_without_a_version(muelle: Muelle, shout: str) -> None:
    muelle("workflows", "save", "report", shout, "--description", "Old")

    assert muelle("workflows", "describe", "report", "--description", "New", "--json").json["description"] == "New"
    told = muelle("workflows", "history", "report", "--json").json["changes"]
    assert [each["action"] for each in told] == ["describe", "publish"]


def test_inputs_of_an_older_version_are_migrated(muelle: Muelle, shout: str, tmp_path: Path) -> None:
    steps = written(tmp_path / "steps.json", {"1.x": [{"do": "rename", "at": "/name", "to": "who"}]})
    muelle("workflows", "save", "report", shout, "--input-schema", schema(tmp_path, name=TEXT, more=TEXT))
    muelle(
        "workflows", "save", "report", shout, "--input-schema", schema(tmp_path, who=TEXT), "--migrate-inputs", steps
    )

    told = muelle("workflows", "run", "report", "--input", "name=ada", "--inputs-version", "1.0.0", "--json")

    assert told.json["results"] == {"hello": "ADA"}


def test_an_agent_runs_only_what_it_may(muelle: Muelle, shout: str) -> None:
    muelle("workflows", "save", "report", shout)
    muelle("agents", "add", "runner", "--grant", "workflows:run=report", "--grant", "operations:use=*")
    muelle("agents", "add", "other", "--grant", "workflows:run=other")

    assert muelle("workflows", "run", "report", "--input", "who=ada", "--as", "runner").code == 0
    assert muelle("workflows", "run", "report", "--as", "other").code == 3


def test_tables_are_for_people(muelle: Muelle, shout: str) -> None:
    muelle("workflows", "save", "report", shout, "--note", "Loud")

    assert "report" in muelle("workflows", "list").out
    assert "Loud" in muelle("workflows", "show", "report").out
    assert "published" in muelle("workflows", "versions", "report").out
