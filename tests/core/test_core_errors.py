import pytest

from muelle.core import (
    Conflict,
    Forbidden,
    Invalid,
    MuelleError,
    NotFound,
    TimedOut,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Upstream,
)

_KINDS = {
    Invalid: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    NotFound: 404,
    Conflict: 409,
    TooLarge: 413,
    MuelleError: 500,
    Upstream: 502,
    Unavailable: 503,
    TimedOut: 504,
}


class RunNotFound(NotFound):
    """There is no such run in this tenant.

    This paragraph is for whoever reads the code.
    """

    code = "run_not_found"


@pytest.mark.parametrize(("kind", "status"), _KINDS.items())
def test_each_kind_has_its_status_a_code_and_what_to_do_next(kind: type[MuelleError], status: int) -> None:
    problem = kind().problem()
    assert problem["status"] == status
    assert problem["code"]
    assert problem["suggestions"]
    assert problem["message"].endswith(".")


def test_codes_of_the_kinds_differ() -> None:
    assert len({kind.code for kind in _KINDS}) == len(_KINDS)


def test_the_first_line_of_the_docstring_is_the_message_and_keywords_are_facts() -> None:
    problem = RunNotFound(run="run_1").problem()
    assert problem["type"].endswith("run_not_found")
    assert problem["title"] == problem["message"] == "There is no such run in this tenant."
    assert problem["run"] == "run_1"


def test_a_message_of_ones_own_keeps_the_title() -> None:
    problem = RunNotFound("No run is called run_1.").problem()
    assert (problem["title"], problem["message"]) == (
        "There is no such run in this tenant.",
        "No run is called run_1.",
    )


def test_a_log_line_shows_message_and_facts() -> None:
    assert str(RunNotFound(run="run_1")) == "There is no such run in this tenant. (run='run_1')"
    assert str(RunNotFound()) == "There is no such run in this tenant."


def test_trying_again_helps_where_the_kind_says_so() -> None:
    assert Unavailable().problem()["recoverable"] is True
    assert Forbidden().problem()["recoverable"] is False
