"""Semantic versions and ranges of them, as SemVer 2.0 and npm have them."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as some

from muelle.workflows.versions.errors import InvalidRange, InvalidVersion
from muelle.workflows.versions.ranges import best, read_range
from muelle.workflows.versions.semver import LONGEST, Version, bump_between, read_version, weighed

NUMBERS = some.integers(0, 30)
WORDS = some.lists(some.sampled_from(["alpha", "beta", "0", "1", "11", "rc-1", "a0"]), max_size=3).map(tuple)
VERSIONS = some.builds(Version, NUMBERS, NUMBERS, NUMBERS, WORDS)


def test_precedence_is_that_of_the_specification() -> None:
    written = "1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0"

    versions = [read_version(text) for text in written.split()]

    assert all(lower < higher for lower, higher in pairwise(versions))


@given(VERSIONS)
def test_what_is_written_reads_as_it_was(version: Version) -> None:
    assert read_version(str(version)) == version
    assert str(read_version(str(version))) == str(version)


def test_build_metadata_tells_nothing_apart() -> None:
    assert read_version("1.2.3+a") == read_version("1.2.3+b.7")
    assert str(read_version("1.2.3-rc.1+a.7")) == "1.2.3-rc.1+a.7"


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.2", "1.2.3.4", "v1.2.3", "01.2.3", "1.2.3-", "1.2.3-01", "1.2.3+", "1.2.3 ", "\u0661.2.3", "1.2.x"],
)
def test_what_is_no_version_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidVersion) as caught:
        read_version(text)

    assert caught.value.facts == {"field": "version", "value": text}


def test_a_version_has_at_most_so_many_characters() -> None:
    longest = "1.0.0-" + "a" * (LONGEST - 6)

    assert str(read_version(longest)) == longest
    with pytest.raises(InvalidVersion):
        read_version(longest + "a")


@pytest.mark.parametrize(
    ("wanted", "within", "without"),
    [
        ("^1.2", "1.2.0 1.9.9", "1.1.9 2.0.0 2.0.0-a 1.3.0-a"),
        ("~1.2", "1.2.0 1.2.9", "1.1.0 1.3.0"),
        ("~1", "1.0.0 1.9.0", "2.0.0"),
        ("1.x", "1.0.0 1.9.0", "0.9.0 2.0.0"),
        ("1.2", "1.2.0 1.2.9", "1.3.0"),
        ("*", "0.0.0 9.9.9", "1.0.0-a"),
        (">=1 <2", "1.0.0 1.9.9", "0.9.0 2.0.0 2.0.0-a"),
        (">= 1.2 , < 1.3", "1.2.5", "1.3.0"),
        (">1.2", "1.3.0", "1.2.5"),
        ("<=1.2", "1.0.0 1.2.9", "1.3.0"),
        (">1.2.3", "1.2.4", "1.2.3"),
        (">*", "", "0.0.0 9.9.9"),
        ("1.4.0", "1.4.0 1.4.0+b", "1.4.1 1.4.0-a"),
        ("1.0.0-a", "1.0.0-a", "1.0.0-a.1 1.0.0"),
        ("^0.2.3", "0.2.3 0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^0", "0.9.0", "1.0.0"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^1.0.0-beta.2", "1.0.0-beta.2 1.0.0-rc.1 1.0.0 1.5.0", "1.0.0-beta.1 1.1.0-a"),
        ("^1 || ^3", "1.1.0 3.0.0", "2.0.0"),
    ],
)
def test_a_range_takes_what_npm_would(wanted: str, within: str, without: str) -> None:
    asked = read_range(wanted)

    assert [text for text in within.split() if read_version(text) not in asked] == []
    assert [text for text in without.split() if read_version(text) in asked] == []


@pytest.mark.parametrize("text", ["", "latest", "1.2.3.4", "^", "1.x.3", "01", "1-a", "||", "1 ||", "a b", "1.2.x-1"])
def test_what_is_no_range_is_refused(text: str) -> None:
    with pytest.raises(InvalidRange):
        read_range(text)


def test_a_range_has_at_most_so_many_comparators() -> None:
    assert read_version("1.0.0") in read_range(" ".join([">=1"] * 20))
    with pytest.raises(InvalidRange):
        read_range(" ".join([">=1"] * 21))


@given(some.lists(VERSIONS), NUMBERS, NUMBERS)
def test_the_best_is_the_highest_of_those_in_the_range(versions: list[Version], major: int, minor: int) -> None:
    asked = read_range(f"^{major}.{minor}")

    found = best(asked, versions)

    inside = [version for version in versions if version in asked]
    assert found == (max(inside) if inside else None)


@given(VERSIONS)
def test_a_caret_takes_its_own_version_and_nothing_that_may_break(version: Version) -> None:
    asked = read_range(f"^{version}")

    assert version in asked
    assert Version(version.major + 1) not in asked


@given(VERSIONS, some.sampled_from(["major", "minor", "patch"]))
def test_the_next_version_is_higher_and_no_pre_release(version: Version, bump: str) -> None:
    following = version.next(bump)  # type: ignore[arg-type]  # the words of the type

    assert following > version
    assert following.is_stable


def test_a_bump_is_told_by_the_first_number_that_differs() -> None:
    base = read_version("1.2.3")

    told = [bump_between(base, read_version(text)) for text in ("2.0.0-a", "1.3.0", "1.2.4", "1.2.3", "1.2.3-a")]

    assert told == ["major", "minor", "patch", None, None]


def test_below_one_a_minor_version_may_break() -> None:
    assert weighed("major", read_version("0.4.0")) == "minor"
    assert weighed("minor", read_version("0.4.0")) == "patch"
    assert weighed("minor", read_version("1.4.0")) == "minor"
