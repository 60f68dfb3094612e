"""What both clients need of httpx, which is imported only when a client is made."""

from typing import Any

from muelle_client.errors import ConnectionFailed, MuelleClientError, TimedOut
from muelle_client.protocol import Request, bearer


def headers(api_key: str) -> dict[str, str]:
    """Return the headers of every request. httpx masks `Authorization` where it shows headers."""
    return {"Authorization": bearer(api_key), "User-Agent": "muelle-client", "Accept": "application/json"}


def arguments(request: Request) -> dict[str, Any]:
    """Return a request as the keyword arguments of `httpx.Client.request`."""
    given: dict[str, Any] = {"method": request.method, "url": request.path, "headers": dict(request.headers)}
    if request.query:
        given["params"] = dict(request.query)
    if request.body is not None:
        given["content"] = request.body
    if request.timeout is not None:
        given["timeout"] = request.timeout
    return given


def failure_of(request: Request, error: Exception, secret: str) -> MuelleClientError:
    """Return our error for one of httpx; raise it outside of `except`, for httpx's holds the request with the key."""
    import httpx  # noqa: PLC0415 - imported already, by the client

    said = f"{request.method} {request.path}: {type(error).__name__}: {error}".replace(secret, "***")
    if isinstance(error, httpx.TimeoutException):
        return TimedOut(f"No answer in time; what was asked may still happen. {said}")
    return ConnectionFailed(f"The server could not be reached, or hung up. {said}")
