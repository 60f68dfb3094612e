"""Counts in Redis, for all processes: one script, one round trip, and the server's clock alone."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import files
from typing import Any
from uuid import uuid4

import redis.asyncio as client
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError, RedisError

from muelle.resilience.limits.errors import LimitsUnreachable
from muelle.resilience.limits.model import SECOND, Charge, Decision, Standing
from muelle.resilience.limits.window import ENTRIES

_LOG = logging.getLogger(__name__)
_MICROS = 1_000_000
_LEASE = 30 * _MICROS  # a place whose process died is free again after this
_RENEW_SECONDS = 10.0
_FAULTS = (RedisError, OSError, TimeoutError)


class _Script:
    """A Lua script, sent by its hash; in full to a server that does not know it."""

    def __init__(self, server: Any, name: str) -> None:  # noqa: ANN401 - the client's own types are generic
        self._server = server
        self._text = files("muelle.resilience.limits.adapters").joinpath(name).read_text("utf-8")
        self._hash: str | None = None

    async def run(self, keys: Sequence[str], arguments: Sequence[str | int]) -> Any:  # noqa: ANN401 - what it returns
        if self._hash is None:
            self._hash = await self._server.script_load(self._text)
        try:
            return await self._server.evalsha(self._hash, len(keys), *keys, *arguments)
        except NoScriptError:
            return await self._server.eval(self._text, len(keys), *keys, *arguments)


class RedisCounts:
    """Counts by key in one Redis. Every method raises LimitsUnreachable."""

    def __init__(self, url: str, prefix: str, seconds: float) -> None:
        self._server = client.Redis.from_url(
            url,
            socket_timeout=seconds,
            socket_connect_timeout=seconds,
            retry=Retry(NoBackoff(), 1),  # a connection that the server closed meanwhile; counted twice at worst
            max_connections=64,
        )
        self._prefix = prefix
        self._take = _Script(self._server, "take.lua")
        self._renew = _Script(self._server, "renew.lua")
        self._held: dict[str, Decision] = {}
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, charges: Sequence[Charge]) -> Decision:
        """Admit and count one act, or count nothing."""
        return await self._decide(charges, is_counted=True)

    async def look(self, charges: Sequence[Charge]) -> Decision:
        """Return how things stand."""
        return await self._decide(charges, is_counted=False)

    async def give_back(self, decision: Decision) -> None:
        """Give back places; where Redis is away they are free when their lease ends."""
        self._held.pop(decision.holder, None)
        try:
            async with self._server.pipeline(transaction=False) as pipe:
                for key in decision.held:
                    pipe.execute_command("ZREM", key, decision.holder)
                await pipe.execute()
        except _FAULTS as error:
            raise LimitsUnreachable(reason=type(error).__name__) from None

    async def close(self) -> None:
        """Stop renewing and close all connections."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
        await self._server.aclose()

    async def _decide(self, charges: Sequence[Charge], *, is_counted: bool) -> Decision:
        holder = uuid4().hex if any(charge.rate.at_once for charge in charges) else "-"
        keys = [f"{self._prefix}:{charge.key}" for charge in charges]
        arguments: list[str | int] = [int(is_counted), holder, _LEASE, ENTRIES]
        for charge in charges:
            arguments.extend(_arguments(charge))
        try:
            told = await self._take.run(keys, arguments)
        except _FAULTS as error:
            raise LimitsUnreachable(reason=type(error).__name__) from None
        decision = _decision(charges, told)
        if not is_counted or not decision.is_admitted or holder == "-":
            return decision
        return self._hold(charges, keys, decision, holder)

    def _hold(self, charges: Sequence[Charge], keys: Sequence[str], decision: Decision, holder: str) -> Decision:
        held = tuple(f"{key}:held" for key, charge in zip(keys, charges, strict=True) if charge.rate.at_once)
        holding = Decision(decision.standings, held=held, holder=holder)
        self._held[holder] = holding
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._keep_held())  # `close` awaits it
        return holding

    async def _keep_held(self) -> None:
        """Renew leases as long as any place is held."""
        while self._held:
            await asyncio.sleep(_RENEW_SECONDS)
            for holder, decision in list(self._held.items()):
                try:
                    await self._renew.run(decision.held, [_LEASE, *([holder] * len(decision.held))])
                except _FAULTS as error:
                    _LOG.warning("Cannot renew places among what is under way: %r", error)


def _arguments(charge: Charge) -> list[str | int]:
    rate, windows = charge.rate, charge.rate.windows()
    found: list[str | int] = [len(windows)]
    for _, seconds, quota in windows:
        found += (seconds, quota)
    interval = -(-windows[0][1] * _MICROS // windows[0][2]) if rate.burst else 0
    return [*found, rate.burst, interval, rate.at_once]


def _decision(charges: Sequence[Charge], told: Sequence[int]) -> Decision:
    wait, budget, measure, *numbers = told
    by_charge: list[list[Standing]] = []
    place = 0
    for charge in charges:
        standings = []
        for policy, quota, seconds in _policies(charge):
            standings.append(Standing(policy, quota, seconds, numbers[place], numbers[place + 1] * SECOND // _MICROS))
            place += 2
        by_charge.append(standings)
    standings_of_all = tuple(standing for standings in by_charge for standing in standings)
    if wait < 0:
        return Decision(standings_of_all)
    nanoseconds = wait * SECOND // _MICROS
    found = by_charge[budget - 1][measure - 1]
    refused = Standing(found.policy, found.quota, found.window, 0, nanoseconds)
    return Decision(standings_of_all, nanoseconds, refused, charges[budget - 1])


def _policies(charge: Charge) -> list[tuple[str, int, int]]:
    """Return name, quota and seconds of each policy, in the order in which the script tells of them."""
    windows = charge.rate.windows()
    found = [(f"{charge.name}-{name}", quota, seconds) for name, seconds, quota in windows]
    if charge.rate.burst:
        _, seconds, quota = windows[0]
        found.append((f"{charge.name}-burst", charge.rate.burst, max(1, seconds * charge.rate.burst // quota)))
    if charge.rate.at_once:
        found.append((f"{charge.name}-at-once", charge.rate.at_once, 0))
    return found
