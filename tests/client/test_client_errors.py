"""Each failure has its exception, and none of them shows the key."""

import pickle
import traceback

import httpx
import pytest

from client.client_doubles import KEY, URL, Server, async_client, client, ok, problem
from muelle_client import (
    ONCE,
    ApiError,
    AsyncMuelle,
    Conflict,
    ConnectionFailed,
    Forbidden,
    InvalidDocument,
    InvalidRequest,
    Muelle,
    MuelleClientError,
    NotFound,
    RateLimited,
    TimedOut,
    Unauthenticated,
    Unavailable,
    UnexpectedAnswer,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, InvalidRequest),
        (401, Unauthenticated),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (413, InvalidRequest),
        (418, ApiError),
        (429, RateLimited),
        (500, ApiError),
        (502, Unavailable),
        (503, Unavailable),
        (504, Unavailable),
        (302, ApiError),
    ],
)
def test_each_status_has_its_exception(status: int, kind: type[ApiError]) -> None:
    server = Server([problem(status, code="some_code", message="No.")])
    with client(server, ONCE) as muelle, pytest.raises(MuelleClientError) as caught:
        muelle.health()
    assert type(caught.value) is kind


def test_an_error_has_what_the_problem_says() -> None:
    told = problem(403, code="refused", message="Not allowed.", suggestions=["Ask."], request_id="req_1", scope="x")
    with client(Server([told])) as muelle, pytest.raises(Forbidden) as caught:
        muelle.capabilities()
    error = caught.value
    assert (error.status, error.code, error.message) == (403, "refused", "Not allowed.")
    assert (error.suggestions, error.request_id, error.problem["scope"]) == (("Ask.",), "req_1", "x")
    assert str(error) == "Not allowed. (refused, status 403, request req_1) Ask."


@pytest.mark.parametrize("field", ["issues", "validation_errors"])
def test_a_wrong_document_says_where(field: str) -> None:
    issue = {"severity": "error", "code": "missing_field", "message": "no url", "operation_id": "a"}
    told = problem(400, code="invalid_document", message="The document is not valid.", **{field: [issue]})
    with client(Server([told])) as muelle, pytest.raises(InvalidDocument) as caught:
        muelle.run("{}")
    assert [(each.code, each.operation_id) for each in caught.value.issues] == [("missing_field", "a")]


def test_an_error_that_is_no_problem_document_is_still_told() -> None:
    older = httpx.Response(400, json={"error": "workflow field required"})
    with client(Server([older])) as muelle, pytest.raises(InvalidRequest, match="workflow field required"):
        muelle.validate("")
    page = httpx.Response(500, text="<html>")
    with client(Server([page])) as muelle, pytest.raises(ApiError, match="The server answered 500"):
        muelle.health()


def test_html_instead_of_json_is_an_unexpected_answer() -> None:
    page = httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"})
    with client(Server([page])) as muelle, pytest.raises(UnexpectedAnswer, match="text/html"):
        muelle.health()


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (httpx.ConnectError("refused"), ConnectionFailed),
        (httpx.RemoteProtocolError("hung up"), ConnectionFailed),
        (httpx.ConnectTimeout("slow"), TimedOut),
        (httpx.ReadTimeout("slow"), TimedOut),
    ],
)
def test_network_failures_have_exceptions_of_ours(error: Exception, kind: type[MuelleClientError]) -> None:
    with client(Server([error]), ONCE) as muelle, pytest.raises(kind) as caught:
        muelle.health()
    assert "GET /health" in str(caught.value)


def shown(error: BaseException) -> str:
    """Everything that a log or an error tracker may show of an exception, its chain included."""
    chain: list[BaseException | None] = [error, error.__cause__, error.__context__]
    frames = "".join(traceback.format_exception(error))
    return frames + "".join(f"{each!r} {each} {vars(each)}" for each in chain if each is not None)


@pytest.mark.parametrize(
    "answer",
    [
        problem(401, code="unauthenticated", message=f"Nobody knows {KEY}."),
        problem(500, message="x", echo={"deep": [KEY]}),
        ok([KEY]),
        httpx.ConnectError(f"could not send {KEY}"),
        httpx.ReadTimeout(f"no answer to {KEY}"),
    ],
)
def test_no_exception_shows_the_key(answer: httpx.Response | Exception) -> None:
    with client(Server([answer]), ONCE) as muelle, pytest.raises(MuelleClientError) as caught:
        muelle.health()
    assert KEY not in shown(caught.value)
    assert not isinstance(caught.value.__context__, httpx.HTTPError)


async def test_no_exception_of_the_async_client_shows_the_key() -> None:
    async with async_client(Server([httpx.ConnectError(f"could not send {KEY}")]), ONCE) as muelle:
        with pytest.raises(ConnectionFailed) as caught:
            await muelle.health()
    assert KEY not in shown(caught.value)
    assert caught.value.__context__ is None


def test_a_client_shows_its_server_and_hides_its_key() -> None:
    with client(Server([])) as muelle:
        assert repr(muelle) == f"Muelle('{URL}', '***')"
        assert KEY not in repr(muelle._http.headers)
    assert repr(async_client(Server([]))) == f"AsyncMuelle('{URL}', '***')"


@pytest.mark.parametrize("key", ["", "two words", "line\nbreak", "clé"])
@pytest.mark.parametrize("kind", [Muelle, AsyncMuelle])
def test_a_key_that_cannot_be_is_refused_without_showing_it(kind: type[Muelle] | type[AsyncMuelle], key: str) -> None:
    with pytest.raises(ValueError, match="api_key must be of visible ASCII") as caught:
        kind(URL, key)
    assert not key or key not in str(caught.value)


@pytest.mark.parametrize("error", [ConnectionFailed("gone"), TimedOut("slow"), UnexpectedAnswer("what")])
def test_errors_survive_a_process_boundary(error: MuelleClientError) -> None:
    assert str(pickle.loads(pickle.dumps(error))) == str(error)  # noqa: S301 - what was pickled on the same line
