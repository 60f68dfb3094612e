"""The checks can fail: each is shown what is wrong, and one step short of it."""

from pathlib import Path

import pytest

import dead_code
import reasons
import sizes


def function(lines: int, parameters: int = 0) -> str:
    names = ", ".join(f"p{n}" for n in range(parameters))
    return f"def f({names}):\n" + "    x = 1\n" * (lines - 1)


def too_large(root: Path, text: str) -> list[str]:
    (root / "src").mkdir(exist_ok=True)
    (root / "src" / "a.py").write_text(text)
    return list(sizes.faults(list(sizes.measure(root, ("src",))), {}))


@pytest.mark.parametrize("text", [function(60), function(2, parameters=6), "x = 1\n" * 400])
def test_what_is_as_large_as_allowed_passes(tmp_path: Path, text: str) -> None:
    assert too_large(tmp_path, text) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (function(61), "src/a.py::f: 61 lines, at most 60 allowed"),
        (function(2, parameters=7), "src/a.py::f(): 7 parameters, at most 6 allowed"),
        ("x = 1\n" * 401, "src/a.py: 401 lines, at most 400 allowed"),
    ],
)
def test_one_past_a_limit_is_named(tmp_path: Path, text: str, fault: str) -> None:
    assert too_large(tmp_path, text) == [fault]


def test_a_route_has_as_many_parameters_as_its_request(tmp_path: Path) -> None:
    assert too_large(tmp_path, "@router.get('/')\n" + function(2, parameters=7)) == []


def test_what_is_listed_may_stay_and_not_grow() -> None:
    size = sizes.Size("file", "src/a.py", 500)

    assert list(sizes.faults([size], {"src/a.py": 500})) == []
    assert list(sizes.faults([size], {"src/a.py": 499})) == ["src/a.py: 500 lines, at most 499 allowed"]


@pytest.mark.parametrize(("now", "word"), [(450, "shrank"), (400, "small now")])
def test_what_shrank_must_be_written_down(now: int, word: str) -> None:
    faults = list(sizes.faults([sizes.Size("file", "src/a.py", now)], {"src/a.py": 500}))

    assert len(faults) == 1
    assert word in faults[0]


SILENCERS = ["noqa", "noqa: S608", "type: ignore", "type: ignore[arg-type]", "pragma: no cover", "noqa: S608 -"]


@pytest.mark.parametrize("comment", SILENCERS)
def test_silencing_without_a_reason_is_seen(tmp_path: Path, comment: str) -> None:
    source = tmp_path / "a.py"
    source.write_text(f"x = 1  # {comment}\n")

    assert [fault for fault in reasons.in_source(source, tmp_path) if "without a reason" in fault]


@pytest.mark.parametrize(
    "comment",
    [
        "noqa: S608 - names are ours",
        "type: ignore[arg-type]  # T is a dataclass",
        "noqa: PLC0415 - `up` alone needs it",
    ],
)
def test_silencing_with_a_reason_is_fine(tmp_path: Path, comment: str) -> None:
    source = tmp_path / "a.py"
    source.write_text(f"x = 1  # {comment}\n")

    assert list(reasons.in_source(source, tmp_path)) == []


def test_an_exception_in_the_project_file_needs_its_reason() -> None:
    text = '[tool.ruff.lint]\nselect = ["ALL"]\nignore = [\n  "D203", # the other of the pair\n  "D213",\n]\n'

    assert list(reasons.in_pyproject(text)) == ['pyproject.toml:5: an exception without a reason: "D213",']


def test_unused_code_is_named_unless_it_is_listed(tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.py").write_text("def f():\n    return 1\n\n\ndef g():\n    return 2\n\n\ng()\n")

    found = dead_code.unused(tmp_path)

    assert list(dead_code.faults(found, {})) == ["src/a.py:f: this function is not used"]
    assert list(dead_code.faults(found, {"src/a.py:f": "a reason"})) == []
    assert len(list(dead_code.faults({}, {"src/a.py:f": "a reason"}))) == 1
