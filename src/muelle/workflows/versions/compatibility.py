"""What changed between two versions, as those see it who call them: breaking, feature or fix."""

from collections.abc import Iterator
from typing import Literal

import msgspec

from muelle.workflows.versions.containment import Narrowing, narrowed
from muelle.workflows.versions.needs import Need, Needs
from muelle.workflows.versions.schemas import Schema, defaults_of
from muelle.workflows.versions.semver import BUMPS, Bump

Weight = Literal["breaking", "feature", "fix"]
_BUMP: dict[Weight, Bump] = {"breaking": "major", "feature": "minor", "fix": "patch"}
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One change: how much it weighs, where (`/input_schema/…`, `/operations/…`, …), and what it is."""

    weight: Weight
    path: str
    message: str


class Contract(msgspec.Struct, frozen=True, kw_only=True):
    """What a version promises and asks for; without a schema it takes anything, and promises nothing."""

    inputs: Schema | None = None
    outputs: Schema | None = None
    needs: Needs


def compare(old: Contract, new: Contract) -> tuple[Change, ...]:
    """Return what changed, the weightiest first. If nothing breaks, `new` takes every input that `old` takes."""
    changes = [*_input_changes(old, new), *_output_changes(old, new), *_operation_changes(old, new)]
    changes += _need_changes(old.needs, new.needs)
    order = list(_BUMP)
    return tuple(sorted(changes, key=lambda change: (order.index(change.weight), change.path)))


def required_bump(changes: tuple[Change, ...]) -> Bump:
    """Return the least bump that tells of all changes; a patch where nothing changed that a caller sees."""
    return max((_BUMP[change.weight] for change in changes), key=BUMPS.index, default="patch")


def _input_changes(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = old.inputs, new.inputs
    if before is None or after is None:
        yield from _schema_changes("/input_schema", before, after, ("breaking", "feature"))
        return
    refused, taken = narrowed(before, after), narrowed(after, before)
    yield from _told(refused, "breaking", "/input_schema", "Inputs are refused that were taken")
    yield from _told(taken, "feature", "/input_schema", "Inputs are taken that were refused")
    defaults = list(_default_changes(before, after))
    yield from defaults
    if not (refused or taken or defaults) and before != after:
        yield Change(weight="fix", path="/input_schema", message="The input schema is written otherwise")


def _default_changes(before: Schema, after: Schema) -> Iterator[Change]:
    old, new = defaults_of(before), defaults_of(after)
    for name in sorted(old.keys() | new.keys()):
        path = f"/input_schema/properties/{name}/default"
        if name in old and name in new and old[name] != new[name]:
            yield Change(weight="feature", path=path, message=f"Who leaves '{name}' out gets another value")
        elif name in old and name not in new and name in after.get("properties", {}):
            yield Change(weight="breaking", path=path, message=f"Who leaves '{name}' out gets no value any more")


def _output_changes(old: Contract, new: Contract) -> Iterator[Change]:
    before, after = old.outputs, new.outputs
    if before is None or after is None:
        yield from _schema_changes("/output_schema", before, after, ("feature", "breaking"))
        return
    wider, closer = narrowed(after, before), narrowed(before, after)
    yield from _told(wider, "breaking", "/output_schema", "Results may be what they were promised not to be")
    yield from _told(closer, "feature", "/output_schema", "More is promised of the results")
    if not wider and not closer and before != after:
        yield Change(weight="fix", path="/output_schema", message="The output schema is written otherwise")


def _schema_changes(
    path: str, before: Schema | None, after: Schema | None, weights: tuple[Weight, Weight]
) -> Iterator[Change]:
    """Yield what it means that there is a schema now where there was none, or none any more."""
    if before is None and after is not None:
        yield Change(weight=weights[0], path=path, message="There is a schema now, where there was none")
    elif before is not None:
        yield Change(weight=weights[1], path=path, message="There is no schema any more")


def _told(narrowings: list[Narrowing], weight: Weight, root: str, what: str) -> Iterator[Change]:
    for narrowing in narrowings:
        yield Change(weight=weight, path=f"{root}{narrowing.path}", message=f"{what}: {narrowing.message}")


def _operation_changes(old: Contract, new: Contract) -> Iterator[Change]:
    """Yield what became of operations; their results are read by id, unless an output schema says which may be."""
    silent: Weight = "breaking" if old.outputs is None else "fix"
    before, after = old.needs.operations, new.needs.operations
    for name in sorted(before.keys() | after.keys()):
        path = f"/operations/{name}"
        if name not in after:
            yield Change(weight=silent, path=path, message=f"Operation '{name}' and its result are gone")
        elif name not in before:
            yield Change(weight="feature", path=path, message=f"There is a further operation, '{name}'")
        elif before[name].type != after[name].type:
            message = f"'{name}' was a {before[name].type} and is a {after[name].type}: its result has another shape"
            yield Change(weight=silent, path=path, message=message)
        elif before[name].digest != after[name].digest:
            yield Change(weight="fix", path=path, message=f"'{name}' is configured otherwise")
    if old.needs.order != new.needs.order and before.keys() == after.keys():
        yield Change(weight="fix", path="/order", message="Operations run in another order")


def _need_changes(old: Needs, new: Needs) -> Iterator[Change]:
    for need in sorted(new.permissions - old.permissions):
        weight: Weight = "feature" if need.resource in new.pure else "breaking"
        yield Change(weight=weight, path="/needs/permissions", message=f"Whoever runs it needs {_grant(need)}")
    for credential in sorted(new.credentials - old.credentials):
        need = Need("credentials:use", credential)
        yield Change(weight="breaking", path="/needs/credentials", message=f"Whoever runs it needs {_grant(need)}")
    yield from _call_changes(old, new)
    gone = (old.permissions - new.permissions) or (old.credentials - new.credentials) or (old.hosts - new.hosts)
    if gone:
        yield Change(weight="fix", path="/needs", message="Whoever runs it needs fewer grants")


def _call_changes(old: Needs, new: Needs) -> Iterator[Change]:
    """Yield further hosts, and further ways to write to known ones, for which callers may have no grant."""
    known = {(host, method) for method, host, _ in old.calls}
    for host in sorted(new.hosts - old.hosts):
        yield Change(weight="breaking", path="/needs/hosts", message=f"It calls a further host, {host}")
    for method, host, path in sorted(new.calls - old.calls):
        if host in old.hosts:
            is_known = method in _READING or (host, method) in known
            weight: Weight = "feature" if is_known else "breaking"
            yield Change(weight=weight, path="/needs/calls", message=f"It makes a further call, {method} {host}{path}")


def _grant(need: Need) -> str:
    return f"the grant '{need.scope}' on '{need.resource}'"
