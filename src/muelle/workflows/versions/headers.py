"""The headers that say which version of a workflow ran, and that it will not for ever (RFC 9745, RFC 8594)."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime

from muelle.workflows.versions.model import Release

VERSION = "Muelle-Workflow-Version"


def version_headers(release: Release) -> Mapping[str, str]:
    """Return them: the version always, `Deprecation` and `Sunset` where the version is advised against."""
    headers = {VERSION: release.version}
    if release.status == "deprecated":
        headers["Deprecation"] = f"@{int(release.status_at.timestamp())}"
        if release.sunset is not None:
            headers["Sunset"] = http_date(release.sunset)
    return headers


def http_date(at: datetime) -> str:
    """Return a time as HTTP writes it."""
    return format_datetime(at.astimezone(UTC), usegmt=True)
