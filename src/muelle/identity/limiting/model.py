"""Rules of limits as they are kept, and those that one principal acts under."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from muelle.core import PrincipalId, TenantId
from muelle.resilience import Charge, InvalidTarget

EVERYBODY = PrincipalId("*")  # in the place of a principal: the tenant itself, all in it together
REQUESTS = "requests"  # the target of what comes in
KINDS = ("operation", "api", "tool")
_TARGET = re.compile(r"requests|(?:operation|api|tool):[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitRule:
    """What differs from the defaults, for one target; `principal` is EVERYBODY for the tenant itself.

    `era` counts how often what was used has been forgotten: it is a part of what is counted under.
    """

    tenant: TenantId
    principal: PrincipalId
    target: str
    rate: Mapping[str, float] = field(default_factory=dict)
    era: int = 0

    @property
    def id(self) -> str:
        """Return what tells it from the tenant's other rules."""
        return rule_id(self.principal, self.target)


@dataclass(frozen=True, slots=True)
class LimitSet:
    """This is the rule now; its era stays as it was."""

    rule: LimitRule


@dataclass(frozen=True, slots=True)
class LimitReset:
    """What was counted under this rule is forgotten."""

    rule: LimitRule


@dataclass(slots=True)
class Rates:
    """The rules that a principal acts under, by target: its own, and its tenant's. `memo` is what they come to."""

    own: Mapping[str, LimitRule] = field(default_factory=dict)
    tenant: Mapping[str, LimitRule] = field(default_factory=dict)
    memo: dict[str, tuple[Charge, ...]] = field(default_factory=dict)


def rule_id(principal: PrincipalId, target: str) -> str:
    """Return what tells a rule from the others of its tenant."""
    return f"{principal} {target}"


def checked_target(target: str) -> str:
    """Return a target that limits may be for; raise InvalidTarget."""
    if not _TARGET.fullmatch(target):
        raise InvalidTarget(field="target", value=target[:100])
    return target
