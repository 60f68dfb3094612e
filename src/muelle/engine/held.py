"""Runs in the hands of this process: what a handler is given, and what it can be told meanwhile."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any, Literal, Protocol

import msgspec

from muelle.core import PrincipalId, RunId, TenantId

Key = tuple[TenantId, RunId]


_RANKS = ("", "nudge", "drain", "pause", "cancel")


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """A run to be advanced. `is_new` says that it never was before; `document` is empty where it is to be fetched.

    It was `accepted` once, and `began` when a worker first took it, or took it again after a pause; None until then.
    """

    run: RunId
    tenant: TenantId
    principal: PrincipalId
    kind: str
    name: str
    plan: str
    document: bytes
    payload: bytes
    accepted: datetime
    began: datetime | None
    cause: str
    version: str
    priority: int
    deadline: datetime | None
    is_new: bool


class Control(Protocol):
    """What a run can be told while it is in somebody's hands; each returns at once."""

    def cancel(self) -> None:
        """End soon, as cancelled."""
        ...

    def pause(self, status: Literal["paused", "queued"]) -> None:
        """Leave memory at the next step's end."""
        ...

    def nudge(self) -> None:
        """Look again at what is waited for."""
        ...


class Held:
    """A run in this process's hands, under a lease. Its handler sets `control`, and `wake` when it parks the run."""

    __slots__ = ("_told", "control", "is_queued", "lease", "run", "task", "tenant", "wake")

    def __init__(self, tenant: TenantId, run: RunId, lease: str, *, is_queued: bool) -> None:
        self.tenant = tenant
        self.run = run
        self.lease = lease
        self.is_queued = is_queued
        self.control: Control | None = None
        self.task: asyncio.Task[None] | None = None
        self.wake: datetime | None = None
        self._told = ""

    @property
    def key(self) -> Key:
        """Whose run, and which."""
        return self.tenant, self.run

    def attach(self, control: Control) -> None:
        """Take what the run is told from now on, and what it was told before it could listen."""
        self.control = control
        told, self._told = self._told, ""
        if told:
            self.tell(told)

    def tell(self, request: str) -> None:
        """Pass on a request: cancel, pause, drain, or nudge."""
        control = self.control
        if control is None:
            self._told = max(self._told, request, key=_RANKS.index)
        elif request == "cancel":
            control.cancel()
        elif request == "pause":
            control.pause("paused")
        elif request == "drain":
            control.pause("queued")
        else:
            control.nudge()


Handler = Callable[[Work, Held], Awaitable[Any | None]]
"""Advances a run until it has ended or is parked, appending to the journal under `held.lease`.

Returns what those who wait for the run get, or None if it was parked. Errors that a run may have belong into its
record: what is raised counts as a failure of the handler, and the run is taken up again.
"""
