"""Named bundles of grants. None of them opens an Api, a host or a credential: those are granted one by one."""

from collections.abc import Mapping
from difflib import get_close_matches

from muelle.identity.errors import UnknownPreset
from muelle.identity.model import Rule

_READER = (
    Rule("workflows:validate", "*"),
    Rule("workflows:read", "*"),
    Rule("runs:read", "*"),
    Rule("schedules:read", "*"),
    Rule("triggers:read", "*"),
    Rule("storage:read", "*"),
    Rule("knowledge:read", "*"),
)
_RUNNER = (
    Rule("workflows:run", "*"),
    Rule("workflows:validate", "*"),
    Rule("operations:use", "*"),
    Rule("storage:read", "*"),
    Rule("storage:write", "*"),
)
_APPROVER = (Rule("approvals:answer", "*"),)
_OPERATOR = (
    *_RUNNER,
    Rule("workflows:read", "*"),
    Rule("workflows:write", "*"),
    Rule("runs:read", "*"),
    Rule("runs:write", "*"),
    Rule("jobs:run", "*"),
    Rule("queue:read", "*"),
    Rule("approvals:answer", "*"),
    Rule("schedules:read", "*"),
    Rule("schedules:write", "*"),
    Rule("triggers:read", "*"),
    Rule("triggers:write", "*"),
    Rule("identity:manage", "*"),
    Rule("audit:read", "*"),
    Rule("metrics:read", "*"),
)

PRESETS: Mapping[str, tuple[Rule, ...]] = {
    "approver": _APPROVER,
    "operator": _OPERATOR,
    "reader": _READER,
    "runner": _RUNNER,
}


def preset_rules(preset: str | None) -> tuple[Rule, ...]:
    """Return the grants of a preset, none for None; raise UnknownPreset."""
    if preset is None:
        return ()
    if preset not in PRESETS:
        raise UnknownPreset(field="preset", value=preset[:100], nearest=get_close_matches(preset, PRESETS, n=1))
    return PRESETS[preset]
