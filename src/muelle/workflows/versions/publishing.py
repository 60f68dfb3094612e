"""Under which version something is published: decided from what is there, without effects."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from muelle.workflows.versions.compatibility import Change, required_bump
from muelle.workflows.versions.errors import BumpTooSmall
from muelle.workflows.versions.model import AUTO, Release, Workflow
from muelle.workflows.versions.semver import BUMPS, Version, bump_between, read_version, weighed

FIRST = Version(1)
_MOST_CHANGES = 50  # told in an error


def base_of(workflow: Workflow | None, wanted: str) -> Release | None:
    """Return the release that a version is compared with: the highest one below it that was not withdrawn."""
    if workflow is None:
        return None
    limit = None if wanted == AUTO else read_version(wanted)
    below = (each for each in workflow.releases if limit is None or each.number < limit)
    return next((each for each in below if each.number.is_stable and each.status != "withdrawn"), None)


def decided(workflow: Workflow | None, base: Release | None, wanted: str, changes: tuple[Change, ...]) -> Version:
    """Return the version to publish under; raise BumpTooSmall if the wanted one says less than has changed."""
    if base is None:
        return _free(workflow, FIRST) if wanted == AUTO else read_version(wanted)
    needed = weighed(required_bump(changes), base.number)
    least = _free(workflow, base.number.next(needed))
    if wanted == AUTO:
        return least
    version = read_version(wanted)
    given = bump_between(base.number, version)
    if given is None or BUMPS.index(given) < BUMPS.index(needed):
        raise BumpTooSmall(
            f"{wanted} says too little: since {base.version} there are changes that need a {needed} version",
            version=wanted,
            base=base.version,
            least=str(least),
            required=needed,
            issues=_issues(changes),
        )
    return version


def _free(workflow: Workflow | None, version: Version) -> Version:
    """Return a version or the next patch of it that nobody has published, withdrawn ones included."""
    taken = {release.number for release in workflow.releases} if workflow else set()
    while version in taken:
        version = version.next("patch")
    return version


def _issues(changes: Sequence[Change]) -> list[dict[str, str]]:
    severities = {"breaking": "error", "feature": "error", "fix": "warning"}
    return [
        {"severity": severities[change.weight], "code": change.weight, "message": change.message, "path": change.path}
        for change in changes[:_MOST_CHANGES]
    ]


def past_version(workflow: Workflow, alias: str, now: datetime) -> tuple[str, list[str]] | None:
    """Return where an alias goes back to, and what lies before that; None if there is nothing.

    That is where it stood before, if it may still be run, else the next lower release that may.
    """
    present = workflow.aliases(now).get(alias)
    past = list(workflow.head.past.get(alias, ()))
    while past:
        version = past.pop()
        release = workflow.find(version)
        if version != present and release is not None and release.is_usable(now):
            return version, past
    if present is None:
        return None
    below = (each for each in workflow.releases if each.number < read_version(present) and each.number.is_stable)
    lower = next((each for each in below if each.is_usable(now)), None)
    return None if lower is None else (lower.version, [])


def without_alias(workflow: Workflow, alias: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """Return aliases and their past less one."""
    head = workflow.head
    return (
        {name: version for name, version in head.aliases.items() if name != alias},
        {name: past for name, past in head.past.items() if name != alias},
    )


def with_status(release: Release, now: datetime, **changed: object) -> Release:
    """Return a release of which something else is true from now on."""
    return msgspec.structs.replace(release, status_at=now, **changed)
