"""Asking the server that runs, for what is in its memory alone: breakers, kept answers."""

import urllib.error
import urllib.request
from typing import Any

import msgspec

from muelle.cli import home
from muelle.cli.console import Console
from muelle.cli.failures import InvalidArgument
from muelle.cli.session import configured
from muelle.core import MuelleError, Unavailable

_SECONDS = 5.0
_NO_CONTENT = 204


class NoServer(Unavailable):
    """No server answers, and what was asked for is in a server's memory."""

    code = "no_server"
    suggestions = ("Start one with 'muelle up', or name it by --server URL.",)


class ServerRefused(MuelleError):
    """The server that was asked answered with an error."""

    code = "server_refused"
    suggestions = ("See the server's own message, and that its key is the one in this home.",)


def asked(console: Console, method: str, path: str, server: str | None = None) -> Any:  # noqa: ANN401 - any JSON value
    """Return what the server answers, as the home's owner; raise NoServer, ServerRefused or InvalidArgument."""
    http = configured(console).settings.http
    base = server or f"http://{http.host}:{http.port}"
    if not base.startswith(("http://", "https://")):
        raise InvalidArgument("--server takes a URL.", option="--server")
    request = urllib.request.Request(  # noqa: S310 - of HTTP, see above
        f"{base.rstrip('/')}{path}", headers={"x-api-key": _key(console)}, method=method
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            return None if answer.status == _NO_CONTENT else msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        raise ServerRefused(server=base, status=error.code, reason=_reason(error)) from None
    except (OSError, msgspec.DecodeError) as error:
        raise NoServer(server=base, reason=str(getattr(error, "reason", error))) from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(msgspec.json.decode(error.read())["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return str(error.reason)


def _key(console: Console) -> str:
    path = console.home / home.ADMIN_KEY
    if not path.exists():
        raise NoServer(reason=f"there is no {home.ADMIN_KEY} in the home to ask with")
    return path.read_text("ascii").strip()
