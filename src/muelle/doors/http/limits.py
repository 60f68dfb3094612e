"""Limits at the HTTP door: who a request is charged to, and what every answer says of it.

The fields are those that clients have read for years (X-RateLimit-*; Reset is a Unix time, as GitHub has it) and those
of draft-ietf-httpapi-ratelimit-headers-10, whose `t` is the same as Retry-After where something was refused.
"""

from collections.abc import Callable, Mapping, MutableMapping, Sequence
from typing import Any

from muelle.core import Clock, MuelleError
from muelle.doors.http.addresses import Addresses
from muelle.identity import Budgets, Principal
from muelle.resilience import Charge, Decision, LimitsUnreachable, Standing, refusal

Header = tuple[bytes, bytes]
_SECOND = 1_000_000_000
_AT_ONCE = 'qu="concurrent-requests"'


class Admission:
    """One request that was decided about."""

    __slots__ = ("_decision", "_gate", "error", "headers")

    def __init__(self, gate: "Gate", decision: Decision, headers: list[Header], error: MuelleError | None) -> None:
        self._gate = gate
        self._decision = decision
        self.headers = headers
        self.error = error

    async def end(self) -> None:
        """Give its place back among what is under way."""
        if self._decision.held:
            await self._gate.budgets.limiter.give_back(self._decision)


class Gate:
    """Charges requests: those of verified principals to them and their tenant, all others to their address."""

    def __init__(self, budgets: Budgets, clock: Clock, is_keyless: Callable[[str], bool]) -> None:
        self.budgets = budgets
        self.is_keyless = is_keyless
        self._clock = clock
        settings = budgets.settings
        self._addresses = Addresses(settings.trusted_proxies, settings.ipv6_prefix)

    async def admit(self, principal: Principal | None, scope: MutableMapping[str, Any]) -> Admission:
        """Decide about a request; what refuses it is in `error`, to be answered as any other."""
        charges = self._charges(principal, scope)
        try:
            decision = await self.budgets.request(charges)
        except LimitsUnreachable as error:
            return Admission(self, Decision(()), self.headers(_nothing_left(charges)), error)
        error_of = None if decision.is_admitted else refusal(decision)
        return Admission(self, decision, self.headers(decision), error_of)

    def address(self, scope: Mapping[str, Any]) -> str:
        """Return where a request comes from, as strangers are counted."""
        peer = scope.get("client")
        return self._addresses.of(peer[0] if peer else "", scope["headers"])

    def unread(self, peer: str) -> list[Header]:
        """Charge what could not be read as HTTP to its sender, by this process's count; return what to answer."""
        charges = self.budgets.stranger(self._addresses.of(peer, ()))
        return self.headers(self.budgets.limiter.local.decide(charges))

    def headers(self, decision: Decision) -> list[Header]:
        """Return what answers say of a decision; nothing where nothing is bounded."""
        tightest = decision.tightest()
        if tightest is None:
            return []
        now = self._clock.nanoseconds()
        return [
            (b"x-ratelimit-limit", b"%d" % tightest.quota),
            (b"x-ratelimit-remaining", b"%d" % tightest.remaining),
            (b"x-ratelimit-reset", b"%d" % -(-(now + tightest.reset) // _SECOND)),
            (b"ratelimit", _fields(decision, _left)),
            (b"ratelimit-policy", _fields(decision, _policy)),
        ]

    def _charges(self, principal: Principal | None, scope: Mapping[str, Any]) -> tuple[Charge, ...]:
        if principal is not None:
            return self.budgets.charges(principal)
        return self.budgets.stranger(self.address(scope))


def _fields(decision: Decision, field: Callable[[Standing, int], str]) -> bytes:
    refused = decision.refused
    parts = []
    for standing in decision.standings:
        is_refused = refused is not None and standing.policy == refused.policy
        parts.append(field(standing, decision.retry_after if is_refused else -(-standing.reset // _SECOND)))
    return ", ".join(parts).encode()


def _left(standing: Standing, seconds: int) -> str:
    if not standing.window:
        return f'"{standing.policy}";r={standing.remaining}'
    return f'"{standing.policy}";r={standing.remaining};t={seconds}'


def _policy(standing: Standing, _: int) -> str:
    if not standing.window:
        return f'"{standing.policy}";q={standing.quota};{_AT_ONCE}'
    return f'"{standing.policy}";q={standing.quota};w={standing.window}'


def _nothing_left(charges: Sequence[Charge]) -> Decision:
    """Return how things stand where nobody can count: nothing is to be had for a second."""
    standings = [
        Standing(f"{charge.name}-{name}", quota, seconds, 0, _SECOND)
        for charge in charges
        for name, seconds, quota in charge.rate.windows()
    ]
    return Decision(tuple(standings))
