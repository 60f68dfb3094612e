"""Opening Muelle for one command, as the owner of its files."""

import asyncio
import gc
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TypeVar

import click

from muelle.app import App, Configuration, open_app, read_configuration
from muelle.cli import home
from muelle.cli.console import Console, readable
from muelle.cli.failures import AgentDisabled, Unopened
from muelle.core import Metrics, MuelleError, PrincipalId, log_to, redact
from muelle.identity import Principal

T = TypeVar("T")
_ID = "agent_"
Action = Callable[[App, Principal], Awaitable[T]]


class _PlainLog(logging.Handler):
    """Warnings as a sentence on stderr; what else is logged is for a server's log."""

    def emit(self, record: logging.LogRecord) -> None:
        cause = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] else ""
        click.echo(readable(f"{record.levelname.lower()}: {redact(record.getMessage())}{cause}"), err=True)


def act(console: Console, action: Action[T]) -> T:
    """Open Muelle, let `action` do its work as the owner, close, and return what it returned."""
    return asyncio.run(_acted(console, action))


async def _acted(console: Console, action: Action[T]) -> T:
    async with opened(console) as app:
        return await action(app, await app.identity.operator())


@asynccontextmanager
async def opened(console: Console) -> AsyncIterator[App]:
    """Yield Muelle on the home's files, for a command; what goes wrong before is Unopened."""
    _log_plainly(console)
    async with opened_as(console, configured(console)) as app:
        gc.enable()
        yield app


def configured(console: Console) -> Configuration:
    """Return what the home's settings file and the environment say; raise Unopened."""
    try:
        return read_configuration(home.made(console.home))
    except MuelleError as error:
        raise Unopened(error) from error


@asynccontextmanager
async def opened_as(
    console: Console, configuration: Configuration, metrics: Metrics | None = None
) -> AsyncIterator[App]:
    """Yield Muelle as configured; what goes wrong before is Unopened. A first start keeps the owner's key."""
    async with AsyncExitStack() as stack:
        try:
            app = await stack.enter_async_context(open_app(configuration, console.home, metrics=metrics))
            keep_new_key(console, app)
        except MuelleError as error:
            raise Unopened(error) from error
        yield app


async def acting_as(app: App, owner: Principal, agent: str | None) -> Principal:
    """Return an agent by name, as it acts with its own grants; the owner if none is named."""
    if agent is None:
        return owner
    found = await app.identity.agents.show(owner, agent)
    if found.disabled:
        raise AgentDisabled(agent=agent)
    return await app.identity.principal(found.tenant, found.id)


async def principal_id(app: App, owner: Principal, named: str | None) -> PrincipalId | None:
    """Return the id of who is named by name or id; raise AgentNotFound."""
    if named is None or named.startswith(_ID):
        return None if named is None else PrincipalId(named)
    return (await app.identity.agents.show(owner, named)).id


def keep_new_key(console: Console, app: App) -> None:
    """Write the key of an owner who was made just now to its file; nothing else ever has it."""
    if app.admin_key is not None:
        path = home.keep_admin_key(console.home, app.admin_key.reveal())
        if console.is_attended and not console.is_json:
            console.note(f"This is a new Muelle; the key of its owner is in {path}")


def _log_plainly(console: Console) -> None:
    if console.is_debugging:
        log_to(sys.stderr, "DEBUG")
        return
    handler = _PlainLog(logging.WARNING)
    logging.getLogger().handlers[:] = [handler]
