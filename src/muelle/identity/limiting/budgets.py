"""Whose budgets an act is charged to: the principal's own and its tenant's, or those of a stranger's address.

Only what a credential has verified names a budget, so nobody can spend that of another.
"""

from types import TracebackType
from typing import Final

from muelle.identity.limiting.model import EVERYBODY, REQUESTS, LimitRule, checked_target
from muelle.identity.model import Principal
from muelle.resilience import Charge, Decision, Limiter, LimitsSettings, Rate

_NOTHING = Rate()
FREE: Final = Decision(())


class Budgets:
    """What acts cost whom; `limiter` decides. Raises InvalidTarget for settings of what cannot be limited."""

    def __init__(self, limiter: Limiter, settings: LimitsSettings) -> None:
        for target in settings.targets:
            checked_target(target)
        self.limiter = limiter
        self.settings = settings

    def charges(self, principal: Principal, target: str = REQUESTS) -> tuple[Charge, ...]:
        """Return the budgets of one act: `requests`, `operation:TYPE`, `api:ID` or `tool:NAME`."""
        memo = principal.rates.memo
        found = memo.get(target)
        if found is None:
            found = memo[target] = self._charges(principal, target)
        return found

    def stranger(self, address: str) -> tuple[Charge, ...]:
        """Return the budget of whoever comes from an address and shows no credential."""
        rate = self.settings.address
        return (Charge(f"{{a}}:{address}", rate, "address"),) if rate.is_bound else ()

    async def request(self, charges: tuple[Charge, ...]) -> Decision:
        """Decide about one request; raise LimitsUnreachable."""
        return await self.limiter.take(charges) if charges else FREE

    def bounds(self, principal: Principal, target: str) -> bool:
        """Tell whether anything bounds that: what is not bounded costs this look in a dict alone."""
        return bool(self.charges(principal, target))

    def within(self, principal: Principal, target: str) -> "Place":
        """Return what is to be entered for the time of the act: it charges it, or waits for its turn.

        Entering raises LimitReached or LimitsUnreachable.
        """
        return Place(self.limiter, self.charges(principal, target))

    def _charges(self, principal: Principal, target: str) -> tuple[Charge, ...]:
        settings, rates = self.settings, principal.rates
        of_principal = settings.agent if target == REQUESTS else settings.targets.get(target, _NOTHING)
        of_tenant = settings.tenant if target == REQUESTS else _NOTHING
        both = (
            _charge(principal, principal.id, principal.kind, of_principal, rates.own.get(target), target),
            _charge(principal, EVERYBODY, "tenant", of_tenant, rates.tenant.get(target), target),
        )
        return tuple(charge for charge in both if charge.rate.is_bound)


class Place:
    """An act under way, which is charged when it begins and gives its place back when it ends."""

    __slots__ = ("_charges", "_decision", "_limiter")

    def __init__(self, limiter: Limiter, charges: tuple[Charge, ...]) -> None:
        self._limiter = limiter
        self._charges = charges
        self._decision = FREE

    async def __aenter__(self) -> None:
        """Charge it, or wait for its turn."""
        if self._charges:
            self._decision = await self._limiter.admit(self._charges)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        """Give its place back."""
        if self._decision.held:
            await self._limiter.give_back(self._decision)


def _charge(principal: Principal, whose: str, name: str, default: Rate, rule: LimitRule | None, target: str) -> Charge:
    era, rate = (rule.era, default.with_rule(rule.rate)) if rule else (0, default)
    # The braces keep a tenant's budgets on one node of a Redis cluster, so that one script may count them together.
    return Charge(f"{{{principal.tenant}}}:{whose}:{target}:{era}", rate, name, target)
