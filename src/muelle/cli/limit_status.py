"""How limits stand: asked of the server that counts, for its memory is its own; with Redis any process may look."""

import urllib.error
import urllib.request
from typing import Any
from urllib.parse import urlencode

import msgspec

from muelle.app import App
from muelle.cli import home
from muelle.cli.console import Console
from muelle.cli.failures import InvalidArgument
from muelle.cli.session import act, configured
from muelle.core import Unavailable
from muelle.identity import Limits, Principal

_SECONDS = 3.0


class ServerSilent(Unavailable):
    """No server tells how limits stand, and what it counts is in its memory alone."""

    code = "server_silent"
    suggestions = ("Start one with 'muelle up', or name it by --server URL.", "Set limits.redis to count for all.")


def show(console: Console, agent: str, target: str, server: str | None, columns: tuple[str, ...]) -> None:
    """Print how the budgets of an agent stand; raise ServerSilent."""
    settings = configured(console).settings
    if settings.limits.redis.reveal() and server is None:
        told = act(console, lambda app, owner: _looked(app, owner, agent, target))
    else:
        http = settings.http
        told = _asked(console, server or f"http://{http.host}:{http.port}", agent, target)
    if console.is_json:
        console.json(told)
        return
    console.note(f"{told['agent']} in {told['tenant']}, {told['target']}, counted by {told['backend']}")
    console.listing("policies", told["policies"], columns)


async def _looked(app: App, owner: Principal, agent: str, target: str) -> Any:  # noqa: ANN401 - a JSON object
    from muelle.doors.http.limit_shapes import status_shape  # noqa: PLC0415 - few commands need it

    status = await Limits(app.identity.registry, app.budgets).status(owner, agent, target)
    return msgspec.to_builtins(status_shape(status))


def _asked(console: Console, server: str, agent: str, target: str) -> Any:  # noqa: ANN401 - a JSON object
    if not server.startswith(("http://", "https://")):
        raise InvalidArgument("--server takes a URL.", option="--server")
    url = f"{server.rstrip('/')}/api/v1/rate-limit/status?{urlencode({'agent': agent, 'target': target})}"
    request = urllib.request.Request(url, headers={"x-api-key": _key(console)})  # noqa: S310 - of HTTP, see above
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:  # noqa: S310 - as above
            return msgspec.json.decode(answer.read())
    except urllib.error.HTTPError as error:
        raise ServerSilent(server=server, status=error.code, reason=_reason(error)) from None
    except OSError as error:
        raise ServerSilent(server=server, reason=str(getattr(error, "reason", error))) from None


def _reason(error: urllib.error.HTTPError) -> str:
    try:
        return str(msgspec.json.decode(error.read())["message"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return str(error.reason)


def _key(console: Console) -> str:
    path = console.home / home.ADMIN_KEY
    if not path.exists():
        raise ServerSilent(reason=f"there is no {home.ADMIN_KEY} in the home to ask with")
    return path.read_text("ascii").strip()
